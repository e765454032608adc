import { errorCodes } from "@ottla/protocol";
import type { Logger, Runtime } from "@ottla/runtime";
import type { Settings } from "../config/settings.ts";
import type { ExpectedPartition, LogManager } from "../log/log-manager.ts";
import type { Partition } from "../log/partition.ts";
import { LiveTopic } from "./live-topic.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { resourceTypes, type TopicMetadata } from "./metadata-state.ts";
import { type Decision, type MetadataStore, MetadataUnavailableError } from "./metadata-store.ts";
import { placeReplicas } from "./placement.ts";
import type { Replication } from "./replication.ts";
import {
  type NewPartitions,
  type NewTopic,
  offsetsTopicName,
  type Refusal,
  type Topic,
  type TopicOutcome,
} from "./topic.ts";
import {
  type BrokersView,
  checkNewPartitions,
  maxPartitionsPerRequest,
  planTopic,
  refusal,
  type TopicPlan,
  tooManyPartitions,
} from "./topic-rules.ts";
import { randomTopicId } from "./uuid.ts";

export interface TopicsOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly store: MetadataStore;
  readonly replication: Replication;
}

const noConfigs: ReadonlyMap<string, string> = new Map();
const done: Refusal = { errorCode: errorCodes.NONE, errorMessage: null };

/** The cluster's topics: making, growing, configuring and deleting them, in the metadata log first and then as logs. */
export class Topics {
  private readonly options: TopicsOptions;
  private readonly byName = new Map<string, LiveTopic>();
  private readonly byId = new Map<string, LiveTopic>();
  private logs: LogManager | null = null;
  /** The leader epoch that partitions have when they are made or this process began. */
  private leaderEpoch = 0;

  constructor(options: TopicsOptions) {
    this.options = options;
  }

  get(name: string): LiveTopic | undefined {
    return this.byName.get(name);
  }

  getById(id: string): LiveTopic | undefined {
    return this.byId.get(id);
  }

  all(): Iterable<LiveTopic> {
    return this.byName.values();
  }

  get names(): Iterable<string> {
    return this.byName.keys();
  }

  /** The partitions that the metadata says should be there. */
  *expected(leaderEpoch: number): Iterable<ExpectedPartition> {
    this.leaderEpoch = leaderEpoch;
    for (const metadata of this.options.store.state.topics.values()) {
      const topic = this.add(metadata);
      for (let index = 0; index < metadata.partitionCount; index++) yield this.expectedPartition(topic, index);
    }
  }

  /** Takes the logs over once they are open. */
  attach(logs: LogManager): void {
    this.logs = logs;
    for (const { name, partitionCount } of this.options.store.state.topics.values()) {
      const topic = this.byName.get(name)!;
      for (let index = 0; index < partitionCount; index++) this.addPartition(topic, logs.partition(name, index)!);
    }
  }

  /**
   * Makes topics, all that may be made in one change (Kafka's `createTopics`); with `validateOnly` only says what would become of them. Resolves when they are stored and can
   * be used.
   */
  create(topics: readonly NewTopic[], validateOnly = false): Promise<TopicOutcome[]> {
    const { store } = this.options;
    return this.change(
      () => {
        const plans = this.plan(topics);
        const records = plans.flatMap((plan, index) =>
          "errorCode" in plan || validateOnly ? [] : this.recordsOf(topics[index]!.name, plan),
        );
        const finish = () => plans.map((plan, index) => this.outcomeOf(topics[index]!.name, plan, validateOnly));
        return {
          records,
          finish: () => (validateOnly ? finish() : this.afterCreation(records, finish)),
        };
      },
      (refused) => topics.map(() => failed(refused)),
      store,
    );
  }

