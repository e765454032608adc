import type { FrameMemory } from "@ottla/protocol";
import { BufferPool } from "../log/buffer-pool.ts";

/** Bytes that are kept for the next large requests while none are in work. */
const maxKeptBytes = 32 * 1024 * 1024;

/**
 * The buffers of large requests, used again: making and collecting megabytes for each request costs time, and memory until the collector gets to it. Only what was lent is taken back, and only once, so
 * that a slice of something else, given back by mistake, does no harm.
 */
export class FramePool implements FrameMemory {
  private readonly pool = new BufferPool(maxKeptBytes);
  private readonly lent = new WeakSet<ArrayBufferLike>();

  allocate(size: number): Buffer {
    const buffer = this.pool.acquire(size);
    this.lent.add(buffer.buffer);
    return buffer.subarray(0, size);
  }

  /** Nobody may use the frame, or a slice of it, any more. */
  free(frame: Buffer): void {
    if (!this.lent.delete(frame.buffer)) return;
    this.pool.release(Buffer.from(frame.buffer, 0, frame.buffer.byteLength));
  }
}
