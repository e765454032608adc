import { apis, type ResponseValue } from "@ottla/protocol";
import type { Target } from "../broker-pool.ts";
import {
  comparePartitions,
  groupByTopic,
  partitionName,
  type TopicPartition,
  type TopicPartitionOffset,
} from "../consumer/topic-partition.ts";
import { type KafkaError, kafkaError } from "../errors.ts";
import { answeredError, type ItemResult } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { drive, valuesOf } from "./drive.ts";
import { coordinatorRoute } from "./routes.ts";

/** What a group has committed for a partition. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  /** Of the record before it; null where the committer did not say. */
  readonly leaderEpoch: number | null;
  /** What the committer put beside it; empty where nothing. */
  readonly metadata: string;
}

export interface ListGroupOffsetsOptions extends CallOptions {
  /** Whether to wait for open transactions that have offsets pending (KIP-447, Kafka 2.5). Default false. */
  readonly requireStable?: boolean | undefined;
}

const coordinatorLoadInProgress = 14;
const rebalanceInProgress = 27;
const unknownTopicOrPartition = 3;
const unstableOffsetCommit = 88;
/** Errors that commits answer for each partition and that are the group's. */
const groupErrors = new Set([24, 28, 30]);
/** Errors that commits answer for each partition and that call for another try. */
const tryAgain = new Set([coordinatorLoadInProgress, 15, 16, rebalanceInProgress]);

export async function listGroupOffsets(
  context: AdminContext,
  groupId: string,
  partitions: readonly TopicPartition[] | undefined,
  options: ListGroupOffsetsOptions,
): Promise<CommittedOffset[]> {
  checkOptions("listGroupOffsets", options, ["requireStable"]);
  if (partitions?.length === 0) return [];
  const call = new Call(context, "listConsumerGroupOffsets", options);
  const { requireStable = false } = options;
  const [offsets] = await drive(call, [groupId], {
    route: coordinatorRoute(call),
    api: "OFFSET_FETCH",
    ask: async (target) => new Map([[groupId, await fetchOffsets(call, target, groupId, partitions, requireStable)]]),
  });
  return offsets ?? [];
}

async function fetchOffsets(
  call: Call,
  target: Target,
  groupId: string,
  partitions: readonly TopicPartition[] | undefined,
  requireStable: boolean,
): Promise<CommittedOffset[]> {
  const topics =
    partitions === undefined
      ? null
      : [...groupByTopic(partitions)].map(([name, some]) => ({
          name,
          partitionIndexes: [...new Set(some.map(({ partition }) => partition))],
        }));
  const body = (version: number) => ({
    ...(version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }),
    ...(version >= 7 ? { requireStable } : {}),
  });
  // Version 10 has topic ids for names; all committed offsets at once can be asked for since version 2.
  const versions = { minVersion: requireStable ? 7 : partitions === undefined ? 2 : 1, maxVersion: 9 };
  const { response, version } = await call.send(target, apis.offsetFetch, body, versions);
  const answer = version >= 8 ? response.groups.find((group) => group.groupId === groupId) : response;
  if (answer === undefined) throw kafkaError(-1, `Could not list the offsets of group ${groupId}`);
  if (answer.errorCode !== 0) throw answeredError(answer.errorCode, `Could not list the offsets of group ${groupId}`);
  return committedOf(groupId, answer.topics).sort(comparePartitions);
}

type FetchedTopics = ResponseValue<typeof apis.offsetFetch>["topics"];

