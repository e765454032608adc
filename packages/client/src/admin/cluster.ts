import { apis } from "@ottla/protocol";
import { groupByTopic, partitionName, type TopicPartition } from "../consumer/topic-partition.ts";
import type { KafkaError } from "../errors.ts";
import { answeredError, type ItemResult } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { drive, valuesOf } from "./drive.ts";
import { controllerRoute, nodeRoute } from "./routes.ts";
import { authorizedOperations } from "./wire-names.ts";

/** A broker and where it is. */
export interface ClusterNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export interface ClusterBroker extends ClusterNode {
  /** Registered, but not yet (or no longer) in service; only with `includeFencedBrokers`. */
  readonly isFenced: boolean;
}

export interface ClusterDescription {
  /** Null before Kafka 0.10.1. */
  readonly clusterId: string | null;
  /** In a KRaft cluster any broker, which passes on what is the controller's. */
  readonly controller: ClusterNode | null;
  /** By id. */
  readonly brokers: readonly ClusterBroker[];
  /** What the principal may do to the cluster, by Kafka's names; null where it was not asked for. */
  readonly authorizedOperations: readonly string[] | null;
}

export interface DescribeClusterOptions extends CallOptions {
  /** Default false. */
  readonly includeAuthorizedOperations?: boolean | undefined;
  /** Also brokers that are registered and out of service (KIP-1073, Kafka 4.0). Default false. */
  readonly includeFencedBrokers?: boolean | undefined;
}

export async function describeCluster(
  context: AdminContext,
  options: DescribeClusterOptions,
): Promise<ClusterDescription> {
  checkOptions("describeCluster", options, ["includeAuthorizedOperations", "includeFencedBrokers"]);
  const call = new Call(context, "listNodes", options);
  const { pool } = call.core;
  const own = await call.retry(() => call.share(pool.supports("any", apis.describeCluster, call.signal)));
  return own === null ? clusterFromMetadata(call, options) : clusterFromItself(call, options);
}

async function clusterFromItself(call: Call, options: DescribeClusterOptions): Promise<ClusterDescription> {
  const { includeAuthorizedOperations = false, includeFencedBrokers = false } = options;
  const body = (version: number) => ({
    includeClusterAuthorizedOperations: includeAuthorizedOperations,
    ...(version >= 2 ? { includeFencedBrokers } : {}),
  });
  const minVersion = includeFencedBrokers ? 2 : undefined;
  const response = await call.retry(async () => {
    const { response: answer } = await call.send("any", apis.describeCluster, body, { minVersion });
    if (answer.errorCode !== 0)
      throw answeredError(answer.errorCode, "Could not describe the cluster", answer.errorMessage);
    return answer;
  });
  const brokers = response.brokers.map(({ brokerId, host, port, rack, isFenced }) => ({
    ...{ nodeId: brokerId, host, port, rack, isFenced },
  }));
  const operations = authorizedOperations(response.clusterAuthorizedOperations);
  return clusterOf(response.clusterId, response.controllerId, brokers, operations);
}

/** Brokers before Kafka 2.8 say it in Metadata. */
async function clusterFromMetadata(call: Call, options: DescribeClusterOptions): Promise<ClusterDescription> {
  const includeClusterAuthorizedOperations = options.includeAuthorizedOperations ?? false;
  const body = (version: number) => ({
    topics: [],
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
    ...(version >= 8 && version <= 10 ? { includeClusterAuthorizedOperations } : {}),
  });
  const { response } = await call.ask(apis.metadata, body, { minVersion: 1 });
  const brokers = response.brokers.map((broker) => ({ ...broker, isFenced: false }));
  const operations = authorizedOperations(response.clusterAuthorizedOperations);
  return clusterOf(response.clusterId, response.controllerId, brokers, operations);
}

function clusterOf(
  clusterId: string | null,
  controllerId: number,
  brokers: ClusterBroker[],
  operations: string[] | null,
): ClusterDescription {
  const controller = brokers.find(({ nodeId }) => nodeId === controllerId);
  return {
    clusterId,
    controller: controller === undefined ? null : nodeOf(controller),
    brokers: brokers.sort((a, b) => a.nodeId - b.nodeId),
    authorizedOperations: operations,
  };
}

/** The node alone, without what a listing says beside it. */
export function nodeOf({ nodeId, host, port, rack }: ClusterNode): ClusterNode {
  return { nodeId, host, port, rack };
}

/** The log directories of one broker (KIP-113). */
export interface BrokerLogDirs {
  readonly brokerId: number;
  readonly logDirs: readonly LogDir[];
}

export interface LogDir {
  readonly path: string;
  /** Why it cannot be used; null where it can. */
  readonly error: KafkaError | null;
  readonly replicas: readonly LogDirReplica[];
  /** Of the volume, in bytes; null where the broker does not say (before Kafka 3.3). */
  readonly totalBytes: number | null;
  readonly usableBytes: number | null;
  /** Whether it takes no new replicas (Kafka 4.3). */
  readonly isCordoned: boolean;
}

export interface LogDirReplica extends TopicPartition {
  /** In bytes. */
  readonly size: number;
  /** How far it is behind, in messages. */
  readonly offsetLag: number;
  /** Whether it is being moved here from another directory of the broker. */
  readonly isFuture: boolean;
}

