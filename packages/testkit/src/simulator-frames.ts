/** Where a frame's first bytes are looked at: size, and what tells what it is. */
const sizeBytes = 4;

/**
 * Finds the frames in what passes over a connection, and keeps only those that somebody wants: the first bytes of each say which.
 */
export class FrameScanner {
  readonly #head: Buffer;
  readonly #wants: (head: Buffer) => boolean;
  readonly #onFrame: (frame: Buffer) => void;
  #headFilled = 0;
  /** Of the frame under way, after its head. */
  #left = 0;
  #frame: Buffer | null = null;

  /** `headSize` bytes of each frame, its size among them, are given to `wants`; no frame may be shorter. */
  constructor(headSize: number, wants: (head: Buffer) => boolean, onFrame: (frame: Buffer) => void) {
    this.#head = Buffer.alloc(headSize);
    this.#wants = wants;
    this.#onFrame = onFrame;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headFilled < this.#head.length) {
        const taken = Math.min(this.#head.length - this.#headFilled, chunk.length - at);
        this.#head.set(chunk.subarray(at, at + taken), this.#headFilled);
        this.#headFilled += taken;
        at += taken;
        if (this.#headFilled === this.#head.length) this.#begin();
        continue;
      }
      const taken = Math.min(this.#left, chunk.length - at);
      this.#frame?.set(chunk.subarray(at, at + taken), this.#frame.length - this.#left);
      this.#left -= taken;
      at += taken;
      if (this.#left === 0) this.#end();
    }
  }

  #begin(): void {
    const size = this.#head.readInt32BE(0);
    this.#left = size + sizeBytes - this.#head.length;
    this.#frame = null;
    if (this.#wants(this.#head)) {
      this.#frame = Buffer.allocUnsafe(size);
      this.#head.copy(this.#frame, 0, sizeBytes);
    }
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    const frame = this.#frame;
    this.#frame = null;
    this.#headFilled = 0;
    if (frame !== null) this.#onFrame(frame);
  }
}
