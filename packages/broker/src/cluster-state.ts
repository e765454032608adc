import { errorCodes } from "@ottla/protocol";
import type { Logger, Runtime } from "@ottla/runtime";
import { type ConfigChange, planConfigChange } from "./cluster/alter-configs.ts";
import { DataDirectoryError } from "./cluster/data-directory.ts";
import { GroupCoordinators } from "./cluster/group-coordinators.ts";
import type { MetadataRecord } from "./cluster/metadata-records.ts";
import { type ConfigResource, resourceTypes } from "./cluster/metadata-state.ts";
import { MetadataStore, MetadataUnavailableError } from "./cluster/metadata-store.ts";
import { ProducerIds } from "./cluster/producer-ids.ts";
import { type ClusterBroker, Replication } from "./cluster/replication.ts";
import {
  type NewPartitions,
  type NewTopic,
  offsetsTopicName,
  type Refusal,
  type Topic,
  type TopicOutcome,
} from "./cluster/topic.ts";
import { refusal } from "./cluster/topic-rules.ts";
import { Topics } from "./cluster/topics.ts";
import { randomTopicId } from "./cluster/uuid.ts";
import type { Settings } from "./config/settings.ts";
import type { LogManagerConfig } from "./log/config.ts";
import { LogManager } from "./log/log-manager.ts";
import type { Partition } from "./log/partition.ts";

export type { NewPartitions, NewTopic, Refusal, ReplicaAssignment, Topic, TopicOutcome } from "./cluster/topic.ts";

export interface ClusterStateOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  /** Null: whatever the data directory says, or 1 in a new one. */
  readonly nodeId: number | null;
  /** The brokers of a cluster of several; the first one's id is that of the data directory. Null: one broker, `nodeId`. */
  readonly brokers?: readonly ClusterBroker[] | undefined;
  /** Locked by the caller. */
  readonly dataDirectory: string;
}

interface Parts {
  readonly options: ClusterStateOptions;
  readonly nodeId: number;
  readonly store: MetadataStore;
  readonly topics: Topics;
  readonly logs: LogManager;
  readonly replication: Replication;
  /** Is told once there is somebody to tell. */
  readonly watcher: LeaderWatcher;
}

interface LeaderWatcher {
  leaderMoved(partition: Partition, from: number, to: number): void;
}

/** The broker by which settings are changed. */
interface ConfiguringNode {
  readonly id: number;
  readonly settings: Settings;
}

/** What all brokers of a cluster agree on: topics, their partitions and settings, coordinators. */
export class ClusterState {
  /** Kafka's base64url form. */
  readonly clusterId: string;
  readonly nodeId: number;
  readonly coordinators: GroupCoordinators;
  /** Which brokers are up and who leads what. */
  readonly replication: Replication;
  readonly logs: LogManager;
  private readonly options: ClusterStateOptions;
  private readonly store: MetadataStore;
  private readonly topicTable: Topics;
  private readonly producerIds: ProducerIds;

  /** The settings of the brokers that run: what is set for all, or for one, is changed in them. */
  private readonly nodeSettings = new Map<number, Settings>();

  private constructor({ options, nodeId, store, topics, logs, replication, watcher }: Parts) {
    this.options = options;
    this.nodeId = nodeId;
    this.store = store;
    this.logs = logs;
    this.topicTable = topics;
    this.clusterId = store.state.clusterId!;
    this.producerIds = new ProducerIds(store);
    this.coordinators = new GroupCoordinators({ ...options, cluster: this, isSole: replication.isSole });
    this.replication = replication;
    watcher.leaderMoved = (partition, from, to) => {
      if (partition.topic === offsetsTopicName) this.coordinators.leaderMoved(partition.index, from, to);
    };
  }

