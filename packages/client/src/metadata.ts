import type { BrokerAddress, BrokerPool } from "./broker-pool.ts";
import type { KafkaError } from "./errors.ts";

export interface PartitionMetadata {
  readonly index: number;
  /** -1 while there is none. */
  readonly leaderId: number;
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly offlineReplicas: readonly number[];
  /** Kafka's code; 0 where all is well. */
  readonly errorCode: number;
}

export interface TopicMetadata {
  readonly name: string;
  /** Kafka's base64url form; null where the broker does not say (before Kafka 2.8). */
  readonly topicId: string | null;
  readonly isInternal: boolean;
  /** By index; always 0, 1, 2, ... without a hole. */
  readonly partitions: readonly PartitionMetadata[];
}

/** Where a partition is led, and since which epoch (-1 where the broker does not say). */
export interface Leader {
  readonly nodeId: number;
  readonly epoch: number;
}

export interface MetadataOptions {
  readonly pool: BrokerPool;
  /** Whether asking for a topic may create it, where the broker is set so. Default true. */
  readonly allowAutoTopicCreation?: boolean;
}

/** What the client knows about the cluster: brokers, topics, leaders. */
export class Metadata {
  readonly clusterId: string | null = null;
  readonly controllerId: number = -1;
  readonly brokers: readonly BrokerAddress[] = [];

  constructor(_options: MetadataOptions) {}

  /** All topics that are known, by name. */
  get topics(): ReadonlyMap<string, TopicMetadata> {
    throw new Error("not yet");
  }

  topic(_name: string): TopicMetadata | undefined {
    throw new Error("not yet");
  }

  topicById(_topicId: string): TopicMetadata | undefined {
    throw new Error("not yet");
  }

  /** Why the last refresh found no topic of that name; undefined where it found one or was not asked. */
  topicError(_name: string): KafkaError | undefined {
    throw new Error("not yet");
  }

  /** Undefined while the partition is unknown or has no leader. */
  leader(_topic: string, _partition: number): Leader | undefined {
    throw new Error("not yet");
  }

  /**
   * Asks a broker, once, for these topics (and all that are tracked), or for all topics there are. Calls at the same time share requests. Resolves when the answer has been taken in, whatever
   * it says of single topics (`topicError`); rejects when no broker answered.
   */
  refresh(_topics: readonly string[] | "all", _signal?: AbortSignal): Promise<void> {
    throw new Error("not yet");
  }

  /**
   * Resolves with the topic once it is known (at once where it is), refreshing with back-off until `deadline` (of `clock.monotonic()`). Rejects with the topic's own error where that is
   * not retriable, with a `TimeoutError` whose cause is the last error otherwise.
   */
  ensureTopic(_name: string, _deadline: number, _signal?: AbortSignal): Promise<TopicMetadata> {
    throw new Error("not yet");
  }

  /** Says that what is known of a topic's leaders is out of date: it stays readable, and a refresh starts soon (with back-off, shared). */
  invalidate(_topic: string): void {
    throw new Error("not yet");
  }

  /** Takes over a newer leader that a Produce or Fetch answer named (KIP-951); false where it is not newer than what is known. */
  updateLeader(_topic: string, _partition: number, _leader: Leader, _endpoint?: BrokerAddress): boolean {
    throw new Error("not yet");
  }

  /** Keeps the topic fresh: it is part of every refresh from now on, and refreshed when older than `metadataMaxAgeMs`. */
  track(_topics: Iterable<string>): void {
    throw new Error("not yet");
  }

  /** Stops keeping these fresh. */
  untrack(_topics: Iterable<string>): void {
    throw new Error("not yet");
  }

  /** As `track`, for all topics there are: for subscriptions by pattern. */
  trackAll(_on: boolean): void {
    throw new Error("not yet");
  }

  /** Called after each refresh that was taken in, and after `updateLeader`. Returns what ends it. */
  onChange(_listener: () => void): () => void {
    throw new Error("not yet");
  }

  close(): void {
    throw new Error("not yet");
  }
}
