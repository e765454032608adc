import type { Command } from "commander";
import { collect } from "./arguments.ts";
import type { ConnectionOptions, ResetGroupOptions } from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

export function addGroupsCommand(program: Command, context: CommandContext): void {
  const groups = program.command("groups").summary("list, describe, reset, delete consumer groups");
  groups.description("Consumer groups: who is in them, what they own, how far they are, and where they go on.");
  withConnection(groups.command("list"), "print a JSON array of groups")
    .description("Lists all groups.")
    .action(async (options: ConnectionOptions) => {
      const { listGroups } = await import("./run-groups.ts");
      await listGroups(options, context);
    });
  withConnection(groups.command("describe"), "print a JSON array of groups")
    .description("Shows groups: their state, their members, and every partition with its owner and lag.")
    .argument("<group...>", "the groups")
    .action(async (groupIds: string[], options: ConnectionOptions) => {
      const { describeGroups } = await import("./run-groups.ts");
      await describeGroups(groupIds, options, context);
    });
  withConnection(groups.command("delete"), "print the ids as JSON")
    .description("Deletes groups that have no members, with the offsets that they have committed.")
    .argument("<group...>", "the groups")
    .action(async (groupIds: string[], options: ConnectionOptions) => {
      const { deleteGroups } = await import("./run-groups.ts");
      await deleteGroups(groupIds, options, context);
    });
  addReset(groups, context);
}

function addReset(groups: Command, context: CommandContext): void {
  withConnection(groups.command("reset"), "print the new offsets as JSON")
    .description(
      "Moves the committed offsets of a group without members. Shows what would change; --execute changes it.",
    )
    .argument("<group>", "the group")
    .requiredOption(
      "--to <where>",
      "earliest, latest, an offset, +n or -n from where it is, a time (2026-01-31T12:00:00Z), or a duration ago (PT1H)",
    )
    .option("-t, --topic <topic>", "a topic, or some of its partitions (orders:0,1); may be repeated", collect)
    .option("--all-topics", "every topic that the group has committed offsets of")
    .option("--execute", "do it")
    .addHelpText(
      "after",
      `
Examples:
  $ ottla groups reset billing --topic orders --to earliest            shows what would change
  $ ottla groups reset billing --topic orders --to PT30M --execute     the last half hour once more
  $ ottla groups reset billing --topic orders:3 --to +1 --execute      passes over one message`,
    )
    .action(async (groupId: string, options: ResetGroupOptions) => {
      const { resetGroup } = await import("./run-reset.ts");
      await resetGroup(groupId, options, context);
    });
}