  /**
   * Reads the metadata log, raises the leader epoch and opens all logs. Rejects with a `DataDirectoryError`, a `MetadataDamagedError` or a `DiskError` when the directory cannot be used.
   */
  static async open(options: ClusterStateOptions): Promise<ClusterState> {
    const { runtime, logger, settings, dataDirectory } = options;
    const store = MetadataStore.open(runtime, dataDirectory, logger);
    const nodeId = checkIdentity(store, options);
    const leaderEpoch = store.state.leaderEpoch + 1;
    // Under way while the logs are opened: no client sees the new epoch before it is stored.
    const started = store.change(() => ({ records: recordsOfStart(store, options, nodeId), finish: () => {} }));
    // It is waited for below; until then a failure is nobody's.
    started.catch(() => {});
    applyDynamicSettings(store, settings, nodeId);
    const watcher: LeaderWatcher = { leaderMoved: () => {} };
    const replication: Replication = new Replication({
      brokers: options.brokers ?? [{ id: nodeId, rack: null }],
      isSole: options.brokers === undefined,
      store,
      logger,
      minIsr: ({ topic }) => minInsyncReplicas(topics.get(topic), settings),
      leaderMoved: (partition, from, to) => watcher.leaderMoved(partition, from, to),
    });
    const topics: Topics = new Topics({ runtime, logger, settings, store, replication });
    let logs: LogManager | null = null;
    try {
      logs = await LogManager.open({
        runtime,
        logger,
        dataDirectory,
        config: logManagerConfig(settings),
        partitions: [...topics.expected(leaderEpoch)],
        deletedTopicIds: store.state.deletedTopicIds,
      });
      topics.attach(logs);
      await started;
      // A new directory's first record also sets a default.
      applyDynamicSettings(store, settings, nodeId);
      warnAboutStrays(logs, logger);
      return new ClusterState({ options, nodeId, store, topics, logs, replication, watcher });
    } catch (error) {
      await logs?.close();
      await store.close();
      throw error;
    }
  }

  topic(name: string): Topic | undefined {
    return this.topicTable.get(name);
  }

  topicById(id: string): Topic | undefined {
    return this.topicTable.getById(id);
  }

  topics(): Iterable<Topic> {
    return this.topicTable.all();
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.topicTable.get(topic)?.partitions[index];
  }

  /** Whether a broker leads a partition; always, while there is only one. */
  isLeader(partition: Partition, nodeId: number): boolean {
    return this.replication.isSole || this.replication.of(partition).leader === nodeId;
  }

  /** A broker starts: its settings follow what is set for it and for all. */
  join(nodeId: number, settings: Settings): void {
    this.nodeSettings.set(nodeId, settings);
    applyDynamicSettings(this.store, settings, nodeId);
  }

  /** Makes topics, all that may be made in one change; with `validateOnly` only says what would become of them. Resolves when they are stored durably and can be used. */
  async createTopics(topics: readonly NewTopic[], validateOnly = false): Promise<TopicOutcome[]> {
    const outcomes = await this.topicTable.create(topics, validateOnly);
    const made = outcomes.flatMap(({ topic }) => (topic === null ? [] : [topic.name]));
    if (made.length > 0) this.coordinators.topicsChanged(made);
    return outcomes;
  }

  /** Like `createTopics`, for one. Two calls for one name at the same time: the second gets TOPIC_ALREADY_EXISTS. */
  async createTopic(topic: NewTopic): Promise<TopicOutcome> {
    const [outcome] = await this.createTopics([topic]);
    return outcome!;
  }

  /** For auto-creation and `__consumer_offsets`: like `createTopic`, but a topic that is already there (or just being made) is a success. */
  async ensureTopic(topic: NewTopic): Promise<TopicOutcome> {
    const existing = this.topic(topic.name);
    if (existing !== undefined) return this.present(existing);
    const outcome = await this.createTopic(topic);
    if (outcome.errorCode !== errorCodes.TOPIC_ALREADY_EXISTS) return outcome;
    const made = this.topic(topic.name);
    return made === undefined ? outcome : this.present(made);
  }

  async createPartitions(request: NewPartitions, validateOnly: boolean): Promise<Refusal> {
    const outcome = await this.topicTable.grow(request, validateOnly);
    if (outcome.errorCode === errorCodes.NONE && !validateOnly) this.coordinators.topicsChanged([request.name]);
    return outcome;
  }

