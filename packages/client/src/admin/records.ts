import { apis } from "@ottla/protocol";
import { groupByTopic, partitionName, type TopicPartition } from "../consumer/topic-partition.ts";
import type { KafkaError } from "../errors.ts";
import { answeredError } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { drive } from "./drive.ts";
import { isPartitionRetriable, leaderRoute, nodeRoute, perPartition } from "./routes.ts";

/**
 * Which offset is asked for: the log's start, its end (as the isolation level has it), the record with the largest timestamp (KIP-734, Kafka 3.0), the first record at or after a time
 * in milliseconds; of tiered logs the start of the local part (3.0), the end of the tiered one (3.4), the start of what waits to be uploaded (4.2).
 */
export type OffsetSpec =
  | "earliest"
  | "latest"
  | "maxTimestamp"
  | "earliestLocal"
  | "latestTiered"
  | "earliestPendingUpload"
  | { readonly timestamp: number };

/** A partition and the offset that is asked for. */
export interface OffsetQuery extends TopicPartition {
  readonly at: OffsetSpec;
}

export interface ListedOffset extends TopicPartition {
  /** Null where there is no such record. */
  readonly offset: number | null;
  /** Of that record, in milliseconds; null for the start and the end. */
  readonly timestamp: number | null;
  /** Null where the broker does not know. */
  readonly leaderEpoch: number | null;
}

export type IsolationLevel = "read_uncommitted" | "read_committed";

export interface ListOffsetsOptions extends CallOptions {
  /** With `"read_committed"` the end is the last stable offset (KIP-98). Default `"read_uncommitted"`. */
  readonly isolationLevel?: IsolationLevel | undefined;
}

const specs = {
  latest: { timestamp: -1, minVersion: 1 },
  earliest: { timestamp: -2, minVersion: 1 },
  maxTimestamp: { timestamp: -3, minVersion: 7 },
  earliestLocal: { timestamp: -4, minVersion: 8 },
  latestTiered: { timestamp: -5, minVersion: 9 },
  earliestPendingUpload: { timestamp: -6, minVersion: 11 },
} as const;

function timestampOf({ at }: OffsetQuery): number {
  return typeof at === "string" ? specs[at].timestamp : at.timestamp;
}

export async function listOffsets(
  context: AdminContext,
  queries: readonly OffsetQuery[],
  options: ListOffsetsOptions,
): Promise<ListedOffset[]> {
  checkOptions("listOffsets", options, ["isolationLevel"]);
  const call = new Call(context, "listOffsets", options);
  const isCommitted = options.isolationLevel === "read_committed";
  const newest = Math.max(...queries.map(({ at }) => (typeof at === "string" ? specs[at].minVersion : 1)));
  return drive<OffsetQuery, ListedOffset>(call, queries, {
    route: leaderRoute(call),
    api: "LIST_OFFSETS",
    isRetriable: isPartitionRetriable(call),
    ask: async (target, all) => {
      const found = new Map<OffsetQuery, ListedOffset | KafkaError>();
      // A request may name a partition once, and a caller may ask for its start and its end.
      for (const some of withoutRepeats(all)) {
        const body = (version: number) => ({
          replicaId: -1,
          ...(version >= 2 ? { isolationLevel: isCommitted ? 1 : 0 } : {}),
          topics: topicsOf(some, (query) => ({
            partitionIndex: query.partition,
            timestamp: timestampOf(query),
          })),
          ...(version >= 10 ? { timeoutMs: call.brokerTimeoutMs } : {}),
        });
        const minVersion = Math.max(newest, isCommitted ? 2 : 1);
        const { response } = await call.send(target, apis.listOffsets, body, { minVersion });
        const answers = new Map<string, ListedOffset | KafkaError>();
        for (const { name: topic, partitions } of response.topics) {
          for (const { partitionIndex: partition, errorCode, offset, timestamp, leaderEpoch } of partitions) {
            const place = { topic, partition };
            const value = {
              ...place,
              offset: orNull(offset),
              timestamp: orNull(timestamp),
              leaderEpoch: orNull(leaderEpoch),
            };
            answers.set(
              partitionName(place),
              errorCode === 0 ? value : refused("list the offsets of", place, errorCode),
            );
          }
        }
        for (const [query, answer] of perPartition(some, answers)) found.set(query, answer);
      }
      return found;
    },
  });
}

/** A partition whose oldest records are to go. */
export interface RecordsToDelete extends TopicPartition {
  /** Everything before it is deleted; -1 stands for the high watermark. */
  readonly offset: number;
}

export interface DeletedRecords extends TopicPartition {
  /** The first offset that is left. */
  readonly lowWatermark: number;
}

