import type { LogEnvironment } from "./environment.ts";
import { joinPath, parseSegmentFileName, type SegmentFileName, segmentFileName } from "./file-names.ts";
import { Segment } from "./segment.ts";
import { SegmentReader } from "./segment-reader.ts";

/** What lies in a partition's directory. */
export interface LogDirectory {
  readonly directory: string;
  /** By base offset. */
  readonly segments: Segment[];
  /** Offsets of the producer snapshots, rising. */
  readonly snapshots: number[];
  /** Segments without one of their two indexes. */
  readonly withoutIndex: ReadonlySet<Segment>;
}

interface FoundFile extends SegmentFileName {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/**
 * Looks what is in a partition's directory, after finishing what a crash may have left half done there: a compaction's swap, removals (Kafka's `LogLoader`).
 */
export function readLogDirectory(environment: LogEnvironment, directory: string): LogDirectory {
  let files = listFiles(environment, directory);
  if (files.some((file) => file.state !== "live")) {
    finishChanges(environment, directory, files);
    files = listFiles(environment, directory);
  }
  const logs = files.filter((file) => file.kind === "log").sort((a, b) => a.offset - b.offset);
  const bases = new Set(logs.map((file) => file.offset));
  const indexes = { index: new Set<number>(), timeindex: new Set<number>(), txnindex: new Set<number>() };
  for (const file of files) {
    if (file.kind === "log" || file.kind === "snapshot") continue;
    if (bases.has(file.offset)) indexes[file.kind].add(file.offset);
    else environment.runtime.disk.remove(file.path);
  }
  const segments = logs.map(({ offset, size, modifiedMs }) => {
    const hasTransactionIndex = indexes.txnindex.has(offset);
    return new Segment(environment, directory, offset, { size, modifiedMs, hasTransactionIndex });
  });
  const withoutIndex = segments.filter(
    ({ baseOffset, size }) => size > 0 && !(indexes.index.has(baseOffset) && indexes.timeindex.has(baseOffset)),
  );
  const snapshots = files.filter((file) => file.kind === "snapshot").map((file) => file.offset);
  return {
    directory,
    segments,
    snapshots: snapshots.sort((a, b) => a - b),
    withoutIndex: new Set(withoutIndex),
  };
}

function listFiles({ runtime }: LogEnvironment, directory: string): FoundFile[] {
  const found: FoundFile[] = [];
  for (const entry of runtime.disk.list(directory)) {
    const name = entry.isDirectory ? null : parseSegmentFileName(entry.name);
    if (name === null) continue;
    const { size, modifiedMs } = entry;
    found.push({ ...name, path: joinPath(directory, entry.name), size, modifiedMs });
  }
  return found;
}

/**
 * A `.log.swap` is the point of no return of a compaction: it was complete before it got that name, and what it replaces may be gone already. Everything that was to be replaced by it goes, then it takes its place.
 * A `.cleaned` is of no use, nor is an index whose log never became a `.swap`.
 */
function finishChanges(environment: LogEnvironment, directory: string, files: readonly FoundFile[]): void {
  const { disk } = environment.runtime;
  const swaps = files.filter((file) => file.kind === "log" && file.state === "swap");
  const swapBases = new Set(swaps.map((file) => file.offset));
  for (const file of files) {
    const isLeftOver = file.state === "swap" && !swapBases.has(file.offset);
    if (file.state === "cleaned" || file.state === "deleted" || isLeftOver) disk.remove(file.path);
  }
  for (const swap of swaps) {
    const end = nextOffsetOf(environment, directory, swap);
    for (const file of files) {
      if (file.state !== "live" || file.kind === "snapshot") continue;
      if (file.offset >= swap.offset && file.offset < end) disk.remove(file.path);
    }
    // The log last: until then the next start does the same again.
    const parts = files.filter((file) => file.state === "swap" && file.offset === swap.offset && file !== swap);
    for (const file of [...parts, swap]) {
      disk.rename(file.path, joinPath(directory, segmentFileName(file.offset, file.kind)));
    }
  }
}

/** The offset behind the last batch of a swap file; at least one behind its first. */
function nextOffsetOf(environment: LogEnvironment, directory: string, swap: FoundFile): number {
  const segment = new Segment(environment, directory, swap.offset, swap, "swap");
  const reader = new SegmentReader(segment.log, 0, swap.size, environment.buffers);
  let end = swap.offset + 1;
  try {
    while (reader.next()) end = Math.max(end, reader.view.nextOffset);
  } finally {
    reader.close();
    segment.closeFiles();
  }
  return end;
}
