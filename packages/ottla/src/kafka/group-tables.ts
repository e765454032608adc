/** The tables of `kafka-consumer-groups`, to the blank (KIP-1099). Null stands for what is not there, printed as `-`. */
import { type Column, fixed, growing, last, tableLines } from "./columns.ts";

/** A partition of a group: a row of `--describe`. */
export interface OffsetRow {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly leaderEpoch: number | null;
  readonly offset: number | null;
  readonly endOffset: number | null;
  readonly lag: number | null;
  readonly consumerId: string | null;
  readonly host: string | null;
  readonly clientId: string | null;
}

/** A member: a row of `--describe --members`. */
export interface MemberRow {
  readonly group: string;
  readonly consumerId: string;
  /** Empty where the member has none. */
  readonly groupInstanceId: string;
  readonly host: string;
  readonly clientId: string;
  readonly assignment: Partitions;
  /** Of KIP-848's groups, as all that follows; null for classic ones. */
  readonly targetAssignment: Partitions | null;
  readonly memberEpoch: number | null;
  readonly targetAssignmentEpoch: number | null;
  readonly upgraded: boolean | null;
}

type Partitions = readonly { readonly topic: string; readonly partition: number }[];

/** A group: the row of `--describe --state`. */
export interface StateRow {
  readonly group: string;
  readonly coordinator: { readonly host: string; readonly port: number; readonly nodeId: number };
  readonly assignmentStrategy: string;
  readonly state: string;
  /** Of KIP-848's groups, as the next; null for classic ones. */
  readonly groupEpoch: number | null;
  readonly targetAssignmentEpoch: number | null;
  readonly memberCount: number;
}

/** A group as `--list --type --state` shows it. */
export interface ListedGroup {
  readonly groupId: string;
  readonly type: string;
  readonly state: string;
}

/** A new offset: a row of `--reset-offsets`. */
export interface ResetRow {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** What became of a partition's offset: a row of `--delete-offsets`. */
export interface DeletedOffsetRow {
  readonly topic: string;
  /** Null where the topic's partitions are not known. */
  readonly partition: number | null;
  readonly status: string;
}

/** `--list` with the columns that were asked for. */
export function listTable(groups: readonly ListedGroup[], columns: { type: boolean; state: boolean }): string {
  const idWidth = groups.reduce((widest, { groupId }) => Math.max(widest, groupId.length), 15) + 10;
  const shown: Column<ListedGroup>[] = [
    fixed("GROUP", idWidth, (it) => it.groupId),
    ...(columns.type ? [fixed<ListedGroup>("TYPE", 20, (it) => it.type)] : []),
    ...(columns.state ? [fixed<ListedGroup>("STATE", 20, (it) => it.state)] : []),
  ];
  return lines(tableLines(shown, groups));
}

/** `--describe`, `--describe --offsets`. */
export function offsetTable(rows: readonly OffsetRow[], verbose: boolean): string {
  const columns: Column<OffsetRow>[] = [
    growing("GROUP", 15, (it) => it.group),
    growing("TOPIC", 15, (it) => it.topic),
    fixed("PARTITION", 10, (it) => it.partition),
    ...(verbose ? [fixed<OffsetRow>("LEADER-EPOCH", 15, (it) => it.leaderEpoch)] : []),
    fixed("CURRENT-OFFSET", 15, (it) => it.offset),
    fixed("LOG-END-OFFSET", 15, (it) => it.endOffset),
    fixed("LAG", 15, (it) => it.lag),
    growing("CONSUMER-ID", 15, (it) => it.consumerId),
    growing("HOST", 15, (it) => it.host),
    last("CLIENT-ID", (it) => it.clientId),
  ];
  return `\n${lines(tableLines(columns, rows))}`;
}

/** `--describe --members`: the header is there for a group without members too. */
export function memberTable(rows: readonly MemberRow[], verbose: boolean): string {
  const isMoving = [true, false].every((upgraded) => rows.some((it) => it.upgraded === upgraded));
  const hasInstances = rows.some(({ groupInstanceId }) => groupInstanceId !== "");
  const columns: Column<MemberRow>[] = [
    growing("GROUP", 15, (it) => it.group),
    growing("CONSUMER-ID", 15, (it) => it.consumerId),
    ...(hasInstances ? [growing<MemberRow>("GROUP-INSTANCE-ID", 17, (it) => it.groupInstanceId)] : []),
    growing("HOST", 15, (it) => it.host),
    growing("CLIENT-ID", 15, (it) => it.clientId),
    fixed("#PARTITIONS", 15, (it) => it.assignment.length),
    ...(verbose ? assignmentColumns : [last<MemberRow>("", () => "")]),
    ...(verbose && isMoving ? [upgradedColumn] : []),
  ];
  return `\n${lines(tableLines(columns, rows))}`;
}

const assignmentColumns: readonly Column<MemberRow>[] = [
  fixed("CURRENT-EPOCH", 15, (it) => it.memberEpoch),
  growing("CURRENT-ASSIGNMENT", 20, (it) => assignmentText(it.assignment)),
  fixed("TARGET-EPOCH", 15, (it) => it.targetAssignmentEpoch),
  growing("TARGET-ASSIGNMENT", 20, (it) => assignmentText(it.targetAssignment ?? [])),
];

/** Which protocol each member speaks, shown while a group moves from the classic one to KIP-848's. */
const upgradedColumn: Column<MemberRow> = last("UPGRADED", (it) => (it.upgraded === null ? null : String(it.upgraded)));

/** `a:0,1;b:2`, sorted; null for nothing. */
function assignmentText(assignment: Partitions): string | null {
  if (assignment.length === 0) return null;
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of assignment) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
  return [...byTopic]
    .map(([topic, partitions]) => `${topic}:${partitions.sort((a, b) => a - b).join(",")}`)
    .sort()
    .join(";");
}

