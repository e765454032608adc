import { murmur2, partitionForKey, type RecordBytes } from "@ottla/protocol";
import type { Random } from "@ottla/runtime";
import type { TopicMetadata } from "../metadata.ts";

/** What a partitioner decides on. */
export interface PartitionerInput<K, V> {
  readonly topic: string;
  readonly key: K | null;
  readonly value: V | null;
  /** How many partitions the topic has. */
  readonly partitionCount: number;
  /** Those that have a leader now. */
  readonly available: readonly number[];
}

/** Says which partition a record goes to: a whole number from 0 to `partitionCount` - 1. */
export type Partitioner<K, V> = (record: PartitionerInput<K, V>) => number;

/** What waits for one partition. */
interface WaitingBatches {
  readonly batches: { readonly length: number };
}

/** Keys of up to so many characters are hashed without a buffer of their own. */
const longestScratch = 256;

/**
 * Partitions by key as Java's default partitioner does. Text is hashed as its UTF-8.
 */
export class KeyPartitioner {
  readonly #scratch = Buffer.alloc(longestScratch);
  /** By length: the beginning of the scratch buffer. */
  readonly #views: Buffer[] = [];

  partition(key: string | Uint8Array, partitionCount: number): number {
    if (typeof key !== "string") return partitionForKey(key, partitionCount);
    const length = key.length;
    if (length > longestScratch) return partitionForKey(Buffer.from(key), partitionCount);
    const scratch = this.#scratch;
    for (let index = 0; index < length; index++) {
      const unit = key.charCodeAt(index);
      if (unit > 0x7f) return partitionForKey(Buffer.from(key), partitionCount);
      scratch[index] = unit;
    }
    return (murmur2(this.#view(length)) & 0x7fffffff) % partitionCount;
  }

  #view(length: number): Buffer {
    while (this.#views.length <= length) this.#views.push(this.#scratch.subarray(0, this.#views.length));
    return this.#views[length]!;
  }
}

/**
 * Where records without a key go: one partition until about a batch's worth has gone there, then another (KIP-794). The next one is drawn among those with a leader, the likelier the less is waiting for it.
 */
export class StickyPartitioner {
  readonly #random: Random;
  readonly #batchSize: number;
  readonly #isAdaptive: boolean;
  #partition = -1;
  #size = 0;

  constructor(random: Random, batchSize: number, isAdaptive: boolean) {
    this.#random = random;
    this.#batchSize = Math.max(1, batchSize);
    this.#isAdaptive = isAdaptive;
  }

  /** The current partition. */
  current(topic: TopicMetadata, queues: readonly (WaitingBatches | undefined)[]): number {
    if (this.#partition < 0 || this.#partition >= topic.partitions.length) this.#partition = this.#draw(topic, queues);
    return this.#partition;
  }

  /** Counts a record that went to the current partition; its batch may have been closed by it, which is a good moment to go on. */
  note(size: number, isBatchFull: boolean): void {
    this.#size += size;
    // Waiting for the batch to be full avoids fractions of batches; twice its size is enough in any case.
    if (this.#size < this.#batchSize || (!isBatchFull && this.#size < 2 * this.#batchSize)) return;
    this.#partition = -1;
    this.#size = 0;
  }

  #draw(topic: TopicMetadata, queues: readonly (WaitingBatches | undefined)[]): number {
    const { partitions } = topic;
    const available = partitions.filter((partition) => partition.leaderId >= 0);
    if (available.length === 0) return this.#random.integer(partitions.length);
    const waiting = available.map((partition) =>
      this.#isAdaptive ? (queues[partition.index]?.batches.length ?? 0) : 0,
    );
    let most = 0;
    for (const count of waiting) most = Math.max(most, count);
    let total = 0;
    for (const count of waiting) total += most + 1 - count;
    let drawn = this.#random.integer(total);
    for (const [index, count] of waiting.entries()) {
      drawn -= most + 1 - count;
      if (drawn < 0) return available[index]!.index;
    }
    return available[0]!.index;
  }
}

/** How many bytes a key or value will take at least: what the sticky partitioner counts. */
export function roughSize(bytes: RecordBytes): number {
  return bytes === null ? 0 : bytes.length;
}
