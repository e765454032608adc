import { BatchView, RecordIterator } from "@ottla/protocol";
import { type FilterContext, filterBatch } from "./batch-filter.ts";
import { CleanedTransactions } from "./cleaned-transactions.ts";
import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import type { Log } from "./log.ts";
import { OffsetMap } from "./offset-map.ts";
import { Segment } from "./segment.ts";
import { SegmentReader } from "./segment-reader.ts";

/** What a compaction may touch, and what of it is dirty: has not been compacted yet. */
export interface CleanableRange {
  /** Where the dirty part starts. */
  readonly firstDirtyOffset: number;
  /** The first segment that must stay as it is starts here. */
  readonly endOffset: number;
  readonly cleanBytes: number;
  readonly dirtyBytes: number;
  /** The time of the dirty part's oldest segment, by its first batch; -1 where there is none. */
  readonly oldestDirtyMs: number;
}

/** What the compaction's owner gives it. */
export interface CompactionHost {
  /** Takes a break after so many bytes; rejects with a `CompactionStopped` when the log is not to be touched any more. */
  pause(bytes: number): Promise<void>;
  /** The log's files no longer are what the log thinks they are. */
  failedMidway(error: unknown): void;
  /** Takes the files of segments that are no longer needed. */
  discard(segments: readonly Segment[]): void;
}

export interface CompactionResult {
  /** Up to here the log is compacted now. */
  readonly endOffset: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const outputSize = 1024 * 1024;
const largestRelativeOffset = 0x7fffffff;

/** The log was closed or deleted in the middle of its compaction. */
export class CompactionStopped extends Error {
  override readonly name = "CompactionStopped";
}

/** Which part of a log may be compacted (Kafka's `LogCleanerManager.cleanableOffsets`): never the active segment, nothing at or above the last stable offset, nothing younger than `min.compaction.lag.ms`; whole segments only. */
export function cleanableRange(log: Log, lastStableOffset: number, cleanedTo: number, nowMs: number): CleanableRange {
  const { config } = log;
  const segments = log.segments.all;
  const firstDirtyOffset =
    cleanedTo < log.logStartOffset || cleanedTo > log.nextOffset ? log.logStartOffset : cleanedTo;
  let endOffset = segments[0]!.baseOffset;
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let oldestDirtyMs = -1;
  for (const [index, segment] of segments.entries()) {
    const end = segments[index + 1]?.baseOffset;
    if (end === undefined || end > lastStableOffset) break;
    const isDirty = end > firstDirtyOffset;
    if (isDirty && config.minCompactionLagMs > 0 && segment.largestTimestampMs > nowMs - config.minCompactionLagMs)
      break;
    if (isDirty) {
      dirtyBytes += segment.size;
      const first = segment.firstTimestampMs;
      if (first >= 0 && (oldestDirtyMs < 0 || first < oldestDirtyMs)) oldestDirtyMs = first;
    } else {
      cleanBytes += segment.size;
    }
    endOffset = end;
  }
  return { firstDirtyOffset, endOffset, cleanBytes, dirtyBytes, oldestDirtyMs };
}

/** Whether a log is due, by its dirty ratio or by `max.compaction.lag.ms`. */
export function isDue(range: CleanableRange, config: LogConfig, nowMs: number): boolean {
  if (range.dirtyBytes === 0 || range.endOffset <= range.firstDirtyOffset) return false;
  if (range.dirtyBytes / (range.cleanBytes + range.dirtyBytes) > config.minCleanableDirtyRatio) return true;
  return range.oldestDirtyMs >= 0 && nowMs - range.oldestDirtyMs > config.maxCompactionLagMs;
}

/** One round of compaction over one log (Kafka's `Cleaner`). */
export class Compaction {
  readonly #environment: LogEnvironment;
  readonly #log: Log;
  readonly #range: CleanableRange;
  readonly #host: CompactionHost;
  readonly #newest: OffsetMap;
  /** Not the shared ones: others use those while this takes a break. */
  readonly #records: RecordIterator;
  readonly #view = new BatchView();
  /** Where the transaction index entries of the segment in work go. */
  #target: Segment | null = null;

