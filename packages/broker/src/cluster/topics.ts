import { errorCodes } from "@ottla/protocol";
import type { Logger, Runtime } from "@ottla/runtime";
import type { Settings } from "../config/settings.ts";
import type { ExpectedPartition, LogManager } from "../log/log-manager.ts";
import { LiveTopic } from "./live-topic.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { resourceTypes, type TopicMetadata } from "./metadata-state.ts";
import { type Decision, type MetadataStore, MetadataUnavailableError } from "./metadata-store.ts";
import { type NewPartitions, type NewTopic, offsetsTopicName, type Refusal, type TopicOutcome } from "./topic.ts";
import {
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
  readonly nodeId: number;
  readonly store: MetadataStore;
}

const noConfigs: ReadonlyMap<string, string> = new Map();
const done: Refusal = { errorCode: errorCodes.NONE, errorMessage: null };

/** The cluster's topics: making, growing, configuring and deleting them, in the metadata log first and then as logs. */
export class Topics {
  private readonly options: TopicsOptions;
  private readonly byName = new Map<string, LiveTopic>();
  private readonly byId = new Map<string, LiveTopic>();
  private logs: LogManager | null = null;

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
    for (const metadata of this.options.store.state.topics.values()) {
      const topic = this.add(metadata);
      for (let index = 0; index < metadata.partitionCount; index++)
        yield this.expectedPartition(topic, index, leaderEpoch);
    }
  }

  /** Takes the logs over once they are open. */
  attach(logs: LogManager): void {
    this.logs = logs;
    for (const { name, partitionCount } of this.options.store.state.topics.values()) {
      const topic = this.byName.get(name)!;
      for (let index = 0; index < partitionCount; index++) topic.partitions.push(logs.partition(name, index)!);
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
          "errorCode" in plan ? [] : this.recordsOf(topics[index]!.name, plan),
        );
        const finish = () => plans.map((plan, index) => this.outcomeOf(topics[index]!.name, plan, validateOnly));
        return {
          records: validateOnly ? [] : records,
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
        const refused = checkNewPartitions(request, topic.partitions.length, this.options.nodeId);
        if (refused !== null || validateOnly) return nothing(refused ?? done);
        const record: MetadataRecord = { kind: "partitionCount", topicId: topic.id, partitionCount: request.count };
        return { records: [record], finish: () => this.afterGrowth(topic, request.count) };
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
        nodeId: this.options.nodeId,
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
      replicationFactor: 1,
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
    return [topic, ...configs];
  }

  private afterCreation<Result>(records: readonly MetadataRecord[], finish: () => Result): Result {
    const { store, logger } = this.options;
    for (const record of records) {
      if (record.kind !== "topic") continue;
      const topic = this.add(record);
      for (let index = 0; index < record.partitionCount; index++) {
        topic.partitions.push(
          this.logs!.createPartition(this.expectedPartition(topic, index, store.state.leaderEpoch)),
        );
      }
      logger.info("topic created", { topic: topic.name, partitions: record.partitionCount, topicId: topic.id });
    }
    return finish();
  }

  private outcomeOf(name: string, plan: TopicPlan | Refusal, validateOnly: boolean): TopicOutcome {
    if ("errorCode" in plan) return failed(plan);
    const topic = validateOnly ? null : (this.byName.get(name) ?? null);
    return { ...done, topic, partitionCount: plan.partitionCount, replicationFactor: 1, configs: plan.configs };
  }

  private afterGrowth(topic: LiveTopic, count: number): Refusal {
    const { store, logger } = this.options;
    const before = topic.partitions.length;
    for (let index = before; index < count; index++) {
      topic.partitions.push(this.logs!.createPartition(this.expectedPartition(topic, index, store.state.leaderEpoch)));
    }
    logger.info("partitions added", { topic: topic.name, before, partitions: count });
    return done;
  }

  private afterDeletion(topic: LiveTopic): Refusal {
    this.byName.delete(topic.name);
    this.byId.delete(topic.id);
    this.logs!.deleteTopic(topic.name);
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

  private expectedPartition(topic: LiveTopic, index: number, leaderEpoch: number): ExpectedPartition {
    return { topic: topic.name, index, topicId: topic.id, leaderEpoch, config: topic.config };
  }
}

function nothing(result: Refusal): Decision<Refusal> {
  return { records: [], finish: () => result };
}

function failed(refused: Refusal): TopicOutcome {
  return { ...refused, topic: null, partitionCount: -1, replicationFactor: -1, configs: noConfigs };
}
