import { type BatchView, batchHeaderSize, batchPrefixSize } from "@ottla/protocol";
import type { LogEnvironment } from "./environment.ts";
import { readInt64 } from "./int64.ts";
import type { AbortedTransaction } from "./outcomes.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import { SegmentReader } from "./segment-reader.ts";

/** A place in a log: the next record at or after `offset` lies at `position` of `segment`, or in the next one if that is its end. */
export interface LogPosition {
  readonly offset: number;
  readonly segment: Segment;
  readonly position: number;
}

/** What was read: whole batches at the start of a pooled buffer, to be given back to the pool. */
export interface ReadBatches {
  readonly buffer: Buffer;
  readonly size: number;
  /** The offset behind the last batch. */
  readonly nextOffset: number;
}

/** A record found by its timestamp: a transaction's marker, too, as in Kafka. */
export interface FoundRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

const rememberedPositions = 8;
const timestampChunkSize = 64 * 1024;
const smallestRead = 4096;

/** Finds and reads what lies in a log. Throws a `DiskError` where the disk fails. */
export class LogReader {
  readonly #environment: LogEnvironment;
  readonly #segments: SegmentList;
  /** Where the last reads ended, which is where their readers go on. */
  #remembered: LogPosition[] = [];
  #nextRemembered = 0;

  constructor(environment: LogEnvironment, segments: SegmentList) {
    this.#environment = environment;
    this.#segments = segments;
  }

  /** Where the first batch lies that holds `offset` or a later one; null where there is none. */
  locate(offset: number): LogPosition | null {
    const known = this.#recall(offset);
    if (known !== null && known.position < known.segment.writtenSize) return known;
    const segments = this.#segments.all;
    let index = known === null ? this.#segments.floorIndex(offset) : segments.indexOf(known.segment) + 1;
    // Compaction and log ends leave offsets that no segment holds: then the next one has the next record.
    for (; index < segments.length; index++) {
      const segment = segments[index]!;
      const position = segment.baseOffset >= offset ? 0 : segment.findPosition(offset);
      if (position >= 0 && position < segment.writtenSize) {
        this.remember(offset, segment, position);
        return { offset, segment, position };
      }
    }
    return null;
  }

  /** Keeps a position for the reader that will ask for it. */
  remember(offset: number, segment: Segment, position: number): void {
    for (const known of this.#remembered) if (known.offset === offset && known.segment === segment) return;
    this.#remembered[this.#nextRemembered] = { offset, segment, position };
    this.#nextRemembered = (this.#nextRemembered + 1) % rememberedPositions;
  }

  /**
   * Whole batches from `offset` on, below `bound` and of one segment, at most `maxBytes` of them; with `minOneBatch` the first one whatever its size. Null where there is nothing
   * (or, without `minOneBatch`, nothing that fits).
   */
  read(offset: number, maxBytes: number, bound: LogPosition, minOneBatch: boolean): ReadBatches | null {
    if (offset >= bound.offset) return null;
    const start = this.locate(offset);
    if (start === null || start.segment.baseOffset >= bound.offset) return null;
    const { segment, position } = start;
    const left = (segment === bound.segment ? bound.position : segment.writtenSize) - position;
    if (left < batchHeaderSize) return null;
    const wanted = Math.min(left, minOneBatch ? Math.max(maxBytes, smallestRead) : maxBytes);
    if (wanted < batchHeaderSize) return null;
    const read = this.#readWhole(segment, position, wanted, Math.min(left, maxBytes), minOneBatch ? left : 0);
    if (read !== null) this.remember(read.nextOffset, segment, position + read.size);
    return read;
  }

  /** How many bytes lie between `offset` and `bound`. */
  bytesUntil(offset: number, bound: LogPosition): number {
    if (offset >= bound.offset) {
      if (offset === bound.offset) this.remember(offset, bound.segment, bound.position);
      return 0;
    }
    const start = this.locate(offset);
    if (start === null || start.segment.baseOffset >= bound.offset) return 0;
    if (start.segment === bound.segment) return Math.max(0, bound.position - start.position);
    let size = start.segment.writtenSize - start.position;
    for (let segment = this.#segments.after(start.segment); segment; segment = this.#segments.after(segment)) {
      if (segment === bound.segment) return size + bound.position;
      if (segment.baseOffset >= bound.offset) break;
      size += segment.writtenSize;
    }
    return size;
  }

  /** The aborted transactions that a reader of `from` (included) to `to` (excluded) has to know of. */
  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    const aborted: AbortedTransaction[] = [];
    const segments = this.#segments.all;
    for (let index = this.#segments.floorIndex(from); index < segments.length; index++) {
      for (const entry of segments[index]!.transactionIndex.entries()) {
        if (entry.lastOffset >= from && entry.firstOffset < to) {
          aborted.push({ producerId: entry.producerId, firstOffset: entry.firstOffset });
        }
        if (entry.lastStableOffset >= to) return aborted;
      }
    }
    return aborted;
  }

