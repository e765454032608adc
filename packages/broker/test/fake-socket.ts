import type { Socket, SocketHandler } from "@ottla/runtime";

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort = 50_000;
  readonly localAddress = "10.0.0.1";
  readonly localPort = 9092;
  waitingSize = 0;
  /** The bytes of each call of `write`. */
  readonly writes: Buffer[] = [];
  /** What the next writes return. */
  hasRoom = true;
  /** Whether bytes are with the system as soon as they are written. */
  sendsAtOnce = true;
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  private handler: SocketHandler | null = null;
  private unsent: (() => void)[] = [];

  constructor(remoteAddress = "10.0.0.2") {
    this.remoteAddress = remoteAddress;
  }

  start(handler: SocketHandler): void {
    this.handler = handler;
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    this.writes.push(Buffer.concat(chunks));
    if (sent !== undefined) {
      if (this.sendsAtOnce) queueMicrotask(sent);
      else this.unsent.push(sent);
    }
    return this.hasRoom;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.drain();
    this.handler?.closed(null);
  }

  /** The peer sends bytes. */
  receive(bytes: Buffer): void {
    this.handler?.data(bytes);
  }

  /** The peer sends a frame with this content. */
  receiveFrame(content: Buffer): void {
    const size = Buffer.alloc(4);
    size.writeInt32BE(content.length);
    this.receive(Buffer.concat([size, content]));
  }

  /** The peer has read everything. */
  drain(): void {
    const callbacks = this.unsent;
    this.unsent = [];
    for (const callback of callbacks) callback();
    this.hasRoom = true;
    this.handler?.drained();
  }

  /** The peer closes. */
  closeByPeer(): void {
    this.isDestroyed = true;
    this.handler?.closed(null);
  }
}
