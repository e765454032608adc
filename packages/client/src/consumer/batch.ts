import type { TimestampType } from "@ottla/protocol";
import { type Deserializer, type SerdeContext, string } from "../serde.ts";
import { RecordDeserializationError } from "./consumer-errors.ts";
import { type MessageHeader, readHeaders } from "./record-headers.ts";
import type { RecordIndex } from "./record-index.ts";

/** One record as the application gets it. It owns what it holds. */
export interface Message<K = Buffer, V = Buffer> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1 where the record has none. */
  readonly timestamp: number;
  /** Who set the timestamp: the producer, or the broker when it appended the record. */
  readonly timestampType: TimestampType;
  /** Null where the record has no key. */
  readonly key: K | null;
  /** Null where the record has no value: a tombstone in a compacted topic. */
  readonly value: V | null;
  /** In order; to be sent on as they are, or made a `Map` or an object of. */
  readonly headers: readonly MessageHeader[];
  /** The epoch of the leader that appended it; -1 where the broker does not say. */
  readonly leaderEpoch: number;
}

/** How to decode the records of a topic. */
export class RecordDecoder<K, V> {
  readonly topic: string;
  readonly key: Deserializer<K>;
  readonly value: Deserializer<V>;
  readonly keyContext: SerdeContext;
  readonly valueContext: SerdeContext;

  constructor(topic: string, key: Deserializer<K>, value: Deserializer<V>) {
    this.topic = topic;
    this.key = key;
    this.value = value;
    this.keyContext = { topic, part: "key" };
    this.valueContext = { topic, part: "value" };
  }
}

/** What all records of a batch have in common. */
export interface BatchFacts {
  readonly partition: number;
  readonly nextOffset: number;
  readonly leaderEpoch: number;
  readonly timestampType: TimestampType;
}

/**
 * Consecutive records of one partition, at most `maxPollRecords`. Keys and values are decoded when they are asked for: each call of `key`, `value` or
 * `message` (and each iteration) decodes anew. It keeps the bytes that were fetched alive for as long as it is kept; messages do not.
 */
export class Batch<K = Buffer, V = Buffer> implements Iterable<Message<K, V>> {
  /** How many records there are: at least one. */
  readonly length: number;
  readonly partition: number;
  /** The offset after the batch: where the partition goes on. */
  readonly nextOffset: number;
  /** The epoch of the leader that appended the records; -1 where the broker does not say. */
  readonly leaderEpoch: number;
  readonly timestampType: TimestampType;
  readonly #decoder: RecordDecoder<K, V>;
  readonly #index: RecordIndex;
  /** Where in the index the batch begins. */
  readonly #from: number;

  constructor(decoder: RecordDecoder<K, V>, index: RecordIndex, facts: BatchFacts, from = 0) {
    this.length = index.count - from;
    this.#from = from;
    this.#decoder = decoder;
    this.#index = index;
    this.partition = facts.partition;
    this.nextOffset = facts.nextOffset;
    this.leaderEpoch = facts.leaderEpoch;
    this.timestampType = facts.timestampType;
  }

  get topic(): string {
    return this.#decoder.topic;
  }

  get firstOffset(): number {
    return this.#index.offset(this.#from);
  }

  get lastOffset(): number {
    return this.#index.offset(this.#index.count - 1);
  }

  /** The offset of the record at `index` (from 0). */
  offset(index: number): number {
    return this.#index.offset(this.#from + index);
  }

  /** The timestamp of the record at `index`, in milliseconds since 1970; -1 where it has none. */
  timestamp(index: number): number {
    return this.#index.timestamp(this.#from + index);
  }

  /** The key of the record at `index`, decoded. Throws a `RecordDeserializationError`. */
  key(index: number): K | null {
    const places = this.#index;
    const at = this.#from + index;
    const start = places.keyStart(at);
    if (start < 0) return null;
    const { key, keyContext } = this.#decoder;
    return this.#decode(key, keyContext, start, places.keyEnd(at), at);
  }

  /** The value of the record at `index`, decoded. Throws a `RecordDeserializationError`. */
  value(index: number): V | null {
    const places = this.#index;
    const at = this.#from + index;
    const start = places.valueStart(at);
    if (start < 0) return null;
    const { value, valueContext } = this.#decoder;
    return this.#decode(value, valueContext, start, places.valueEnd(at), at);
  }

  headers(index: number): readonly MessageHeader[] {
    const at = this.#from + index;
    return readHeaders(this.#index.bytes(at), this.#index.headersStart(at));
  }

  /** The record at `index` with everything decoded. Throws a `RecordDeserializationError`. */
  message(index: number): Message<K, V> {
    return {
      topic: this.#decoder.topic,
      partition: this.partition,
      offset: this.offset(index),
      timestamp: this.timestamp(index),
      timestampType: this.timestampType,
      key: this.key(index),
      value: this.value(index),
      headers: this.headers(index),
      leaderEpoch: this.leaderEpoch,
    };
  }

  /** All records, decoded. */
  messages(): Message<K, V>[] {
    const messages: Message<K, V>[] = [];
    for (let index = 0; index < this.length; index++) messages.push(this.message(index));
    return messages;
  }

  *[Symbol.iterator](): Iterator<Message<K, V>> {
    for (let index = 0; index < this.length; index++) yield this.message(index);
  }

  /** The batch without its first `count` records, of which at least one must be left. */
  rest(count: number): Batch<K, V> {
    return new Batch(this.#decoder, this.#index, this, this.#from + count);
  }

  #decode<T>(deserializer: Deserializer<T>, context: SerdeContext, start: number, end: number, at: number): T {
    const bytes = this.#index.bytes(at);
    // The common case without a slice in between.
    if ((deserializer as unknown) === string) return bytes.toString(undefined, start, end) as T;
    try {
      return deserializer.deserialize(bytes.subarray(start, end), context);
    } catch (cause) {
      const place = { topic: context.topic, partition: this.partition, offset: this.#index.offset(at) };
      throw new RecordDeserializationError(place, context.part, cause);
    }
  }
}