  /** The first record at or above `fromOffset` whose timestamp is at least `timestampMs`. */
  findTimestamp(timestampMs: number, fromOffset: number): FoundRecord | null {
    const segments = this.#segments.all;
    for (let index = this.#segments.floorIndex(fromOffset); index < segments.length; index++) {
      const segment = segments[index]!;
      if (segment.writtenSize === 0 || segment.maxTimestampMs < timestampMs) continue;
      const from = Math.max(segment.timeIndex.lookup(timestampMs), fromOffset);
      const found = this.#findRecord(segment, from, (batch) =>
        batch.maxTimestamp >= timestampMs && batch.lastOffset >= fromOffset
          ? this.#firstRecord(batch, (offset, time) => time >= timestampMs && offset >= fromOffset)
          : null,
      );
      if (found !== null) return found;
    }
    return null;
  }

  /** The first of the records with the largest timestamp. */
  findMaxTimestamp(): FoundRecord | null {
    let newest: Segment | null = null;
    for (const segment of this.#segments.all) {
      if (segment.maxTimestampMs >= 0 && (newest === null || segment.maxTimestampMs > newest.maxTimestampMs)) {
        newest = segment;
      }
    }
    if (newest === null) return null;
    const timestampMs = newest.maxTimestampMs;
    return this.#findRecord(newest, newest.maxTimestampOffset, (batch) =>
      batch.maxTimestamp === timestampMs ? this.#firstRecord(batch, (_, time) => time === timestampMs) : null,
    );
  }

  #findRecord(
    segment: Segment,
    fromOffset: number,
    visit: (batch: BatchView) => FoundRecord | null,
  ): FoundRecord | null {
    const start = segment.findPosition(fromOffset);
    if (start < 0) return null;
    const { buffers } = this.#environment;
    const reader = new SegmentReader(segment.log, start, segment.writtenSize, buffers, timestampChunkSize);
    try {
      while (reader.next()) {
        const found = visit(reader.view);
        if (found !== null) return found;
      }
    } finally {
      reader.close();
    }
    return null;
  }

  #firstRecord(batch: BatchView, matches: (offset: number, timestampMs: number) => boolean): FoundRecord | null {
    const { records } = this.#environment;
    records.reset(batch);
    while (records.next()) {
      if (matches(records.offset, records.timestamp)) {
        return { offset: records.offset, timestampMs: records.timestamp, leaderEpoch: batch.partitionLeaderEpoch };
      }
    }
    return null;
  }

  #recall(offset: number): LogPosition | null {
    for (const known of this.#remembered) {
      if (known.offset === offset && !known.segment.isRetired) return known;
    }
    return null;
  }

  /** Reads `wanted` bytes and keeps the whole batches within the first `limit` of them; the first batch may have up to `firstLimit`. */
  #readWhole(
    segment: Segment,
    position: number,
    wanted: number,
    limit: number,
    firstLimit: number,
  ): ReadBatches | null {
    const { buffers } = this.#environment;
    const file = segment.log.get();
    let buffer = buffers.acquire(wanted);
    let available = file.read(position, buffer.subarray(0, wanted));
    const first = available < batchHeaderSize ? 0 : sizeAt(buffer, 0);
    if (first < batchHeaderSize || first > Math.max(limit, firstLimit)) {
      buffers.release(buffer);
      return null;
    }
    if (first > available) {
      buffers.release(buffer);
      buffer = buffers.acquire(first);
      available = file.read(position, buffer.subarray(0, first));
      if (available < first) {
        buffers.release(buffer);
        return null;
      }
    }
    let size = first;
    let last = 0;
    const end = Math.min(available, Math.max(limit, first));
    while (size + batchHeaderSize <= end) {
      const next = sizeAt(buffer, size);
      if (next < batchHeaderSize || size + next > end) break;
      last = size;
      size += next;
    }
    return { buffer, size, nextOffset: readInt64(buffer, last) + buffer.readInt32BE(last + 23) + 1 };
  }
}

function sizeAt(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + 8) + batchPrefixSize;
}