  /** Deletes a topic, its settings, its logs and what groups have committed for it. */
  async deleteTopic(id: string): Promise<Refusal> {
    const topic = this.topicTable.getById(id);
    const outcome = await this.topicTable.delete(id);
    if (outcome.errorCode === errorCodes.NONE && topic !== undefined) this.coordinators.topicDeleted(topic);
    return outcome;
  }

  /** What is set for a topic, a broker (all brokers: an empty name) or a group. */
  configsOf(resource: ConfigResource): ReadonlyMap<string, string> {
    return this.store.state.configsOf(resource);
  }

  /** The resources of a type that anything is set for. */
  configuredNames(type: number): string[] {
    return this.store.state.configuredNames(type);
  }

  /** Changes settings, each resource by itself, by way of a broker; with `validateOnly` only says what would become of it. */
  async alterConfigs(changes: readonly ConfigChange[], validateOnly: boolean, by: ConfiguringNode): Promise<Refusal[]> {
    const outcomes: Refusal[] = [];
    for (const change of changes) outcomes.push(await this.alterConfig(change, validateOnly, by));
    return outcomes;
  }

  /** A producer id that was never given out before. Rejects with a `MetadataUnavailableError` when that cannot be made sure. */
  allocateProducerId(): Promise<number> {
    return this.producerIds.allocate();
  }

  /** Lets the logs finish, syncs and marks the stop as a clean one. */
  async close(): Promise<void> {
    await this.logs.close();
    await this.store.close();
  }

  private async alterConfig(change: ConfigChange, validateOnly: boolean, by: ConfiguringNode): Promise<Refusal> {
    const view = {
      nodeId: by.id,
      settings: by.settings,
      hasTopic: (name: string) => this.topicTable.get(name) !== undefined,
      configsOf: (resource: ConfigResource) => this.configsOf(resource),
    };
    try {
      return await this.store.change<Refusal>(() => {
        const plan = planConfigChange(change, view);
        if ("errorCode" in plan) return { records: [], finish: () => plan };
        const finish = () => (validateOnly ? refusal(errorCodes.NONE, null) : this.applyConfigs(change.resource, plan));
        return { records: validateOnly ? [] : plan, finish };
      });
    } catch (error) {
      if (!(error instanceof MetadataUnavailableError)) throw error;
      return refusal(errorCodes.KAFKA_STORAGE_ERROR, error.message);
    }
  }

  private applyConfigs(resource: ConfigResource, records: readonly MetadataRecord[]): Refusal {
    if (resource.type === resourceTypes.topic) this.topicTable.configureTopic(resource.name);
    if (resource.type === resourceTypes.broker) {
      applyDynamicSettings(this.store, this.options.settings, this.nodeId);
      for (const [nodeId, settings] of this.nodeSettings) applyDynamicSettings(this.store, settings, nodeId);
      this.topicTable.configure();
    }
    for (const record of records) {
      if (record.kind !== "config") continue;
      const what = { resource: `${resource.type}:${resource.name}`, name: record.name, value: record.value };
      this.options.logger.info("setting changed", what);
    }
    return refusal(errorCodes.NONE, null);
  }

  /** A partition of `__consumer_offsets`; the topic is made if need be. Rejects where that cannot be. */
  offsetsPartition(index: number): Partition | Promise<Partition> {
    return this.partition(offsetsTopicName, index) ?? this.makeOffsetsPartition(index);
  }

  private present(topic: Topic): TopicOutcome {
    const replicationFactor = this.topicTable.replicationFactorOf(topic);
    const counts = { partitionCount: topic.partitions.length, replicationFactor };
    return { errorCode: errorCodes.NONE, errorMessage: null, topic, ...counts, configs: topic.configOverrides };
  }

  private async makeOffsetsPartition(index: number): Promise<Partition> {
    const { topic, errorMessage } = await this.ensureTopic({ name: offsetsTopicName });
    const partition = topic?.partitions[index];
    if (partition === undefined) throw new Error(errorMessage ?? `${offsetsTopicName} has no partition ${index}`);
    return partition;
  }
}

