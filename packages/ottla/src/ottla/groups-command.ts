import type { GroupState, GroupType } from "@ottla/client";
import type { Command } from "commander";
import { collect, names, settingPair } from "./arguments.ts";
import type {
  AlterGroupOptions,
  ConnectionOptions,
  ListGroupsCommandOptions,
  ResetGroupOptions,
} from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

const types: readonly GroupType[] = ["Classic", "Consumer", "Share", "Streams"];
const states: readonly GroupState[] = [
  ...(["Empty", "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "Stable", "Dead"] as const),
];

export function addGroupsCommand(program: Command, context: CommandContext): void {
  const groups = program.command("groups").summary("list, describe, alter, reset, delete consumer groups");
  groups.description("Consumer groups: who is in them, what they own, how far they are, and where they go on.");
  addReading(groups, context);
  addChanging(groups, context);
  addReset(groups, context);
}

function addReading(groups: Command, context: CommandContext): void {
  withConnection(groups.command("list"), "print a JSON array of groups")
    .description("Lists all groups with their states and types: classic, or consumer for those of KIP-848.")
    .option("--type <types>", "only groups of these types: classic, consumer", names(types))
    .option("--state <states>", "only groups in these states: stable, empty, ...", names(states))
    .action(async (options: ListGroupsCommandOptions) => {
      const { listGroups } = await import("./run-groups.ts");
      await listGroups(options, context);
    });
  withConnection(groups.command("describe"), "print a JSON array of groups")
    .description(
      "Shows groups: their state, their epochs and settings, their members, and every partition with its owner and lag.",
    )
    .argument("<group...>", "the groups")
    .action(async (groupIds: string[], options: ConnectionOptions) => {
      const { describeGroups } = await import("./run-groups.ts");
      await describeGroups(groupIds, options, context);
    });
}

function addChanging(groups: Command, context: CommandContext): void {
  withConnection(groups.command("alter"), "print what was changed as JSON")
    .description(
      "Changes settings of a group, which need not exist yet: its members take them over with their next heartbeat.",
    )
    .argument("<group>", "the group")
    .option(
      "--set <name=value>",
      "a setting to change, such as consumer.session.timeout.ms; may be repeated",
      settingPair,
    )
    .option("--unset <name>", "a setting to take back to its default; may be repeated", collect)
    .action(async (groupId: string, options: AlterGroupOptions) => {
      const { alterGroup } = await import("./run-groups.ts");
      await alterGroup(groupId, options, context);
    });
  withConnection(groups.command("delete"), "print the ids as JSON")
    .description("Deletes groups that have no members, with the offsets that they have committed.")
    .argument("<group...>", "the groups")
    .action(async (groupIds: string[], options: ConnectionOptions) => {
      const { deleteGroups } = await import("./run-groups.ts");
      await deleteGroups(groupIds, options, context);
    });
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
