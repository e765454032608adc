import { FrameSplitter } from "@ottla/protocol";
import type { Clock, Logger, Socket } from "@ottla/runtime";
import type { NodeListener } from "../node.ts";
import { Exchange, type ExchangeConnection } from "./exchange.ts";
import type { FramePool } from "./frame-pool.ts";
import type { MemoryUser, RequestMemory } from "./request-memory.ts";

/** Reading stops while so many bytes of one connection's requests wait for their turn. */
const maxWaitingBytes = 4 * 1024 * 1024;

/** What a connection needs of the broker. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: RequestMemory;
  readonly frames: FramePool;
  /** `socket.request.max.bytes` */
  readonly maxFrameSize: number;
  /** `queued.max.requests` */
  readonly maxQueuedRequests: number;
  /** Handles one request; must end the exchange, or close the connection, some time. Never throws. */
  dispatch(exchange: Exchange): void;
  /** Whether a request may begin before the one in front of it is answered (see `Handler.overlaps`). */
  overlaps(frame: Buffer): boolean;
  /** The connection is over. */
  connectionClosed(connection: Connection): void;
}

/** A connection as tests see it, which play the network between it and its client. */
export interface ServerConnection {
  /** Unique in the broker. */
  readonly id: number;
  /** The peer's address. */
  readonly address: string;
  /** As the client calls itself; null until its first request. */
  readonly clientId: string | null;
  /** Nothing comes and nothing goes any more, and neither side is told, until it thaws: then all that has waited follows. */
  freeze(): void;
  thaw(): void;
  /** Closes at once. */
  destroy(): void;
}

/**
 * One client. Requests are taken one after the other and answered in order; the answers that come about in one turn leave in one write. Nothing more is taken while
 * the client does not read its answers.
 */
export class Connection implements ExchangeConnection, MemoryUser, ServerConnection {
  readonly id: number;
  /** The peer's address. */
  readonly address: string;
  readonly listener: NodeListener;
  clientId: string | null = null;
  private readonly socket: Socket;
  private readonly host: ConnectionHost;
  private readonly splitter: FrameSplitter;
  private isClosed = false;
  private isFinishing = false;
  /** Frames that wait for their turn; the first `next` of them are done with. */
  private waiting: Buffer[] = [];
  private next = 0;
  private waitingBytes = 0;
  /** Requests in work and answers that wait for the ones in front of them. */
  private readonly exchanges: Exchange[] = [];
  private outgoing: Uint8Array[] = [];
  private outgoingExchanges: Exchange[] = [];
  private unsent = 0;
  private isFlushPlanned = false;
  private isPumping = false;
  private isClogged = false;
  private isHeldBack = false;
  private isPaused = false;
  private isFrozen = false;
  private arrivingBytes = 0;
  private readonly closeListeners = new Set<() => void>();
  /** When the last bytes came or the last answer left. */
  lastActiveMs: number;
  /** When the first bytes of the request that is arriving came; -1 between requests. */
  frameStartedMs = -1;

  constructor(id: number, socket: Socket, listener: NodeListener, host: ConnectionHost) {
    this.id = id;
    this.socket = socket;
    this.address = socket.remoteAddress;
    this.listener = listener;
    this.host = host;
    this.splitter = new FrameSplitter({ maxFrameSize: host.maxFrameSize, memory: host.frames });
    this.lastActiveMs = host.clock.monotonic();
  }