export async function deleteRecords(
  context: AdminContext,
  records: readonly RecordsToDelete[],
  options: CallOptions,
): Promise<DeletedRecords[]> {
  checkOptions("deleteRecords", options);
  const call = new Call(context, "deleteRecords", options);
  return drive<RecordsToDelete, DeletedRecords>(call, records, {
    route: leaderRoute(call),
    api: "DELETE_RECORDS",
    isRetriable: isPartitionRetriable(call),
    ask: async (target, some) => {
      const topics = topicsOf(some, ({ partition, offset }) => ({ partitionIndex: partition, offset }));
      const body = { topics, timeoutMs: call.brokerTimeoutMs };
      const { response } = await call.send(target, apis.deleteRecords, body);
      const answers = new Map<string, DeletedRecords | KafkaError>();
      for (const { name: topic, partitions } of response.topics) {
        for (const { partitionIndex: partition, errorCode, lowWatermark } of partitions) {
          const place = { topic, partition };
          const value = { ...place, lowWatermark };
          answers.set(partitionName(place), errorCode === 0 ? value : refused("delete records of", place, errorCode));
        }
      }
      return perPartition(some, answers);
    },
  });
}

/** A producer that a partition remembers (KIP-664). */
export interface ProducerState {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  /** Of its last batch, in milliseconds. */
  readonly lastTimestamp: number;
  /** Null where it takes part in no transactions. */
  readonly coordinatorEpoch: number | null;
  /** Where its open transaction began; null where it has none. */
  readonly currentTransactionStartOffset: number | null;
}

export interface PartitionProducers extends TopicPartition {
  readonly producers: readonly ProducerState[];
}

export interface DescribeProducersOptions extends CallOptions {
  /** The broker to ask. Default: each partition's leader. */
  readonly brokerId?: number | undefined;
}

export async function describeProducers(
  context: AdminContext,
  partitions: readonly TopicPartition[],
  options: DescribeProducersOptions,
): Promise<PartitionProducers[]> {
  checkOptions("describeProducers", options, ["brokerId"]);
  const call = new Call(context, "describeProducers", options);
  const { brokerId } = options;
  return drive<TopicPartition, PartitionProducers>(call, partitions, {
    route: brokerId === undefined ? leaderRoute(call) : nodeRoute(call, () => brokerId),
    api: "DESCRIBE_PRODUCERS",
    // A broker that was named and does not lead will not lead when it is asked again.
    isRetriable: brokerId === undefined ? isPartitionRetriable(call) : () => false,
    ask: async (target, some) => {
      const topics = [...groupByTopic(some)].map(([name, ones]) => ({
        name,
        partitionIndexes: [...new Set(ones.map(({ partition }) => partition))],
      }));
      const { response } = await call.send(target, apis.describeProducers, { topics });
      const answers = new Map<string, PartitionProducers | KafkaError>();
      for (const { name: topic, partitions } of response.topics) {
        for (const { partitionIndex: partition, errorCode, errorMessage, activeProducers } of partitions) {
          const place = { topic, partition };
          const value = { ...place, producers: activeProducers.map(producerState) };
          const error = () => refused("describe the producers of", place, errorCode, errorMessage);
          answers.set(partitionName(place), errorCode === 0 ? value : error());
        }
      }
      return perPartition(some, answers);
    },
  });
}

interface WireProducer {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: number;
  readonly coordinatorEpoch: number;
  readonly currentTxnStartOffset: number;
}

function producerState(producer: WireProducer): ProducerState {
  const { producerId, producerEpoch, lastSequence, lastTimestamp, coordinatorEpoch, currentTxnStartOffset } = producer;
  return {
    ...{ producerId, producerEpoch, lastSequence, lastTimestamp },
    coordinatorEpoch: orNull(coordinatorEpoch),
    currentTransactionStartOffset: orNull(currentTxnStartOffset),
  };
}

/** Partitions by topic, as requests have them. */
function topicsOf<Item extends TopicPartition, Wire>(items: readonly Item[], wire: (item: Item) => Wire) {
  return [...groupByTopic(items)].map(([name, some]) => ({ name, partitions: some.map(wire) }));
}

/** Splits the items so that no part names a partition twice. */
function withoutRepeats<Item extends TopicPartition>(items: readonly Item[]): Item[][] {
  const parts: { readonly names: Set<string>; readonly items: Item[] }[] = [];
  for (const item of items) {
    const name = partitionName(item);
    let part = parts.find(({ names }) => !names.has(name));
    if (part === undefined) {
      part = { names: new Set(), items: [] };
      parts.push(part);
    }
    part.names.add(name);
    part.items.push(item);
  }
  return parts.map(({ items: some }) => some);
}

function orNull(value: number): number | null {
  return value < 0 ? null : value;
}

function refused(what: string, place: TopicPartition, code: number, message?: string | null): KafkaError {
  return answeredError(code, `Could not ${what} ${partitionName(place)}`, message);
}
