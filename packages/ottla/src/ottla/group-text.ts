/** A group as `ottla groups describe` shows it to people. */
import type { ConfigEntry, GroupDescription, MemberDescription, PartitionLag } from "@ottla/client";
import { type Cell, tableLines } from "../text-table.ts";
import { counted } from "./output.ts";

/** A group with the lag of each of its partitions. */
export interface GroupLag {
  readonly group: GroupDescription;
  readonly partitions: readonly PartitionLag[];
  /** Of all partitions whose lag is known. */
  readonly lag: number;
}

/** The lines: the group in a sentence, its epochs and its own settings, its members, its partitions. */
export function groupLines({ group, partitions, lag }: GroupLag, settings: readonly ConfigEntry[]): string[] {
  const strategy = group.assignor === "" ? "" : `, ${group.assignor}`;
  const members = counted(group.members.length, "member");
  return [
    `${group.groupId}: ${group.state}, ${members}${strategy}, ${counted(lag, "message")} behind`,
    ...epochLine(group),
    ...settings.map(({ name, value }) => `  ${name} = ${value}`),
    ...(group.members.length === 0 ? [] : memberLines(group)),
    ...(group.members.length === 0 || partitions.length === 0 ? [] : [""]),
    ...(partitions.length === 0 ? [] : lagLines(partitions)),
  ];
}

/** How far a KIP-848 group has come: the members' own epochs follow the target assignment's, which follows the group's. */
function epochLine({ groupEpoch, targetAssignmentEpoch, members }: GroupDescription): string[] {
  if (groupEpoch === null || targetAssignmentEpoch === null) return [];
  const behind = members.filter(({ memberEpoch }) => memberEpoch !== targetAssignmentEpoch).length;
  const waiting =
    members.length > 0 && targetAssignmentEpoch < groupEpoch
      ? "; the target assignment is being made"
      : behind > 0
        ? `; ${counted(behind, "member")} not there yet`
        : "";
  return [
    `  consumer protocol: group epoch ${groupEpoch}, target assignment of epoch ${targetAssignmentEpoch}${waiting}`,
  ];
}

/** A column of the members' table, shown only where it says something. */
interface MemberColumn {
  readonly title: string;
  readonly isShown: boolean;
  readonly cell: (member: MemberDescription) => Cell;
}

function memberLines({ members, groupEpoch }: GroupDescription): string[] {
  const isModern = groupEpoch !== null;
  const columns: readonly MemberColumn[] = [
    { title: "client", isShown: true, cell: ({ clientId }) => clientId },
    { title: "host", isShown: true, cell: ({ host }) => host.replace(/^\//, "") },
    { title: "epoch", isShown: isModern, cell: ({ memberEpoch }) => memberEpoch },
    { title: "partitions", isShown: true, cell: ({ assignment }) => listed(assignment) },
    {
      title: "to own",
      isShown: members.some(isMoving),
      cell: ({ targetAssignment }) => listed(targetAssignment ?? []),
    },
    {
      title: "pattern",
      isShown: members.some(({ subscribedTopicRegex }) => subscribedTopicRegex !== null),
      cell: ({ subscribedTopicRegex }) => subscribedTopicRegex,
    },
    {
      title: "protocol",
      isShown: members.some(({ upgraded }) => upgraded === false),
      cell: ({ upgraded }) => (upgraded === null ? null : upgraded ? "consumer" : "classic"),
    },
    { title: "member", isShown: true, cell: ({ groupInstanceId, memberId }) => groupInstanceId ?? memberId },
  ];
  const shown = columns.filter(({ isShown }) => isShown);
  return tableLines(
    shown.map(({ title }) => title),
    members.map((member) => shown.map(({ cell }) => cell(member))),
  );
}

function isMoving({ assignment, targetAssignment }: MemberDescription): boolean {
  return targetAssignment !== null && listed(assignment) !== listed(targetAssignment);
}

/** `orders:0,1 payments:2`; null for nothing. */
function listed(assignment: MemberDescription["assignment"]): string | null {
  const topics = Map.groupBy(assignment, ({ topic }) => topic);
  const texts = [...topics].map(([topic, some]) => `${topic}:${some.map(({ partition }) => partition).join(",")}`);
  return texts.length === 0 ? null : texts.join(" ");
}

/** The lag of each partition, and who owns it. */
export function lagLines(partitions: readonly PartitionLag[]): string[] {
  return tableLines(
    ["topic", "partition", "committed", "end", "lag", "owner"],
    partitions.map((it) => [
      ...[it.topic, it.partition, it.committedOffset, it.endOffset, it.lag],
      it.member === null ? null : it.member.clientId || it.member.memberId,
    ]),
  );
}
