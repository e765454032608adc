import type { Command } from "commander";
import { wholeNumber } from "./arguments.ts";
import type { ConsumeOptions } from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

export function addConsumeCommand(program: Command, context: CommandContext): void {
  withConnection(program.command("consume"), "print each message as a JSON object a line")
    .summary("read messages")
    .description(
      "Reads messages of topics as they come, until Ctrl-C. With --group as a member of a group that shares the partitions and commits where it is; without it all partitions, and nothing is committed.",
    )
    .argument("<topic...>", "the topics")
    .option("-g, --group <group>", "the group to join")
    .option("--from-beginning", "begin with the oldest message, where the group has not committed an offset")
    .option("-n, --count <count>", "end after so many messages", wholeNumber(1))
    .option("--until-end", "end with the messages that are there now (not with --group)")
    .option("-p, --partition <number>", "only this partition (not with --group); may be repeated", partitions)
    .option("--offset <offset>", "begin at this offset of every partition (not with --group)", wholeNumber(0))
    .addHelpText(
      "after",
      `
Examples:
  $ ottla consume order-events --from-beginning
  $ ottla consume order-events --group order-processing-group       one member; start another one and see
  $ ottla consume order-events --partition 3 --offset 100 --count 1 --json`,
    )
    .action(async (topics: string[], options: ConsumeOptions) => {
      const { consume } = await import("./run-consume.ts");
      await consume(topics, options, context);
    });
}

function partitions(text: string, soFar: readonly number[] = []): number[] {
  return [...soFar, wholeNumber(0)(text)];
}
