import type { LazyFile } from "./open-files.ts";

/** Entries that are not in the file yet take at most this much memory; also the block in which a search reads the file. */
export const entryBlockSize = 4096;

/**
 * A file of entries of one size, sorted by a key, to which entries are appended: the form of Kafka's offset and time indexes. The newest entries wait in memory until
 * there is a block of them. Nothing of it has to survive a crash, since recovery builds indexes anew.
 */
export abstract class EntryFile {
  readonly file: LazyFile;
  readonly #entrySize: number;
  /** Shared between all index files: holds what a search read last. */
  readonly #scratch: Buffer;
  /** Entries in the file; -1 until somebody has looked. */
  #storedCount: number;
  #tail: Buffer | null = null;
  #tailCount = 0;

  /** What `floor` and `entryAt` found: an entry at a position of a buffer. Valid until the next call of any index. */
  protected found: Buffer;
  protected foundAt = 0;

  constructor(file: LazyFile, entrySize: number, scratch: Buffer, isNew: boolean) {
    this.file = file;
    this.#entrySize = entrySize;
    this.#scratch = scratch;
    this.found = scratch;
    this.#storedCount = isNew ? 0 : -1;
  }

  /** What the entries are sorted by. */
  protected abstract key(buffer: Buffer, at: number): number;

  get count(): number {
    return this.#stored() + this.#tailCount;
  }

  get sizeInBytes(): number {
    return this.count * this.#entrySize;
  }

  /** Makes room for an entry at the end; the caller fills it in at the returned position of the returned buffer. */
  protected extend(): { buffer: Buffer; at: number } {
    this.#stored();
    if (this.#tail !== null && (this.#tailCount + 1) * this.#entrySize > entryBlockSize) this.flush();
    let tail = this.#tail;
    const needed = (this.#tailCount + 1) * this.#entrySize;
    if (tail === null || tail.length < needed) {
      // Most partitions never get a second entry, so the memory for a whole block is taken step by step.
      const larger = Buffer.alloc(tail === null ? 4 * this.#entrySize : Math.min(entryBlockSize, tail.length * 4));
      tail?.copy(larger);
      this.#tail = tail = larger;
    }
    const at = this.#tailCount++ * this.#entrySize;
    return { buffer: tail, at };
  }

  /** Finds entry number `index`, from 0; false where there is none. */
  protected entryAt(index: number): boolean {
    if (index < 0 || index >= this.count) return false;
    const stored = this.#stored();
    if (index >= stored) return this.#foundInTail(index - stored);
    const entry = this.#scratch.subarray(0, this.#entrySize);
    if (this.file.get().read(index * this.#entrySize, entry) < this.#entrySize) return false;
    this.found = this.#scratch;
    this.foundAt = 0;
    return true;
  }

  /** Finds the last entry whose key is at most `target`; false where there is none. */
  protected floor(target: number): boolean {
    if (this.#tailCount > 0 && this.key(this.#tail!, 0) <= target) {
      return this.#foundInTail(this.#floorIn(this.#tail!, this.#tailCount, target));
    }
    let low = 0;
    let count = this.#stored();
    const blockCount = Math.floor(entryBlockSize / this.#entrySize);
    while (count > blockCount) {
      const half = count >>> 1;
      if (!this.entryAt(low + half)) return false;
      if (this.key(this.found, this.foundAt) <= target) {
        low += half;
        count -= half;
      } else {
        count = half;
      }
    }
    if (count === 0) return false;
    const block = this.#scratch.subarray(0, count * this.#entrySize);
    const readCount = Math.floor(this.file.get().read(low * this.#entrySize, block) / this.#entrySize);
    const index = this.#floorIn(block, readCount, target);
    this.found = this.#scratch;
    this.foundAt = index * this.#entrySize;
    return index >= 0;
  }

  /** Writes what is only in memory to the file. */
  flush(): void {
    const stored = this.#stored();
    if (this.#tailCount > 0) {
      this.file.get().write(stored * this.#entrySize, [this.#tail!.subarray(0, this.#tailCount * this.#entrySize)]);
    }
    this.#storedCount = stored + this.#tailCount;
    this.#tailCount = 0;
  }

  /** Like `flush`, for an index that gets no more entries for now: gives the memory back, and the file is there even if it is empty. */
  seal(): void {
    this.flush();
    if (this.#storedCount === 0) this.file.get();
    this.#tail = null;
  }

  /** Forgets all entries. */
  reset(): void {
    this.#tail = null;
    this.#tailCount = 0;
    this.#storedCount = 0;
    if (this.file.size() > 0) this.file.get().truncate(0);
  }

  #stored(): number {
    if (this.#storedCount < 0) this.#storedCount = Math.floor(this.file.size() / this.#entrySize);
    return this.#storedCount;
  }

  #foundInTail(index: number): boolean {
    this.found = this.#tail!;
    this.foundAt = index * this.#entrySize;
    return index >= 0;
  }

  /** Index of the last of `count` entries whose key is at most `target`, -1 where there is none. */
  #floorIn(entries: Buffer, count: number, target: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.key(entries, middle * this.#entrySize) <= target) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
