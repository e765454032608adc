import type { KafkaError } from "../errors.ts";
import type { TopicPartition, TopicPartitionOffset } from "./topic-partition.ts";

/** Options of calls that ask the cluster. */
export interface ConsumerCallOptions {
  /** Default `defaultApiTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Rejects the promise with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An offset that the group has committed. */
export interface CommittedPosition extends TopicPartition {
  /** Null where nothing is committed. */
  readonly offset: number | null;
  /** -1 where it is not known. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** A timestamp to look up, in milliseconds since 1970. */
export interface TopicPartitionTimestamp extends TopicPartition {
  readonly timestamp: number;
}

/** What was found for a timestamp; nulls where no record is that young. */
export interface OffsetForTime extends TopicPartition {
  readonly offset: number | null;
  readonly timestamp: number | null;
  /** -1 where it is not known. */
  readonly leaderEpoch: number;
}

/** How far behind the consumer is in a partition. */
export interface ConsumerLag extends TopicPartition {
  /** The next offset that the application gets. */
  readonly position: number;
  /** The end of what the application may see: the last stable offset with `read_committed`. */
  readonly endOffset: number;
  /** How many offsets lie between; some of them may hold no record. */
  readonly lag: number;
}

/** Who this consumer is in its group (Kafka's ConsumerGroupMetadata). */
export interface GroupMetadata {
  readonly groupId: string;
  /** Empty while it is no member. */
  readonly memberId: string;
  /** -1 while it is part of no generation. */
  readonly generationId: number;
  readonly groupInstanceId: string | null;
}

/** Called with the outcome of a `commitAsync`: null where it succeeded. */
export type CommitCallback = (error: KafkaError | null, offsets: readonly TopicPartitionOffset[]) => void;
