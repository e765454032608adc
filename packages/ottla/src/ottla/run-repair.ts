import { DataDirectoryError, MetadataDamagedError, type RepairResult, repairPartition } from "@ottla/broker";
import { DiskError } from "@ottla/runtime";
import type { RepairOptions } from "./command-options.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { counted, printJson, printLine } from "./output.ts";

/** `ottla log repair` */
export async function repair(text: string, options: RepairOptions, context: CommandContext): Promise<void> {
  const { terminal, runtime } = context;
  // `order-events:3`, or as the directory is called.
  const [, topic, index] = /^(.+)[:-](\d+)$/.exec(text) ?? [];
  if (topic === undefined)
    throw new CommandError(`${text} is no partition: give topic:partition, such as order-events:3`);
  const result = await repairPartition({ dataDir: options.dataDir, topic, partition: Number(index), runtime }).catch(
    (error: unknown) => {
      const isExpected = [DataDirectoryError, MetadataDamagedError, DiskError].some((kind) => error instanceof kind);
      throw isExpected ? new CommandError((error as Error).message, { cause: error }) : error;
    },
  );
  if (options.json) return printJson(terminal, { topic, partition: Number(index), ...result });
  for (const line of report(`${topic}-${index}`, result)) printLine(terminal, line);
}

function report(name: string, { damages, setAside, setAsideBytes, cutBytes, logEndOffset }: RepairResult): string[] {
  const cut = cutBytes === 0 ? [] : [`cut off ${counted(cutBytes, "byte")} of a write that a crash had torn`];
  if (damages.length === 0) return [...cut, `${name} is sound; it ends at offset ${logEndOffset}`];
  return [
    ...damages.map(
      ({ file, position, offset, reason }) => `${file} is damaged at position ${position}, offset ${offset}: ${reason}`,
    ),
    ...cut,
    `set aside ${counted(setAsideBytes, "byte")}:`,
    ...setAside.map((path) => `  ${path}`),
    `${name} ends at offset ${logEndOffset} now; a broker takes it again, and the next record gets that offset`,
  ];
}
