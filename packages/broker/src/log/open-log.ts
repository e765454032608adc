import { readFileIfThere } from "./atomic-file.ts";
import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import { joinPath, segmentFileName } from "./file-names.ts";
import { LeaderEpochs, leaderEpochFile } from "./leader-epochs.ts";
import { Log } from "./log.ts";
import { readLogDirectory } from "./log-directory.ts";
import { partitionMetadataFile } from "./partition-metadata.ts";
import { ProducerState } from "./producer-state.ts";
import { recallBatches } from "./recent-batches.ts";
import { recoverLog } from "./recovery.ts";
import { Segment } from "./segment.ts";

/** What is known of a log that is not open, from a clean stop: enough to answer for it without reading anything. */
export interface RestingLog {
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logEndOffset: number;
  /** The largest leader epoch of its records, -1 without one. */
  readonly latestEpoch: number;
  readonly sizeInBytes: number;
  readonly segmentCount: number;
  /** Base offset and size of the last segment: a log that is otherwise was changed since. -1 and 0 where there is no file yet. */
  readonly activeBaseOffset: number;
  readonly activeSize: number;
  /** Entries of the last segment's offset index, and the largest timestamp in its time index: indexes that say otherwise are built anew. */
  readonly activeIndexCount: number;
  readonly activeMaxTimestampMs: number;
  /** The largest timestamp in the first segment: retention can't apply before it does to this. */
  readonly oldestTimestampMs: number;
}

/** A log that has never had a record. */
export const emptyLog: RestingLog = Object.freeze({
  logStartOffset: 0,
  highWatermark: 0,
  lastStableOffset: 0,
  logEndOffset: 0,
  latestEpoch: -1,
  sizeInBytes: 0,
  segmentCount: 0,
  activeBaseOffset: -1,
  activeSize: 0,
  activeIndexCount: 0,
  activeMaxTimestampMs: -1,
  oldestTimestampMs: -1,
});

/** What a sealed log leaves for the next start. */
export function describeLog(log: Log, highWatermark: number, lastStableOffset: number): RestingLog {
  const { segments } = log;
  return {
    logStartOffset: log.logStartOffset,
    highWatermark,
    lastStableOffset,
    logEndOffset: log.nextOffset,
    latestEpoch: log.epochs.latest,
    sizeInBytes: segments.sizeInBytes,
    segmentCount: segments.count,
    activeBaseOffset: segments.active.baseOffset,
    activeSize: segments.active.size,
    activeIndexCount: segments.active.offsetIndex.count,
    activeMaxTimestampMs: segments.active.maxTimestampMs,
    oldestTimestampMs: segments.first.maxTimestampMs,
  };
}

/** Opens a log that was stopped cleanly; where its directory is not as it was left, all of it is checked first. Throws a `DiskError` or a `LogDamagedError`. */
export function openLog(
  environment: LogEnvironment,
  partition: { readonly directory: string; readonly config: LogConfig; readonly leaderEpoch: number },
  resting: RestingLog,
): Log {
  const { directory, config, leaderEpoch: newestEpoch } = partition;
  const log = openRestingLog(environment, directory, config, resting);
  if (log !== null) return log;
  environment.logger.warn(`${directory} is not as the last clean stop left it: checking all of it`);
  const mayHaveGaps = config.cleanupPolicy.includes("compact");
  const { logStartOffset } = resting;
  return recoverLog(environment, { directory, config, recoveryPoint: 0, logStartOffset, newestEpoch, mayHaveGaps }).log;
}

/** Null where its directory is not as it was left, so that it has to be recovered. */
function openRestingLog(
  environment: LogEnvironment,
  directory: string,
  config: LogConfig,
  resting: RestingLog,
): Log | null {
  const found = readLogDirectory(environment, directory);
  const { segments } = found;
  const active = segments.at(-1);
  if ((active?.baseOffset ?? -1) !== resting.activeBaseOffset || (active?.size ?? 0) !== resting.activeSize)
    return null;
  const producers = new ProducerState();
  const epochs = readEpochs(environment, directory, resting);
  if (epochs === null || !loadSnapshot(environment, directory, resting.logEndOffset, producers)) return null;
  for (const segment of found.withoutIndex) segment.rebuildIndexes(config.indexIntervalBytes);
  if (active !== undefined && !hasIndexes(active, resting)) active.rebuildIndexes(config.indexIntervalBytes);
  recallBatches(segments, producers, environment.buffers);
  if (active === undefined) segments.push(new Segment(environment, directory, resting.logStartOffset, null));
  const log = new Log(environment, directory, config, {
    segments,
    producers,
    epochs,
    logStartOffset: resting.logStartOffset,
    nextOffset: resting.logEndOffset,
    snapshots: found.snapshots,
    staleSnapshots: [],
    recoveryPoint: resting.logEndOffset,
  });
  if (active === undefined) {
    // The directory is new, too: the first sync has to make all of it durable.
    log.fileChanged(environment.files.file(joinPath(directory, partitionMetadataFile)));
    log.directoryChanged();
  }
  return log;
}

/** Whether the active segment's indexes are as they were left: they were written, but not synced. */
function hasIndexes(active: Segment, resting: RestingLog): boolean {
  const { offsetIndex, timeIndex } = active;
  return (
    offsetIndex.count === resting.activeIndexCount &&
    offsetIndex.isSound(active.size) &&
    (timeIndex.last()?.timestampMs ?? -1) === resting.activeMaxTimestampMs
  );
}

function readEpochs(environment: LogEnvironment, directory: string, resting: RestingLog): LeaderEpochs | null {
  const content = readFileIfThere(environment.runtime.disk, joinPath(directory, leaderEpochFile));
  const epochs = content === null ? new LeaderEpochs() : LeaderEpochs.parse(content);
  return epochs?.latest === resting.latestEpoch ? epochs : null;
}

function loadSnapshot(
  environment: LogEnvironment,
  directory: string,
  offset: number,
  producers: ProducerState,
): boolean {
  const { runtime, config } = environment;
  if (offset === 0) return true;
  const content = readFileIfThere(runtime.disk, joinPath(directory, segmentFileName(offset, "snapshot")));
  return content !== null && producers.load(content, runtime.clock.now(), config.producerIdExpirationMs);
}