function committedOf(
  groupId: string,
  topics: FetchedTopics | readonly Omit<FetchedTopics[number], never>[],
): CommittedOffset[] {
  return topics.flatMap(({ name: topic, partitions }) =>
    partitions.flatMap(
      ({ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch, metadata, errorCode }) => {
        const place = { topic, partition };
        // A topic that is gone has no offset any more.
        if (errorCode === unknownTopicOrPartition) return [];
        if (errorCode !== 0) {
          const what = `Could not list the offset of ${partitionName(place)} of group ${groupId}`;
          throw answeredError(
            errorCode,
            errorCode === unstableOffsetCommit ? `${what}, which a transaction holds` : what,
          );
        }
        if (offset < 0) return [];
        const leaderEpoch = committedLeaderEpoch < 0 ? null : committedLeaderEpoch;
        return [{ ...place, offset, leaderEpoch, metadata: metadata ?? "" }];
      },
    ),
  );
}

export async function alterGroupOffsets(
  context: AdminContext,
  groupId: string,
  offsets: readonly TopicPartitionOffset[],
  options: CallOptions,
): Promise<void> {
  checkOptions("alterGroupOffsets", options);
  if (offsets.length === 0) return;
  const call = new Call(context, "alterConsumerGroupOffsets", options);
  const body = {
    groupId,
    memberId: "",
    topics: [...groupByTopic(offsets)].map(([name, some]) => ({
      name,
      partitions: some.map(({ partition, offset, leaderEpoch, metadata }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch ?? -1,
        committedMetadata: metadata ?? "",
      })),
    })),
  };
  const [codes] = await drive(call, [groupId], {
    route: coordinatorRoute(call),
    api: "OFFSET_COMMIT",
    ask: async (target) => {
      const { response } = await call.send(target, apis.offsetCommit, body, { maxVersion: 9 });
      const answered = codesOf(response.topics);
      const [again] = [...answered.values()].filter((code) => tryAgain.has(code));
      const [groups] = [...answered.values()].filter((code) => groupErrors.has(code));
      const common = groups ?? again;
      if (common !== undefined) {
        // Kafka does not call a rebalance retriable; here the next one will do.
        const details = { retriable: groups === undefined };
        throw kafkaError(common, `Could not alter the offsets of group ${groupId}`, details);
      }
      return new Map([[groupId, answered]]);
    },
  });
  valuesOf(offsets.map((item) => outcome(item, codes, `Could not alter the offset of group ${groupId} in`)));
}

export async function deleteGroupOffsets(
  context: AdminContext,
  groupId: string,
  partitions: readonly TopicPartition[],
  options: CallOptions,
): Promise<void> {
  checkOptions("deleteGroupOffsets", options);
  if (partitions.length === 0) return;
  const call = new Call(context, "deleteConsumerGroupOffsets", options);
  const body = {
    groupId,
    topics: [...groupByTopic(partitions)].map(([name, some]) => ({
      name,
      partitions: some.map(({ partition }) => ({ partitionIndex: partition })),
    })),
  };
  const [codes] = await drive(call, [groupId], {
    route: coordinatorRoute(call),
    api: "OFFSET_DELETE",
    ask: async (target) => {
      const { response } = await call.send(target, apis.offsetDelete, body);
      const { errorCode } = response;
      if (errorCode !== 0) throw answeredError(errorCode, `Could not delete offsets of group ${groupId}`);
      return new Map([[groupId, codesOf(response.topics)]]);
    },
  });
  valuesOf(partitions.map((item) => outcome(item, codes, `Could not delete the offset of group ${groupId} in`)));
}

/** Error codes by partition name. */
type Codes = ReadonlyMap<string, number>;

function codesOf(
  topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
  }[],
): Codes {
  const codes = new Map<string, number>();
  for (const { name: topic, partitions } of topics)
    for (const { partitionIndex: partition, errorCode } of partitions)
      codes.set(partitionName({ topic, partition }), errorCode);
  return codes;
}

function outcome<Item extends TopicPartition>(
  item: Item,
  codes: Codes | undefined,
  what: string,
): ItemResult<Item, null> {
  const code = codes?.get(partitionName(item)) ?? -1;
  if (code === 0) return { item, value: null, error: null };
  const error: KafkaError = answeredError(code, `${what} ${partitionName(item)}`);
  return { item, value: null, error };
}
