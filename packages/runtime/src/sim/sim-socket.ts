import { crc32 } from "node:zlib";
import { assert } from "../assert.ts";
import { NetworkError, type Socket, type SocketHandler } from "../network.ts";
import { digest } from "./history.ts";
import type { ProcessLife } from "./sim-process.ts";

/** So many bytes may be on their way or unread in one direction: what the systems' socket buffers hold. */
const windowSize = 256 * 1024;

/** With more than this waiting for room in the window, `write` asks its caller to hold back. */
const highWaterMark = 256 * 1024;

/** How long `end` waits for the other side to close. */
const lingerMs = 500;

/** A chunk is overwritten with this once the handler has returned: whoever keeps a borrowed one notices. */
const spoiled = 0xdd;

/** What travels from one socket to its peer. */
export type Segment =
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "fin" }
  | { readonly kind: "reset" };

/** The way from one socket to its peer. Segments arrive in the order in which they left. */
export interface Wire {
  send(segment: Segment): void;
  /** Tells the sender of what arrives here that `size` bytes have been taken. */
  acknowledge(size: number): void;
  /** Calls back in an event of its own, with no time in between. */
  soon(callback: () => void): void;
  after(delayMs: number, callback: () => void): void;
  /** How many of the `arrived` bytes the next read returns. */
  readSize(arrived: number): number;
  readonly isRecording: boolean;
  record(line: string): void;
  /** This side is over. */
  over(): void;
}

export interface SimAddresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

interface Waiting {
  readonly bytes: Uint8Array;
  /** So many of them the system has. */
  taken: number;
  /** Of the bytes as they were when they were written. */
  readonly checksum: number;
  readonly sent: (() => void) | undefined;
}

