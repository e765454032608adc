import { zeroUuid } from "./defaults.ts";
import { EncodeError } from "./errors.ts";
import { maxStringSize } from "./reader.ts";

/** Bytes and records from this size on are kept as borrowed chunks instead of being copied. */
export const borrowFromSize = 4096;

/** Strings up to this many characters are written by hand: crossing into native code costs more than they do. */
const shortString = 40;

const base64Values = new Int8Array(128).fill(-1);
for (const [index, char] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].entries()) {
  base64Values[char.charCodeAt(0)] = index;
}

/**
 * Writes Kafka's primitive types into a buffer that grows. Each value is checked: a wrong type or a number out of range
 * is an `EncodeError`. Large bytes are borrowed: they must not change until the chunks have been used.
 */
export class Writer {
  #buffer: Buffer;
  #position = 0;
  /** Where in the buffer begins what is not yet in a chunk. */
  #start = 0;
  #chunks: Uint8Array[] = [];
  #chunksSize = 0;
  /** Inside a tagged field nothing is borrowed, since its size is written in front of it afterwards. */
  #tagDepth = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far, borrowed ones included. */
  get size(): number {
    return this.#chunksSize + this.#position - this.#start;
  }

  /** What was written, in order. The writer may go on; the chunks must then be asked for again. */
  chunks(): Uint8Array[] {
    const tail = this.#buffer.subarray(this.#start, this.#position);
    return tail.length === 0 && this.#chunks.length > 0 ? this.#chunks : [...this.#chunks, tail];
  }

  /** What was written, in one buffer. Copies when something was borrowed. */
  toBuffer(): Buffer {
    if (this.#chunks.length === 0) return this.#buffer.subarray(this.#start, this.#position);
    return Buffer.concat(this.chunks(), this.size);
  }

  /** Puts an int32 at the very beginning, over what was written there (the size of a frame). */
  setFirstInt32(value: number): void {
    const first = this.#chunks[0] ?? this.#buffer.subarray(this.#start, this.#position);
    first[0] = value >> 24;
    first[1] = value >> 16;
    first[2] = value >> 8;
    first[3] = value;
  }

  /** Throws an `EncodeError`. */
  refuse(what: string, value: unknown): never {
    throw new EncodeError(`${what}, not ${describe(value)}`);
  }

  /** Makes room for `size` bytes and returns where they go. */
  private room(size: number): number {
    const p = this.#position;
    if (p + size > this.#buffer.length) return this.grow(size);
    this.#position = p + size;
    return p;
  }

  private grow(size: number): number {
    const used = this.#position - this.#start;
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + size, 512));
    this.#buffer.copy(bigger, 0, this.#start, this.#position);
    this.#buffer = bigger;
    this.#start = 0;
    this.#position = used + size;
    return used;
  }

