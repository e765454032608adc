import { assert } from "@ottla/runtime";
import { batchAttributes, batchHeaderSize, batchLayout } from "./batch-view.ts";
import { type Codec, codecId } from "./codecs.ts";
import { compress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { setInt32At, setInt64At } from "./int64.ts";
import type { RecordIterator } from "./record-iterator.ts";

/** Bytes of a key or a value; text is written as UTF-8. */
export type RecordBytes = Uint8Array | string | null;

/** A header to write. */
export interface RecordHeaderInput {
  readonly key: string;
  readonly value: RecordBytes;
}

export interface BatchBuilderOptions {
  /** Default "none". */
  codec?: Codec;
  /** The codec's own; see `compress`. */
  level?: number;
  /** What the batch may take in bytes, header included (`batch.size`); its first record is taken whatever its size. Default 2^30. */
  maxSize?: number;
  /**
   * How much of `maxSize` is taken from memory at once; when more is needed, four times as much is. Default 1,024. Who
   * fills most batches gains from `maxSize` (a fifth of the time at 100 B a record).
   */
  initialSize?: number;
  /** A buffer to use at first instead of a new one. What is built lies in it if it was large enough. */
  buffer?: Buffer;
  /** What compression is expected to leave, as a ratio, for `estimatedSize` and so for `maxSize`. Default 1. */
  expectedRatio?: number;
  /** What timestamps count from, in ms. Default: the first record's timestamp. */
  baseTimestamp?: number;
}

/** What the batch's header says, as far as the records do not. Left out: no producer, not transactional, offset 0. */
export interface BatchHeaderFields {
  baseOffset?: number;
  /** Default -1. */
  partitionLeaderEpoch?: number;
  /** Default -1. */
  producerId?: number;
  /** Default -1. */
  producerEpoch?: number;
  /** Default -1. */
  baseSequence?: number;
  isTransactional?: boolean;
  isControl?: boolean;
  /** Gives all records this time, in ms, and marks the batch so (timestamp type LogAppendTime). */
  logAppendTimeMs?: number;
  /** Says that the builder's `baseTimestamp` is a delete horizon (compaction, KIP-534). */
  hasDeleteHorizon?: boolean;
  /** For compaction, which keeps a batch's last offset when its record goes. Default: the last record's. */
  lastOffsetDelta?: number;
  /** For compaction. Default: the largest of the records' timestamps. */
  maxTimestamp?: number;
}

const defaultMaxSize = 2 ** 30;
const defaultInitialSize = 1024;
const growth = 4;
/** Kafka's margin on the expected compression ratio. */
const ratioMargin = 1.05;
/** A record's numbers at their longest: its length, attributes, timestamp delta, offset delta, three lengths. */
const maxNumbersSize = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/** A header's lengths at their longest. */
const maxHeaderNumbersSize = 10;
/** Up to this many characters or bytes a loop beats a call. */
const loopUpTo = 24;

/**
 * Builds one batch of message format 2. Each record is encoded once, straight into the batch's buffer; `build` then
 * compresses, writes the header and computes the CRC.
 */
export class BatchBuilder {
  /** How many records were appended. */
  count = 0;
  /** The largest timestamp so far in ms; -1 without records. */
  maxTimestamp = -1;
  /** What timestamps count from in ms; -1 before the first record, if it was not given. */
  baseTimestamp: number;
  /** The last record's offset, counted from the batch's base offset; -1 without records. */
  lastOffsetDelta = -1;
  readonly codec: Codec;

  private readonly level: number | undefined;
  private readonly maxSize: number;
  private readonly sizeRatio: number;
  private readonly hasGivenBaseTimestamp: boolean;
  private buffer: Buffer;
  private end = batchHeaderSize;
  private isBuilt = false;

  constructor(options: BatchBuilderOptions = {}) {
    this.codec = options.codec ?? "none";
    this.level = options.level;
    this.maxSize = options.maxSize ?? defaultMaxSize;
    this.sizeRatio = this.codec === "none" ? 1 : (options.expectedRatio ?? 1) * ratioMargin;
    this.hasGivenBaseTimestamp = options.baseTimestamp !== undefined;
    this.baseTimestamp = options.baseTimestamp ?? -1;
    const size = Math.max(batchHeaderSize, Math.min(options.initialSize ?? defaultInitialSize, this.maxSize));
    this.buffer =
      options.buffer !== undefined && options.buffer.length >= batchHeaderSize
        ? options.buffer
        : Buffer.allocUnsafeSlow(size);
  }

  /** The batch's size in bytes before compression, header included. */
  get uncompressedSize(): number {
    return this.end;
  }

  /** What the batch is expected to take in bytes: exact without compression. */
  get estimatedSize(): number {
    return this.estimate(this.end);
  }

  /** How much memory the batch holds, in bytes. */
  get capacity(): number {
    return this.buffer.length;
  }

  /**
   * Adds a record at the next offset. Returns its size in bytes, before compression; 0 if the batch has no room for it
   * (then nothing was added; `build`, and begin another one). `timestamp` in ms.
   */
  append(timestamp: number, key: RecordBytes, value: RecordBytes, headers?: readonly RecordHeaderInput[]): number {
    return this.appendAt(this.lastOffsetDelta + 1, timestamp, key, value, headers);
  }

  /** As `append`, at an offset of choice (counted from the base offset), which must be above the last. */
  appendAt(
    offsetDelta: number,
    timestamp: number,
    key: RecordBytes,
    value: RecordBytes,
    headers?: readonly RecordHeaderInput[],
  ): number {
    this.check(offsetDelta, timestamp);
    // Text takes at least one byte a character: enough to see early that a large record has no room.
    const least = (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
    if (this.hasNoRoomFor(least)) return 0;
    this.reserve(key, value, headers);
    const start = this.end;
    const lengthSize = varintSize(least + 8);
    let at = this.putDeltas(start + lengthSize, offsetDelta, timestamp);
    at = this.putBytes(at, key);
    at = this.putBytes(at, value);
    at = headers === undefined || headers.length === 0 ? this.putVarint(at, 0) : this.putHeaders(at, headers);
    return this.finish(start, lengthSize, at, offsetDelta, timestamp);
  }

  /** As `append`, with a copy of an iterator's current record, at its offset counted from `baseOffset`. Keys, values, headers are not decoded. */
  appendCopy(records: RecordIterator, baseOffset: number): number {
    const offsetDelta = records.offset - baseOffset;
    this.check(offsetDelta, records.timestamp);
    const size = records.recordEnd - records.bodyStart;
    if (this.hasNoRoomFor(size)) return 0;
    this.grow(this.end + size + maxNumbersSize);
    const start = this.end;
    const lengthSize = varintSize(size + 8);
    const at = this.putDeltas(start + lengthSize, offsetDelta, records.timestamp);
    records.bytes.copy(this.buffer, at, records.bodyStart, records.recordEnd);
    return this.finish(start, lengthSize, at + size, offsetDelta, records.timestamp);
  }

  /**
   * Finishes the batch: its bytes, which the caller owns from now on. The builder is used up. Throws
   * `CodecUnavailableError`.
   */
  build(fields: BatchHeaderFields = {}): Buffer {
    assert(!this.isBuilt, "a batch is built once");
    this.isBuilt = true;
    let buffer = this.buffer;
    let end = this.end;
    // Without records there is nothing to compress, and compaction's empty batches are plain headers.
    const codec = this.count === 0 ? "none" : this.codec;
    if (codec !== "none") {
      const packed = compress(codec, buffer.subarray(batchHeaderSize, end), this.level);
      end = batchHeaderSize + packed.length;
      if (end > buffer.length) buffer = Buffer.allocUnsafeSlow(end);
      buffer.set(packed, batchHeaderSize);
    }
    this.buffer = buffer;
    this.putHeader(buffer, end, codec, fields);
    return buffer.length === end ? buffer : buffer.subarray(0, end);
  }

  private putHeader(buffer: Buffer, end: number, codec: Codec, fields: BatchHeaderFields): void {
    const hasLogAppendTime = fields.logAppendTimeMs !== undefined;
    const attributes =
      codecId(codec) |
      (hasLogAppendTime ? batchAttributes.logAppendTime : 0) |
      (fields.isTransactional === true ? batchAttributes.transactional : 0) |
      (fields.isControl === true ? batchAttributes.control : 0) |
      (fields.hasDeleteHorizon === true ? batchAttributes.deleteHorizon : 0);
    const producerEpoch = fields.producerEpoch ?? -1;
    setInt64At(buffer, batchLayout.baseOffset, fields.baseOffset ?? 0);
    setInt32At(buffer, batchLayout.length, end - batchLayout.partitionLeaderEpoch);
    setInt32At(buffer, batchLayout.partitionLeaderEpoch, fields.partitionLeaderEpoch ?? -1);
    buffer[batchLayout.magic] = 2;
    buffer[batchLayout.attributes] = 0;
    buffer[batchLayout.attributes + 1] = attributes;
    setInt32At(buffer, batchLayout.lastOffsetDelta, fields.lastOffsetDelta ?? this.lastOffsetDelta);
    setInt64At(buffer, batchLayout.baseTimestamp, this.baseTimestamp);
    setInt64At(buffer, batchLayout.maxTimestamp, fields.logAppendTimeMs ?? fields.maxTimestamp ?? this.maxTimestamp);
    setInt64At(buffer, batchLayout.producerId, fields.producerId ?? -1);
    buffer[batchLayout.producerEpoch] = producerEpoch >> 8;
    buffer[batchLayout.producerEpoch + 1] = producerEpoch;
    setInt32At(buffer, batchLayout.baseSequence, fields.baseSequence ?? -1);
    setInt32At(buffer, batchLayout.recordCount, this.count);
    setInt32At(buffer, batchLayout.crc, crc32c(buffer, batchLayout.attributes, end));
  }

  private estimate(size: number): number {
    return this.sizeRatio === 1 ? size : batchHeaderSize + Math.ceil((size - batchHeaderSize) * this.sizeRatio);
  }

  private hasNoRoomFor(recordSize: number): boolean {
    return this.count > 0 && this.estimate(this.end) + recordSize > this.maxSize;
  }

  private check(offsetDelta: number, timestamp: number): void {
    assert(!this.isBuilt, "the batch is already built");
    assert(offsetDelta > this.lastOffsetDelta && offsetDelta <= 0x7fffffff, "offsets within a batch grow");
    if (!Number.isSafeInteger(timestamp) || !Number.isSafeInteger(this.deltaOf(timestamp))) {
      throw new RangeError(`the timestamp ${timestamp} is not a whole number of milliseconds within 2^53 - 1`);
    }
  }

  /** Completes the record from `start` to `end` by its length, or drops it when the batch has no room. */
  private finish(start: number, lengthSize: number, end: number, offsetDelta: number, timestamp: number): number {
    const bodySize = end - start - lengthSize;
    const neededSize = varintSize(bodySize);
    if (this.hasNoRoomFor(bodySize + neededSize)) return 0;
    // The guess from the number of characters was wrong: the body has to move by a byte or two.
    if (neededSize !== lengthSize) this.buffer.copyWithin(start + neededSize, start + lengthSize, end);
    this.putVarint(start, bodySize);
    this.end = start + neededSize + bodySize;
    if (this.count === 0 && !this.hasGivenBaseTimestamp) this.baseTimestamp = timestamp;
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    this.lastOffsetDelta = offsetDelta;
    this.count++;
    return neededSize + bodySize;
  }

  private deltaOf(timestamp: number): number {
    return this.count === 0 && !this.hasGivenBaseTimestamp ? 0 : timestamp - this.baseTimestamp;
  }

  /** Attributes, timestamp delta and offset delta. */
  private putDeltas(start: number, offsetDelta: number, timestamp: number): number {
    this.buffer[start] = 0;
    const delta = this.deltaOf(timestamp);
    let at = start + 1;
    if (delta >= -0x40000000 && delta < 0x40000000) at = this.putVarint(at, delta);
    else at = this.putVarlong(at, delta);
    return this.putVarint(at, offsetDelta);
  }

  private putBytes(at: number, bytes: RecordBytes): number {
    if (bytes === null) {
      this.buffer[at] = 1; // -1
      return at + 1;
    }
    if (typeof bytes === "string") return this.putText(at, bytes);
    const start = this.putVarint(at, bytes.length);
    if (bytes.length > loopUpTo) this.buffer.set(bytes, start);
    else for (let n = 0; n < bytes.length; n++) this.buffer[start + n] = bytes[n]!;
    return start + bytes.length;
  }

  /** Writes text behind its length, which is guessed to be one byte a character and mended if that was wrong. */
  private putText(at: number, text: string): number {
    const lengthSize = varintSize(text.length);
    const start = at + lengthSize;
    const size = this.putUtf8(start, text);
    const neededSize = varintSize(size);
    if (neededSize !== lengthSize) this.buffer.copyWithin(at + neededSize, start, start + size);
    return this.putVarint(at, size) + size;
  }

  /** Writes text and returns how many bytes it took. */
  private putUtf8(at: number, text: string): number {
    const { buffer } = this;
    if (text.length > loopUpTo) return buffer.write(text, at);
    for (let n = 0; n < text.length; n++) {
      const unit = text.charCodeAt(n);
      if (unit > 0x7f) return buffer.write(text, at);
      buffer[at + n] = unit;
    }
    return text.length;
  }

  private putHeaders(start: number, headers: readonly RecordHeaderInput[]): number {
    let at = this.putVarint(start, headers.length);
    for (const header of headers) {
      at = this.putText(at, header.key);
      at = this.putBytes(at, header.value);
    }
    return at;
  }

  /** A zigzag varint of an int32. */
  private putVarint(start: number, value: number): number {
    let at = start;
    let rest = (value << 1) ^ (value >> 31);
    while ((rest & ~0x7f) !== 0) {
      this.buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[at++] = rest;
    return at;
  }

  /** A zigzag varint of what does not fit an int32: too rare to avoid BigInt. */
  private putVarlong(start: number, value: number): number {
    const wide = BigInt(value);
    let rest = wide < 0n ? -2n * wide - 1n : 2n * wide;
    let at = start;
    for (; rest > 0x7fn; rest >>= 7n) this.buffer[at++] = Number(rest & 0x7fn) | 0x80;
    this.buffer[at++] = Number(rest);
    return at;
  }

  /** Makes sure that the record fits the buffer: by the worst case if that fits anyway, else by counting. */
  private reserve(key: RecordBytes, value: RecordBytes, headers: readonly RecordHeaderInput[] | undefined): void {
    const headersSize = headers === undefined ? 0 : worstHeadersSize(headers);
    const worst = worstSize(key) + worstSize(value) + headersSize + maxNumbersSize;
    if (this.end + worst > this.buffer.length)
      this.grow(this.end + exactSize(key) + exactSize(value) + headersSize + maxNumbersSize);
  }

  private grow(needed: number): void {
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.buffer.length * growth, this.maxSize)));
    this.buffer.copy(larger, batchHeaderSize, batchHeaderSize, this.end);
    this.buffer = larger;
  }
}

function worstSize(bytes: RecordBytes): number {
  if (bytes === null) return 0;
  return typeof bytes === "string" ? bytes.length * 3 : bytes.length;
}

function exactSize(bytes: RecordBytes): number {
  return typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes === null ? 0 : bytes.length;
}

function worstHeadersSize(headers: readonly RecordHeaderInput[]): number {
  let size = 0;
  for (const { key, value } of headers) size += key.length * 3 + worstSize(value) + maxHeaderNumbersSize;
  return size;
}

/** How many bytes an int32 takes as a zigzag varint. */
function varintSize(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0;
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x200000 ? 3 : raw < 0x10000000 ? 4 : 5;
}

/**
 * The most that a batch of one such record can take in bytes, uncompressed: to compare with `max.request.size` and
 * `buffer.memory` before encoding anything.
 */
export function largestBatchSize(key: RecordBytes, value: RecordBytes, headers?: readonly RecordHeaderInput[]): number {
  const headersSize = headers === undefined ? 0 : worstHeadersSize(headers);
  return batchHeaderSize + maxNumbersSize + exactSize(key) + exactSize(value) + headersSize;
}
