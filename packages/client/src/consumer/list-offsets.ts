import { apis, errorCodes, type ListOffsetsResponse, refreshesMetadata } from "@ottla/protocol";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, KafkaError, kafkaError } from "../errors.ts";
import { retry } from "../request.ts";
import { groupByTopic, PartitionMap, partitionName, type TopicPartition } from "./topic-partition.ts";

/** Kafka's numbers for what a consumer may see. */
export type IsolationLevel = 0 | 1;

/** Which offset is asked for: of the first record at or after the timestamp (ms), or of an end (-1 latest, -2 earliest). */
export interface OffsetQuery extends TopicPartition {
  readonly timestamp: number;
}

export interface FoundOffset extends TopicPartition {
  /** -1 where there is no such record. */
  readonly offset: number;
  /** Of the record that was found; -1 where an end was asked for. */
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

export interface ListOffsetsOptions {
  readonly isolation: IsolationLevel;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks each partition's leader once. What comes back per partition is the offset or why there is none; where the leader is not (or no longer) known, metadata are marked
 * as out of date.
 */
export async function askLeaders(
  core: ClientCore,
  queries: readonly OffsetQuery[],
  options: ListOffsetsOptions,
): Promise<PartitionMap<FoundOffset | KafkaError>> {
  const outcomes = new PartitionMap<FoundOffset | KafkaError>();
  const byLeader = new Map<number, OffsetQuery[]>();
  for (const query of queries) {
    const leader = core.metadata.leader(query.topic, query.partition);
    if (leader === undefined) {
      outcomes.set(query.topic, query.partition, noLeader(core, query));
      core.metadata.invalidate(query.topic);
      continue;
    }
    const group = byLeader.get(leader.nodeId);
    if (group === undefined) byLeader.set(leader.nodeId, [query]);
    else group.push(query);
  }
  await Promise.all([...byLeader].map(([nodeId, group]) => askLeader(core, nodeId, group, options, outcomes)));
  return outcomes;
}

/** All the offsets, retrying what may be retried for `timeoutMs`; rejects with the first error that is final. */
export async function listOffsets(
  core: ClientCore,
  queries: readonly OffsetQuery[],
  options: ListOffsetsOptions & { readonly timeoutMs: number },
): Promise<FoundOffset[]> {
  // Brokers refuse requests that name a partition twice.
  const first = new PartitionMap<OffsetQuery>();
  const isRepeated = ({ topic, partition, timestamp }: OffsetQuery) =>
    first.get(topic, partition)!.timestamp !== timestamp;
  for (const query of queries) {
    if (!first.has(query.topic, query.partition)) first.set(query.topic, query.partition, query);
  }
  const found = await listOnce(core, [...first.values()], options);
  const others = queries.filter(isRepeated);
  const rest = others.length === 0 ? [] : await listOffsets(core, others, options);
  return queries.map((query) => (isRepeated(query) ? rest.shift()! : found.get(query.topic, query.partition)!));
}

/** No partition may be named twice. */
async function listOnce(
  core: ClientCore,
  queries: readonly OffsetQuery[],
  options: ListOffsetsOptions & { readonly timeoutMs: number },
): Promise<PartitionMap<FoundOffset>> {
  const policy = core.retryPolicy(options.timeoutMs, options.signal);
  const topics = new Set(queries.map(({ topic }) => topic));
  await Promise.all([...topics].map((topic) => core.metadata.ensureTopic(topic, policy.deadline, options.signal)));
  const found = new PartitionMap<FoundOffset>();
  await retry(policy, async ({ remainingMs }) => {
    const missing = queries.filter(({ topic, partition }) => !found.has(topic, partition));
    const timeoutMs = Math.min(remainingMs, core.config.requestTimeoutMs);
    const outcomes = await askLeaders(core, missing, { ...options, timeoutMs });
    let failure: KafkaError | null = null;
    for (const outcome of outcomes.values()) {
      if (!(outcome instanceof KafkaError)) found.set(outcome.topic, outcome.partition, outcome);
      else if (failure === null || !outcome.retriable) failure = outcome;
    }
    if (failure !== null) throw failure;
  });
  return found;
}

async function askLeader(
  core: ClientCore,
  nodeId: number,
  queries: readonly OffsetQuery[],
  options: ListOffsetsOptions,
  outcomes: PartitionMap<FoundOffset | KafkaError>,
): Promise<void> {
  const { signal, timeoutMs = core.config.requestTimeoutMs } = options;
  try {
    const body = (version: number) => request(core, queries, options.isolation, timeoutMs, version);
    const response = await core.pool.send(nodeId, apis.listOffsets, body, { signal, timeoutMs });
    take(core, response, outcomes);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    for (const { topic, partition } of queries) {
      outcomes.set(topic, partition, error);
      if (isRetriableError(error)) core.metadata.invalidate(topic);
    }
  }
  for (const query of queries) {
    if (outcomes.has(query.topic, query.partition)) continue;
    const what = `Could not list the offset of ${partitionName(query)}: ${core.pool.describe(nodeId)} left it out`;
    outcomes.set(query.topic, query.partition, new KafkaError(what, { code: "INVALID_RESPONSE", retriable: true }));
  }
}

function request(
  core: ClientCore,
  queries: readonly OffsetQuery[],
  isolationLevel: IsolationLevel,
  timeoutMs: number,
  version: number,
) {
  return {
    replicaId: -1,
    ...(version >= 2 ? { isolationLevel } : {}),
    ...(version >= 10 ? { timeoutMs: Math.floor(timeoutMs) } : {}),
    topics: [...groupByTopic(queries)].map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, timestamp }) => ({
        partitionIndex: partition,
        currentLeaderEpoch: core.metadata.leader(name, partition)?.epoch ?? -1,
        timestamp,
      })),
    })),
  };
}

function take(core: ClientCore, response: ListOffsetsResponse, outcomes: PartitionMap<FoundOffset | KafkaError>): void {
  for (const { name: topic, partitions } of response.topics) {
    for (const { partitionIndex: partition, errorCode, offset, timestamp, leaderEpoch } of partitions) {
      if (errorCode === errorCodes.NONE) {
        outcomes.set(topic, partition, { topic, partition, offset, timestamp, leaderEpoch });
        continue;
      }
      if (refreshesMetadata(errorCode)) core.metadata.invalidate(topic);
      outcomes.set(topic, partition, kafkaError(errorCode, `Could not list the offset of ${topic}-${partition}`));
    }
  }
}

function noLeader(core: ClientCore, { topic, partition }: TopicPartition): KafkaError {
  const known = core.metadata.topic(topic);
  const code =
    known !== undefined && known.partitions[partition] === undefined
      ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      : errorCodes.LEADER_NOT_AVAILABLE;
  return core.metadata.topicError(topic) ?? kafkaError(code, `Could not list the offset of ${topic}-${partition}`);
}
