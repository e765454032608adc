import {
  DecodeError,
  decode,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameSplitter,
  FrameTooLargeError,
  Reader,
} from "@ottla/protocol";
import type { Logger, Runtime, Socket, Timer } from "@ottla/runtime";
import type { Answer, AnyApi, Body, RequestOf, RequestOptions, ResponseOf, VersionRange } from "./api.ts";
import { type ApiRanges, chooseVersion, commonRange, negotiate } from "./api-versions.ts";
import { ClosedError, ConnectionError, InvalidResponseError, KafkaError, TimeoutError } from "./errors.ts";

export type {
  Answer,
  AnyApi,
  Body,
  RequestOf,
  RequestOptions,
  ResponseOf,
  Versioned,
  VersionRange,
} from "./api.ts";

/** What stands between a new connection and its first request beside the versions: the place of SASL. Rejecting closes the connection. */
export type Handshake = (connection: Connection) => Promise<void>;

export interface ConnectionOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly host: string;
  readonly port: number;
  /** For messages: `broker 1 (localhost:9092)`. */
  readonly name: string;
  readonly clientId: string;
  /** How long connecting may take. */
  readonly setupTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** -1 for never. */
  readonly connectionsMaxIdleMs: number;
  readonly receiveMessageMaxBytes: number;
  readonly handshake?: Handshake | undefined;
  /** Called once when the connection is over; the reason unless it was asked for or was idle. */
  readonly onClosed?: (error: KafkaError | null) => void;
}

/** A request whose answer is awaited, or was: one that timed out stays until its answer, so that nothing else is taken for it. */
interface Pending {
  readonly api: AnyApi;
  readonly version: number;
  /** Of `clock.monotonic()`. */
  readonly deadline: number;
  /** How many chunks had arrived when it was sent. */
  readonly chunksBefore: number;
  readonly timeoutMs: number;
  /** Null once the caller no longer waits. */
  settle: Settle | null;
}

interface Settle {
  resolve(answer: Answer<AnyApi>): void;
  reject(error: unknown): void;
}

/** So many answers that nobody waits for any more may be outstanding; a connection with more is given up. */
const maxAbandoned = 64;

/**
 * One connection to one broker. Requests are pipelined; each has a correlation id of its own that is not used again before its answer came. A request that times
 * out leaves its id behind as taken: a late answer is dropped. A connection that owes the answer at the head of the line and has been silent since is closed.
 */
