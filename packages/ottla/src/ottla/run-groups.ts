import { type Admin, type GroupDescription, type PartitionLag, settle } from "@ottla/client";
import type { Terminal } from "../terminal.ts";
import type { ConnectionOptions } from "./command-options.ts";
import { plainWords, withAdmin } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { counted, printJson, printLine, printTable } from "./output.ts";

export function listGroups(options: ConnectionOptions, context: CommandContext): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const groups = await admin.listGroups();
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

/** A group with the lag of each of its partitions. */
export interface GroupLag {
  readonly group: GroupDescription;
  readonly partitions: readonly PartitionLag[];
  /** Of all partitions whose lag is known. */
  readonly lag: number;
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
    const { terminal } = context;
    if (options.json) {
      return printJson(
        terminal,
        measured.map(({ group, partitions, lag }) => ({ ...group, partitions, lag })),
      );
    }
    for (const [index, it] of measured.entries()) {
      if (index > 0) printLine(terminal);
      printGroup(terminal, it);
    }
  });
}

function printGroup(terminal: Terminal, { group, partitions, lag }: GroupLag): void {
  const strategy = group.assignor === "" ? "" : `, ${group.assignor}`;
  const members = counted(group.members.length, "member");
  printLine(terminal, `${group.groupId}: ${group.state}, ${members}${strategy}, ${counted(lag, "message")} behind`);
  if (group.members.length > 0) {
    printTable(
      terminal,
      ["client", "host", "partitions", "member"],
      group.members.map((it) => [
        it.clientId,
        it.host.replace(/^\//, ""),
        ownedBy(it),
        it.groupInstanceId ?? it.memberId,
      ]),
    );
    printLine(terminal);
  }
  if (partitions.length > 0) printLag(terminal, partitions);
}

function ownedBy({ assignment }: GroupDescription["members"][number]): string | null {
  const topics = Map.groupBy(assignment, ({ topic }) => topic);
  const texts = [...topics].map(([topic, some]) => `${topic}:${some.map(({ partition }) => partition).join(",")}`);
  return texts.length === 0 ? null : texts.join(" ");
}

/** The lag of each partition, and who owns it. */
export function printLag(terminal: Terminal, partitions: readonly PartitionLag[]): void {
  printTable(
    terminal,
    ["topic", "partition", "committed", "end", "lag", "owner"],
    partitions.map((it) => [
      ...[it.topic, it.partition, it.committedOffset, it.endOffset, it.lag],
      it.member === null ? null : it.member.clientId || it.member.memberId,
    ]),
  );
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
