/** Files are kept in blocks of this size, so that neither an append nor a truncation copies what is there. */
const blockSize = 64 * 1024;

/** The first block of a file starts this small: most files of a broker that was just started hold next to nothing. */
const smallestBlock = 64;

/** The content of a file in memory. A block that was never written is not there and reads as zeros. */
export class MemoryBytes {
  #size = 0;
  readonly #blocks: (Buffer | undefined)[] = [];

  get size(): number {
    return this.#size;
  }

  read(position: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - position));
    let done = 0;
    while (done < count) {
      const at = (position + done) % blockSize;
      const length = Math.min(blockSize - at, count - done);
      const block = this.#blocks[(position + done - at) / blockSize];
      const copied = block === undefined || at >= block.length ? 0 : block.copy(into, done, at, at + length);
      if (copied < length) into.fill(0, done + copied, done + length);
      done += length;
    }
    return count;
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    let done = 0;
    while (done < bytes.length) {
      const at = (position + done) % blockSize;
      const length = Math.min(blockSize - at, bytes.length - done);
      this.#block((position + done - at) / blockSize, at + length).set(bytes.subarray(done, done + length), at);
      done += length;
    }
    if (bytes.length > 0 && end > this.#size) this.#size = end;
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / blockSize);
      // Not `length = kept` alone: it would extend the list of a file whose end is a hole.
      if (kept < this.#blocks.length) this.#blocks.length = kept;
      // What a later extension uncovers is zeros, not what was cut off.
      const last = size % blockSize;
      const block = this.#blocks[kept - 1];
      if (block !== undefined && last > 0 && last < block.length) block.fill(0, last);
    }
    this.#size = size;
  }

  /** The whole content, copied. */
  toBuffer(): Buffer {
    const buffer = Buffer.allocUnsafe(this.#size);
    this.read(0, buffer);
    return buffer;
  }

  clone(): MemoryBytes {
    const copy = new MemoryBytes();
    copy.#size = this.#size;
    for (const [index, block] of this.#blocks.entries()) copy.#blocks[index] = block && Buffer.from(block);
    return copy;
  }

  /** The block with that index, with room for `needed` bytes. */
  #block(index: number, needed: number): Buffer {
    const present = this.#blocks[index];
    if (present !== undefined && present.length >= needed) return present;
    // The first block doubles until it is a whole one; a file that needs a second one gets whole ones.
    let length = index === 0 ? Math.max(smallestBlock, present?.length ?? 0) : blockSize;
    while (length < needed) length *= 2;
    // Not `allocUnsafe`: a slice of Node's shared pool would keep the whole pool alive.
    const block = Buffer.alloc(length);
    if (present !== undefined) present.copy(block);
    while (this.#blocks.length < index) this.#blocks.push(undefined);
    this.#blocks[index] = block;
    return block;
  }
}
