const smallestClass = 12; // 4 KiB
const largestClass = 24; // 16 MiB

/**
 * Buffers for reads, in classes of powers of two. What is given back is kept for the next one up to a bound in bytes; a request beyond the largest class gets a
 * buffer of its own, which is not kept.
 */
export class BufferPool {
  readonly #maxKeptBytes: number;
  readonly #kept: Buffer[][] = [];
  #keptBytes = 0;

  constructor(maxKeptBytes: number) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least `size` bytes with any content. */
  acquire(size: number): Buffer {
    const sizeClass = classOf(size);
    if (sizeClass > largestClass) return Buffer.allocUnsafeSlow(size);
    const kept = this.#kept[sizeClass]?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(2 ** sizeClass);
    this.#keptBytes -= kept.length;
    return kept;
  }

  /** Takes back what `acquire` returned, the whole of it, once. */
  release(buffer: Buffer): void {
    const sizeClass = classOf(buffer.length);
    if (sizeClass > largestClass || this.#keptBytes + buffer.length > this.#maxKeptBytes) return;
    this.#keptBytes += buffer.length;
    const kept = this.#kept[sizeClass];
    if (kept === undefined) this.#kept[sizeClass] = [buffer];
    else kept.push(buffer);
  }
}

function classOf(size: number): number {
  return Math.max(smallestClass, 32 - Math.clz32(Math.max(size, 1) - 1));
}
