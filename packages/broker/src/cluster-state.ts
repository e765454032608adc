import type { GroupCoordinator } from "./coordinator/coordinator.ts";
import type { LogConfig } from "./log/config.ts";
import type { Partition } from "./log/partition.ts";

/** A topic as the cluster's metadata knows it. The object stays the same while the topic lives. */
export interface Topic {
  readonly name: string;
  /** Kafka's base64url form. */
  readonly id: string;
  /** True for `__consumer_offsets` and its like: clients may read but not write it. */
  readonly isInternal: boolean;
  /** By index; grows when partitions are added. */
  readonly partitions: readonly Partition[];
  /** Only what was set for this topic, by name, as text. */
  readonly configOverrides: ReadonlyMap<string, string>;
  /** Overrides, the broker's defaults and Kafka's in one. */
  readonly config: LogConfig;
}

/** A topic to be made. What is missing takes the broker's default. */
export interface NewTopic {
  readonly name: string;
  readonly partitionCount?: number;
  readonly configs?: ReadonlyMap<string, string>;
}

/** What became of a change to the cluster: `topic` is there exactly when `errorCode` is 0. */
export interface TopicOutcome {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly topic: Topic | null;
}

/** What all brokers of a cluster agree on: topics, their partitions and settings, coordinators. */
export interface ClusterState {
  /** Kafka's base64url form. */
  readonly clusterId: string;
  readonly groups: GroupCoordinator;
  topic(name: string): Topic | undefined;
  topicById(id: string): Topic | undefined;
  topics(): Iterable<Topic>;
  partition(topic: string, index: number): Partition | undefined;
  /** The broker that leads a partition; always this one while there is only one. */
  isLeader(partition: Partition): boolean;
  /**
   * Makes a topic; resolves when it is stored durably and can be used. Two calls for one name at the same time: the second gets TOPIC_ALREADY_EXISTS.
   */
  createTopic(topic: NewTopic): Promise<TopicOutcome>;
  /** For auto-creation and `__consumer_offsets`: like `createTopic`, but a topic that is already there (or just being made) is a success. */
  ensureTopic(topic: NewTopic): Promise<TopicOutcome>;
}
