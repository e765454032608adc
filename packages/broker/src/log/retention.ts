import type { LogConfig } from "./config.ts";
import type { Log } from "./log.ts";
import type { RestingLog } from "./open-log.ts";
import type { Segment } from "./segment.ts";

/**
 * How many of a log's oldest segments may go, by the log start offset, `retention.ms` and `retention.bytes` (Kafka's `UnifiedLog.deleteOldSegments`). All of them only where the active one, too, has nothing left to be kept.
 */
export function countExpiredSegments(log: Log, highWatermark: number, nowMs: number): number {
  const { config, segments, logStartOffset } = log;
  let count = countWhile(log, highWatermark, (_, next) => next !== undefined && next.baseOffset <= logStartOffset);
  if (!config.cleanupPolicy.includes("delete")) return count;
  if (config.retentionBytes >= 0) {
    let excess = segments.sizeInBytes - config.retentionBytes;
    const bySize = countWhile(log, highWatermark, (segment) => {
      if (excess - segment.size < 0) return false;
      excess -= segment.size;
      return true;
    });
    count = Math.max(count, bySize);
  }
  if (config.retentionMs >= 0) {
    const byTime = countWhile(log, highWatermark, (segment) => nowMs - segment.largestTimestampMs > config.retentionMs);
    count = Math.max(count, byTime);
  }
  return count;
}

/** Whether `countExpiredSegments` may find something in a log that is not open. */
export function mayHaveExpired(resting: RestingLog, config: LogConfig, nowMs: number): boolean {
  if (resting.sizeInBytes === 0) return false;
  if (!config.cleanupPolicy.includes("delete")) return false;
  if (config.retentionBytes >= 0 && resting.sizeInBytes >= config.retentionBytes) return true;
  // Without timestamps the files' times count, which are not known here.
  const age = resting.oldestTimestampMs < 0 ? Number.POSITIVE_INFINITY : nowMs - resting.oldestTimestampMs;
  return config.retentionMs >= 0 && age > config.retentionMs;
}

function countWhile(
  log: Log,
  highWatermark: number,
  isExpired: (segment: Segment, next: Segment | undefined) => boolean,
): number {
  const segments = log.segments.all;
  let count = 0;
  for (const segment of segments) {
    const next = segments[count + 1];
    const end = next?.baseOffset ?? log.nextOffset;
    const isEmptyActive = next === undefined && segment.size === 0;
    if (end > highWatermark || isEmptyActive || !isExpired(segment, next)) break;
    count++;
  }
  return count;
}

/** Moves the log's start behind its first `count` segments, which `removeSegments` then takes out. Once the new start is stored, a crash in the middle of the removal does no harm. */
export function retireSegments(log: Log, count: number): void {
  if (count === log.segments.count) log.roll();
  log.moveStart(log.segments.all[count]!.baseOffset);
}

/** Takes the segments below the log's start out of it; their files are renamed, for the caller to remove. */
export function removeSegments(log: Log): Segment[] {
  const segments = log.segments.all;
  let count = 0;
  while (count + 1 < segments.length && segments[count + 1]!.baseOffset <= log.logStartOffset) count++;
  const removed = log.segments.removeFirst(count);
  for (const segment of removed) segment.rename("deleted");
  log.removeOldSnapshots();
  log.directoryChanged();
  return removed;
}
