/** `kafka-consumer-groups --describe` in its three forms. */
import type { Admin, GroupDescription, PartitionLag } from "@ottla/client";
import type { Terminal } from "../terminal.ts";
import { type GroupContext, printError } from "./group-context.ts";
import { listGroupIds } from "./group-list.ts";
import { memberTable, type OffsetRow, offsetTable, stateTable } from "./group-tables.ts";
import { javaError } from "./java-words.ts";

export async function describeGroups(context: GroupContext): Promise<void> {
  const { admin, options, terminal, timeoutMs } = context;
  const groupIds = await selectGroups(context);
  const groups = await admin.describeGroups(groupIds, { timeoutMs }).catch((error: unknown) => {
    throw new Error(javaError(error), { cause: error });
  });
  refuseOthers(groups);
  const verbose = options.has("verbose");
  if (options.has("members")) {
    for (const group of groups) writeMembers(terminal, group, verbose);
  } else if (options.has("state")) {
    for (const group of groups) if (writeState(terminal, group)) terminal.write(stateTable(stateRow(group), verbose));
  } else {
    // All is fetched before anything is printed: one failure leaves nothing but its message.
    const lags = await Promise.all(groups.map((group) => offsetRows(admin, group, timeoutMs)));
    for (const [index, group] of groups.entries()) {
      const rows = lags[index] ?? [];
      if (writeState(terminal, group) && rows.length > 0) terminal.write(offsetTable(rows, verbose));
    }
  }
}

/** Groups of Connect's workers and the like have other members than consumers; Kafka's admin does not describe them. */
function refuseOthers(groups: readonly GroupDescription[]): void {
  const other = groups.find(({ protocolType }) => protocolType !== "" && protocolType !== "consumer");
  if (other === undefined) return;
  const { groupId, protocolType } = other;
  throw new Error(`java.lang.IllegalArgumentException: GroupId ${groupId} is not a consumer group (${protocolType}).`);
}

/** The groups that `--group` or `--all-groups` ask for, sorted, each once. */
export async function selectGroups({ admin, options, timeoutMs }: GroupContext): Promise<string[]> {
  if (options.has("all-groups")) return listGroupIds(admin, timeoutMs);
  return [...new Set(options.values("group"))].sort();
}

/** Says on standard error what is noteworthy about a group's state. False where there is no group to be shown. */
function writeState(terminal: Terminal, { groupId, state }: GroupDescription): boolean {
  if (state === "Dead") {
    printError(terminal, `Consumer group '${groupId}' does not exist.`);
    return false;
  }
  if (state === "Empty") terminal.complain(`\nConsumer group '${groupId}' has no active members.\n`);
  else if (state !== "Stable") terminal.complain(`\nWarning: Consumer group '${groupId}' is rebalancing.\n`);
  return true;
}

function writeMembers(terminal: Terminal, group: GroupDescription, verbose: boolean): void {
  writeState(terminal, group);
  const rows = group.members.map((member) => ({
    ...member,
    group: group.groupId,
    consumerId: member.memberId,
    groupInstanceId: member.groupInstanceId ?? "",
    targetAssignmentEpoch: group.targetAssignmentEpoch,
  }));
  rows.sort((a, b) => (a.consumerId < b.consumerId ? -1 : 1));
  terminal.write(memberTable(rows, verbose));
}

function stateRow(group: GroupDescription) {
  const { groupId, coordinator, assignor, state, members, groupEpoch, targetAssignmentEpoch } = group;
  return {
    ...{ group: groupId, coordinator, assignmentStrategy: assignor, state, groupEpoch, targetAssignmentEpoch },
    memberCount: members.length,
  };
}

/** The partitions of members first, of those with most partitions first of all; then those that nobody reads. */
async function offsetRows(admin: Admin, group: GroupDescription, timeoutMs: number): Promise<OffsetRow[]> {
  const lags = await admin.groupLag(group.groupId, { timeoutMs });
  const counts = new Map<string | null, number>();
  for (const { member } of lags) {
    const id = member?.memberId ?? null;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const rank = ({ member }: PartitionLag) => (member === null ? 0 : (counts.get(member.memberId) ?? 0));
  // Sorting is stable: members with as many partitions stay in the order of their first one. Each member's rows stay together.
  const firsts = new Map<string, number>();
  for (const [index, { member }] of lags.entries()) {
    if (member !== null && !firsts.has(member.memberId)) firsts.set(member.memberId, index);
  }
  const first = ({ member }: PartitionLag) => (member === null ? lags.length : (firsts.get(member.memberId) ?? 0));
  return lags.sort((a, b) => rank(b) - rank(a) || first(a) - first(b)).map((lag) => offsetRow(group.groupId, lag));
}

function offsetRow(group: string, lag: PartitionLag): OffsetRow {
  return {
    group,
    topic: lag.topic,
    partition: lag.partition,
    leaderEpoch: lag.leaderEpoch,
    offset: lag.committedOffset,
    endOffset: lag.endOffset,
    lag: lag.lag,
    consumerId: lag.member?.memberId ?? null,
    host: lag.member?.host ?? null,
    clientId: lag.member?.clientId ?? null,
  };
}
