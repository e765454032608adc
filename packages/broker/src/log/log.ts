import type { BatchView } from "@ottla/protocol";
import { replaceFile } from "./atomic-file.ts";
import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import { joinPath, segmentFileName } from "./file-names.ts";
import { type LeaderEpochs, leaderEpochFile } from "./leader-epochs.ts";
import { type LogPosition, LogReader } from "./log-reader.ts";
import type { LazyFile } from "./open-files.ts";
import type { ProducerState } from "./producer-state.ts";
import { Segment } from "./segment.ts";
import { SegmentList } from "./segment-list.ts";

/** What a log is made of when it is opened. */
export interface LogParts {
  readonly segments: Segment[];
  readonly producers: ProducerState;
  readonly epochs: LeaderEpochs;
  readonly logStartOffset: number;
  readonly nextOffset: number;
  /** Offsets of the producer snapshots in the directory. */
  readonly snapshots: number[];
  /** Offsets of snapshots that nobody vouches for: they are not used, and go with the next ones that go. */
  readonly staleSnapshots: number[];
  /** Up to here the log is known to be on disk. */
  readonly recoveryPoint: number;
}

/** What has been written since the last sync; `done` is called with the outcome of a sync of all that. */
export interface UnsyncedFiles {
  readonly files: LazyFile[];
  /** Whether names in the directory have changed. */
  readonly directory: boolean;
  /** Up to here everything is on disk once these files are. */
  readonly end: LogPosition;
}

/**
 * A partition's files: segments, producer state, leader epochs (Kafka's `UnifiedLog` and `LocalLog`, less what is about replicas). It knows nothing of who waits for what. Methods throw a `DiskError` where the
 * disk fails; after that the log must not be used any more.
 */
export class Log {
  readonly directory: string;
  readonly segments: SegmentList;
  readonly reader: LogReader;
  readonly producers: ProducerState;
  readonly epochs: LeaderEpochs;
  config: LogConfig;
  logStartOffset: number;
  /** The offset that the next record gets. */
  nextOffset: number;
  /** Up to here the log is known to be on disk. */
  recoveryPoint: number;
  /** How much has been written since the log was opened. */
  writtenBytes = 0;
  /**
   * Where every write is synced, a segment's end has to be on disk before the next one gets its first record: after a failure of the machine a new segment without the old one's end would be damage, not a torn write.
   */
  syncsBeforeRoll = false;
  /** True while a compaction works on the segments: nobody else may take them out of the log. */
  isBeingCompacted = false;

  readonly #environment: LogEnvironment;
  /** How much earlier than `segment.ms` the active segment rolls. */
  #jitterMs: number;
  #written: LogPosition;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #snapshots: number[];
  #staleSnapshots: number[];
  #unsyncedFiles = new Set<LazyFile>();
  #isDirectoryUnsynced = false;

  constructor(environment: LogEnvironment, directory: string, config: LogConfig, parts: LogParts) {
    this.#environment = environment;
    this.directory = directory;
    this.config = config;
    this.segments = new SegmentList(parts.segments);
    this.reader = new LogReader(environment, this.segments);
    this.producers = parts.producers;
    this.epochs = parts.epochs;
    this.logStartOffset = parts.logStartOffset;
    this.nextOffset = parts.nextOffset;
    this.recoveryPoint = parts.recoveryPoint;
    this.#snapshots = parts.snapshots;
    this.#staleSnapshots = parts.staleSnapshots;
    this.#written = this.#endOfActive();
    this.#jitterMs = this.#newJitter();
  }

