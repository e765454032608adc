import type { RecordBytes, RecordHeaderInput } from "@ottla/protocol";
import type { TopicMetadata } from "../metadata.ts";
import type { SerdeContext } from "../serde.ts";
import type { Batch, BatchQueue, Waiter } from "./batch.ts";
import { PartitionQueue } from "./partition-queue.ts";
import type { StickyPartitioner } from "./partitioner.ts";

/** A record that has been serialized and waits to get into a batch. */
export interface WaitingRecord {
  readonly topic: TopicState;
  readonly key: RecordBytes;
  readonly value: RecordBytes;
  readonly headers: RecordHeaderInput[] | undefined;
  readonly timestamp: number;
  /** -1 for the partitioner to say. */
  readonly partition: number;
  /** For a partitioner of the program's own. */
  readonly original: OriginalRecord;
  readonly waiter: Waiter;
  readonly slot: number;
  /** When it is given up, of `clock.monotonic()`. */
  readonly deadline: number;
}

/** Key and value before they were serialized. */
export interface OriginalRecord {
  readonly key?: unknown;
  readonly value: unknown;
}

/** What the producer keeps for a topic that it sends to. */
export class TopicState {
  readonly name: string;
  readonly keyContext: SerdeContext;
  readonly valueContext: SerdeContext;
  readonly sticky: StickyPartitioner;
  /** Undefined while it is not known (any more). */
  metadata: TopicMetadata | undefined;
  /** By partition; made when first used. */
  readonly queues: (BatchQueue | undefined)[] = [];
  /** Records that wait for metadata, in order. */
  waiting: WaitingRecord[] = [];
  isLearning = false;
  /** Of `clock.monotonic()`: when a batch was begun last. */
  lastUsedAt: number;

  constructor(name: string, sticky: StickyPartitioner, now: number) {
    this.name = name;
    this.sticky = sticky;
    this.lastUsedAt = now;
    this.keyContext = { topic: name, part: "key" };
    this.valueContext = { topic: name, part: "value" };
  }

  queue(partition: number): BatchQueue {
    const known = this.queues[partition];
    if (known !== undefined) return known;
    // Holes would make the array slow.
    while (this.queues.length < partition) this.queues.push(undefined);
    const queue = new PartitionQueue<Batch>(this.name, partition);
    this.queues[partition] = queue;
    return queue;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.queues.every((queue) => queue === undefined || queue.isIdle);
  }
}
