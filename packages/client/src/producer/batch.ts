import type { BatchBuilder } from "@ottla/protocol";
import { BatchView } from "@ottla/protocol";
import type { KafkaError } from "../errors.ts";
import type { PartitionQueue, QueuedBatch } from "./partition-queue.ts";
import type { RecordMetadata } from "./record.ts";

/** Who waits for one record: the `resolve` of its promise, or the group of a `sendAll`. */
export type Waiter = ((outcome: RecordMetadata | Promise<never>) => void) | SendGroup;

/** Who waits for several records at once. */
export interface SendGroup {
  delivered(slot: number, metadata: RecordMetadata): void;
  failed(slot: number, error: KafkaError): void;
}

/**
 * Where a batch is on its way:
 * - `open`: takes records
 * - `queued`: waits to be sent, for the first time or again
 * - `inFlight`: sent, the answer has not come
 * - `done`: delivered or given up; a late answer changes nothing
 */
export type BatchState = "open" | "queued" | "inFlight" | "done";

/** The batches of one partition. */
export type BatchQueue = PartitionQueue<Batch>;

/** Records of one partition that travel together. */
export class Batch implements QueuedBatch {
  readonly queue: BatchQueue;
  /** Rises from batch to batch: the order in which they have to arrive. Parts of a split batch share their whole's. */
  readonly order: number;
  /** Which record of the whole a part of a split batch begins with; 0 for a whole. */
  readonly part: number;
  /** Of `clock.monotonic()`. */
  readonly createdAt: number;
  /** What it takes of `bufferMemory`. */
  readonly memory: number;
  readonly builder: BatchBuilder;
  state: BatchState = "open";
  /** Whether it waits for more records while it has room. */
  lingers = true;
  /** How often it was sent and has to be sent again. */
  attempts = 0;
  /** Not before that time of `clock.monotonic()`, unless the leader changes. */
  retryAt = 0;
  /** The leader's epoch when it was sent last. */
  sentLeaderEpoch = -1;
  producerId = -1;
  producerEpoch = -1;
  /** -1 until it is sent for the first time, and always without idempotence. */
  baseSequence = -1;
  ordinal = -1;
  /** Whether a failed attempt may have reached the log. */
  possiblyPersisted = false;
  /** Why the last attempt failed. */
  lastError: KafkaError | null = null;
  /** One per record, in order. */
  waiters: Waiter[] = [];
  /** Where in its group each record belongs; empty while all records have their own promise. */
  slots: number[] = [];
  timestamps: number[] = [];
  /** Neighbours in the list of incomplete batches, by creation. */
  older: Batch | null = null;
  newer: Batch | null = null;

  #bytes: Buffer | null = null;
  /** The producer state that is in the bytes. */
  #stampedEpoch = -1;
  #stampedSequence = -1;
  #stampedId = -1;

  constructor(fields: Pick<Batch, "queue" | "builder" | "order" | "part" | "createdAt" | "memory">) {
    this.queue = fields.queue;
    this.builder = fields.builder;
    this.order = fields.order;
    this.part = fields.part;
    this.createdAt = fields.createdAt;
    this.memory = fields.memory;
  }

  get recordCount(): number {
    return this.builder.count;
  }

  /** The bytes as they were last sent, or an estimate while there are none. */
  get size(): number {
    return this.#bytes?.length ?? this.builder.estimatedSize;
  }

  /** Adds who waits for the record that was just appended. */
  await(timestamp: number, waiter: Waiter, slot: number): void {
    if (slot >= 0 || this.slots.length > 0) {
      while (this.slots.length < this.waiters.length) this.slots.push(-1);
      this.slots.push(slot);
    }
    this.waiters.push(waiter);
    this.timestamps.push(timestamp);
  }

  /**
   * The bytes to send, with the producer state that the batch has now. What was handed out before is never changed: a socket may still hold it.
   */
  encode(): Buffer {
    const { producerId, producerEpoch, baseSequence } = this;
    if (this.#bytes === null) {
      this.#bytes = this.builder.build({ producerId, producerEpoch, baseSequence });
      if (this.builder.codec !== "none") this.queue.noteRatio(this.#bytes.length / this.builder.uncompressedSize);
    } else if (
      this.#stampedEpoch !== producerEpoch ||
      this.#stampedSequence !== baseSequence ||
      this.#stampedId !== producerId
    ) {
      const copy = Buffer.from(this.#bytes);
      new BatchView(copy).setProducerState(producerId, producerEpoch, baseSequence);
      this.#bytes = copy;
    }
    this.#stampedId = producerId;
    this.#stampedEpoch = producerEpoch;
    this.#stampedSequence = baseSequence;
    return this.#bytes;
  }

  /** Tells everybody who waits where the records are; a base offset of -1 says that the broker did not say. */
  deliver(baseOffset: number, logAppendTimeMs: number): void {
    const { waiters, timestamps, slots } = this;
    const { topic, partition } = this.queue;
    const hasSlots = slots.length > 0;
    for (let index = 0; index < waiters.length; index++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + index;
      const timestamp = logAppendTimeMs === -1 ? timestamps[index]! : logAppendTimeMs;
      const metadata: RecordMetadata = { topic, partition, offset, timestamp };
      const waiter = waiters[index]!;
      if (typeof waiter === "function") waiter(metadata);
      else waiter.delivered(hasSlots ? slots[index]! : -1, metadata);
    }
    this.#release();
  }

  /** Tells everybody who waits that it failed; `errorOf` is asked per record. */
  reject(errorOf: (index: number) => KafkaError): void {
    const { waiters, slots } = this;
    for (let index = 0; index < waiters.length; index++) {
      const waiter = waiters[index]!;
      const error = errorOf(index);
      if (typeof waiter === "function") waiter(Promise.reject(error));
      else waiter.failed(slots[index] ?? -1, error);
    }
    this.#release();
  }

  #release(): void {
    this.waiters = [];
    this.slots = [];
    this.timestamps = [];
    this.#bytes = null;
  }
}