/** `--describe --state`. */
export function stateTable(group: StateRow, verbose: boolean): string {
  const columns: Column<StateRow>[] = [
    growing("GROUP", 15, (it) => it.group),
    growing("COORDINATOR (ID)", 25, ({ coordinator: { host, port, nodeId } }) => `${host}:${port}  (${nodeId})`),
    fixed("ASSIGNMENT-STRATEGY", 20, (it) => (it.assignmentStrategy === "" ? null : it.assignmentStrategy)),
    fixed("STATE", 20, (it) => it.state),
    ...(verbose ? epochColumns : []),
    last("#MEMBERS", (it) => it.memberCount),
  ];
  return `\n${lines(tableLines(columns, [group]))}`;
}

const epochColumns: readonly Column<StateRow>[] = [
  fixed("GROUP-EPOCH", 15, (it) => it.groupEpoch),
  fixed("TARGET-ASSIGNMENT-EPOCH", 25, (it) => it.targetAssignmentEpoch),
];

/** `--reset-offsets`: the table is as wide as the groups that were asked for, also where one of them has no row. */
export function resetTable(groups: readonly string[], rows: readonly ResetRow[]): string {
  if (groups.length === 0) return "\n";
  const groupWidth = groups.reduce((widest, group) => Math.max(widest, group.length), 15);
  const columns: Column<ResetRow>[] = [
    fixed("GROUP", groupWidth, (it) => it.group),
    growing("TOPIC", 15, (it) => it.topic),
    fixed("PARTITION", 10, (it) => it.partition),
    last("NEW-OFFSET", (it) => it.offset),
  ];
  return `\n${lines(tableLines(columns, rows))}`;
}

/** `--delete-offsets`. */
export function deletedOffsetTable(rows: readonly DeletedOffsetRow[]): string {
  const columns: Column<DeletedOffsetRow>[] = [
    growing("TOPIC", 15, (it) => it.topic),
    fixed("PARTITION", 10, (it) => it.partition),
    fixed("STATUS", 15, (it) => it.status),
  ];
  return `\n${lines(tableLines(columns, rows))}`;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
