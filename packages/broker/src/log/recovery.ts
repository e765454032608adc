import type { BatchView } from "@ottla/protocol";
import { readFileIfThere } from "./atomic-file.ts";
import type { LogConfig } from "./config.ts";
import { findEvidence, LogDamagedError } from "./damage.ts";
import type { LogEnvironment } from "./environment.ts";
import { joinPath, segmentFileName } from "./file-names.ts";
import { LeaderEpochs, leaderEpochFile } from "./leader-epochs.ts";
import { Log } from "./log.ts";
import { type LogDirectory, readLogDirectory } from "./log-directory.ts";
import { ProducerState } from "./producer-state.ts";
import { recallBatches } from "./recent-batches.ts";
import { Segment } from "./segment.ts";
import { SegmentReader } from "./segment-reader.ts";

export interface RecoveryInput {
  readonly directory: string;
  readonly config: LogConfig;
  /** Below it the log is known to be synced: only what lies above is checked. 0 checks everything. */
  readonly recoveryPoint: number;
  /** Where the log starts by the checkpoint; 0 where there is none. */
  readonly logStartOffset: number;
  /** The largest epoch that a batch may have. */
  readonly newestEpoch: number;
  /** Whether the log may have been compacted, so that offsets may be missing. */
  readonly mayHaveGaps: boolean;
}

/** What a recovery found, for the operator. */
export interface RecoveryReport {
  readonly checkedBytes: number;
  /** A torn write's bytes that were cut off. */
  readonly cutBytes: number;
}

export interface RecoveredLog {
  readonly log: Log;
  readonly report: RecoveryReport;
}

const largestRelativeOffset = 0x7fffffff;

/** Runs a recovery in one go. */
export function recoverLog(environment: LogEnvironment, input: RecoveryInput): RecoveredLog {
  const steps = recoverySteps(environment, input);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Runs a recovery and lets others have their turn now and then. */
export async function recoverLogInSlices(environment: LogEnvironment, input: RecoveryInput): Promise<RecoveredLog> {
  const steps = recoverySteps(environment, input);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await new Promise<void>((resolve) => environment.runtime.clock.defer(resolve));
  }
}

/**
 * Opens a log after something other than a clean stop (Kafka's `LogLoader`, `LogSegment.recover`): checks every batch above the recovery point, cuts off the end of a torn write, builds indexes, producer state and epochs anew. Yields where it may take a break.
 * Throws a `LogDamagedError` where cutting would lose what may have been acknowledged; then nothing has been changed but what a crash had left half done.
 */
function* recoverySteps(environment: LogEnvironment, input: RecoveryInput): Generator<void, RecoveredLog> {
  const recovery = new Recovery(environment, input);
  yield* recovery.check();
  const log = recovery.finish();
  return { log, report: { checkedBytes: recovery.checkedBytes, cutBytes: recovery.cutBytes } };
}

class Recovery {
  checkedBytes = 0;
  cutBytes = 0;

  readonly #environment: LogEnvironment;
  readonly #input: RecoveryInput;
  readonly #found: LogDirectory;
  #segments: Segment[];
  /** Index of the first segment whose batches are checked. */
  readonly #firstChecked: number;
  readonly #producers = new ProducerState();
  /** Producer state includes everything below it. */
  #replayedTo: number;
  #epochs: LeaderEpochs;
  readonly #epochsAreLost: boolean;
  #epochsHaveChanged = false;
  #nextOffset: number;
  #lastEpoch = -1;
  #snapshots: number[];
  /** What to do once nothing speaks against it. */
  readonly #changes: (() => void)[] = [];

