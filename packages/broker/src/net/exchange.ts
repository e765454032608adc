import type { RequestConnection } from "../context.ts";
import type { NodeListener } from "../node.ts";

/** The connection that an exchange belongs to. */
export interface ExchangeConnection extends RequestConnection {
  /** The peer's address. */
  readonly address: string;
  readonly listener: NodeListener;
  /** As the client called itself last; null before its first request. */
  clientId: string | null;
  /** Closes at once, and says why to the operator. */
  close(reason: string): void;
  /** Closes at once. */
  destroy(): void;
  /** An exchange was answered. */
  exchangeFinished(): void;
}

/** One request and, once it is there, its answer. A connection's exchanges are answered in the order in which they began. */
export class Exchange {
  readonly connection: ExchangeConnection;
  readonly frame: Buffer;
  /** Whether the next request may begin before this one is answered. */
  readonly overlaps: boolean;
  private chunks: readonly Uint8Array[] | null = null;
  private finished = false;
  private isFrameKept = false;
  private sentCallbacks: (() => void)[] | null = null;

  constructor(connection: ExchangeConnection, frame: Buffer, overlaps: boolean) {
    this.connection = connection;
    this.frame = frame;
    this.overlaps = overlaps;
  }

  get isFinished(): boolean {
    return this.finished;
  }

  /** Whether nobody holds a slice of the frame once the exchange has ended. */
  get isFrameFree(): boolean {
    return this.overlaps && !this.isFrameKept;
  }

  /** Something went wrong in the middle: somebody may still hold a slice of the frame. */
  keepFrame(): void {
    this.isFrameKept = true;
  }

  /** What is to be sent; null for no answer. */
  get answer(): readonly Uint8Array[] | null {
    return this.chunks;
  }

  /** Ends the exchange, once, with the bytes of the answer or without one. */
  respond(chunks: readonly Uint8Array[] | null): void {
    if (this.finished) return;
    this.finished = true;
    this.chunks = chunks;
    this.connection.exchangeFinished();
  }

  /** Calls back once when the answer's bytes are with the system or will never be. */
  onSent(callback: () => void): void {
    if (this.sentCallbacks === null) this.sentCallbacks = [callback];
    else this.sentCallbacks.push(callback);
  }

  get wantsToKnowWhenSent(): boolean {
    return this.sentCallbacks !== null;
  }

  sent(): void {
    const callbacks = this.sentCallbacks;
    this.sentCallbacks = null;
    if (callbacks !== null) for (const callback of callbacks) callback();
  }
}
