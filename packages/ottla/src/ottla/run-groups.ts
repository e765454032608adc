import { type Admin, type ConfigEntry, settle } from "@ottla/client";
import type { AlterGroupOptions, ConnectionOptions, ListGroupsCommandOptions } from "./command-options.ts";
import { plainWords, withAdmin } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { type GroupLag, groupLines } from "./group-text.ts";
import { printJson, printLine, printTable } from "./output.ts";

export function listGroups(options: ListGroupsCommandOptions, context: CommandContext): Promise<void> {
  const { type: types, state: states } = options;
  return withAdmin(options, context, async (admin) => {
    const groups = await admin.listGroups({ types, states });
    const { terminal } = context;
    if (options.json) return printJson(terminal, groups);
    if (groups.length === 0) return printLine(terminal, "there are no groups");
    printTable(
      terminal,
      ["group", "state", "type"],
      groups.map(({ groupId, state, type }) => [groupId, state, type.toLowerCase()]),
    );
  });
}

export async function measureGroups(admin: Admin, groupIds: readonly string[]): Promise<GroupLag[]> {
  const groups = await admin.describeGroups(groupIds);
  const missing = groups.filter(({ state }) => state === "Dead").map(({ groupId }) => groupId);
  if (missing.length > 0) throw new CommandError(`there is no group ${missing.join(", ")}`);
  return Promise.all(
    groups.map(async (group) => {
      const partitions = await admin.groupLag(group.groupId);
      return { group, partitions, lag: partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0) };
    }),
  );
}

export function describeGroups(
  groupIds: readonly string[],
  options: ConnectionOptions,
  context: CommandContext,
): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const measured = await measureGroups(admin, groupIds);
    const settings = await Promise.all(groupIds.map((groupId) => ownSettings(admin, groupId)));
    const { terminal } = context;
    if (options.json) {
      const configs = settings.map((own) => Object.fromEntries(own.map(({ name, value }) => [name, value])));
      return printJson(
        terminal,
        measured.map(({ group, partitions, lag }, index) => ({ ...group, configs: configs[index], partitions, lag })),
      );
    }
    for (const [index, it] of measured.entries()) {
      if (index > 0) printLine(terminal);
      for (const line of groupLines(it, settings[index] ?? [])) printLine(terminal, line);
    }
  });
}

/** What has been set for a group; nothing where the broker does not say (before Kafka 3.9, or without the right to ask). */
async function ownSettings(admin: Admin, groupId: string): Promise<ConfigEntry[]> {
  const [described] = await settle([groupId], admin.describeConfigs([{ type: "group", name: groupId }]));
  return described?.value?.configs.filter(({ source }) => source === "DYNAMIC_GROUP_CONFIG") ?? [];
}

export function alterGroup(groupId: string, options: AlterGroupOptions, context: CommandContext): Promise<void> {
  const { set = {}, unset = [] } = options;
  const changes = [
    ...Object.entries(set).map(([name, value]) => ({ name, operation: "set" as const, value })),
    ...unset.map((name) => ({ name, operation: "delete" as const })),
  ];
  if (changes.length === 0) throw new CommandError("nothing to change: give --set or --unset");
  return withAdmin(options, context, async (admin) => {
    await admin.incrementalAlterConfigs([{ type: "group", name: groupId, configs: changes }]);
    const { terminal } = context;
    if (options.json) return printJson(terminal, { groupId, set, unset });
    for (const [name, value] of Object.entries(set)) printLine(terminal, `${groupId}: ${name} = ${value}`);
    for (const name of unset) printLine(terminal, `${groupId}: ${name} is back to its default`);
  });
}

export function deleteGroups(
  groupIds: readonly string[],
  options: ConnectionOptions,
  context: CommandContext,
): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const nothings = admin.deleteGroups(groupIds).then(() => groupIds.map(() => null));
    const results = await settle(groupIds, nothings);
    const deleted = results.filter(({ error }) => error === null).map(({ item }) => item);
    if (!options.json) for (const groupId of deleted) printLine(context.terminal, `deleted ${groupId}`);
    for (const { item, error } of results) {
      if (error !== null) throw new CommandError(plainWords(error, item), { cause: error });
    }
    if (options.json) printJson(context.terminal, deleted);
  });
}