  bool(value: boolean): void {
    if (value !== true && value !== false) this.refuse("expected a boolean", value);
    const p = this.room(1);
    this.#buffer[p] = value ? 1 : 0;
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) this.refuse("expected an int8", value);
    const p = this.room(1);
    this.#buffer[p] = value;
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) this.refuse("expected an int16", value);
    const p = this.room(2);
    const b = this.#buffer;
    b[p] = value >> 8;
    b[p + 1] = value;
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) this.refuse("expected a uint16", value);
    const p = this.room(2);
    const b = this.#buffer;
    b[p] = value >> 8;
    b[p + 1] = value;
  }

  int32(value: number): void {
    if ((value | 0) !== value) this.refuse("expected an int32", value);
    const p = this.room(4);
    const b = this.#buffer;
    b[p] = value >> 24;
    b[p + 1] = value >> 16;
    b[p + 2] = value >> 8;
    b[p + 3] = value;
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) this.refuse("expected a uint32", value);
    this.int32(value | 0);
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) this.refuse("expected an int64 within 2^53-1", value);
    const high = Math.floor(value / 0x1_0000_0000);
    const low = value | 0;
    const p = this.room(8);
    const b = this.#buffer;
    b[p] = high >> 24;
    b[p + 1] = high >> 16;
    b[p + 2] = high >> 8;
    b[p + 3] = high;
    b[p + 4] = low >> 24;
    b[p + 5] = low >> 16;
    b[p + 6] = low >> 8;
    b[p + 7] = low;
  }

  bigint64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) this.refuse("expected an int64 bigint", value);
    const p = this.room(8);
    this.#buffer.writeBigInt64BE(value, p);
  }

  float64(value: number): void {
    if (typeof value !== "number") this.refuse("expected a number", value);
    const p = this.room(8);
    this.#buffer.writeDoubleBE(value, p);
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(value: number): void {
    if (value >= 0 && value < 0x80) {
      const p = this.room(1);
      this.#buffer[p] = value;
      return;
    }
    let left = value >>> 0;
    let p = this.room(uvarintSize(left));
    const b = this.#buffer;
    for (; left >= 0x80; left >>>= 7) b[p++] = left | 0x80;
    b[p] = left;
  }

  uuid(value: string): void {
    if (typeof value !== "string" || value.length !== 22) this.refuse("expected a uuid in base64url", value);
    const p = this.room(16);
    const b = this.#buffer;
    if (value === zeroUuid) {
      b.fill(0, p, p + 16);
      return;
    }
    let at = p;
    let bits = 0;
    let pending = 0;
    for (let i = 0; i < 22; i++) {
      const sextet = base64Values[value.charCodeAt(i)] ?? -1;
      if (sextet < 0) this.refuse("expected a uuid in base64url", value);
      pending = (pending << 6) | sextet;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        b[at++] = pending >> bits;
        pending &= (1 << bits) - 1;
      }
    }
    if (pending !== 0) this.refuse("expected a uuid in base64url", value);
  }

  string(value: string): void {
    if (typeof value !== "string") this.refuse("expected a string", value);
    const length = value.length;
    if (length <= shortString) {
      const p = this.room(2 + length);
      const b = this.#buffer;
      b[p] = 0;
      b[p + 1] = length;
      if (this.ascii(value, p + 2)) return;
      this.#position = p;
    }
    const size = this.stringSize(value);
    this.int16(size);
    const p = this.room(size);
    this.#buffer.write(value, p, size, "utf8");
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  compactString(value: string): void {
    if (typeof value !== "string") this.refuse("expected a string", value);
    const length = value.length;
    if (length <= shortString) {
      const p = this.room(1 + length);
      this.#buffer[p] = length + 1;
      if (this.ascii(value, p + 1)) return;
      this.#position = p;
    }
    const size = this.stringSize(value);
    this.uvarint(size + 1);
    const p = this.room(size);
    this.#buffer.write(value, p, size, "utf8");
  }

  nullableCompactString(value: string | null): void {
    if (value === null) this.uvarint(0);
    else this.compactString(value);
  }

  byteArray(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) this.refuse("expected bytes", value);
    this.int32(value.length);
    this.raw(value);
  }

  nullableBytes(value: Uint8Array | null): void {
    if (value === null) this.int32(-1);
    else this.byteArray(value);
  }

  compactBytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) this.refuse("expected bytes", value);
    this.uvarint(value.length + 1);
    this.raw(value);
  }

  nullableCompactBytes(value: Uint8Array | null): void {
    if (value === null) this.uvarint(0);
    else this.compactBytes(value);
  }

  /** The bytes themselves, without a length. Large ones are borrowed. */
  raw(value: Uint8Array): void {
    const size = value.length;
    if (size >= borrowFromSize && this.#tagDepth === 0) {
      this.borrow(value);
      return;
    }
    const p = this.room(size);
    this.#buffer.set(value, p);
  }

  arrayCount(count: number): void {
    this.int32(count);
  }

  compactArrayCount(count: number): void {
    this.uvarint(count + 1);
  }

  /** Begins a tagged field whose size is not known yet; the result goes to `endTag`. */
  beginTag(tag: number): number {
    this.uvarint(tag);
    this.#tagDepth++;
    // Most tagged fields are short: one byte is left for the size, and the rare longer ones are moved.
    return this.room(1) + 1 - this.#start;
  }

  endTag(begin: number): void {
    this.#tagDepth--;
    const start = this.#start + begin;
    const size = this.#position - start;
    const extra = uvarintSize(size) - 1;
    if (extra === 0) {
      this.#buffer[start - 1] = size;
      return;
    }
    this.room(extra);
    // room() may have moved everything into a bigger buffer.
    const moved = this.#start + begin;
    this.#buffer.copyWithin(moved + extra, moved, moved + size);
    this.#position = moved - 1;
    this.uvarint(size);
    this.#position = moved + extra + size;
  }

  private borrow(value: Uint8Array): void {
    const own = this.#position - this.#start;
    if (own > 0) this.#chunks.push(this.#buffer.subarray(this.#start, this.#position));
    this.#chunks.push(value);
    this.#chunksSize += own + value.length;
    this.#start = this.#position;
  }

  /** Writes the string at `p` if it is ASCII alone; false when it is not. */
  private ascii(value: string, p: number): boolean {
    const b = this.#buffer;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      b[p + i] = code;
    }
    return true;
  }

  private stringSize(value: string): number {
    const size = Buffer.byteLength(value, "utf8");
    if (size > maxStringSize) throw new EncodeError(`string of ${size} bytes, more than ${maxStringSize}`);
    return size;
  }
}

function uvarintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "bigint" ? `${value}n` : String(value);
}
