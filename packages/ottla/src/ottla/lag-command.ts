import type { Command } from "commander";
import { wholeNumber } from "./arguments.ts";
import type { LagOptions } from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

export function addLagCommand(program: Command, context: CommandContext): void {
  withConnection(program.command("lag"), "print a JSON object for each group, one a line")
    .summary("see how far groups are behind")
    .description(
      "Shows how many messages each group is behind: the end of its partitions less what it has committed. With groups named, partition by partition.",
    )
    .argument("[group...]", "the groups (default: all, in sum)")
    .option(
      "-w, --watch [seconds]",
      "look again and again (default: every 2 seconds), until Ctrl-C",
      wholeNumber(1, 86_400),
    )
    .addHelpText("after", "\nExample:\n  $ ottla lag order-processing-group --watch")
    .action(async (groupIds: string[], options: LagOptions) => {
      const { showLag } = await import("./run-lag.ts");
      await showLag(groupIds, options, context);
    });
}