  /** Lets the bytes flow. */
  start(): void {
    this.socket.start({
      data: (chunk) => this.receive(chunk),
      drained: () => this.drained(),
      closed: () => this.over(),
    });
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Whether answers wait for the peer to read them. */
  get isSending(): boolean {
    return this.unsent > 0;
  }

  /** Whether the broker owes it an answer. */
  get isBusy(): boolean {
    return this.exchanges.length > 0 || this.unsent > 0 || this.next < this.waiting.length;
  }

  /** Calls back once when the connection is over (never if it already is). Returns the way to stop it. */
  onClose(listener: () => void): () => void {
    if (!this.isClosed) this.closeListeners.add(listener);
    return () => this.closeListeners.delete(listener);
  }

  private receive(chunk: Buffer): void {
    if (this.isClosed || this.isFinishing) return;
    this.lastActiveMs = this.host.clock.monotonic();
    try {
      this.splitter.push(chunk, this.takeFrame);
    } catch (error) {
      this.close((error as Error).message);
      return;
    }
    const arriving = this.splitter.bufferedSize;
    if (arriving > 0 && this.frameStartedMs < 0) this.frameStartedMs = this.lastActiveMs;
    if (arriving !== this.arrivingBytes) {
      this.host.memory.change(this, arriving - this.arrivingBytes);
      this.arrivingBytes = arriving;
    }
    this.pump();
  }

  private drained(): void {
    this.isClogged = false;
    this.lastActiveMs = this.host.clock.monotonic();
    this.pump();
  }

  /** Closes at once, and says why to the operator. */
  close(reason: string): void {
    if (this.isClosed) return;
    this.host.logger.warn("connection closed", { client: this.address, listener: this.listener.name, reason });
    this.destroy();
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy();
    this.over();
  }

  /** Takes no more requests, answers those in work, then closes. */
  finish(): void {
    if (this.isClosed || this.isFinishing) return;
    if (this.isFrozen) {
      this.destroy();
      return;
    }
    this.isFinishing = true;
    this.dropWaiting();
    this.updateReading();
    this.endIfDone();
  }

  freeze(): void {
    this.isFrozen = true;
    this.updateReading();
  }

  thaw(): void {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    if (this.outgoing.length > 0) this.flush();
    this.pump();
    this.endIfDone();
  }

  setHeldBack(isHeldBack: boolean): void {
    this.isHeldBack = isHeldBack;
    this.updateReading();
  }

  /** An exchange was answered: what is now first in line can leave, and the next request begin. */
  exchangeFinished(): void {
    while (this.exchanges[0]?.isFinished === true) {
      const exchange = this.exchanges.shift()!;
      this.host.memory.finished(this, exchange.frame.length);
      if (exchange.isFrameFree) this.host.frames.free(exchange.frame);
      this.send(exchange);
    }
    this.pump();
    const isEmpty = this.exchanges.length === 0 && this.waitingBytes === 0 && this.arrivingBytes === 0;
    if (this.isHeldBack && isEmpty) this.host.memory.emptied(this);
    this.endIfDone();
  }

  private readonly takeFrame = (frame: Buffer): void => {
    this.frameStartedMs = -1;
    this.waiting.push(frame);
    this.waitingBytes += frame.length;
    this.host.memory.change(this, frame.length);
    this.host.memory.completed(this, frame.length);
  };

  /** Begins every request whose turn it is. */
  private pump(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    while (this.next < this.waiting.length && !this.isClosed && this.mayBegin(this.waiting[this.next]!)) {
      const frame = this.waiting[this.next]!;
      this.next++;
      this.waitingBytes -= frame.length;
      const exchange = new Exchange(this, frame, this.host.overlaps(frame));
      this.exchanges.push(exchange);
      this.host.dispatch(exchange);
    }
    if (this.next === this.waiting.length && this.next > 0) {
      this.waiting = [];
      this.next = 0;
    }
    this.isPumping = false;
    this.updateReading();
  }

  private mayBegin(frame: Buffer): boolean {
    if (this.isClogged || this.isFinishing || this.isFrozen) return false;
    const last = this.exchanges.at(-1);
    if (last === undefined) return true;
    return last.overlaps && this.exchanges.length < this.host.maxQueuedRequests && this.host.overlaps(frame);
  }

  private send(exchange: Exchange): void {
    const { answer } = exchange;
    if (answer === null || this.isClosed) {
      exchange.sent();
      return;
    }
    for (const chunk of answer) this.outgoing.push(chunk);
    if (exchange.wantsToKnowWhenSent) this.outgoingExchanges.push(exchange);
    if (this.isFlushPlanned) return;
    this.isFlushPlanned = true;
    queueMicrotask(this.flush);
  }

  private readonly flush = (): void => {
    this.isFlushPlanned = false;
    if (this.isFrozen && !this.isClosed) return;
    const chunks = this.outgoing;
    const exchanges = this.outgoingExchanges;
    this.outgoing = [];
    this.outgoingExchanges = [];
    if (this.isClosed) {
      for (const exchange of exchanges) exchange.sent();
      return;
    }
    this.unsent++;
    const hasRoom = this.socket.write(chunks, () => {
      this.unsent--;
      this.lastActiveMs = this.host.clock.monotonic();
      for (const exchange of exchanges) exchange.sent();
      this.endIfDone();
    });
    if (!hasRoom) this.isClogged = true;
  };

  private updateReading(): void {
    const shouldPause =
      this.isFinishing ||
      this.isHeldBack ||
      this.isFrozen ||
      this.waitingBytes >= maxWaitingBytes ||
      this.waiting.length - this.next >= this.host.maxQueuedRequests;
    if (shouldPause === this.isPaused || this.isClosed) return;
    this.isPaused = shouldPause;
    if (shouldPause) this.socket.pause();
    else this.socket.resume();
  }

  private endIfDone(): void {
    if (this.isFinishing && !this.isClosed && !this.isFlushPlanned && !this.isBusy) this.socket.end();
  }

  private dropWaiting(): void {
    const { waitingBytes, arrivingBytes } = this;
    this.waiting = [];
    this.next = 0;
    this.waitingBytes = 0;
    this.arrivingBytes = 0;
    this.host.memory.change(this, -arrivingBytes);
    this.host.memory.finished(this, waitingBytes);
  }

  private over(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.dropWaiting();
    this.host.memory.remove(this);
    for (const listener of [...this.closeListeners]) listener();
    this.closeListeners.clear();
    this.host.connectionClosed(this);
  }
}
