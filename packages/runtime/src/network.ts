/** Stream connections as the rest of Ottla sees them. */
export interface Network {
  /**
   * Connects to `host:port`. Rejects with a `NetworkError` where that fails or takes longer than `timeoutMs`, with the signal's reason
   * when it aborts. A TLS connection will be asked for here once Ottla has it.
   */
  connect(options: ConnectOptions): Promise<Socket>;
  /**
   * Accepts connections at `host:port` (port 0 picks a free one). Rejects with a `NetworkError` (`EADDRINUSE`, `EACCES`, ...).
   */
  listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listener>;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ListenOptions {
  /** A name or address; `localhost` listens on both loopback families where the machine has them, an empty string on every address. */
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; connections that were accepted stay. Resolves when the port is free. */
  close(): Promise<void>;
}

/** What a socket tells its one owner. Nothing is called before `Socket.start`, nothing after `closed`. */
export interface SocketHandler {
  /** Bytes that arrived. They are valid only until the call returns: copy what is kept. */
  data(chunk: Buffer): void;
  /** The bytes that waited to be sent have fallen to zero after a `write` returned false. */
  drained(): void;
  /** The connection is over, by either side; the error where it broke. Called exactly once. */
  closed(error: Error | null): void;
}

export interface Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Names the owner; data flows from here on. */
  start(handler: SocketHandler): void;
  /**
   * Sends the chunks one after the other, in one write of the system where it allows. They must not be changed before `sent` is called, which happens once they are
   * with the system or the connection is over. Returns false when so much is waiting that the caller should hold back until `drained`.
   */
  write(chunks: readonly Uint8Array[], sent?: () => void): boolean;
  /** Bytes given to `write` that the system has not taken yet. */
  readonly waitingSize: number;
  /** Stops and restarts the flow of `data`. */
  pause(): void;
  resume(): void;
  /**
   * Closes after what was written has been sent, however long that takes. From now on what arrives is dropped, and nothing more can be written. The
   * other side is given a moment to close too, so that it loses nothing; `closed` comes after that.
   */
  end(): void;
  /** Closes at once and drops what is waiting; `closed` comes a little later, without an error. */
  destroy(): void;
}

/** A connection that could not be made or that broke: `code` is the system's (`ECONNREFUSED`, `ETIMEDOUT`, ...). */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
