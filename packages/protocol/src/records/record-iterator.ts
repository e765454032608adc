import { type BatchView, batchHeaderSize } from "./batch-view.ts";
import { type DecompressionLimits, decompress } from "./compression.ts";
import { CorruptBatchError, CorruptRecordError } from "./errors.ts";

/** A header of a record (KIP-82). The value borrows from the batch's bytes. */
export interface RecordHeader {
  key: string;
  value: Buffer | null;
}

/** Bounds of a `RecordIterator`. */
export interface RecordLimits extends DecompressionLimits {
  /** How many headers one record may have. Default 32,768. */
  maxHeaderCount?: number;
}

const defaultMaxHeaderCount = 32_768;
/** A header is at least the sizes of its key and its value. */
const smallestHeader = 2;
const nothing = Buffer.alloc(0);
const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/**
 * Goes over the records of one batch after the other, with one object for all of them: `next()` moves on, the fields
 * and methods then tell of the current record. Nothing is created for what is not asked for.
 *
 *     const records = new RecordIterator();
 *     while (cursor.next()) {
 *       records.reset(cursor.view);
 *       while (records.next()) use(records.offset, records.key(), records.value());
 *     }
 *
 * What `key()`, `value()` and `headers()` return are slices, not copies: they keep the buffer of the batch (or of its
 * decompressed records) alive, and show what becomes of it.
 *
 * Each record is checked entirely, headers included, before `next()` returns: `CorruptRecordError` otherwise.
 */
export class RecordIterator {
  /** The bytes that the positions below refer to: the batch's buffer, or the decompressed records. */
  bytes: Buffer = nothing;
  /** The current record's offset. */
  offset = -1;
  /** The current record's timestamp in ms; -1 if it has none. */
  timestamp = -1;
  /** Where in `bytes` the key lies; `keyStart` is -1 if the key is null. */
  keyStart = -1;
  keyEnd = -1;
  /** Where in `bytes` the value lies; `valueStart` is -1 if the value is null. */
  valueStart = -1;
  valueEnd = -1;
  /** How many headers the current record has. */
  headerCount = 0;
  /** Which record of the batch is the current one, from 0. */
  index = -1;
  /** How many records the batch has. */
  count = 0;

  /** Where the current record's key length stands: from here to `recordEnd` nothing depends on the record's place. */
  bodyStart = 0;
  recordEnd = 0;

  private readonly limits: RecordLimits;
  private readonly maxHeaderCount: number;
  private batchPosition = 0;
  private baseOffset = 0;
  private baseTimestamp = 0;
  private logAppendTime = false;
  private sectionStart = 0;
  private sectionEnd = 0;
  private headersStart = 0;
  /** Where reading goes on, and where it must stop: a record's end, or between records the section's. */
  private at = 0;
  private limit = 0;

  constructor(view?: BatchView, limits: RecordLimits = {}) {
    this.limits = limits;
    this.maxHeaderCount = limits.maxHeaderCount ?? defaultMaxHeaderCount;
    if (view !== undefined) this.reset(view);
  }

  /**
   * Goes before the first record of a batch, and decompresses it if need be. Throws `CorruptBatchError` (kinds `size`,
   * `codec`, `compression`, `tooLarge`, `record`) and `CodecUnavailableError`. The CRC is not checked.
   */
  reset(view: BatchView): this {
    const { buffer, position } = view;
    const end = view.end;
    this.bytes = nothing;
    this.count = 0;
    this.index = -1;
    if (end - position < batchHeaderSize || end > buffer.length) {
      throw new CorruptBatchError(
        "size",
        position,
        `the size ${end - position} does not fit the ${buffer.length} bytes there`,
      );
    }
    const count = view.recordCount;
    if (count < 0) throw new CorruptBatchError("record", position, `the number of records is ${count}`);
    this.batchPosition = position;
    this.baseOffset = view.baseOffset;
    this.logAppendTime = view.timestampType === "LogAppendTime";
    this.baseTimestamp = this.logAppendTime ? view.maxTimestamp : view.baseTimestamp;
    if (view.isCompressed && count > 0) {
      this.bytes = this.decompressed(view);
      this.sectionStart = 0;
      this.sectionEnd = this.bytes.length;
    } else {
      this.bytes = buffer;
      this.sectionStart = view.recordsStart;
      this.sectionEnd = end;
    }
    this.at = this.sectionStart;
    this.count = count;
    return this;
  }

  /** Goes to the next record; false behind the last. Throws `CorruptRecordError`. */
  next(): boolean {
    const index = this.index + 1;
    if (index >= this.count) return false;
    this.index = index;
    this.limit = this.sectionEnd;
    if (this.at >= this.sectionEnd) throw this.corrupt(`the batch of ${this.count} records ends before it`);
    const size = this.varint();
    const end = this.at + size;
    // The smallest record: attributes, two deltas, two lengths, a header count.
    if (size < 6 || end > this.sectionEnd) {
      throw this.corrupt(`the record's size is ${size}, with ${this.sectionEnd - this.at} bytes left`);
    }
    this.limit = end;
    this.recordEnd = end;
    this.at++; // attributes: none are in use
    const timestampDelta = this.varlong();
    this.timestamp = this.logAppendTime ? this.baseTimestamp : this.baseTimestamp + timestampDelta;
    this.offset = this.baseOffset + this.varint();
    this.bodyStart = this.at;

    const keySize = this.varint();
    this.keyStart = keySize < 0 ? -1 : this.at;
    this.keyEnd = keySize < 0 ? -1 : this.skip(keySize, "key");
    const valueSize = this.varint();
    this.valueStart = valueSize < 0 ? -1 : this.at;
    this.valueEnd = valueSize < 0 ? -1 : this.skip(valueSize, "value");
    this.headerCount = this.varint();
    if (this.headerCount !== 0) this.checkHeaders();
    if (this.at !== end) throw this.corrupt(`${end - this.at} bytes are left over at the record's end`);
    if (index + 1 === this.count && end !== this.sectionEnd) {
      throw this.corrupt(`${this.sectionEnd - end} bytes follow after the last of ${this.count} records`);
    }
    return true;
  }

