import { type BatchView, batchHeaderSize, batchPrefixSize } from "@ottla/protocol";
import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import { joinPath, type SegmentFileKind, type SegmentFileState, segmentFileName } from "./file-names.ts";
import { readInt64 } from "./int64.ts";
import { OffsetIndex } from "./offset-index.ts";
import type { LazyFile } from "./open-files.ts";
import { SegmentReader } from "./segment-reader.ts";
import { TimeIndex } from "./time-index.ts";
import { TransactionIndex } from "./transaction-index.ts";

const unknown = -2;
const largestRelativeOffset = 0x7fffffff;
const offsetEntrySize = 8;
const timeEntrySize = 12;

/** A part of a log: a `.log` file with batches from its base offset on, and its indexes (Kafka's `LogSegment`). */
export class Segment {
  readonly baseOffset: number;
  readonly log: LazyFile;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  readonly transactionIndex: TransactionIndex;
  /** Size of the log in bytes, with what is queued for the next write. */
  size: number;
  /** How much of it has been written: what may be read. */
  writtenSize: number;
  /** When the file was last changed, or made; only used where no record has a timestamp. */
  modifiedMs: number;
  /** True once the segment is no longer part of its log. */
  isRetired = false;

  readonly #environment: LogEnvironment;
  readonly #directory: string;
  #state: SegmentFileState;
  #bytesSinceIndexEntry = 0;
  #maxTimestampMs: number;
  #maxTimestampOffset = -1;
  #firstTimestampMs = unknown;

  constructor(
    environment: LogEnvironment,
    directory: string,
    baseOffset: number,
    existing: { size: number; modifiedMs: number; hasTransactionIndex?: boolean } | null,
    state: SegmentFileState = "live",
  ) {
    const isNew = existing === null;
    const file = (kind: SegmentFileKind) =>
      environment.files.file(joinPath(directory, segmentFileName(baseOffset, kind, state)), "create");
    this.#environment = environment;
    this.#directory = directory;
    this.#state = state;
    this.baseOffset = baseOffset;
    this.log = file("log");
    this.offsetIndex = new OffsetIndex(file("index"), baseOffset, environment.indexScratch, isNew);
    this.timeIndex = new TimeIndex(file("timeindex"), baseOffset, environment.indexScratch, isNew);
    this.transactionIndex = new TransactionIndex(file("txnindex"), isNew || existing.hasTransactionIndex === false);
    this.size = existing?.size ?? 0;
    this.writtenSize = this.size;
    this.modifiedMs = existing?.modifiedMs ?? environment.runtime.clock.now();
    this.#maxTimestampMs = isNew ? -1 : unknown;
  }

  /** The largest timestamp of its records; -1 where no record has one. */
  get maxTimestampMs(): number {
    this.#loadMaxTimestamp();
    return this.#maxTimestampMs;
  }

  /** Last offset of the first batch that has the largest timestamp. */
  get maxTimestampOffset(): number {
    this.#loadMaxTimestamp();
    return this.#maxTimestampOffset;
  }

  /** The time that retention counts from. */
  get largestTimestampMs(): number {
    return this.maxTimestampMs >= 0 ? this.maxTimestampMs : this.modifiedMs;
  }

