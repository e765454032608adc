/** A frame whose announced size is negative or above the limit. What follows it in the stream cannot be found any more. */
export class FrameTooLargeError extends Error {
  override readonly name = "FrameTooLargeError";
  /** The announced size, in bytes. */
  readonly size: number;
  readonly maxFrameSize: number;

  constructor(size: number, maxFrameSize: number) {
    super(`frame of ${size} bytes announced, at most ${maxFrameSize} allowed${guess(size)}`);
    this.size = size;
    this.maxFrameSize = maxFrameSize;
  }
}

/** The first four bytes of other protocols, read as a size: the message says what probably happened. */
function guess(size: number): string {
  if (size >>> 16 === 0x1603) return " (this looks like TLS; the listener or peer speaks plain text)";
  if (size >>> 24 === 0x15) return " (this looks like a TLS alert: the peer wants TLS)";
  const text = String.fromCharCode(size >>> 24, (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff);
  if (["GET ", "POST", "HEAD", "PUT ", "HTTP"].includes(text)) return " (this looks like HTTP)";
  return "";
}

/** Where the buffers of large frames come from, so that they can be used again. */
export interface FrameMemory {
  /** A buffer of exactly `size` bytes with any content. */
  allocate(size: number): Buffer;
  /** Takes back a buffer that a larger one has replaced. */
  free(buffer: Buffer): void;
}

const garbageCollected: FrameMemory = { allocate: (size) => Buffer.allocUnsafe(size), free() {} };

/** Buffers from this size on are asked of the `FrameMemory`. */
const largeSize = 32 * 1024;

/** A buffer of up to this size may be made for a frame before its bytes have arrived. */
const firstSize = 64 * 1024;

/**
 * Cuts a stream of bytes into frames: four bytes of size, then the frame. Received bytes are copied once, so chunks may
 * be reused by the caller. The buffer for a frame grows with what has arrived, never with what is announced: up to
 * 64 KiB, or the largest frame that this stream has completed, is made at once, beyond that it doubles.
 */
export class FrameSplitter {
  /** Frames above this size, in bytes without the four of the size itself, are refused. May be raised later on. */
  maxFrameSize: number;
  /** The frame that is arriving; null between frames. */
  #frame: Buffer | null = null;
  #filled = 0;
  /** Size of the arriving frame; -1 while the four bytes of the size are not complete. */
  #size = -1;
  #sizeBytes = 0;
  #sizeValue = 0;
  #largest = firstSize;
  readonly #memory: FrameMemory;

  constructor(options: { readonly maxFrameSize: number; readonly memory?: FrameMemory }) {
    this.maxFrameSize = options.maxFrameSize;
    this.#memory = options.memory ?? garbageCollected;
  }

  /** Bytes held for a frame that is not complete yet. */
  get bufferedSize(): number {
    return this.#frame === null ? 0 : this.#frame.length;
  }

  /**
   * Takes the next bytes of the stream and hands over each frame (without its size) that is now complete; the receiver
   * owns it. Frames that came in one chunk may be slices of one copy. Throws a `FrameTooLargeError`, or what `onFrame`
   * throws; the stream is of no use after either.
   */
  push(chunk: Uint8Array, onFrame: (frame: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#size < 0 && this.#sizeBytes === 0) {
        const rest = this.#wholeFrames(chunk, at, onFrame);
        if (rest === chunk.length) return;
        at = rest;
      }
      at = this.#size < 0 ? this.#readSize(chunk, at) : at;
      if (this.#size < 0) return;
      at = this.#fill(chunk, at);
      if (this.#filled < this.#size) return;
      const frame = this.#frame ?? Buffer.alloc(0);
      if (this.#size > this.#largest) this.#largest = this.#size;
      this.#frame = null;
      this.#filled = 0;
      this.#size = -1;
      onFrame(frame);
    }
  }

  /** Hands over the frames that lie whole within the chunk, out of a single copy. Returns where the rest begins. */
  #wholeFrames(chunk: Uint8Array, start: number, onFrame: (frame: Buffer) => void): number {
    let end = start;
    for (;;) {
      if (chunk.length - end < 4) break;
      const size = sizeAt(chunk, end);
      // A size that is refused ends the run: the frames before it are handed over first.
      if (size < 0 || size > this.maxFrameSize || chunk.length - end - 4 < size) break;
      end += 4 + size;
    }
    if (end === start) return start;
    const copy = Buffer.allocUnsafe(end - start);
    copy.set(chunk.subarray(start, end));
    for (let at = 0; at < copy.length; ) {
      const size = sizeAt(copy, at);
      onFrame(copy.subarray(at + 4, at + 4 + size));
      at += 4 + size;
    }
    return end;
  }

  #readSize(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && this.#sizeBytes < 4) {
      this.#sizeValue = (this.#sizeValue << 8) | (chunk[at++] as number);
      this.#sizeBytes++;
    }
    if (this.#sizeBytes === 4) {
      this.#size = this.#checked(this.#sizeValue);
      this.#sizeBytes = 0;
      this.#sizeValue = 0;
    }
    return at;
  }

  #fill(chunk: Uint8Array, start: number): number {
    const count = Math.min(chunk.length - start, this.#size - this.#filled);
    if (count === 0) return start;
    const frame = this.#room(count);
    frame.set(start === 0 && count === chunk.length ? chunk : chunk.subarray(start, start + count), this.#filled);
    this.#filled += count;
    return start + count;
  }

  #room(count: number): Buffer {
    const needed = this.#filled + count;
    const frame = this.#frame;
    if (frame !== null && frame.length >= needed) return frame;
    const size = Math.min(this.#size, Math.max(needed, frame === null ? this.#largest : frame.length * 2));
    const bigger = size < largeSize ? Buffer.allocUnsafe(size) : this.#memory.allocate(size);
    if (frame !== null) {
      frame.copy(bigger, 0, 0, this.#filled);
      this.#memory.free(frame);
    }
    this.#frame = bigger;
    return bigger;
  }

  #checked(size: number): number {
    if (size < 0 || size > this.maxFrameSize) throw new FrameTooLargeError(size, this.maxFrameSize);
    return size;
  }
}

function sizeAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
