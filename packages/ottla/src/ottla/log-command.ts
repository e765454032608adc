import type { Command } from "commander";
import type { RepairOptions } from "./command-options.ts";
import type { CommandContext } from "./context.ts";

export function addLogCommand(program: Command, context: CommandContext): void {
  const log = program
    .command("log")
    .summary("repair a damaged log")
    .description("The files of a broker that is not running.");
  log
    .command("repair")
    .description(
      "Takes a partition that a broker has taken offline, because its log is damaged, back into use: everything from the damage on is moved to <data-dir>/set-aside. What is lost to readers by that is said; nothing is thrown away.",
    )
    .argument("<partition>", "the partition, such as order-events:3")
    .requiredOption("-d, --data-dir <directory>", "the broker's data directory")
    .option("--json", "print what was found and done as JSON")
    .action(async (partition: string, options: RepairOptions) => {
      const { repair } = await import("./run-repair.ts");
      await repair(partition, options, context);
    });
}