  /** The largest timestamp of the first batch, -1 in an empty segment: `segment.ms` counts from it. */
  get firstTimestampMs(): number {
    if (this.#firstTimestampMs === unknown && this.writtenSize > 0) {
      const reader = new SegmentReader(this.log, 0, this.writtenSize, this.#environment.buffers, batchHeaderSize);
      try {
        this.#firstTimestampMs = reader.next() ? reader.view.maxTimestamp : -1;
      } finally {
        reader.close();
      }
    }
    return this.#firstTimestampMs === unknown ? -1 : this.#firstTimestampMs;
  }

  /** Whether a batch that is to be appended has to go into a new segment (Kafka's `LogSegment.shouldRoll`). */
  isFullFor(batch: BatchView, lastOffset: number, config: LogConfig, jitterMs: number, nowMs: number): boolean {
    if (lastOffset - this.baseOffset > largestRelativeOffset) return true;
    if (this.size === 0) return false;
    if (this.size + batch.size > config.segmentBytes) return true;
    const first = this.firstTimestampMs;
    const age = first >= 0 ? batch.maxTimestamp - first : nowMs - this.modifiedMs;
    if (age > longestAgeMs(config) - jitterMs) return true;
    if (this.size < config.segmentIndexBytes) return false;
    return (
      (this.offsetIndex.count + 1) * offsetEntrySize > config.segmentIndexBytes ||
      (this.timeIndex.count + 2) * timeEntrySize > config.segmentIndexBytes
    );
  }

  /** Takes note of a batch that is to be written at the end of the log. */
  noteBatch(batch: BatchView, indexIntervalBytes: number): void {
    const timestampMs = batch.maxTimestamp;
    const lastOffset = batch.lastOffset;
    if (this.size === 0) this.#firstTimestampMs = timestampMs;
    this.#loadMaxTimestamp();
    if (timestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = timestampMs;
      this.#maxTimestampOffset = lastOffset;
    }
    if (this.#bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(lastOffset, this.size);
      this.#appendTime();
      this.#bytesSinceIndexEntry = 0;
    }
    const size = batch.size;
    this.#bytesSinceIndexEntry += size;
    this.size += size;
  }

  /** Writes what `noteBatch` was told of. */
  write(chunks: readonly Uint8Array[], size: number): void {
    this.log.get().write(this.writtenSize, chunks);
    this.writtenSize += size;
  }

  /** Completes the index files: for a segment that gets no more batches, or a clean stop. */
  seal(): void {
    this.#appendTime();
    this.offsetIndex.seal();
    this.timeIndex.seal();
  }

  /**
   * The position of the first batch that holds `offset` or a later one; -1 where all batches before `end` lie below it. An index that leads nowhere is
   * built anew.
   */
  findPosition(offset: number, end = this.writtenSize): number {
    const start = this.offsetIndex.lookup(offset);
    if (start === 0) return this.#search(offset, 0, end);
    if (this.#isBatchBelow(start, offset)) return this.#search(offset, start, end);
    this.#environment.logger.warn("index is damaged, building it anew", { file: this.offsetIndex.file.path });
    // Not while something is queued: its entries would be lost.
    if (this.size !== this.writtenSize) return this.#search(offset, 0, end);
    this.rebuildIndexes();
    return this.#search(offset, this.offsetIndex.lookup(offset), end);
  }

  /** Fills offset and time index from what has been written. */
  rebuildIndexes(indexIntervalBytes = 4096): void {
    const reader = new SegmentReader(this.log, 0, this.writtenSize, this.#environment.buffers);
    this.startOver();
    try {
      while (reader.next()) this.noteBatch(reader.view, indexIntervalBytes);
    } finally {
      reader.close();
    }
    this.size = this.writtenSize;
    this.seal();
  }

  /** Forgets size, times and indexes, before they are found out anew by `noteBatch`. */
  startOver(): void {
    this.offsetIndex.reset();
    this.timeIndex.reset();
    this.size = 0;
    this.#bytesSinceIndexEntry = 0;
    this.#maxTimestampMs = -1;
    this.#maxTimestampOffset = -1;
    this.#firstTimestampMs = unknown;
  }

  /** Cuts the log file. Offsets and times of what was cut must not have been noted. */
  truncateFile(size: number): void {
    this.log.get().truncate(size);
    this.size = size;
    this.writtenSize = size;
  }

  /** Renames all its files; a crash in between leaves some of them renamed, the `.log` last. */
  rename(state: SegmentFileState): void {
    const { disk } = this.#environment.runtime;
    for (const [kind, file] of this.#files()) {
      if (disk.stat(file.path) === null) continue;
      file.rename(joinPath(this.#directory, segmentFileName(this.baseOffset, kind, state)));
    }
    this.#state = state;
  }

  get state(): SegmentFileState {
    return this.#state;
  }

  remove(): void {
    for (const [, file] of this.#files()) file.remove();
  }

  closeFiles(): void {
    for (const [, file] of this.#files()) file.close();
  }

  /** The files that have to reach the disk before the segment counts as synced. */
  *filesToSync(): Iterable<LazyFile> {
    yield this.log;
    yield this.offsetIndex.file;
    yield this.timeIndex.file;
    if (this.transactionIndex.entries().length > 0) yield this.transactionIndex.file;
  }

  #files(): [SegmentFileKind, LazyFile][] {
    return [
      ["index", this.offsetIndex.file],
      ["timeindex", this.timeIndex.file],
      ["txnindex", this.transactionIndex.file],
      ["log", this.log],
    ];
  }

  #appendTime(): void {
    this.#loadMaxTimestamp();
    if (this.#maxTimestampMs >= 0) this.timeIndex.maybeAppend(this.#maxTimestampMs, this.#maxTimestampOffset);
  }

  #loadMaxTimestamp(): void {
    if (this.#maxTimestampMs !== unknown) return;
    // A sealed time index ends with the largest timestamp.
    const last = this.timeIndex.last();
    this.#maxTimestampMs = last?.timestampMs ?? -1;
    this.#maxTimestampOffset = last?.offset ?? -1;
  }

  /** Whether a batch that starts at or below `offset` may lie at `position`. */
  #isBatchBelow(position: number, offset: number): boolean {
    const header = this.#environment.searchScratch.subarray(0, batchHeaderSize);
    if (this.log.get().read(position, header) < batchHeaderSize) return false;
    const baseOffset = readInt64(header, 0);
    const size = header.readInt32BE(8) + batchPrefixSize;
    return (
      baseOffset >= this.baseOffset &&
      baseOffset <= offset &&
      size >= batchHeaderSize &&
      position + size <= this.writtenSize &&
      header[16] === 2
    );
  }

  /** Walks from batch to batch by their headers until one reaches `offset`. */
  #search(offset: number, start: number, end: number): number {
    const block = this.#environment.searchScratch;
    const file = this.log.get();
    let position = start;
    let blockStart = 0;
    let blockSize = 0;
    while (position + batchHeaderSize <= end) {
      if (position < blockStart || position + batchHeaderSize > blockStart + blockSize) {
        blockStart = position;
        blockSize = file.read(position, block);
        if (blockSize < batchHeaderSize) return -1;
      }
      const at = position - blockStart;
      const lastOffset = readInt64(block, at) + block.readInt32BE(at + 23);
      if (lastOffset >= offset) return position;
      const size = block.readInt32BE(at + 8) + batchPrefixSize;
      if (size < batchHeaderSize) return -1;
      position += size;
    }
    return -1;
  }
}

/** `segment.ms`; a compacted segment must not stay active for longer than its records may go without compaction (Kafka's `LogConfig.maxSegmentMs`). */
function longestAgeMs({ cleanupPolicy, segmentMs, maxCompactionLagMs }: LogConfig): number {
  return cleanupPolicy.includes("compact") ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs;
}
