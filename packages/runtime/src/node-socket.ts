import type net from "node:net";
import { NetworkError, type Socket, type SocketHandler } from "./network.ts";

/** With more than this waiting for the system, `write` asks its caller to hold back. */
const highWaterMark = 256 * 1024;

/** How long `end` waits for the other side to close, so that what was sent last isn't lost to a reset. */
const lingerMs = 500;

/**
 * A socket of Node's behind the interface. The socket is paused when it comes here. `receive` calls are Node's 'data' events, or, for a socket that reads
 * into an own buffer, the calls of its `onread`.
 */
export class NodeSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: net.Socket;
  #handler: SocketHandler | null = null;
  #error: Error | null = null;
  #closed = false;
  #ending = false;
  #paused = false;
  #full = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    // Read now: they are gone once the socket is closed.
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = plainAddress(socket.localAddress);
    this.localPort = socket.localPort ?? 0;
    socket.on("error", (error) => {
      this.#error = networkError(`connection with ${this.remoteAddress}:${this.remotePort}`, error);
    });
    socket.on("close", () => this.#finish());
    socket.on("drain", () => this.#drain());
  }

  get waitingSize(): number {
    return this.#socket.writableLength;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
    if (this.#closed) {
      queueMicrotask(() => handler.closed(this.#error));
      return;
    }
    this.#socket.on("data", (chunk: Buffer) => this.receive(chunk));
    if (!this.#paused) this.#socket.resume();
  }

  /** Bytes that arrived, valid until this returns. */
  receive(chunk: Buffer): void {
    if (!this.#ending && !this.#closed) this.#handler?.data(chunk);
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#ending || this.#socket.destroyed || !this.#socket.writable) {
      if (sent !== undefined) queueMicrotask(sent);
      return false;
    }
    const last = chunks.length - 1;
    if (last < 0) {
      if (sent !== undefined) this.#socket.write("", sent);
    } else if (last === 0) {
      this.#socket.write(chunks[0]!, sent);
    } else {
      // What is written while corked leaves in one writev.
      this.#socket.cork();
      for (let i = 0; i < last; i++) this.#socket.write(chunks[i]!);
      this.#socket.write(chunks[last]!, sent);
      this.#socket.uncork();
    }
    this.#full = this.#socket.writableLength > highWaterMark;
    return !this.#full;
  }

  pause(): void {
    this.#paused = true;
    if (!this.#ending) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler !== null && !this.#closed) this.#socket.resume();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    // Closing a socket with bytes in it that nobody has read makes the system send a reset, and a reset makes the other side's system drop what it
    // has not handed over yet: our last answer, perhaps. So what still comes is read and dropped until the other side has closed too.
    this.#socket.end(() => {
      if (this.#closed) return;
      this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs);
      this.#linger.unref();
    });
    this.#socket.on("data", () => {});
    this.#socket.resume();
  }

  destroy(): void {
    this.#ending = true;
    this.#socket.destroy();
  }

  #drain(): void {
    if (!this.#full || this.#ending || this.#closed) return;
    this.#full = false;
    this.#handler?.drained();
  }

  #finish(): void {
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#handler?.closed(this.#error);
  }
}

/** Without the prefix that a socket for both families puts before an IPv4 address. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** `what` failed: the same as a `NetworkError` with the system's code. */
export function networkError(what: string, cause: Error): NetworkError {
  if (cause instanceof NetworkError) return cause;
  // Several addresses were tried: they are in `errors`, and the code is the last one's.
  const code = (cause as { code?: unknown }).code;
  return new NetworkError(
    `${what} failed: ${typeof code === "string" ? code : cause.message}`,
    typeof code === "string" ? code : "EUNKNOWN",
    {
      cause,
    },
  );
}
