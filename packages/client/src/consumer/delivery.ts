import type { Deserializer } from "../serde.ts";
import { Batch, type Message, RecordDecoder } from "./batch.ts";
import type { Offsets } from "./offsets.ts";
import type { PartitionRecords } from "./partition-records.ts";
import type { PartitionState } from "./partition-state.ts";

export interface DeliveryOptions<K, V> {
  readonly offsets: Offsets;
  readonly key: Deserializer<K>;
  readonly value: Deserializer<V>;
  readonly maxPollRecords: number;
  /** Called when a partition has let go of records: there may be room for more. */
  readonly onTaken: (state: PartitionState) => void;
}

/**
 * Hands out what was fetched: the partitions take turns, each with at most `maxPollRecords` records. Nothing is made for records that nobody has asked for yet.
 */
export class Delivery<K, V> {
  readonly #options: DeliveryOptions<K, V>;
  readonly #decoders = new Map<string, RecordDecoder<K, V>>();
  /** Partitions that have something, in the order of their turns. */
  #ring: PartitionState[] = [];

  #pulledFrom: PartitionState | null = null;

  /** The batch whose messages are being handed out one by one, its partition, and which message is next. */
  #batch: Batch<K, V> | null = null;
  #state: PartitionState | null = null;
  #version = -1;
  #next = 0;

  constructor(options: DeliveryOptions<K, V>) {
    this.#options = options;
  }

  /** The partition has something to hand out. */
  offer(state: PartitionState): void {
    if (state.isInRing || !state.canDeliver) return;
    state.isInRing = true;
    this.#ring.push(state);
  }

  /** The next batch; the application has it from now on. Null while there is none. Throws what a partition's records cannot be read for. */
  takeBatch(): Batch<K, V> | null {
    const batch = this.#pull();
    if (batch === null) return null;
    const state = this.#pulledFrom!;
    this.#options.offsets.take(state, batch.firstOffset, batch.lastOffset, state.positionEpoch);
    state.position = batch.nextOffset;
    state.positionEpoch = batch.leaderEpoch;
    return batch;
  }

  /** Begins the next batch, for `takeMessage`; false while there is none. */
  beginBatch(): boolean {
    const batch = this.#pull();
    if (batch === null) return false;
    this.#batch = batch;
    this.#state = this.#pulledFrom!;
    this.#version = this.#state.version;
    this.#next = 0;
    return true;
  }

  /** Whether a batch was begun and has messages left. */
  get hasBegun(): boolean {
    return this.#batch !== null;
  }

  /** The next message of the batch that was begun; null where there is none. Throws a `RecordDeserializationError`, and stays where it is then. */
  takeMessage(): Message<K, V> | null {
    const batch = this.#batch;
    const state = this.#state;
    if (batch === null || state === null) return null;
    const message = batch.message(this.#next);
    const { offsets } = this.#options;
    if (this.#next === 0) {
      offsets.take(state, message.offset, message.offset, state.positionEpoch);
      state.positionEpoch = batch.leaderEpoch;
    } else {
      offsets.take(state, message.offset, message.offset, batch.leaderEpoch);
    }
    if (++this.#next < batch.length) {
      state.position = message.offset + 1;
    } else {
      state.position = batch.nextOffset;
      this.#batch = null;
      this.#state = null;
    }
    return message;
  }

  /** Whether the batch that was begun may go on: its partition has not been paused, sought or taken away. */
  get canContinue(): boolean {
    const state = this.#state;
    return (
      state !== null && state.version === this.#version && state.stage === "none" && !state.isPaused && !state.isRevoked
    );
  }

  /** Puts what is left of the batch that was begun back before the rest of its partition, where it is still good. */
  putBack(): void {
    const batch = this.#batch;
    const state = this.#state;
    this.#batch = null;
    this.#state = null;
    if (batch === null || state === null || state.version !== this.#version || state.isRevoked) return;
    state.leftover = this.#next === 0 ? batch : batch.rest(this.#next);
    this.offer(state);
  }

  /** The next batch, and its partition in `#pulledFrom`; positions stay as they are. */
  #pull(): Batch<K, V> | null {
    for (let state = this.#ring.shift(); state !== undefined; state = this.#ring.shift()) {
      state.isInRing = false;
      const batch = this.#takeFrom(state);
      this.offer(state);
      if (batch === null) continue;
      this.#pulledFrom = state;
      return batch;
    }
    return null;
  }

  #takeFrom(state: PartitionState): Batch<K, V> | null {
    if (!state.canDeliver) return null;
    const { leftover } = state;
    if (leftover !== null) {
      state.leftover = null;
      return leftover as Batch<K, V>;
    }
    const run = this.#takeRun(state);
    if (run === null) return null;
    return new Batch(this.#decoderOf(state.topic), run.index, { partition: state.partition, ...run });
  }

  #takeRun(state: PartitionState) {
    for (let head = state.head; head !== undefined; head = state.head) {
      try {
        const run = head.take(this.#options.maxPollRecords);
        if (run !== null) return run;
      } catch (error) {
        // Everybody else has a turn before it throws again.
        this.#passOver(state, head);
        this.offer(state);
        throw error;
      } finally {
        if (head.isDone) {
          state.dequeue();
          this.#options.onTaken(state);
        }
      }
      // Only what applications do not get: control records, aborted transactions.
      this.#passOver(state, head);
    }
    return null;
  }

  #passOver(state: PartitionState, head: PartitionRecords): void {
    if (head.nextOffset <= state.position) return;
    state.position = head.nextOffset;
    state.positionEpoch = head.leaderEpoch;
  }

  #decoderOf(topic: string): RecordDecoder<K, V> {
    let decoder = this.#decoders.get(topic);
    if (decoder === undefined) {
      decoder = new RecordDecoder(topic, this.#options.key, this.#options.value);
      this.#decoders.set(topic, decoder);
    }
    return decoder;
  }
}
