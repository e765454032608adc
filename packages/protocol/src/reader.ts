import { emptyBytes, zeroUuid } from "./defaults.ts";
import { DecodeError } from "./errors.ts";

/** No array in a message may have more elements, whatever its frame could hold. */
export const maxArrayCount = 1 << 20;
/** No struct may have more tagged fields. */
export const maxTagCount = 1 << 10;
/** Longest string, in bytes of UTF-8; Kafka refuses longer ones on both sides. */
export const maxStringSize = 32_767;

/**
 * Reads Kafka's primitive types from a buffer, with a check before each read: past the end is a `DecodeError`, never 0
 * or undefined. Bytes are handed out as slices of the buffer.
 */
export class Reader {
  readonly bytes: Buffer;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
    this.end = Math.min(end, bytes.length);
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Refuses bytes that are left over. */
  expectEnd(): void {
    if (this.position !== this.end) {
      throw new DecodeError(`${this.end - this.position} bytes left over at position ${this.position}`);
    }
  }

  /** Throws a `DecodeError` that says where. */
  fail(what: string): never {
    throw new DecodeError(`${what} at position ${this.position} of ${this.end}`);
  }

  /** Moves past `size` bytes and returns where they begin. */
  take(size: number): number {
    const start = this.position;
    if (size > this.end - start || size < 0) this.fail(`${size} bytes wanted, ${this.end - start} left,`);
    this.position = start + size;
    return start;
  }

  skip(size: number): void {
    this.take(size);
  }

  bool(): boolean {
    return this.bytes[this.take(1)] !== 0;
  }

  int8(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  int16(): number {
    const p = this.take(2);
    const b = this.bytes;
    return ((b[p]! << 24) >> 16) | b[p + 1]!;
  }

  uint16(): number {
    const p = this.take(2);
    const b = this.bytes;
    return (b[p]! << 8) | b[p + 1]!;
  }

  int32(): number {
    const p = this.take(4);
    const b = this.bytes;
    return (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** An int64 as a number; one that a double cannot hold exactly is refused. */
  int64(): number {
    const p = this.take(8);
    const b = this.bytes;
    const high = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!;
    const low = ((b[p + 4]! << 24) | (b[p + 5]! << 16) | (b[p + 6]! << 8) | b[p + 7]!) >>> 0;
    // 2^53 = 0x20_0000 * 2^32. The lowest safe integer is -(2^53 - 1), so -2^53 itself is refused too.
    if (high >= 0x20_0000 || high < -0x20_0000 || (high === -0x20_0000 && low === 0)) {
      this.fail("int64 beyond 2^53-1");
    }
    return high * 0x1_0000_0000 + low;
  }

  bigint64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8));
  }

  float64(): number {
    return this.bytes.readDoubleBE(this.take(8));
  }

  /** An unsigned varint of at most 32 bits. Padding with zero groups is accepted up to five bytes, as Kafka does. */
  uvarint(): number {
    const b = this.bytes;
    let p = this.position;
    const end = this.end;
    if (p >= end) this.fail("varint cut short");
    let byte = b[p++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (p >= end) this.fail("varint cut short");
      byte = b[p++]!;
      if (shift === 28 && byte > 0x0f) this.fail("varint beyond 32 bits");
      value |= (byte & 0x7f) << shift;
    }
    this.position = p;
    return value >>> 0;
  }

  uuid(): string {
    const p = this.take(16);
    const b = this.bytes;
    let any = 0;
    for (let i = p; i < p + 16; i++) any |= b[i]!;
    return any === 0 ? zeroUuid : b.toString("base64url", p, p + 16);
  }

  string(): string {
    return this.text(this.notNull(this.int16()));
  }

  nullableString(): string | null {
    const size = this.int16();
    return size < 0 ? null : this.text(size);
  }

  compactString(): string {
    return this.text(this.notNull(this.uvarint() - 1));
  }

  nullableCompactString(): string | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.text(size);
  }

  byteArray(): Buffer {
    return this.slice(this.notNull(this.int32()));
  }

  nullableBytes(): Buffer | null {
    const size = this.int32();
    return size < 0 ? null : this.slice(size);
  }

  compactBytes(): Buffer {
    return this.slice(this.notNull(this.uvarint() - 1));
  }

  nullableCompactBytes(): Buffer | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.slice(size);
  }

  /** The count of an array whose elements take at least `smallest` bytes each; -1 is null. */
  arrayCount(smallest: number): number {
    const count = this.int32();
    return count < 0 ? -1 : this.plausible(count, smallest);
  }

  compactArrayCount(smallest: number): number {
    const count = this.uvarint() - 1;
    return count < 0 ? -1 : this.plausible(count, smallest);
  }

  /** Whether a nullable struct follows. */
  structPresent(): boolean {
    return this.int8() >= 0;
  }

  /** How many tagged fields follow. */
  tagCount(): number {
    const count = this.uvarint();
    // A tagged field takes two bytes at least, its tag and its size.
    if (count * 2 > this.end - this.position || count > maxTagCount) this.fail(`${count} tagged fields`);
    return count;
  }

  /** The size of a tagged field: returns where it ends. */
  tagEnd(): number {
    const size = this.uvarint();
    if (size > this.end - this.position) this.fail(`tagged field of ${size} bytes`);
    return this.position + size;
  }

  /** After a known tagged field: it must have been as long as it said. */
  expectTagEnd(end: number): void {
    if (this.position !== end) this.fail(`tagged field does not end at ${end}, but`);
  }

  /** Passes over tagged fields of which none is known. */
  skipTags(): void {
    if (this.position < this.end && this.bytes[this.position] === 0) {
      this.position++;
      return;
    }
    for (let left = this.tagCount(); left > 0; left--) {
      this.uvarint();
      this.position = this.tagEnd();
    }
  }

  /** Refuses null (a negative count or size) where the schema does not allow it. */
  notNull(size: number): number {
    if (size < 0) this.fail("null where none is allowed");
    return size;
  }

  private text(size: number): string {
    if (size === 0) return "";
    if (size > maxStringSize) this.fail(`string of ${size} bytes`);
    const p = this.take(size);
    return this.bytes.toString("utf8", p, p + size);
  }

  private slice(size: number): Buffer {
    if (size === 0) return emptyBytes;
    const p = this.take(size);
    return this.bytes.subarray(p, p + size);
  }

  private plausible(count: number, smallest: number): number {
    if (count * smallest > this.end - this.position || count > maxArrayCount) {
      this.fail(`array of ${count} elements with ${this.end - this.position} bytes left`);
    }
    return count;
  }
}
