import { comparePartitions, PartitionMap, type TopicPartition } from "../consumer/topic-partition.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { describeGroups, type MemberDescription } from "./describe-groups.ts";
import { type CommittedOffset, listGroupOffsets } from "./group-offsets.ts";
import { type IsolationLevel, listOffsets } from "./records.ts";

/** How far a group has come in a partition. */
export interface PartitionLag extends TopicPartition {
  /** Null where nothing is committed. */
  readonly committedOffset: number | null;
  /** Of the record before it; null where nothing is committed or the committer did not say. */
  readonly leaderEpoch: number | null;
  /** What was committed beside the offset. */
  readonly metadata: string;
  /** Null where the partition does not exist (any more) or has no leader. */
  readonly endOffset: number | null;
  /** The messages between; null where one of both is not known. */
  readonly lag: number | null;
  /** Who owns it; null for a partition without an owner. */
  readonly member: GroupMember | null;
}

export type GroupMember = Pick<MemberDescription, "memberId" | "groupInstanceId" | "clientId" | "host">;

export interface GroupLagOptions extends CallOptions {
  /** With `"read_committed"` the end is the last stable offset. Default `"read_uncommitted"`. */
  readonly isolationLevel?: IsolationLevel | undefined;
}

/** For every partition that the group has committed an offset for, or that a member owns. */
export async function groupLag(
  context: AdminContext,
  groupId: string,
  options: GroupLagOptions,
): Promise<PartitionLag[]> {
  checkOptions("groupLag", options, ["isolationLevel"]);
  const call = new Call(context, "groupLag", options);
  const rest = () => ({ timeoutMs: call.remainingMs, signal: options.signal });
  const [committed, [group]] = await Promise.all([
    listGroupOffsets(context, groupId, undefined, rest()),
    describeGroups(context, [groupId], rest()),
  ]);
  const rows = new PartitionMap<Row>();
  for (const offset of committed)
    rows.set(offset.topic, offset.partition, { place: offset, committed: offset, member: null });
  for (const member of group?.members ?? []) {
    for (const place of member.assignment) {
      const known = rows.get(place.topic, place.partition);
      rows.set(place.topic, place.partition, { place, committed: known?.committed ?? null, member });
    }
  }
  const ends = await endOffsets(
    context,
    call,
    [...rows.values()].map(({ place }) => place),
    options,
  );
  return [...rows.values()].map((row) => lagOf(row, ends)).sort(comparePartitions);
}

interface Row {
  readonly place: TopicPartition;
  readonly committed: CommittedOffset | null;
  readonly member: MemberDescription | null;
}

function lagOf({ place, committed, member }: Row, ends: PartitionMap<number>): PartitionLag {
  const { topic, partition } = place;
  const committedOffset = committed?.offset ?? null;
  const endOffset = ends.get(topic, partition) ?? null;
  return {
    ...{ topic, partition, committedOffset, endOffset },
    leaderEpoch: committed?.leaderEpoch ?? null,
    metadata: committed?.metadata ?? "",
    lag: committedOffset === null || endOffset === null ? null : endOffset - committedOffset,
    member: member === null ? null : memberOf(member),
  };
}

function memberOf({ memberId, groupInstanceId, clientId, host }: MemberDescription): GroupMember {
  return { memberId, groupInstanceId, clientId, host };
}

/** Of those partitions that have a leader now: nobody waits for what may be gone for good. */
async function endOffsets(
  context: AdminContext,
  call: Call,
  partitions: readonly TopicPartition[],
  options: GroupLagOptions,
): Promise<PartitionMap<number>> {
  const ends = new PartitionMap<number>();
  if (partitions.length === 0) return ends;
  const { metadata } = context.core;
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  await call.retry(() => call.share(metadata.refresh(topics, call.signal)));
  const led = partitions.filter(({ topic, partition }) => metadata.leader(topic, partition) !== undefined);
  const { isolationLevel, signal } = options;
  const queries = led.map(({ topic, partition }) => ({ topic, partition, at: "latest" as const }));
  if (queries.length === 0) return ends;
  const listed = await listOffsets(context, queries, { isolationLevel, signal, timeoutMs: call.remainingMs });
  for (const { topic, partition, offset } of listed) if (offset !== null) ends.set(topic, partition, offset);
  return ends;
}
