/** The command line's entry; the bins call it with the name they were called by. */
export async function main(tool: string, args: string[]): Promise<void> {
  throw new Error(`${tool} ${args.join(" ")}: not built yet`);
}
