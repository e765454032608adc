/** The longest name that a file system takes for a file or directory. */
const longestName = 255;

export type SegmentFileKind = "log" | "index" | "timeindex" | "txnindex" | "snapshot";

/**
 * What a suffix behind a segment file's name says (Kafka's `LogFileUtils`):
 * - `cleaned`: being written by a compaction, worth nothing after a crash
 * - `swap`: written in full; it is to take the place of what it was made from
 * - `deleted`: out of the log, to be removed
 */
export type SegmentFileState = "live" | "cleaned" | "swap" | "deleted";

export interface SegmentFileName {
  readonly offset: number;
  readonly kind: SegmentFileKind;
  readonly state: SegmentFileState;
}

/** `00000000000000000042.log`: base offset with 20 digits, kind, state. */
export function segmentFileName(offset: number, kind: SegmentFileKind, state: SegmentFileState = "live"): string {
  const name = `${String(offset).padStart(20, "0")}.${kind}`;
  return state === "live" ? name : `${name}.${state}`;
}

const segmentFilePattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)(?:\.(cleaned|swap|deleted))?$/;

/** The parts of a segment file's name, or null for any other file. */
export function parseSegmentFileName(name: string): SegmentFileName | null {
  const match = segmentFilePattern.exec(name);
  if (match === null) return null;
  const offset = Number(match[1]);
  if (!Number.isSafeInteger(offset)) return null;
  return {
    offset,
    kind: match[2] as SegmentFileKind,
    state: (match[3] ?? "live") as SegmentFileState,
  };
}

/** `order-events-3` */
export function partitionDirectoryName(topic: string, index: number): string {
  return `${topic}-${index}`;
}

const partitionDirectoryPattern = /^([a-zA-Z0-9._-]+)-(0|[1-9]\d{0,9})$/;

/** Topic and partition of a directory's name, or null where it is not a partition's. */
export function parsePartitionDirectoryName(name: string): { topic: string; index: number } | null {
  const match = partitionDirectoryPattern.exec(name);
  return match === null ? null : { topic: match[1]!, index: Number(match[2]) };
}

/** The name under which a deleted partition's directory waits for its removal; `uniqueId` keeps two of them apart. */
export function deletedDirectoryName(topic: string, index: number, uniqueId: string): string {
  const suffix = `-${index}.${uniqueId}-delete`;
  return topic.slice(0, longestName - suffix.length) + suffix;
}

const deletedDirectoryPattern = /^\S+\.\S+-delete$/;

export function isDeletedDirectoryName(name: string): boolean {
  return deletedDirectoryPattern.test(name);
}

/** Paths inside the data directory; every system that Node runs on takes a slash. */
export function joinPath(directory: string, name: string): string {
  return `${directory}/${name}`;
}