export async function describeLogDirs(
  context: AdminContext,
  brokerIds: readonly number[] | undefined,
  options: CallOptions,
): Promise<BrokerLogDirs[]> {
  checkOptions("describeLogDirs", options);
  const call = new Call(context, "describeLogDirs", options);
  const ids = brokerIds ?? (await allBrokers(call)).map(({ nodeId }) => nodeId);
  return drive<number, BrokerLogDirs>(call, ids, {
    route: nodeRoute(call, (id) => id),
    api: null,
    ask: async (target, [brokerId = -1]) => {
      const { response } = await call.send(target, apis.describeLogDirs, { topics: null });
      const what = `Could not describe the log directories of broker ${brokerId}`;
      if (response.errorCode !== 0) return new Map([[brokerId, answeredError(response.errorCode, what)]]);
      const logDirs = response.results.map(
        (dir): LogDir => ({
          path: dir.logDir,
          error: dir.errorCode === 0 ? null : answeredError(dir.errorCode, `${what}: ${dir.logDir}`),
          replicas: dir.topics.flatMap(({ name: topic, partitions }) =>
            partitions.map(({ partitionIndex: partition, partitionSize: size, offsetLag, isFutureKey: isFuture }) => ({
              ...{ topic, partition, size, offsetLag, isFuture },
            })),
          ),
          totalBytes: dir.totalBytes < 0 ? null : dir.totalBytes,
          usableBytes: dir.usableBytes < 0 ? null : dir.usableBytes,
          isCordoned: dir.isCordoned,
        }),
      );
      return new Map([[brokerId, { brokerId, logDirs }]]);
    },
  });
}

/** All brokers of the cluster, freshly asked for. */
export async function allBrokers(call: Call): Promise<readonly ClusterNode[]> {
  const { metadata } = call.core;
  await call.retry(() => call.share(metadata.refresh([], call.signal)));
  return metadata.brokers;
}

/** Whether the first of the replicas becomes leader, or any one that is there, at the price of what it had not got yet (KIP-460). */
export type ElectionType = "preferred" | "unclean";

export interface ElectedLeader extends TopicPartition {
  /** False where the partition had the leader that it should have. */
  readonly elected: boolean;
}

const electionNotNeeded = 84;

export async function electLeaders(
  context: AdminContext,
  type: ElectionType,
  partitions: readonly TopicPartition[] | "all",
  options: CallOptions,
): Promise<ElectedLeader[]> {
  checkOptions("electLeaders", options);
  const call = new Call(context, "electLeaders", options);
  const topicPartitions =
    partitions === "all"
      ? null
      : [...groupByTopic(partitions)].map(([topic, some]) => ({ topic, partitions: indexes(some) }));
  const body = (version: number) => ({
    ...(version >= 1 ? { electionType: type === "preferred" ? 0 : 1 } : {}),
    topicPartitions,
    timeoutMs: call.brokerTimeoutMs,
  });
  const [answers] = await drive(call, ["leaders"], {
    route: controllerRoute(call),
    api: null,
    ask: async (target) => {
      const minVersion = type === "preferred" ? 0 : 1;
      const { response } = await call.send(target, apis.electLeaders, body, { minVersion });
      if (response.errorCode !== 0) throw answeredError(response.errorCode, "Could not elect leaders");
      return new Map([["leaders", response.replicaElectionResults]]);
    },
  });
  const results = (answers ?? []).flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode, errorMessage }): ItemResult<TopicPartition, ElectedLeader> => {
      const item = { topic, partition: partitionId };
      if (errorCode === 0 || errorCode === electionNotNeeded)
        return { item, value: { ...item, elected: errorCode === 0 }, error: null };
      const error = answeredError(errorCode, `Could not elect a leader of ${partitionName(item)}`, errorMessage);
      return { item, value: null, error };
    }),
  );
  return valuesOf(inOrderOf(partitions, results));
}

/** In the order in which they were asked for; the broker has its own. */
function inOrderOf<Value>(
  partitions: readonly TopicPartition[] | "all",
  results: ItemResult<TopicPartition, Value>[],
): ItemResult<TopicPartition, Value>[] {
  if (partitions === "all") return results;
  const places = new Map(partitions.map((partition, index) => [partitionName(partition), index]));
  const placeOf = ({ item }: ItemResult<TopicPartition, Value>) => places.get(partitionName(item)) ?? places.size;
  return results.sort((a, b) => placeOf(a) - placeOf(b));
}

/** Replicas of a partition that are being moved (KIP-455). */
export interface PartitionReassignment extends TopicPartition {
  /** Those that it has now, those to come and those to go included. */
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
}

export async function listPartitionReassignments(
  context: AdminContext,
  partitions: readonly TopicPartition[] | undefined,
  options: CallOptions,
): Promise<PartitionReassignment[]> {
  checkOptions("listPartitionReassignments", options);
  const call = new Call(context, "listPartitionReassignments", options);
  const topics =
    partitions === undefined
      ? null
      : [...groupByTopic(partitions)].map(([name, some]) => ({ name, partitionIndexes: indexes(some) }));
  const [answer] = await drive(call, ["moves"], {
    route: controllerRoute(call),
    api: null,
    ask: async (target) => {
      const body = { topics, timeoutMs: call.brokerTimeoutMs };
      const { response } = await call.send(target, apis.listPartitionReassignments, body);
      const { errorCode, errorMessage } = response;
      if (errorCode !== 0) throw answeredError(errorCode, "Could not list the moves of partitions", errorMessage);
      return new Map([["moves", response.topics]]);
    },
  });
  return (answer ?? []).flatMap(({ name: topic, partitions: some }) =>
    some.map(({ partitionIndex: partition, replicas, addingReplicas, removingReplicas }) => ({
      ...{ topic, partition, replicas, addingReplicas, removingReplicas },
    })),
  );
}

function indexes(partitions: readonly TopicPartition[]): number[] {
  return [...new Set(partitions.map(({ partition }) => partition))];
}