export class Connection {
  /** For messages. The pool changes it when it learns which broker is behind a bootstrap address. */
  name: string;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #splitter: FrameSplitter;
  /** By correlation id, in the order of sending, which is the order of answers. */
  readonly #pending = new Map<number, Pending>();
  readonly #onFrame = (frame: Buffer) => this.#receive(frame);
  #ranges: ApiRanges = new Map();
  #nextCorrelationId = 0;
  #abandoned = 0;
  #closeWhenIdle = false;
  #over: KafkaError | null = null;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #chunkCount = 0;
  #lastUsedAt: number;

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.name = options.name;
    this.#options = options;
    this.#socket = socket;
    this.#splitter = new FrameSplitter({ maxFrameSize: options.receiveMessageMaxBytes });
    this.#lastUsedAt = options.runtime.clock.monotonic();
    socket.start({
      data: (chunk) => this.#data(chunk),
      drained: () => {},
      closed: (error) => this.#closed(error),
    });
  }

  /** Connects, agrees on versions and shakes hands. Rejects with a `KafkaError`, or with the signal's reason. */
  static async open(options: ConnectionOptions, signal?: AbortSignal): Promise<Connection> {
    let socket: Socket;
    try {
      const { host, port, setupTimeoutMs: timeoutMs } = options;
      socket = await options.runtime.network.connect({ host, port, timeoutMs, signal });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ConnectionError(`Could not connect to ${options.name}: ${messageOf(cause)}`, { cause });
    }
    const connection = new Connection(options, socket);
    try {
      connection.#ranges = await negotiate(connection);
      await options.handshake?.(connection);
      connection.#watchIdle();
      return connection;
    } catch (error) {
      connection.#end(error instanceof KafkaError ? error : null);
      throw error;
    }
  }

  /** Requests whose answer somebody waits for. */
  get inFlight(): number {
    return this.#pending.size - this.#abandoned;
  }

  get isOpen(): boolean {
    return this.#over === null;
  }

  /** The versions of an API that both sides know; null where there are none. */
  supports(api: AnyApi): VersionRange | null {
    return commonRange(api, this.#ranges);
  }

  /** Sends a request in the highest version that both sides and the options allow; see `BrokerPool.send` for what it rejects with. */
  request<A extends AnyApi>(api: A, body: Body<A>, options: RequestOptions = {}): Promise<Answer<A>> {
    try {
      return this.requestAt(api, chooseVersion(api, this.#ranges, options, this.name), body, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends a request in a given version, asking nobody: for the handshake. */
  requestAt<A extends AnyApi>(
    api: A,
    version: number,
    body: Body<A>,
    options: RequestOptions = {},
  ): Promise<Answer<A>> {
    const { timeoutMs = this.#options.requestTimeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const now = this.#options.runtime.clock.monotonic();
      const correlationId = this.#write(api, version, body);
      const settle: Settle = { resolve: resolve as Settle["resolve"], reject };
      const pending: Pending = {
        api,
        version,
        deadline: now + timeoutMs,
        chunksBefore: this.#chunkCount,
        timeoutMs,
        settle,
      };
      this.#pending.set(correlationId, pending);
      this.#wakeAt(pending.deadline);
      if (signal !== undefined) pending.settle = this.#abortable(pending, settle, signal);
    });
  }

  /** Sends a request that the broker does not answer (Produce with acks=0); resolves once the system has the bytes. */
  requestWithoutAnswer<A extends AnyApi>(api: A, body: Body<A>, options: RequestOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#write(api, chooseVersion(api, this.#ranges, options, this.name), body, () => {
        if (this.#over === null) resolve();
        else reject(this.#lost(this.#over, api));
      });
    });
  }

  /** Closes at once; what waits for an answer rejects with `error`, or a `ClosedError`. */
  close(error: KafkaError = new ClosedError(`The connection to ${this.name} was closed`)): void {
    this.#end(null, error);
  }

  /** Closes as soon as nobody waits for an answer. */
  closeWhenIdle(): void {
    this.#closeWhenIdle = true;
    this.#closeIfIdle();
  }

  /** Encodes and sends; throws where the connection is over or the body cannot be encoded. */
  #write<A extends AnyApi>(api: A, version: number, body: Body<A>, sent?: () => void): number {
    if (this.#over !== null) throw this.#unsent(this.#over, api);
    let correlationId = this.#nextCorrelationId;
    while (this.#pending.has(correlationId)) correlationId = (correlationId + 1) & 0x7fffffff;
    let chunks: Uint8Array[];
    try {
      const value = typeof body === "function" ? (body as (version: number) => RequestOf<A>)(version) : body;
      chunks = encodeRequestFrame(api, version, correlationId, this.#options.clientId, value);
    } catch (cause) {
      const what = `Could not encode ${api.name} version ${version} for ${this.name}: ${messageOf(cause)}`;
      throw cause instanceof KafkaError ? cause : new KafkaError(what, { code: "INVALID_REQUEST", cause });
    }
    this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff;
    this.#lastUsedAt = this.#options.runtime.clock.monotonic();
    this.#socket.write(chunks, sent);
    return correlationId;
  }

  #abortable(pending: Pending, settle: Settle, signal: AbortSignal): Settle {
    const aborted = () => {
      this.#abandon(pending);
      settle.reject(signal.reason);
    };
    signal.addEventListener("abort", aborted, { once: true });
    return {
      resolve: (answer) => {
        signal.removeEventListener("abort", aborted);
        settle.resolve(answer);
      },
      reject: (error) => {
        signal.removeEventListener("abort", aborted);
        settle.reject(error);
      },
    };
  }

  #data(chunk: Buffer): void {
    this.#chunkCount++;
    try {
      this.#splitter.push(chunk, this.#onFrame);
    } catch (cause) {
      const hint =
        cause instanceof FrameTooLargeError
          ? `; receiveMessageMaxBytes is ${this.#options.receiveMessageMaxBytes}. Either that is too small, or it is not a Kafka listener without TLS`
          : "";
      this.#end(
        new InvalidResponseError(`${this.name} sent something that is no answer: ${messageOf(cause)}${hint}`, cause),
      );
    }
  }

  #receive(frame: Buffer): void {
    if (this.#over !== null) return;
    if (frame.length < 4) throw new DecodeError(`a frame of ${frame.length} bytes`);
    const correlationId = frame.readInt32BE(0);
    const pending = this.#pending.get(correlationId);
    if (pending === undefined) throw new DecodeError(`correlation id ${correlationId}, which nobody waits for`);
    this.#pending.delete(correlationId);
    const { api, version, settle } = pending;
    if (settle === null) {
      this.#abandoned--;
      this.#options.logger.debug(`${this.name} answered ${api.name} after its time-out; the answer is dropped`);
    } else {
      this.#settle(api, version, settle, frame);
    }
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#closeWhenIdle && this.inFlight === 0) this.#end(null);
  }

  #settle(api: AnyApi, version: number, settle: Settle, frame: Buffer): void {
    let response: ResponseOf<AnyApi>;
    let answered = version;
    try {
      const reader = new Reader(frame);
      decodeResponseHeader(api, version, reader);
      // A broker that does not know the version of ApiVersions answers in version 0, error 35 (KIP-511).
      if (api.key === 18 && version > 0 && frame.length >= 6 && frame.readInt16BE(4) === 35) answered = 0;
      response = decode(api.response, answered, reader) as ResponseOf<AnyApi>;
      reader.expectEnd();
    } catch (cause) {
      const what = `${this.name} answered ${api.name} version ${version} with what cannot be decoded: ${messageOf(cause)}`;
      const error = new InvalidResponseError(what, cause);
      settle.reject(error);
      this.#end(error);
      return;
    }
    settle.resolve({ response, version: answered });
  }

  #closed(cause: Error | null): void {
    if (this.#over !== null) return;
    const how = cause === null ? "the broker closed the connection" : messageOf(cause);
    this.#end(new ConnectionError(`Lost the connection to ${this.name}: ${how}`, { cause: cause ?? undefined }));
  }

  /** `error` is null where nothing is wrong: whoever comes too late for an idle connection may try another one. */
  #end(error: KafkaError | null, over?: KafkaError): void {
    if (this.#over !== null) return;
    this.#over = over ?? error ?? new ConnectionError(`The connection to ${this.name} was closed`);
    this.#timer?.cancel();
    this.#timer = null;
    this.#socket.destroy();
    const left = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of left) pending.settle?.reject(this.#lost(this.#over, pending.api));
    this.#options.onClosed?.(error);
  }

  /** What a caller hears whose request was sent before the connection ended. */
  #lost(over: KafkaError, api: AnyApi): KafkaError {
    const message = `${over.message} (while waiting for the answer to ${api.name})`;
    if (over instanceof ClosedError) return new ClosedError(message, { possiblyPersisted: true });
    return new ConnectionError(message, { cause: over.cause ?? over, possiblyPersisted: true });
  }

  #unsent(over: KafkaError, api: AnyApi): KafkaError {
    const message = `${over.message} (${api.name} was not sent)`;
    if (over instanceof ClosedError) return new ClosedError(message);
    return new ConnectionError(message, { cause: over });
  }

  #abandon(pending: Pending): void {
    pending.settle = null;
    this.#abandoned++;
    this.#closeIfIdle();
    if (this.#abandoned > maxAbandoned)
      this.#end(new ConnectionError(`${this.name} owes more than ${maxAbandoned} answers that came too late`));
  }

  #watchIdle(): void {
    const { connectionsMaxIdleMs } = this.#options;
    if (connectionsMaxIdleMs >= 0) this.#wakeAt(this.#lastUsedAt + connectionsMaxIdleMs);
  }

  /** One timer serves all deadlines; it is moved forward only, and looks for the next one when it fires. */
  #wakeAt(at: number): void {
    if (at >= this.#timerAt || this.#over !== null) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const { clock } = this.#options.runtime;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => this.#wake());
  }

  #wake(): void {
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#options.runtime.clock.monotonic();
    this.#expire(now);
    if (this.#over !== null) return;
    const { connectionsMaxIdleMs } = this.#options;
    if (connectionsMaxIdleMs >= 0 && this.inFlight === 0 && now - this.#lastUsedAt >= connectionsMaxIdleMs) {
      this.#options.logger.debug(`Closing the connection to ${this.name}: idle for ${connectionsMaxIdleMs} ms`);
      this.#end(null);
      return;
    }
    for (const pending of this.#pending.values()) if (pending.settle !== null) this.#wakeAt(pending.deadline);
    // With requests in work the timer fires at their deadlines and looks again; answers do not move it.
    if (this.inFlight === 0) this.#watchIdle();
  }

  #expire(now: number): void {
    let head = true;
    for (const pending of this.#pending.values()) {
      const late = pending.deadline <= now;
      if (late && pending.settle !== null) {
        const { settle, api, timeoutMs } = pending;
        this.#abandon(pending);
        const what = `${this.name} did not answer ${api.name} version ${pending.version} within ${Math.round(timeoutMs)} ms`;
        settle.reject(new TimeoutError(what, { possiblyPersisted: true }));
        // Nothing at all has come since it was sent, and no earlier request explains that: the other side is gone or hangs.
        if (head && this.#chunkCount === pending.chunksBefore) {
          this.#end(
            new ConnectionError(
              `${this.name} has been silent for ${Math.round(timeoutMs)} ms; the connection is given up`,
            ),
          );
        }
        if (this.#over !== null) return;
      }
      head &&= late;
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
