import { EntryFile } from "./entry-file.ts";
import type { LazyFile } from "./open-files.ts";

const entrySize = 8;

/**
 * Sparse map from offsets to positions in a segment's `.log` (Kafka's `OffsetIndex`): entries of int32 offset, counted from the segment's base offset, and int32
 * position. An entry holds the last offset of the batch that starts at its position.
 */
export class OffsetIndex extends EntryFile {
  readonly #baseOffset: number;

  constructor(file: LazyFile, baseOffset: number, scratch: Buffer, isNew: boolean) {
    super(file, entrySize, scratch, isNew);
    this.#baseOffset = baseOffset;
  }

  protected override key(buffer: Buffer, at: number): number {
    return buffer.readInt32BE(at);
  }

  /** A position at or before the batch that holds `offset`: where to start looking for it. */
  lookup(offset: number): number {
    return this.floor(offset - this.#baseOffset) ? this.found.readInt32BE(this.foundAt + 4) : 0;
  }

  append(lastOffset: number, position: number): void {
    const { buffer, at } = this.extend();
    buffer.writeInt32BE(lastOffset - this.#baseOffset, at);
    buffer.writeInt32BE(position, at + 4);
  }

  /** Whether the file can be what `append` wrote for a segment of that size: whole entries, the last of them within the segment. */
  isSound(logSize: number): boolean {
    if (this.file.size() % entrySize !== 0) return false;
    if (!this.entryAt(this.count - 1)) return this.count === 0;
    const offset = this.found.readInt32BE(this.foundAt);
    const position = this.found.readInt32BE(this.foundAt + 4);
    return offset > 0 && position > 0 && position < logSize;
  }

  entry(index: number): { offset: number; position: number } | null {
    if (!this.entryAt(index)) return null;
    return {
      offset: this.#baseOffset + this.found.readInt32BE(this.foundAt),
      position: this.found.readInt32BE(this.foundAt + 4),
    };
  }
}