/** One side of a simulated connection. */
export class SimSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly life: ProcessLife;
  readonly #wire: Wire;
  #handler: SocketHandler | null = null;
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  #unacknowledged = 0;
  #arrived: Buffer[] = [];
  #arrivedSize = 0;
  #paused = false;
  #full = false;
  #ending = false;
  #finSent = false;
  #finArrived = false;
  #flushing = false;
  #reading = false;
  /** It is over; null while it isn't, and `told` once the handler knows. */
  #end: { readonly error: Error | null; told: boolean } | null = null;

  constructor(life: ProcessLife, wire: Wire, addresses: SimAddresses) {
    this.life = life;
    this.#wire = wire;
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
  }

  get waitingSize(): number {
    return this.#waitingSize;
  }

  /** Whether bytes have left whose arrival isn't known. */
  get isWaitingForPeer(): boolean {
    return this.#end === null && this.#unacknowledged > 0;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
    if (this.#end === null) this.#readSoon();
    else this.#wire.soon(() => this.#tellEnd());
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#ending || this.#end !== null) {
      if (sent !== undefined) this.#call(sent);
      return false;
    }
    const last = chunks.length - 1;
    if (last < 0) this.#waiting.push({ bytes: Buffer.alloc(0), taken: 0, checksum: 0, sent });
    for (const [index, bytes] of chunks.entries()) {
      this.#waiting.push({ bytes, taken: 0, checksum: crc32(bytes), sent: index === last ? sent : undefined });
      this.#waitingSize += bytes.length;
    }
    this.#flushSoon();
    this.#full = this.#waitingSize > highWaterMark;
    return !this.#full;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#readSoon();
  }

  end(): void {
    if (this.#ending || this.#end !== null) return;
    this.#ending = true;
    this.#flushSoon();
    this.#readSoon();
  }

  destroy(): void {
    if (this.#end !== null) return;
    this.abandon();
    this.#finish(null);
  }

  /** The process is gone: the system closes the connection for it. */
  abandon(): void {
    if (this.#end !== null) return;
    // Closing with bytes in it that nobody has read makes the system send a reset.
    const isUnread = this.#arrivedSize > 0;
    if (isUnread) this.#wire.send({ kind: "reset" });
    else if (!this.#finSent) this.#wire.send({ kind: "fin" });
  }

  /** The machine is gone, and tells nobody. */
  vanish(): void {
    this.#end ??= { error: null, told: true };
  }

  /** Breaks the connection on this side, with the system's code. */
  fail(code: string): void {
    if (this.#end !== null) return;
    const error = new NetworkError(`connection with ${this.remoteAddress}:${this.remotePort} failed: ${code}`, code);
    this.#finish(error);
  }

  /** Something has come over the wire. */
  arrive(segment: Segment): void {
    if (this.#end !== null) {
      // There is no such connection here any more.
      if (segment.kind === "data") this.#wire.send({ kind: "reset" });
      return;
    }
    if (segment.kind === "reset") {
      this.fail("ECONNRESET");
      return;
    }
    if (segment.kind === "fin") {
      this.#finArrived = true;
    } else {
      this.#arrived.push(segment.bytes);
      this.#arrivedSize += segment.bytes.length;
    }
    // Nothing else happens in the event in which something arrives.
    if (!this.#reading) this.#read();
  }

  /** The other side has taken that many bytes. */
  acknowledged(size: number): void {
    this.#unacknowledged -= size;
    if (this.#end === null && this.#waiting.length > 0) this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#wire.soon(() => {
      this.#flushing = false;
      if (this.#end === null) this.#flush();
    });
  }

  /** The system takes what it has room for. */
  #flush(): void {
    const taken: Buffer[] = [];
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const room = windowSize - this.#unacknowledged;
      const left = first.bytes.length - first.taken;
      if (room === 0 && left > 0) break;
      const part = first.bytes.subarray(first.taken, first.taken + room);
      taken.push(Buffer.from(part));
      first.taken += part.length;
      this.#unacknowledged += part.length;
      this.#waitingSize -= part.length;
      if (part.length < left) break;
      assert(crc32(first.bytes) === first.checksum, "bytes given to write were changed before sent was called");
      this.#waiting.shift();
      if (first.sent !== undefined) this.#call(first.sent);
    }
    const bytes = Buffer.concat(taken);
    if (bytes.length > 0) this.#wire.send({ kind: "data", bytes });
    if (this.#waiting.length > 0) return;
    if (this.#full && !this.#ending) {
      this.#full = false;
      this.life.run(() => this.#handler?.drained());
    }
    if (this.#ending) this.#sendFin();
  }

  #sendFin(): void {
    if (this.#finSent || this.#end !== null) return;
    this.#finSent = true;
    this.#wire.send({ kind: "fin" });
    if (this.#finArrived) this.#finish(null);
    else this.#wire.after(lingerMs, () => this.#finish(null));
  }

  #readSoon(): void {
    if (this.#reading || this.#end !== null) return;
    this.#reading = true;
    this.#wire.soon(() => {
      this.#reading = false;
      if (this.#end === null) this.#read();
    });
  }

  #read(): void {
    const isWanted = this.#ending || (this.#handler !== null && !this.#paused);
    if (!isWanted) return;
    // A paused process reads nothing; what arrives meanwhile waits with the system.
    if (this.life.isBehind) {
      this.life.run(() => {
        if (this.#end === null) this.#read();
      });
      return;
    }
    if (this.#arrivedSize > 0) {
      const chunk = this.#take(this.#ending ? this.#arrivedSize : this.#wire.readSize(this.#arrivedSize));
      this.#wire.acknowledge(chunk.length);
      // What comes after `end` is read and dropped.
      if (!this.#ending) {
        if (this.#wire.isRecording) this.#wire.record(`data ${digest(chunk)}`);
        this.life.run(() => this.#handler!.data(chunk));
        chunk.fill(spoiled);
      }
      this.#readSoon();
    } else if (this.#finArrived) {
      // There is no half-open connection: who hears the end, ends.
      this.#ending = true;
      if (this.#finSent) this.#finish(null);
      else this.#flushSoon();
    }
  }

  /** The first `size` of the bytes that have arrived. */
  #take(size: number): Buffer {
    const first = this.#arrived[0]!;
    let chunk: Buffer;
    if (size < first.length) {
      chunk = Buffer.from(first.subarray(0, size));
      this.#arrived[0] = first.subarray(size);
    } else if (size === first.length) {
      chunk = first;
      this.#arrived.shift();
    } else {
      const all = Buffer.concat(this.#arrived);
      chunk = all.subarray(0, size);
      this.#arrived = size < all.length ? [Buffer.from(all.subarray(size))] : [];
    }
    this.#arrivedSize -= size;
    return chunk;
  }

  #finish(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error, told: false };
    this.#wire.record(error === null ? "closed" : `closed ${error.message}`);
    this.#wire.over();
    for (const { sent } of this.#waiting) if (sent !== undefined) this.#call(sent);
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#arrived = [];
    this.#arrivedSize = 0;
    this.#wire.soon(() => this.#tellEnd());
  }

  #tellEnd(): void {
    const end = this.#end;
    const handler = this.#handler;
    if (end === null || end.told || handler === null) return;
    end.told = true;
    this.life.run(() => handler.closed(end.error));
  }

  #call(callback: () => void): void {
    this.#wire.soon(() => this.life.run(callback));
  }
}
