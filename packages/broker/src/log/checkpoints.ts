import type { Disk, Logger } from "@ottla/runtime";
import { readFileIfThere, replaceFile, replaceFileDurably } from "./atomic-file.ts";
import {
  checkpointFiles,
  formatOffsetCheckpoint,
  type OffsetCheckpoint,
  parseOffsetCheckpoint,
} from "./checkpoint-file.ts";
import { joinPath, partitionDirectoryName } from "./file-names.ts";
import type { Partition } from "./partition.ts";

/** Kafka's checkpoint files of a log directory. */
export class Checkpoints {
  /** What the files said when they were read, by directory name. */
  readonly recoveryPoints: OffsetCheckpoint;
  readonly highWatermarks: OffsetCheckpoint;
  readonly logStarts: OffsetCheckpoint;
  /** Kept up to date: up to where each log has been compacted. */
  readonly cleaned: OffsetCheckpoint;

  readonly #disk: Disk;
  readonly #directory: string;
  /** Last content by file name: what has not changed is not written again. */
  readonly #written = new Map<string, string>();
  /** The last durable write: one at a time. */
  #writing: Promise<void> = Promise.resolve();
  /** How often log starts were written at once: a durable write that was overtaken by that must not bring older ones back. */
  #startsWrittenNow = 0;
  /** What the file of log starts says. */
  #storedStarts: OffsetCheckpoint;

  constructor(disk: Disk, logDirectory: string, logger: Logger) {
    this.#disk = disk;
    this.#directory = logDirectory;
    const read = (name: string) => {
      const path = joinPath(logDirectory, name);
      const content = readFileIfThere(disk, path);
      const offsets = content === null ? new Map() : parseOffsetCheckpoint(content);
      if (offsets === null) logger.warn(`${path} is damaged and will be written anew; logs are checked in full`);
      return offsets ?? new Map();
    };
    this.recoveryPoints = read(checkpointFiles.recoveryPoint);
    this.highWatermarks = read(checkpointFiles.replication);
    this.logStarts = read(checkpointFiles.logStart);
    this.cleaned = read(checkpointFiles.cleaner);
    this.#storedStarts = new Map(this.logStarts);
  }

  /** Writes recovery points, high watermarks and log starts. Rejects with a `DiskError`. */
  async write(partitions: Iterable<Partition>): Promise<void> {
    const all = [...partitions];
    await this.#writeDurably(checkpointFiles.recoveryPoint, () => offsets(all, (partition) => partition.recoveryPoint));
    await this.#writeDurably(checkpointFiles.replication, () => offsets(all, (partition) => partition.highWatermark));
    await this.writeLogStarts(all);
  }

  /** Stores where the logs start, durably. */
  writeLogStarts(partitions: Iterable<Partition>): Promise<void> {
    const all = [...partitions];
    return this.#writeDurably(checkpointFiles.logStart, () => logStarts(all));
  }

  /** Stores where the logs start so that it survives the process. */
  writeLogStartsNow(partitions: Iterable<Partition>): void {
    this.#storeStartsNow(logStarts(partitions));
  }

  /**
   * Forgets what was known of a partition that is gone: the next one of that name starts anew, and by the old one's start a recovery would take all of its records for deleted. Survives the process when it returns; the next sync of
   * the log directory, without which the new partition's own directory is not durable either, makes it last. Throws a `DiskError`.
   */
  forget(name: string): void {
    for (const offsets of [this.recoveryPoints, this.highWatermarks, this.logStarts, this.cleaned])
      offsets.delete(name);
    if (!this.#storedStarts.has(name)) return;
    const left = new Map(this.#storedStarts);
    left.delete(name);
    this.#storeStartsNow(left);
  }

  /** Notes that a log has been compacted up to `offset`; null forgets it. */
  setCleaned(name: string, offset: number | null): Promise<void> {
    if (offset === null) {
      if (!this.cleaned.delete(name)) return Promise.resolve();
    } else {
      this.cleaned.set(name, offset);
    }
    return this.#writeDurably(checkpointFiles.cleaner, () => this.cleaned);
  }

  #storeStartsNow(starts: OffsetCheckpoint): void {
    replaceFile(this.#disk, joinPath(this.#directory, checkpointFiles.logStart), formatOffsetCheckpoint(starts));
    this.#storedStarts = starts;
    this.#startsWrittenNow++;
    this.#written.delete(checkpointFiles.logStart);
  }

  #writeDurably(name: string, content: () => OffsetCheckpoint): Promise<void> {
    const path = joinPath(this.#directory, name);
    const write = async () => {
      for (;;) {
        const offsets = content();
        const bytes = formatOffsetCheckpoint(offsets);
        const text = bytes.toString();
        if (this.#written.get(name) === text) return;
        const before = this.#startsWrittenNow;
        const isWanted = () => name !== checkpointFiles.logStart || this.#startsWrittenNow === before;
        if (!(await replaceFileDurably(this.#disk, path, bytes, isWanted))) continue;
        if (name === checkpointFiles.logStart) this.#storedStarts = offsets;
        this.#written.set(name, text);
        await this.#disk.syncDirectory(this.#directory);
        return;
      }
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

function nameOf(partition: Partition): string {
  return partitionDirectoryName(partition.topic, partition.index);
}

function offsets(partitions: readonly Partition[], offsetOf: (partition: Partition) => number): OffsetCheckpoint {
  const inUse = partitions.filter((partition) => !partition.closed);
  return new Map(inUse.map((partition) => [nameOf(partition), offsetOf(partition)]));
}

/** A log that starts at 0 needs no entry. */
function logStarts(partitions: Iterable<Partition>): OffsetCheckpoint {
  const starts: OffsetCheckpoint = new Map();
  for (const partition of partitions) {
    // A deleted one may have a successor of the same name.
    if (partition.logStartOffset > 0 && !partition.closed) starts.set(nameOf(partition), partition.logStartOffset);
  }
  return starts;
}