  /** Adds partitions (Kafka's `createPartitions`). */
  grow(request: NewPartitions, validateOnly: boolean): Promise<Refusal> {
    return this.change<Refusal>(
      () => {
        const topic = this.byName.get(request.name);
        if (topic === undefined) return nothing(refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, null));
        const partitionCount = topic.partitions.length;
        const replicationFactor = this.replicationFactorOf(topic);
        const refused = checkNewPartitions(request, { partitionCount, replicationFactor }, this.brokers);
        if (refused !== null || validateOnly) return nothing(refused ?? done);
        const record: MetadataRecord = { kind: "partitionCount", topicId: topic.id, partitionCount: request.count };
        const count = request.count - partitionCount;
        const replicas = this.replicasRecord(topic.id, partitionCount, count, replicationFactor, request.assignments);
        return { records: [record, ...replicas], finish: () => this.afterGrowth(topic, request.count) };
      },
      (refused) => refused,
    );
  }

  /** Deletes a topic and its logs. */
  delete(id: string): Promise<Refusal> {
    return this.change<Refusal>(
      () => {
        const topic = this.byId.get(id);
        if (topic === undefined) return nothing(refusal(errorCodes.UNKNOWN_TOPIC_ID, null));
        return { records: [{ kind: "topicRemoved", topicId: id }], finish: () => this.afterDeletion(topic) };
      },
      (refused) => refused,
    );
  }

  /** After settings have changed: gives every log what is in force now. */
  configure(): void {
    for (const topic of this.byName.values()) {
      topic.configure(this.overridesOf(topic.name), this.options.settings);
      this.logs?.updateTopicConfig(topic.name, topic.config);
    }
  }

  /** Like `configure`, for one topic. */
  configureTopic(name: string): void {
    const topic = this.byName.get(name);
    if (topic === undefined) return;
    topic.configure(this.overridesOf(name), this.options.settings);
    this.logs?.updateTopicConfig(name, topic.config);
  }

  private async change<Result>(
    decide: () => Decision<Result>,
    refuse: (refused: Refusal) => Result,
    store = this.options.store,
  ): Promise<Result> {
    try {
      return await store.change(decide);
    } catch (error) {
      if (!(error instanceof MetadataUnavailableError)) throw error;
      return refuse(refusal(errorCodes.KAFKA_STORAGE_ERROR, error.message));
    }
  }

  private plan(asked: readonly NewTopic[]): (TopicPlan | Refusal)[] {
    const pending = new Set<string>();
    let budget = maxPartitionsPerRequest;
    const topics = asked.map((topic) => (topic.name === offsetsTopicName ? this.offsetsTopic() : topic));
    return topics.map((topic) => {
      const plan = planTopic(topic, {
        brokers: this.brokers,
        settings: this.options.settings,
        hasTopic: (name) => this.byName.has(name) || pending.has(name),
        topicNames: () => [...this.byName.keys(), ...pending],
      });
      if ("errorCode" in plan) return plan;
      budget -= plan.partitionCount;
      if (budget < 0) return tooManyPartitions();
      pending.add(topic.name);
      return plan;
    });
  }

  /** Whoever makes it, the topic of the groups is as its settings say. */
  private offsetsTopic(): NewTopic {
    const { settings } = this.options;
    return {
      name: offsetsTopicName,
      partitionCount: settings.number("offsets.topic.num.partitions"),
      replicationFactor: Math.min(settings.number("offsets.topic.replication.factor"), this.brokers.count),
      configs: new Map([
        ["compression.type", "producer"],
        ["cleanup.policy", "compact"],
        ["segment.bytes", settings.text("offsets.topic.segment.bytes")],
      ]),
    };
  }

  private recordsOf(name: string, plan: TopicPlan): MetadataRecord[] {
    const topicId = randomTopicId(this.options.runtime.random);
    const topic: MetadataRecord = { kind: "topic", topicId, name, partitionCount: plan.partitionCount };
    const configs = [...plan.configs].map(
      ([config, value]): MetadataRecord => ({
        kind: "config",
        resourceType: resourceTypes.topic,
        resourceName: name,
        name: config,
        value,
      }),
    );
    const { partitionCount, replicationFactor, replicas } = plan;
    return [topic, ...this.replicasRecord(topicId, 0, partitionCount, replicationFactor, replicas), ...configs];
  }

  private afterCreation<Result>(records: readonly MetadataRecord[], finish: () => Result): Result {
    const { logger } = this.options;
    for (const record of records) {
      if (record.kind !== "topic") continue;
      const topic = this.add(record);
      for (let index = 0; index < record.partitionCount; index++) {
        this.addPartition(topic, this.logs!.createPartition(this.expectedPartition(topic, index)));
      }
      logger.info("topic created", { topic: topic.name, partitions: record.partitionCount, topicId: topic.id });
    }
    return finish();
  }

  private outcomeOf(name: string, plan: TopicPlan | Refusal, validateOnly: boolean): TopicOutcome {
    if ("errorCode" in plan) return failed(plan);
    const topic = validateOnly ? null : (this.byName.get(name) ?? null);
    const { partitionCount, replicationFactor, configs } = plan;
    return { ...done, topic, partitionCount, replicationFactor, configs };
  }

  private afterGrowth(topic: LiveTopic, count: number): Refusal {
    const { logger } = this.options;
    const before = topic.partitions.length;
    for (let index = before; index < count; index++) {
      this.addPartition(topic, this.logs!.createPartition(this.expectedPartition(topic, index)));
    }
    logger.info("partitions added", { topic: topic.name, before, partitions: count });
    return done;
  }

  private afterDeletion(topic: LiveTopic): Refusal {
    this.byName.delete(topic.name);
    this.byId.delete(topic.id);
    this.logs!.deleteTopic(topic.name);
    for (const partition of topic.partitions) this.options.replication.remove(partition);
    this.options.logger.info("topic deleted", { topic: topic.name, topicId: topic.id });
    return done;
  }

  private add(metadata: TopicMetadata): LiveTopic {
    const topic = new LiveTopic(
      metadata.name,
      metadata.topicId,
      this.overridesOf(metadata.name),
      this.options.settings,
    );
    this.byName.set(topic.name, topic);
    this.byId.set(topic.id, topic);
    return topic;
  }

  private overridesOf(name: string): ReadonlyMap<string, string> {
    return new Map(this.options.store.state.configsOf({ type: resourceTypes.topic, name }));
  }

  private addPartition(topic: LiveTopic, partition: Partition): void {
    const { store, replication } = this.options;
    topic.partitions.push(partition);
    replication.add(partition, store.state.replicasOf(topic.id)[partition.index]);
  }

  /** As many as the first partition has, as in Kafka. */
  replicationFactorOf(topic: Topic): number {
    return this.options.replication.of(topic.partitions[0]!).replicas.length;
  }

  private get brokers(): BrokersView {
    const { replication } = this.options;
    const count = replication.usable().length;
    return { count, isRegistered: (id) => replication.isRegistered(id), isUp: (id) => replication.isUp(id) };
  }

  /** Where new partitions are placed; nothing where there is but one broker. */
  private replicasRecord(
    topicId: string,
    firstPartition: number,
    partitionCount: number,
    replicationFactor: number,
    wanted: readonly (readonly number[])[] | null,
  ): MetadataRecord[] {
    const { replication, runtime } = this.options;
    if (replication.isSole) return [];
    const { random } = runtime;
    const brokers = replication.usable();
    const replicas = wanted ?? placeReplicas({ brokers, partitionCount, replicationFactor, random });
    const partitions = replicas.map((brokerIds) => ({ brokerIds: [...brokerIds] }));
    return [{ kind: "replicas", topicId, firstPartition, partitions }];
  }

  private expectedPartition(topic: LiveTopic, index: number): ExpectedPartition {
    const { leaderEpoch } = this;
    return { topic: topic.name, index, topicId: topic.id, leaderEpoch, config: topic.config };
  }
}

function nothing(result: Refusal): Decision<Refusal> {
  return { records: [], finish: () => result };
}

function failed(refused: Refusal): TopicOutcome {
  return { ...refused, topic: null, partitionCount: -1, replicationFactor: -1, configs: noConfigs };
}
