import { decode, encodeInto } from "../codec.ts";
import { DecodeError } from "../errors.ts";
import { Reader } from "../reader.ts";
import type { Input, Message, Value } from "../schema.ts";
import { Writer } from "../writer.ts";

/**
 * Keys and values of records in `__consumer_offsets` and `__transaction_state`, and what members of classic groups put
 * into bytes fields: an int16 before the body. Before a key it is the record type, before a value its version.
 */

/** Encodes a record's key: its type, then the body (always version 0). Throws an `EncodeError`. */
export function encodeStoredKey<M extends Message>(message: M, value: Input<M>): Buffer {
  return withPrefix(message.key, message, 0, value);
}

/** Encodes a record's value, or a member's subscription or assignment: version, then body. Throws an `EncodeError`. */
export function encodeStored<M extends Message>(version: number, message: M, value: Input<M>): Buffer {
  return withPrefix(version, message, version, value);
}

/** The record type that a key begins with, the `key` of the stored messages. Throws a `DecodeError`. */
export function storedKeyType(bytes: Uint8Array): number {
  return new Reader(bytes).int16();
}

/** Decodes a record's key of a known type. Throws a `DecodeError`, also when the key is of another type. */
export function decodeStoredKey<M extends Message>(message: M, bytes: Uint8Array): Value<M> {
  const reader = new Reader(bytes);
  const type = reader.int16();
  if (type !== message.key) throw new DecodeError(`${message.name}: record type ${type} instead of ${message.key}`);
  return whole(message, 0, reader);
}

/** Decodes a record's value. Throws a `DecodeError`, also for a version that is not declared. */
export function decodeStored<M extends Message>(message: M, bytes: Uint8Array): Value<M> {
  const reader = new Reader(bytes);
  return whole(message, reader.int16(), reader);
}

/**
 * Decodes what a member of a group sent: a version above the highest one is read as the highest, and what newer versions
 * add at the end is passed over, so that members of different ages can share a group. Throws a `DecodeError`.
 */
export function decodeFromMember<M extends Message>(message: M, bytes: Uint8Array): Value<M> & { version: number } {
  const reader = new Reader(bytes);
  const version = reader.int16();
  return { ...decode(message, Math.min(version, message.maxVersion), reader), version };
}

function withPrefix<M extends Message>(prefix: number, message: M, version: number, value: Input<M>): Buffer {
  const writer = new Writer();
  writer.int16(prefix);
  encodeInto(writer, message, version, value);
  return writer.toBuffer();
}

function whole<M extends Message>(message: M, version: number, reader: Reader): Value<M> {
  const value = decode(message, version, reader);
  reader.expectEnd();
  return value;
}