function warnAboutStrays(logs: LogManager, logger: Logger): void {
  for (const { name } of logs.strays) {
    logger.warn("a directory in the log belongs to no known topic; left alone", { directory: name });
  }
}

function minInsyncReplicas(topic: Topic | undefined, settings: Settings): number {
  const override = topic?.configOverrides.get("min.insync.replicas");
  return override === undefined ? settings.number("min.insync.replicas") : Number(override);
}

/** Whose data it is: the id that the directory was made with stays, and one that is asked for must be that. */
function checkIdentity(store: MetadataStore, { nodeId, dataDirectory, runtime }: ClusterStateOptions): number {
  const { state } = store;
  if (state.clusterId !== null) {
    if (nodeId === null || nodeId === state.nodeId) return state.nodeId;
    throw new DataDirectoryError(
      `data directory ${dataDirectory} belongs to broker ${state.nodeId}, not to broker ${nodeId}`,
    );
  }
  const inLog = runtime.disk.stat(`${dataDirectory}/log`) === null ? [] : runtime.disk.list(`${dataDirectory}/log`);
  // Files there (checkpoints) may be what a first start has left that failed.
  if (!inLog.some((entry) => entry.isDirectory)) return nodeId ?? 1;
  throw new DataDirectoryError(
    `data directory ${dataDirectory} holds logs, but its metadata.log is empty; restore it from a copy`,
  );
}

function recordsOfStart(store: MetadataStore, options: ClusterStateOptions, nodeId: number): MetadataRecord[] {
  const epoch: MetadataRecord = { kind: "leaderEpoch", leaderEpoch: store.state.leaderEpoch + 1 };
  if (store.state.clusterId !== null) return [epoch];
  // Kafka does the same when it formats a directory: new clusters have min.insync.replicas as a setting of the cluster.
  const minInsyncReplicas: MetadataRecord = {
    kind: "config",
    resourceType: resourceTypes.broker,
    resourceName: "",
    name: "min.insync.replicas",
    value: options.settings.text("min.insync.replicas"),
  };
  return [{ kind: "cluster", clusterId: randomTopicId(options.runtime.random), nodeId }, epoch, minInsyncReplicas];
}

function applyDynamicSettings(store: MetadataStore, settings: Settings, nodeId: number): void {
  const configsOf = (name: string) => new Map(store.state.configsOf({ type: resourceTypes.broker, name }));
  settings.setDynamic(configsOf(""), configsOf(String(nodeId)));
}

function logManagerConfig(settings: Settings): LogManagerConfig {
  return {
    flush: settings.text("flush") as LogManagerConfig["flush"],
    flushIntervalMs: settings.number("flush.interval.ms"),
    backgroundSyncBytes: settings.number("log.background.sync.bytes"),
    maxUnsyncedBytes: settings.number("log.max.unsynced.bytes"),
    maxOpenFiles: settings.number("log.max.open.files"),
    readBufferPoolBytes: settings.number("log.read.buffer.pool.bytes"),
    maxDecompressedBytes: settings.number("max.decompressed.bytes"),
    logRetentionCheckIntervalMs: settings.number("log.retention.check.interval.ms"),
    logInitialTaskDelayMs: settings.number("log.initial.task.delay.ms"),
    logFlushOffsetCheckpointIntervalMs: settings.number("log.flush.offset.checkpoint.interval.ms"),
    producerIdExpirationMs: settings.number("producer.id.expiration.ms"),
    producerIdExpirationCheckIntervalMs: settings.number("producer.id.expiration.check.interval.ms"),
    logCleanerEnable: settings.boolean("log.cleaner.enable"),
    logCleanerBackoffMs: settings.number("log.cleaner.backoff.ms"),
    logCleanerDedupeBufferSize: settings.number("log.cleaner.dedupe.buffer.size"),
    logCleanerIoMaxBytesPerSecond: settings.number("log.cleaner.io.max.bytes.per.second"),
  };
}
