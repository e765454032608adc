import { BatchView, batchHeaderSize, batchPrefixSize, CorruptBatchError, checkedBatchSize } from "@ottla/protocol";
import type { BufferPool } from "./buffer-pool.ts";
import type { LazyFile } from "./open-files.ts";

const defaultChunkSize = 1024 * 1024;
const lengthPosition = 8;

/** Reads a segment's `.log` batch by batch, in large chunks. To be closed, since its buffer comes from the pool. */
export class SegmentReader {
  /** The current batch, whole. Valid until the next call of `next`. */
  readonly view = new BatchView();
  /** Where in the file the current batch starts. */
  position = 0;
  /** Where in the file the next batch starts. */
  nextPosition: number;
  /** Why the reader stopped before the end, once `next` has returned false: what lies at `nextPosition` is no batch. Null at the end. */
  problem: string | null = null;

  readonly #file: LazyFile;
  readonly #end: number;
  readonly #buffers: BufferPool;
  readonly #chunkSize: number;
  #buffer: Buffer;
  /** Where in the file the buffer's content starts, and how much there is. */
  #bufferStart: number;
  #bufferSize = 0;

  constructor(file: LazyFile, start: number, end: number, buffers: BufferPool, chunkSize = defaultChunkSize) {
    this.#file = file;
    this.nextPosition = start;
    this.#bufferStart = start;
    this.#end = end;
    this.#buffers = buffers;
    this.#chunkSize = chunkSize;
    this.#buffer = buffers.acquire(Math.min(chunkSize, Math.max(batchHeaderSize, end - start)));
  }

  /** Whether the next batch can be had without reading from disk: where it can't, a long job may take a break. */
  get isBuffered(): boolean {
    const left = this.#bufferStart + this.#bufferSize - this.nextPosition;
    if (left < batchHeaderSize) return false;
    return left >= this.#declaredSize();
  }

  /** Goes to the next batch; false at the end or where there is something else (`problem`). Throws a `DiskError`. */
  next(): boolean {
    const left = this.#end - this.nextPosition;
    if (left === 0) return false;
    if (left < batchHeaderSize) return this.#stop(`${left} bytes are left, too few for a batch`);
    if (this.#bufferStart + this.#bufferSize - this.nextPosition < batchHeaderSize) this.#fill(batchHeaderSize);
    const declared = this.#declaredSize();
    if (declared > left) return this.#stop(`a batch of ${declared} bytes is cut after ${left}`);
    if (declared > this.#bufferStart + this.#bufferSize - this.nextPosition) this.#fill(declared);
    const at = this.nextPosition - this.#bufferStart;
    let size: number;
    try {
      size = checkedBatchSize(this.#buffer, at, this.#bufferSize);
    } catch (error) {
      if (error instanceof CorruptBatchError) return this.#stop(error.reason);
      throw error;
    }
    if (size === 0) return this.#stop("the file ended while it was being read");
    this.view.reset(this.#buffer, at);
    this.position = this.nextPosition;
    this.nextPosition += size;
    return true;
  }

  close(): void {
    if (this.#bufferSize < 0) return;
    this.#bufferSize = -1;
    this.#buffers.release(this.#buffer);
  }

  #stop(problem: string): false {
    this.problem = problem;
    return false;
  }

  #declaredSize(): number {
    return this.#buffer.readInt32BE(this.nextPosition - this.#bufferStart + lengthPosition) + batchPrefixSize;
  }

  /** Reads on from `nextPosition`, at least `needed` bytes of it where the file has them. */
  #fill(needed: number): void {
    const wanted = Math.min(this.#end - this.nextPosition, Math.max(needed, this.#chunkSize));
    if (wanted > this.#buffer.length) {
      this.#buffers.release(this.#buffer);
      this.#buffer = this.#buffers.acquire(wanted);
    }
    this.#bufferStart = this.nextPosition;
    this.#bufferSize = this.#file.get().read(this.nextPosition, this.#buffer.subarray(0, wanted));
    if (this.#bufferSize < batchHeaderSize) this.#buffer.fill(0, this.#bufferSize, batchHeaderSize);
  }
}