  constructor(environment: LogEnvironment, input: RecoveryInput) {
    this.#environment = environment;
    this.#input = input;
    this.#found = readLogDirectory(environment, input.directory);
    const { segments } = this.#found;
    const obsolete = segments.filter(
      (_, i) => i + 1 < segments.length && segments[i + 1]!.baseOffset <= input.logStartOffset,
    );
    this.#segments = segments.slice(obsolete.length);
    this.#changes.push(() => {
      for (const segment of obsolete) segment.remove();
    });
    const floor = this.#segments.findLastIndex((segment) => segment.baseOffset <= input.recoveryPoint);
    this.#firstChecked = Math.max(0, Math.min(floor, this.#segments.length - 1));
    this.#nextOffset = this.#segments[0]?.baseOffset ?? input.logStartOffset;
    const epochs = readFileIfThere(environment.runtime.disk, joinPath(input.directory, leaderEpochFile));
    const parsed = epochs === null ? null : LeaderEpochs.parse(epochs);
    this.#epochs = parsed ?? new LeaderEpochs();
    this.#epochsAreLost = parsed === null;
    this.#snapshots = [];
    this.#replayedTo = this.#loadSnapshot();
  }

  /** Reads what has to be read. Changes index files only, which hold nothing that can't be found out again. */
  *check(): Generator<void, void> {
    const start = this.#firstToRead();
    for (let index = start; index < this.#segments.length; index++) {
      const segment = this.#segments[index]!;
      if (index >= this.#firstChecked) {
        if (!(yield* this.#checkSegment(segment, index))) return;
      } else {
        yield* this.#replaySegment(segment);
      }
    }
  }

  /** Makes the changes that the check found necessary and hands out the log. */
  finish(): Log {
    const { directory, config, logStartOffset } = this.#input;
    for (const change of this.#changes) change();
    for (const segment of this.#segments.slice(0, this.#firstChecked)) {
      const isSound = segment.offsetIndex.isSound(segment.size) && segment.timeIndex.isSound();
      if (this.#found.withoutIndex.has(segment) || !isSound) segment.rebuildIndexes(config.indexIntervalBytes);
    }
    this.#startAnewIfAllIsGone(logStartOffset);
    const firstOffset = this.#segments[0]!.baseOffset;
    const start = Math.max(logStartOffset, firstOffset);
    const staleSnapshots = this.#sortOutSnapshots();
    if (this.#epochs.truncateFromEnd(this.#nextOffset)) this.#epochsHaveChanged = true;
    if (this.#epochs.truncateFromStart(start)) this.#epochsHaveChanged = true;
    const log = new Log(this.#environment, directory, config, {
      segments: this.#segments,
      producers: this.#producers,
      epochs: this.#epochs,
      logStartOffset: start,
      nextOffset: this.#nextOffset,
      snapshots: this.#snapshots,
      staleSnapshots,
      recoveryPoint: Math.min(this.#input.recoveryPoint, this.#nextOffset),
    });
    if (this.#epochsAreLost || this.#epochsHaveChanged) log.writeEpochs();
    for (const segment of this.#segments.slice(this.#firstChecked)) log.fileChanged(segment.log);
    log.directoryChanged();
    return log;
  }

  /** The newest producer snapshot that is not above what is checked. Returns up to where the producer state is known by it. */
  #loadSnapshot(): number {
    const { runtime, config } = this.#environment;
    const highest = this.#segments[this.#firstChecked]?.baseOffset ?? 0;
    const usable = this.#found.snapshots.filter((offset) => offset <= highest);
    for (let offset = usable.pop(); offset !== undefined; offset = usable.pop()) {
      const path = joinPath(this.#input.directory, segmentFileName(offset, "snapshot"));
      const isSound = this.#producers.load(
        runtime.disk.readFile(path),
        runtime.clock.now(),
        config.producerIdExpirationMs,
      );
      if (isSound) {
        const below = this.#segments.filter((segment) => segment.baseOffset < offset);
        recallBatches(below, this.#producers, this.#environment.buffers);
        this.#snapshots = [...usable, offset];
        return offset;
      }
    }
    return 0;
  }

  #firstToRead(): number {
    if (this.#epochsAreLost) return 0;
    const floor = this.#segments.findLastIndex((segment) => segment.baseOffset <= this.#replayedTo);
    return Math.max(0, Math.min(floor, this.#firstChecked));
  }

  /** Goes through a segment that is known to be sound, for the producer state's and the epochs' sake. */
  *#replaySegment(segment: Segment): Generator<void, void> {
    const reader = new SegmentReader(segment.log, 0, segment.writtenSize, this.#environment.buffers);
    try {
      while (reader.next()) {
        const batch = reader.view;
        this.#noteState(batch, null);
        this.#nextOffset = batch.nextOffset;
        if (!reader.isBuffered) yield;
      }
    } finally {
      reader.close();
    }
  }

  /** Returns false where the log ends within this segment. */
  *#checkSegment(segment: Segment, index: number): Generator<void, boolean> {
    if (index === this.#firstChecked && this.#nextOffset < segment.baseOffset) this.#nextOffset = segment.baseOffset;
    const start = this.#segmentProblem(segment, index);
    if (start !== null) return this.#end(segment, index, 0, start);
    if (index > 0 && segment.baseOffset > this.#replayedTo) this.#snapshotAt(segment.baseOffset);
    const reader = new SegmentReader(segment.log, 0, segment.writtenSize, this.#environment.buffers);
    const { indexIntervalBytes } = this.#input.config;
    segment.startOver();
    segment.transactionIndex.reset();
    try {
      while (reader.next()) {
        const batch = reader.view;
        const problem = this.#batchProblem(batch, segment, index);
        if (problem !== null) return this.#end(segment, index, reader.position, problem);
        this.#noteState(batch, segment);
        segment.noteBatch(batch, indexIntervalBytes);
        this.checkedBytes += batch.size;
        this.#nextOffset = batch.nextOffset;
        if (!reader.isBuffered) yield;
      }
      if (reader.problem !== null) return this.#end(segment, index, reader.nextPosition, reader.problem);
    } finally {
      reader.close();
    }
    if (index < this.#segments.length - 1) segment.seal();
    return true;
  }

  /** What is wrong with a segment's place in the log. */
  #segmentProblem(segment: Segment, index: number): string | null {
    if (index === this.#firstChecked) return null;
    const { baseOffset } = segment;
    if (baseOffset < this.#nextOffset) {
      return `the segment starts at offset ${baseOffset}, but the one before it goes on to ${this.#nextOffset - 1}`;
    }
    if (baseOffset > this.#nextOffset && !this.#input.mayHaveGaps) {
      return `offsets ${this.#nextOffset} to ${baseOffset - 1} are missing`;
    }
    return null;
  }

  #batchProblem(batch: BatchView, segment: Segment, index: number): string | null {
    const { baseOffset, lastOffset, partitionLeaderEpoch: epoch } = batch;
    if (!batch.isCrcValid()) return "the batch does not match its checksum";
    const isFirst = segment.size === 0;
    const lowest = isFirst ? segment.baseOffset : this.#nextOffset;
    if (baseOffset < lowest) return `the batch has the offset ${baseOffset} where ${lowest} or more is expected`;
    if (baseOffset > lowest && !this.#input.mayHaveGaps && !(isFirst && index === 0)) {
      return `the batch has the offset ${baseOffset} where ${lowest} is expected`;
    }
    if (lastOffset < baseOffset || lastOffset - segment.baseOffset > largestRelativeOffset) {
      return `the batch goes on to the offset ${lastOffset}, beyond what a segment holds`;
    }
    const next = this.#segments[index + 1];
    if (next !== undefined && lastOffset >= next.baseOffset) {
      return `the batch goes on to the offset ${lastOffset}, into the segment that starts at ${next.baseOffset}`;
    }
    if (epoch > this.#input.newestEpoch || epoch < this.#lastEpoch) {
      return `the batch has the leader epoch ${epoch}, which can't be between ${this.#lastEpoch} and ${this.#input.newestEpoch}`;
    }
    return this.#epochsAreLost ? null : this.#epochProblem(baseOffset, epoch);
  }

  /** What the known epochs have against a batch. */
  #epochProblem(baseOffset: number, epoch: number): string | null {
    const [first] = this.#epochs.entries;
    // Nothing is known of what lies below the first one: the log's start has moved up to there.
    if (first === undefined || baseOffset < first.startOffset) return null;
    const known = this.#epochs.epochAt(baseOffset);
    if (known > epoch) return `the batch has the leader epoch ${epoch}, but ${known} had started by then`;
    const start = this.#epochs.startOf(epoch);
    if (start > baseOffset) return `the batch has the leader epoch ${epoch}, which started at offset ${start}`;
    const isUnknown = start < 0 && epoch < this.#epochs.latest;
    return isUnknown ? `the batch has the leader epoch ${epoch}, which the log has never had` : null;
  }

  /** The log ends at `position` of `segment`, if what is there can be the end of a torn write. Returns false. */
  #end(segment: Segment, index: number, position: number, problem: string): false {
    const later = this.#segments.slice(index + 1);
    const { newestEpoch } = this.#input;
    const offset = this.#nextOffset;
    const evidence = findEvidence(this.#environment, segment, position, later, offset, newestEpoch);
    if (evidence !== null) {
      throw new LogDamagedError({ file: segment.log.path, position, offset, reason: `${problem}; ${evidence}` });
    }
    this.cutBytes = later.reduce((sum, { writtenSize }) => sum + writtenSize, segment.writtenSize - position);
    // An empty segment that starts somewhere else can't stay: the next record would not belong there.
    const keeps = index === 0 || position > 0 || segment.baseOffset === offset;
    const removed = keeps ? later : [segment, ...later];
    this.#segments = this.#segments.filter((kept) => !removed.includes(kept));
    this.#changes.push(() => {
      if (keeps && position < segment.writtenSize) segment.truncateFile(position);
      for (const gone of removed) gone.remove();
    });
    return false;
  }

  #noteState(batch: BatchView, segment: Segment | null): void {
    const { baseOffset, partitionLeaderEpoch: epoch } = batch;
    if (epoch >= 0) {
      this.#lastEpoch = Math.max(this.#lastEpoch, epoch);
      if (this.#epochs.assign(epoch, baseOffset)) this.#epochsHaveChanged = true;
    }
    if (baseOffset < this.#replayedTo) return;
    const completed = this.#producers.apply(batch);
    if (completed === null) return;
    const { producerId, firstOffset, lastOffset } = completed;
    if (completed.isAborted && segment !== null) {
      const lastStableOffset = this.#producers.lastStableOffsetAfter(completed);
      segment.transactionIndex.append({ producerId, firstOffset, lastOffset, lastStableOffset });
    }
    this.#producers.completed(completed);
    // Whatever is found in the log lies below the high watermark.
    this.#producers.highWatermarkMoved(lastOffset + 1);
  }

  #snapshotAt(offset: number): void {
    const content = this.#producers.snapshot();
    this.#snapshots.push(offset);
    this.#changes.push(() => {
      const path = joinPath(this.#input.directory, segmentFileName(offset, "snapshot"));
      const file = this.#environment.runtime.disk.open(path, "create");
      file.truncate(0);
      file.write(0, [content]);
      file.close();
    });
  }

  /** Snapshots of a state that was cut off must not be found by a later start, so they are removed. Returns those that nobody vouches for. */
  #sortOutSnapshots(): number[] {
    const { disk } = this.#environment.runtime;
    this.#snapshots = this.#snapshots.filter((offset) => offset <= this.#nextOffset);
    const others = this.#found.snapshots.filter((offset) => !this.#snapshots.includes(offset));
    for (const offset of others) {
      if (offset > this.#nextOffset) disk.remove(joinPath(this.#input.directory, segmentFileName(offset, "snapshot")));
    }
    // Removing files is slow where there are thousands of logs, and these can wait.
    return others.filter((offset) => offset <= this.#nextOffset);
  }

  #startAnewIfAllIsGone(logStartOffset: number): void {
    if (this.#segments.length > 0 && this.#nextOffset >= logStartOffset) return;
    // What was deleted on purpose stays deleted, and its offsets are not given out again.
    for (const segment of this.#segments) segment.remove();
    const segment = new Segment(this.#environment, this.#input.directory, logStartOffset, null);
    segment.log.get();
    this.#segments = [segment];
    this.#nextOffset = logStartOffset;
    this.#producers.clear();
  }
}