  constructor(environment: LogEnvironment, log: Log, range: CleanableRange, host: CompactionHost) {
    this.#environment = environment;
    this.#log = log;
    this.#range = range;
    this.#host = host;
    this.#newest = new OffsetMap(environment.config.logCleanerDedupeBufferSize);
    this.#records = new RecordIterator(undefined, { maxDecompressedSize: environment.config.maxDecompressedBytes });
  }

  /** Rejects with a `DiskError` where the disk fails before anything was replaced, with a `CompactionStopped` where it was told to. */
  async run(nowMs: number): Promise<CompactionResult> {
    await this.#buildMap();
    const { endOffset } = this.#newest;
    const groups = this.#groups(endOffset);
    const context: FilterContext = {
      newest: this.#newest,
      transactions: new CleanedTransactions(this.#records, (entry) => this.#target?.transactionIndex.append(entry)),
      producers: this.#log.producers,
      records: this.#records,
      nowMs,
      deleteRetentionMs: this.#log.config.deleteRetentionMs,
    };
    let bytesBefore = 0;
    let bytesAfter = 0;
    for (const group of groups) {
      for (const segment of group) bytesBefore += segment.size;
      bytesAfter += await this.#cleanGroup(group, context);
    }
    return { endOffset, bytesBefore, bytesAfter };
  }

  /** Finds the newest offset of each key in the dirty part, as far as the map's memory goes. */
  async #buildMap(): Promise<void> {
    const newest = this.#newest;
    const { firstDirtyOffset, endOffset } = this.#range;
    const transactions = new CleanedTransactions(this.#records, () => {});
    newest.endOffset = firstDirtyOffset;
    for (const segment of this.#segmentsBelow(endOffset)) {
      transactions.add(segment.transactionIndex.entries());
      const next = this.#log.segments.after(segment)!.baseOffset;
      if (next <= firstDirtyOffset) continue;
      if (!(await this.#mapSegment(segment, transactions))) return;
      newest.endOffset = next;
    }
  }

  /** Returns false when the map is full. */
  async #mapSegment(segment: Segment, transactions: CleanedTransactions): Promise<boolean> {
    const newest = this.#newest;
    const reader = new SegmentReader(segment.log, 0, segment.writtenSize, this.#environment.buffers);
    try {
      while (reader.next()) {
        const batch = reader.view;
        // A batch of its own always fits, or there would be no way on.
        if (newest.size > 0 && batch.recordCount > newest.room) return false;
        this.#mapBatch(batch, transactions);
        newest.endOffset = Math.max(newest.endOffset, batch.nextOffset);
        if (!reader.isBuffered) await this.#host.pause(reader.nextPosition - reader.position);
      }
    } finally {
      reader.close();
    }
    return true;
  }

  #mapBatch(batch: BatchView, transactions: CleanedTransactions): void {
    const records = this.#records;
    const isDiscarded = transactions.canDiscard(batch);
    if (isDiscarded || batch.isControl) return;
    records.reset(batch);
    while (records.next()) {
      const key = records.key();
      if (key !== null && records.offset >= this.#range.firstDirtyOffset) this.#newest.put(key, records.offset);
    }
  }

  #segmentsBelow(offset: number): Segment[] {
    return this.#log.segments.all.filter((segment) => segment.baseOffset < offset);
  }

  /** Neighbours that fit into one segment are compacted into one. */
  #groups(endOffset: number): Segment[][] {
    const { segmentBytes, segmentIndexBytes } = this.#log.config;
    const groups: Segment[][] = [];
    let group: Segment[] = [];
    let size = 0;
    let indexSize = 0;
    for (const segment of this.#segmentsBelow(Math.min(endOffset, this.#range.endOffset))) {
      const end = this.#log.segments.after(segment)!.baseOffset;
      const segmentIndexSize = Math.max(segment.offsetIndex.sizeInBytes, segment.timeIndex.sizeInBytes);
      const fits =
        group.length > 0 &&
        size + segment.size <= segmentBytes &&
        indexSize + segmentIndexSize <= segmentIndexBytes &&
        end - 1 - group[0]!.baseOffset <= largestRelativeOffset;
      if (!fits) {
        group = [];
        groups.push(group);
        size = 0;
        indexSize = 0;
      }
      group.push(segment);
      size += segment.size;
      indexSize += segmentIndexSize;
    }
    return groups;
  }

  /** Writes what stays of some segments into a new one and puts it in their place. Returns its size. */
  async #cleanGroup(group: readonly Segment[], context: FilterContext): Promise<number> {
    const { directory } = this.#log;
    const target = new Segment(this.#environment, directory, group[0]!.baseOffset, null, "cleaned");
    // Left over from a round that failed.
    target.remove();
    this.#target = target;
    try {
      await this.#filterInto(target, group, context);
      target.log.get();
      target.seal();
      for (const file of target.filesToSync()) await file.sync();
      await this.#host.pause(0);
    } catch (error) {
      target.remove();
      throw error;
    }
    await this.#swap(target, group);
    return target.size;
  }

  async #filterInto(target: Segment, group: readonly Segment[], context: FilterContext): Promise<void> {
    const output = new BatchOutput(target, this.#log.config.indexIntervalBytes, this.#view);
    const lastOfGroup = group.at(-1);
    for (const segment of group) {
      context.transactions.add(segment.transactionIndex.entries());
      const reader = new SegmentReader(segment.log, 0, segment.writtenSize, this.#environment.buffers);
      try {
        while (reader.next()) {
          const isLast = segment === lastOfGroup && reader.nextPosition === segment.writtenSize;
          const filtered = filterBatch(reader.view, context, isLast);
          if (filtered === "whole") output.add(reader.view.bytes());
          else if (filtered !== "nothing") output.add(filtered);
          if (!reader.isBuffered) await this.#host.pause(reader.nextPosition - reader.position);
        }
      } finally {
        reader.close();
      }
    }
    output.flush();
  }

  /**
   * Puts a finished segment in the place of others so that a crash at any point leaves either the old ones or the new one:
   * its files are on disk; they become `.swap`, and that is on disk too, before the first old file is renamed. From there on the next start finishes the job.
   */
  async #swap(target: Segment, group: readonly Segment[]): Promise<void> {
    const log = this.#log;
    try {
      target.rename("swap");
      await log.syncDirectory();
    } catch (error) {
      this.#host.failedMidway(error);
      throw error;
    }
    // Where the log is closed by now, the next start does the rest.
    await this.#host.pause(0);
    try {
      // In one go, for readers: nobody gets a turn in between.
      for (const segment of group) segment.rename("deleted");
      target.rename("live");
      log.segments.replace(group, target);
      await log.syncDirectory();
    } catch (error) {
      this.#host.failedMidway(error);
      throw error;
    }
    this.#host.discard(group);
  }
}

/** Collects batches and writes them to a segment in large pieces. */
class BatchOutput {
  readonly #segment: Segment;
  readonly #indexIntervalBytes: number;
  readonly #view: BatchView;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(segment: Segment, indexIntervalBytes: number, view: BatchView) {
    this.#segment = segment;
    this.#indexIntervalBytes = indexIntervalBytes;
    this.#view = view;
  }

  /** Takes a copy of a batch. */
  add(batch: Buffer): void {
    const copy = Buffer.from(batch);
    this.#segment.noteBatch(this.#view.reset(copy, 0), this.#indexIntervalBytes);
    this.#chunks.push(copy);
    this.#size += copy.length;
    if (this.#size >= outputSize) this.flush();
  }

  flush(): void {
    if (this.#size > 0) this.#segment.write(this.#chunks, this.#size);
    this.#chunks = [];
    this.#size = 0;
  }
}
