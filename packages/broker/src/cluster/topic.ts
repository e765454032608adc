import type { LogConfig } from "../log/config.ts";
import type { Partition } from "../log/partition.ts";

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

/** Which brokers hold a partition. */
export interface ReplicaAssignment {
  readonly partitionIndex: number;
  readonly brokerIds: readonly number[];
}

/** A topic to be made. What is missing, and -1, takes the broker's default. */
export interface NewTopic {
  readonly name: string;
  readonly partitionCount?: number;
  readonly replicationFactor?: number;
  /** The caller's own placement, instead of the two counts. */
  readonly assignments?: readonly ReplicaAssignment[];
  readonly configs?: ReadonlyMap<string, string | null>;
}

/** Why something is not done: an error code and a message in Kafka's words; null stands for Kafka's general message of the code. */
export interface Refusal {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** What became of a change to a topic: with `errorCode` 0 the topic is there, unless it was only asked whether it could be made. */
export interface TopicOutcome extends Refusal {
  readonly topic: Topic | null;
  /** What a topic that is only validated would have. */
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly configs: ReadonlyMap<string, string>;
}

/** More partitions for a topic. */
export interface NewPartitions {
  readonly name: string;
  /** How many it should have afterwards. */
  readonly count: number;
  /** The brokers of each new partition; null leaves it to the broker. */
  readonly assignments: readonly (readonly number[])[] | null;
}

/** The topic that consumer groups are kept in. */
export const offsetsTopicName = "__consumer_offsets";

const internalNames: ReadonlySet<string> = new Set([offsetsTopicName, "__transaction_state", "__share_group_state"]);

/** Whether a topic is the cluster's own (Kafka's `Topic.isInternal`). */
export function isInternalTopic(name: string): boolean {
  return internalNames.has(name);
}
