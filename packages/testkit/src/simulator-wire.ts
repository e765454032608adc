import { type Api, apis, decode, decodeRequestHeader, decodeResponseHeader, Reader } from "@ottla/protocol";
import type { Clock, Listener, ListenOptions, Network, Socket, SocketHandler } from "@ottla/runtime";
import type { History } from "./history.ts";
import { callOf, joiningBy, leavingBy } from "./simulator-calls.ts";
import { FrameScanner } from "./simulator-frames.ts";

/** What is looked at: all that says who is in a group, and what it has committed. */
const watched: readonly Api[] = [
  apis.joinGroup,
  apis.syncGroup,
  apis.heartbeat,
  apis.leaveGroup,
  apis.offsetCommit,
  apis.offsetFetch,
  apis.consumerGroupHeartbeat,
] as unknown as readonly Api[];

const watchedKeys: ReadonlySet<number> = new Set(watched.map(({ key }) => key));

export interface WatchOptions {
  readonly history: History;
  readonly clock: Clock;
  /** Names of topics by id, for what goes by ids. */
  readonly topicNames: ReadonlyMap<string, string>;
}

/** A request that waits for its answer. */
interface Open {
  readonly api: Api;
  readonly version: number;
  readonly request: object;
  readonly process: string;
  readonly arrivedAt: number;
  readonly arrivedMs: number;
}

/**
 * A broker's network that writes every request about groups into a history, as a `Call`, once it is answered: what a broker has promised to whom, in the order
 * in which it did. The broker knows nothing of it.
 */
export function watchBroker(network: Network, options: WatchOptions): Network {
  return new WatchedNetwork(network, options);
}

class WatchedNetwork implements Network {
  readonly #network: Network;
  readonly #options: WatchOptions;

  constructor(network: Network, options: WatchOptions) {
    this.#network = network;
    this.#options = options;
  }

  connect(options: Parameters<Network["connect"]>[0]): Promise<Socket> {
    return this.#network.connect(options);
  }

  listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listener> {
    return this.#network.listen(options, (socket) => accept(new WatchedSocket(socket, this.#options)));
  }
}

class WatchedSocket implements Socket {
  readonly #socket: Socket;
  readonly #options: WatchOptions;
  readonly #connection: number;
  readonly #open = new Map<number, Open>();
  readonly #requests: FrameScanner;
  readonly #answers: FrameScanner;

  constructor(socket: Socket, options: WatchOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#connection = options.history.begin();
    this.#requests = new FrameScanner(
      12,
      (head) => watchedKeys.has(head.readInt16BE(4)),
      (frame) => this.#asked(frame),
    );
    this.#answers = new FrameScanner(
      8,
      (head) => this.#open.has(head.readInt32BE(4)),
      (frame) => this.#answered(frame),
    );
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number {
    return this.#socket.remotePort;
  }

  get localAddress(): string {
    return this.#socket.localAddress;
  }

  get localPort(): number {
    return this.#socket.localPort;
  }

  get waitingSize(): number {
    return this.#socket.waitingSize;
  }

  start(handler: SocketHandler): void {
    this.#socket.start({
      data: (chunk) => {
        this.#requests.push(chunk);
        handler.data(chunk);
      },
      drained: () => handler.drained(),
      closed: (error) => handler.closed(error),
    });
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    for (const chunk of chunks) this.#answers.push(chunk);
    return this.#socket.write(chunks, sent);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #asked(frame: Buffer): void {
    const { history, clock } = this.#options;
    const { api, apiVersion: version, correlationId, clientId, reader } = decodeRequestHeader(frame);
    if (api === undefined) return;
    const request = decode(api.request, version, reader) as object;
    const process = clientId ?? "";
    const arrivedMs = clock.monotonic();
    const leaving = leavingBy(api.name, request);
    if (leaving !== null) history.add({ type: "leave", process, timeMs: arrivedMs, ...leaving });
    const joining = joiningBy(api.name, request);
    if (joining !== null) history.add({ type: "join", process, timeMs: arrivedMs, ...joining });
    this.#open.set(correlationId, { api, version, request, process, arrivedAt: history.entries.length, arrivedMs });
  }

  #answered(frame: Buffer): void {
    const { history, clock, topicNames } = this.#options;
    const correlationId = frame.readInt32BE(0);
    const open = this.#open.get(correlationId)!;
    this.#open.delete(correlationId);
    const reader = new Reader(frame);
    decodeResponseHeader(open.api, open.version, reader);
    const answer = decode(open.api.response, open.version, reader) as object;
    const { process, arrivedAt, arrivedMs } = open;
    const timeMs = clock.monotonic();
    const call = callOf(open.api.name, open.request, answer, topicNames);
    const facts = { process, arrivedAt, arrivedMs, timeMs, connection: this.#connection };
    if (call !== null) history.add({ type: "call", ...facts, ...call });
  }
}