  /** Where readers of everything that has been written stop. */
  get written(): LogPosition {
    return this.#written;
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** The offsets at which there are producer snapshots. */
  get snapshots(): readonly number[] {
    return this.#snapshots;
  }

  /**
   * Takes a valid batch: patches its offset and epoch, and queues its bytes for `write`. Returns its first offset. The batch's bytes must not change before they are written.
   */
  append(batch: BatchView, leaderEpoch: number): number {
    const baseOffset = this.nextOffset;
    const lastOffset = baseOffset + batch.lastOffsetDelta;
    const nowMs = this.#environment.runtime.clock.now();
    if (this.segments.active.isFullFor(batch, lastOffset, this.config, this.#jitterMs, nowMs)) this.roll();
    batch.setBaseOffset(baseOffset);
    batch.setPartitionLeaderEpoch(leaderEpoch);
    if (this.epochs.assign(leaderEpoch, baseOffset)) this.writeEpochs();
    this.#noteTransactions(batch);
    this.segments.active.noteBatch(batch, this.config.indexIntervalBytes);
    const bytes = batch.bytes();
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.nextOffset = lastOffset + 1;
    return baseOffset;
  }

  /** Writes what is queued, in one go. This is the one place where it is decided that appends block until the system has the bytes. */
  write(): void {
    const size = this.#queuedBytes;
    if (size === 0) return;
    const { active } = this.segments;
    active.write(this.#queue, size);
    this.#unsyncedFiles.add(active.log);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.writtenBytes += size;
    this.#written = this.#endOfActive();
  }

  /** Starts a new active segment, unless the active one is empty and starts where it would (Kafka's `UnifiedLog.roll`). */
  roll(): void {
    this.write();
    const { active } = this.segments;
    if (active.size === 0 && active.baseOffset === this.nextOffset) return;
    active.seal();
    for (const file of active.filesToSync()) this.#unsyncedFiles.add(file);
    if (this.syncsBeforeRoll) active.log.syncBlocking();
    this.takeSnapshot();
    this.removeOldSnapshots();
    const segment = new Segment(this.#environment, this.directory, this.nextOffset, null);
    // The file has to be there, or the next start would take the one before for the active one.
    segment.log.get();
    this.segments.add(segment);
    this.#unsyncedFiles.add(segment.log);
    this.#isDirectoryUnsynced = true;
    this.#written = this.#endOfActive();
    this.#jitterMs = this.#newJitter();
  }

  /** Writes the producer state as it is at the end of the log, unless that has been done. */
  takeSnapshot(): void {
    const offset = this.nextOffset;
    if (this.#snapshots.includes(offset) || offset === 0) return;
    const path = joinPath(this.directory, segmentFileName(offset, "snapshot"));
    replaceFile(this.#environment.runtime.disk, path, this.producers.snapshot());
    this.#snapshots.push(offset);
    this.#staleSnapshots = this.#staleSnapshots.filter((stale) => stale !== offset);
  }

  /** Removes the snapshots below the log's first segment, those between segments but for the newest, and stale ones. */
  removeOldSnapshots(): void {
    const bases = new Set(this.segments.all.map((segment) => segment.baseOffset));
    const newest = Math.max(...this.#snapshots);
    const kept = this.#snapshots.filter((offset) => bases.has(offset) || offset === newest);
    const removed = this.#snapshots.filter((offset) => !kept.includes(offset)).concat(this.#staleSnapshots);
    this.#snapshots = kept;
    this.#staleSnapshots = [];
    for (const offset of removed) {
      this.#environment.runtime.disk.remove(joinPath(this.directory, segmentFileName(offset, "snapshot")));
    }
  }

  writeEpochs(): void {
    replaceFile(this.#environment.runtime.disk, joinPath(this.directory, leaderEpochFile), this.epochs.format());
  }

  /** Moves the log's start up to `offset`. Returns whether it moved. */
  moveStart(offset: number): boolean {
    if (offset <= this.logStartOffset) return false;
    this.logStartOffset = offset;
    if (this.epochs.truncateFromStart(offset)) this.writeEpochs();
    return true;
  }

  /** Notes a file outside of `write` that has to reach the disk with the next sync. */
  fileChanged(file: LazyFile): void {
    this.#unsyncedFiles.add(file);
  }

  directoryChanged(): void {
    this.#isDirectoryUnsynced = true;
  }

  /** What has to be synced for all that has been written to be durable; from here on it counts as taken care of. */
  takeUnsynced(): UnsyncedFiles {
    const files = [...this.#unsyncedFiles];
    const directory = this.#isDirectoryUnsynced;
    this.#unsyncedFiles = new Set();
    this.#isDirectoryUnsynced = false;
    return { files, directory, end: this.#written };
  }

  /** Makes the names in the log's directory durable, and that of the directory itself. */
  async syncDirectory(): Promise<void> {
    await this.#environment.runtime.disk.syncDirectory(this.directory);
    await this.#environment.root.sync();
  }

  /** Makes what a recovery has found durable before somebody relies on it: all but names, which the next sync takes care of. */
  syncBlocking(): void {
    const { files, directory } = this.takeUnsynced();
    for (const file of files) file.syncBlocking();
    this.#isDirectoryUnsynced = directory;
    this.recoveryPoint = this.nextOffset;
  }

  /** The same, names included, while others have their turn. */
  async sync(): Promise<void> {
    const { files, directory, end } = this.takeUnsynced();
    for (const file of files) await file.sync();
    if (directory) await this.syncDirectory();
    this.recoveryPoint = Math.max(this.recoveryPoint, end.offset);
  }

  get hasUnsynced(): boolean {
    return this.#unsyncedFiles.size > 0 || this.#isDirectoryUnsynced;
  }

  /** Makes everything as the next start wants to find it: indexes complete, producer state stored. Not synced yet. */
  seal(): void {
    this.write();
    const { active } = this.segments;
    // The file may not have been needed so far; indexes without it would be taken for left-overs.
    active.log.get();
    // Indexes and snapshot are not synced: where a failure of the machine loses them, the next start finds that out.
    active.seal();
    this.takeSnapshot();
    this.removeOldSnapshots();
  }

  closeFiles(): void {
    for (const segment of this.segments.all) segment.closeFiles();
  }

  #noteTransactions(batch: BatchView): void {
    const completed = this.producers.apply(batch);
    if (completed === null) return;
    if (completed.isAborted) {
      const index = this.segments.active.transactionIndex;
      const { producerId, firstOffset, lastOffset } = completed;
      const lastStableOffset = this.producers.lastStableOffsetAfter(completed);
      index.append({ producerId, firstOffset, lastOffset, lastStableOffset });
      this.#unsyncedFiles.add(index.file);
    }
    this.producers.completed(completed);
  }

  #endOfActive(): LogPosition {
    const segment = this.segments.active;
    return { offset: this.nextOffset, segment, position: segment.writtenSize };
  }

  #newJitter(): number {
    const { segmentJitterMs, segmentMs } = this.config;
    if (segmentJitterMs === 0) return 0;
    const largest = Math.min(segmentJitterMs, segmentMs, Number.MAX_SAFE_INTEGER);
    return this.#environment.runtime.random.integer(largest);
  }
}
