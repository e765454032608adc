import { EntryFile } from "./entry-file.ts";
import { readInt64, writeInt64 } from "./int64.ts";
import type { LazyFile } from "./open-files.ts";

const entrySize = 12;

/**
 * Sparse map from timestamps to offsets in a segment (Kafka's `TimeIndex`): entries of int64 timestamp and int32 offset, counted from the segment's base offset. An
 * entry says that no record up to that offset has a larger timestamp; both columns only grow.
 */
export class TimeIndex extends EntryFile {
  readonly #baseOffset: number;

  constructor(file: LazyFile, baseOffset: number, scratch: Buffer, isNew: boolean) {
    super(file, entrySize, scratch, isNew);
    this.#baseOffset = baseOffset;
  }

  protected override key(buffer: Buffer, at: number): number {
    return readInt64(buffer, at);
  }

  /** An offset from which on to look for the first record with at least this timestamp. */
  lookup(timestampMs: number): number {
    return this.floor(timestampMs) ? this.#baseOffset + this.found.readInt32BE(this.foundAt + 8) : this.#baseOffset;
  }

  /** Adds an entry unless the last one has that timestamp, or a later one, already. */
  maybeAppend(timestampMs: number, offset: number): void {
    const last = this.last();
    if (last !== null && timestampMs <= last.timestampMs) return;
    const { buffer, at } = this.extend();
    writeInt64(buffer, timestampMs, at);
    buffer.writeInt32BE(offset - this.#baseOffset, at + 8);
  }

  last(): { timestampMs: number; offset: number } | null {
    return this.entry(this.count - 1);
  }

  entry(index: number): { timestampMs: number; offset: number } | null {
    if (!this.entryAt(index)) return null;
    return {
      timestampMs: readInt64(this.found, this.foundAt),
      offset: this.#baseOffset + this.found.readInt32BE(this.foundAt + 8),
    };
  }

  /** Whether the file can be what `maybeAppend` wrote: whole entries, the last one behind the first. */
  isSound(): boolean {
    if (this.file.size() % entrySize !== 0) return false;
    const last = this.last();
    if (last === null) return this.count === 0;
    const first = this.entry(0)!;
    // Zeros, which a failed machine may leave, are not sound.
    if (this.count === 1) return last.offset >= this.#baseOffset && last.timestampMs > 0;
    return last.offset > first.offset && last.timestampMs > first.timestampMs;
  }
}