  /** The current record's key, a slice. */
  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  /** The current record's value, a slice. */
  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  /** The current record's key as UTF-8 text; cheaper than `key()` and then a string. */
  keyText(): string | null {
    return this.keyStart < 0 ? null : this.bytes.toString(undefined, this.keyStart, this.keyEnd);
  }

  /** The current record's value as UTF-8 text; cheaper than `value()` and then a string. */
  valueText(): string | null {
    return this.valueStart < 0 ? null : this.bytes.toString(undefined, this.valueStart, this.valueEnd);
  }

  /** The current record's headers, in order; a frozen empty array if there are none. */
  headers(): readonly RecordHeader[] {
    if (this.headerCount === 0) return noHeaders;
    const headers: RecordHeader[] = [];
    this.at = this.headersStart;
    this.limit = this.recordEnd;
    for (let n = 0; n < this.headerCount; n++) {
      const keySize = this.varint();
      const keyStart = this.at;
      const key = this.bytes.toString(undefined, keyStart, this.skip(keySize, "header key"));
      const valueSize = this.varint();
      const valueStart = this.at;
      const value = valueSize < 0 ? null : this.bytes.subarray(valueStart, this.skip(valueSize, "header value"));
      headers.push({ key, value });
    }
    return headers;
  }

  private decompressed(view: BatchView): Buffer {
    const codec = view.codec;
    try {
      return decompress(codec, view.buffer.subarray(view.recordsStart, view.end), this.limits);
    } catch (error) {
      if (error instanceof CorruptBatchError) {
        throw new CorruptBatchError(error.kind, view.position, error.reason, { cause: error });
      }
      throw error;
    }
  }

  /** Walks over the headers, so that `headers()` needs no check that could fail. */
  private checkHeaders(): void {
    const count = this.headerCount;
    const left = this.limit - this.at;
    this.headerCount = 0;
    if (count < 0 || count * smallestHeader > left) {
      throw this.corrupt(`the number of headers is ${count}, with ${left} bytes left`);
    }
    if (count > this.maxHeaderCount) {
      throw this.corrupt(`the number of headers, ${count}, is above the limit of ${this.maxHeaderCount}`);
    }
    this.headersStart = this.at;
    for (let n = 0; n < count; n++) {
      const keySize = this.varint();
      if (keySize < 0) throw this.corrupt(`header ${n} has no key`);
      this.skip(keySize, "header key");
      const valueSize = this.varint();
      if (valueSize > 0) this.skip(valueSize, "header value");
    }
    this.headerCount = count;
  }

  /** Skips `size` bytes and returns where they end. */
  private skip(size: number, what: string): number {
    if (size > this.limit - this.at) {
      throw this.corrupt(`the ${what}'s size is ${size}, with ${this.limit - this.at} bytes left in the record`);
    }
    this.at += size;
    return this.at;
  }

  /** A zigzag varint of up to 32 bits. */
  private varint(): number {
    const at = this.at;
    if (at < this.limit) {
      const first = this.bytes[at]!;
      if (first < 0x80) {
        this.at = at + 1;
        return (first >>> 1) ^ -(first & 1);
      }
    }
    return this.longerVarint();
  }

  private longerVarint(): number {
    let raw = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.limit) throw this.corrupt("it ends within a number");
      const byte = this.bytes[this.at++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    throw this.corrupt("a number is longer than 5 bytes");
  }

  /** A zigzag varint of up to 64 bits. */
  private varlong(): number {
    const at = this.at;
    if (at < this.limit) {
      const first = this.bytes[at]!;
      if (first < 0x80) {
        this.at = at + 1;
        return (first >>> 1) ^ -(first & 1);
      }
    }
    return this.longerVarlong();
  }

  private longerVarlong(): number {
    // Three parts of 28 bits each, so that none meets the sign of 32-bit arithmetic.
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let n = 0; n < 10; n++) {
      if (this.at >= this.limit) throw this.corrupt("it ends within a number");
      const byte = this.bytes[this.at++]!;
      const bits = byte & 0x7f;
      if (n < 4) low |= bits << (7 * n);
      else if (n < 8) middle |= bits << (7 * (n - 4));
      else high |= bits << (7 * (n - 8));
      if (byte < 0x80) return this.unzigzag(low, middle, high);
    }
    throw this.corrupt("a number is longer than 10 bytes");
  }

  private unzigzag(low: number, middle: number, high: number): number {
    const half = middle * 0x8000000 + (low >>> 1);
    const delta = low & 1 ? -half - 1 : half;
    if (high !== 0 || !Number.isSafeInteger(delta) || !Number.isSafeInteger(this.baseTimestamp + delta)) {
      throw this.corrupt("its timestamp is beyond 2^53 - 1");
    }
    return delta;
  }

  private corrupt(reason: string): CorruptRecordError {
    const error = new CorruptRecordError(this.batchPosition, this.index, this.at - this.sectionStart, reason);
    // Nothing behind a broken record makes sense: who goes on gets an error again.
    this.at = this.sectionEnd;
    return error;
  }
}
