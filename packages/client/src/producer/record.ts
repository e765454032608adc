import type { RecordHeaderInput } from "@ottla/protocol";
import { SerializationError } from "../errors.ts";

/** A header's value: text is sent as UTF-8. */
export type HeaderValue = string | Uint8Array | null;

/** Headers to send: an object, or key and value in pairs where their order or repeated keys matter. */
export type HeadersInput = Readonly<Record<string, HeaderValue>> | Iterable<readonly [string, HeaderValue]>;

/** A record to send. */
export interface ProducerRecord<K, V> {
  readonly topic: string;
  /** Null (or left out) for none: the record then goes to any partition. */
  readonly key?: K | null | undefined;
  /** Null is a tombstone: in a compacted topic it deletes the key. */
  readonly value: V | null;
  readonly headers?: HeadersInput | undefined;
  /** Milliseconds since 1970. Default: now. */
  readonly timestamp?: number | undefined;
  /** Default: what the partitioner says. */
  readonly partition?: number | undefined;
}

/** Where a record is. */
export interface RecordMetadata {
  readonly topic: string;
  readonly partition: number;
  /** -1 with `acks: 0`, and for a duplicate whose offset the broker no longer knows. */
  readonly offset: number;
  /** Milliseconds since 1970: the record's own, or the broker's where the topic has `message.timestamp.type=LogAppendTime`. */
  readonly timestamp: number;
}

/** The headers as the batch takes them. Throws a `SerializationError` for values that are no header's. */
export function headerList(headers: HeadersInput, topic: string): RecordHeaderInput[] {
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  const list: RecordHeaderInput[] = [];
  for (const [key, value] of pairs) {
    if (typeof key !== "string" || !isHeaderValue(value)) {
      const what = `The header ${String(key)} of a record for topic ${topic} is of type ${typeof value}`;
      throw new SerializationError(`${what}, but must be a string, bytes or null`);
    }
    list.push({ key, value });
  }
  return list;
}

function isHeaderValue(value: unknown): value is HeaderValue {
  return typeof value === "string" || value === null || value instanceof Uint8Array;
}
