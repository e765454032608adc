import { processTerminal } from "./terminal.ts";

/**
 * The command line's entry: the bins call it with the name they were called by (`ottla`, `kafka-topics`, `kafka-consumer-groups`). Sets the process's exit code; what a
 * tool needs is loaded when it is asked for, so that each starts quickly.
 */
export async function main(tool: string, args: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  switch (tool) {
    case "kafka-topics": {
      const { runTopicCommand } = await import("./kafka/topic-command.ts");
      process.exitCode = await runTopicCommand(args, terminal);
      return;
    }
    case "kafka-consumer-groups": {
      const { runGroupCommand } = await import("./kafka/group-command.ts");
      process.exitCode = await runGroupCommand(args, terminal);
      return;
    }
    case "ottla": {
      const { runOttla } = await import("./ottla/program.ts");
      // The script, and from sources the name of the tool too.
      const itself = process.argv.slice(1, process.argv.length - args.length);
      process.exitCode = await runOttla(args, terminal, { itself });
      return;
    }
    default:
      throw new Error(`there is no tool ${tool}`);
  }
}
