import type { KafkaError } from "../errors.ts";
import type { TopicPartition, TopicPartitionOffset } from "./topic-partition.ts";

/** Events of a consumer, for logs and metrics. What the application has to act on reaches it through iteration and the rebalance listener. */
export interface ConsumerEvents {
  /** The group gave this consumer partitions. */
  assigned: [partitions: readonly TopicPartition[]];
  /** Partitions have been let go of for a rebalance, or on the way out. */
  revoked: [partitions: readonly TopicPartition[]];
  /** Partitions were lost: the group counts this consumer out. */
  lost: [partitions: readonly TopicPartition[]];
  /** The coordinator has these offsets. */
  committed: [offsets: readonly TopicPartitionOffset[]];
  /** A commit failed that nobody waits for: an automatic one, or a `commitAsync` without a callback. */
  commitFailed: [error: KafkaError, offsets: readonly TopicPartitionOffset[]];
  /** The application has not asked for the next message within `maxPollIntervalMs`: the consumer has left its group and joins again when it asks. */
  pollTimedOut: [report: PollTimeoutReport];
}

export interface PollTimeoutReport {
  /** How long the application has been busy, in milliseconds, so far. */
  readonly busyMs: number;
  readonly maxPollIntervalMs: number;
  readonly maxPollRecords: number;
  /** All of it in words, with what to do. */
  readonly message: string;
}
