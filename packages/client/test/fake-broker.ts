import {
  type Api,
  apiByKey,
  apis,
  decode,
  decodeRequestHeader,
  encodeResponseFrame,
  FrameSplitter,
  type RequestValue,
  type ResponseInput,
} from "@ottla/protocol";
import type { Listener, Runtime, Socket } from "@ottla/runtime";

/** A request as it came in. */
export interface Heard<A extends Api = Api> {
  readonly api: A;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly body: RequestValue<A>;
  readonly connection: number;
}

/** For a request that is never answered. */
export const silence = Symbol("silence");
/** For a request at which the connection is closed. */
export const hangUp = Symbol("hangUp");

type Reply<A extends Api> = ResponseInput<A> | typeof silence | typeof hangUp;
type Handler<A extends Api> = (request: Heard<A>) => Reply<A> | Promise<Reply<A>>;

/** A scripted broker: answers what its handlers say, in order for each connection. */
export class FakeBroker {
  readonly runtime: Runtime;
  readonly heard: Heard[] = [];
  /** Narrows what is announced; by API key. */
  readonly limits = new Map<number, readonly [number, number]>();
  /** The highest version of ApiVersions that it takes; others are answered with error 35. */
  apiVersionsMax = 4;
  readonly #handlers = new Map<number, Handler<Api>>();
  readonly #sockets = new Map<number, Socket>();
  #listener: Listener | null = null;
  #connectionCount = 0;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.on(apis.apiVersions, ({ version }) => this.#versions(version));
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Requests of one API that were heard. */
  of<A extends Api>(api: A): Heard<A>[] {
    return this.heard.filter((request) => request.api.key === api.key) as unknown as Heard<A>[];
  }

  on<A extends Api>(api: A, handler: Handler<A>): this {
    this.#handlers.set(api.key, handler as unknown as Handler<Api>);
    return this;
  }

  /** Answers the next request of an API otherwise, once. */
  once<A extends Api>(api: A, handler: Handler<A>): this {
    const usual = this.#handlers.get(api.key);
    return this.on(api, (request) => {
      if (usual === undefined) this.#handlers.delete(api.key);
      else this.#handlers.set(api.key, usual);
      return handler(request);
    });
  }

  handle<A extends Api>(request: Heard<A>): Reply<A> | Promise<Reply<A>> {
    const handler = this.#handlers.get(request.api.key);
    if (handler === undefined) throw new Error(`no handler for ${request.api.name}`);
    return handler(request as unknown as Heard) as Reply<A>;
  }

  async listen(host = "", port = 9092): Promise<this> {
    this.#listener = await this.runtime.network.listen({ host, port }, (socket) => this.#accept(socket));
    return this;
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    this.#listener = null;
    this.dropConnections();
  }

  dropConnections(): void {
    for (const socket of [...this.#sockets.values()]) socket.destroy();
    this.#sockets.clear();
  }

  /** Sends bytes that no request asked for, on every connection. */
  blurt(bytes: Uint8Array): void {
    for (const socket of this.#sockets.values()) socket.write([bytes]);
  }

  #accept(socket: Socket): void {
    const connection = ++this.#connectionCount;
    this.#sockets.set(connection, socket);
    const splitter = new FrameSplitter({ maxFrameSize: 1 << 30 });
    let turn: Promise<void> = Promise.resolve();
    socket.start({
      data: (chunk) =>
        splitter.push(chunk, (frame) => {
          const copy = Buffer.from(frame);
          turn = turn.then(() => this.#answer(copy, connection, socket));
        }),
      drained: () => {},
      closed: () => void this.#sockets.delete(connection),
    });
  }

  async #answer(frame: Buffer, connection: number, socket: Socket): Promise<void> {
    const { apiKey, apiVersion: version, correlationId, clientId, reader } = decodeRequestHeader(frame);
    const api = apiByKey(apiKey)!;
    if (api.key === apis.apiVersions.key && version > this.apiVersionsMax) {
      const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: this.apiVersionsMax }];
      socket.write(encodeResponseFrame(apis.apiVersions, 0, correlationId, { errorCode: 35, apiKeys }));
      return;
    }
    const request: Heard = {
      api,
      version,
      correlationId,
      clientId,
      body: decode(api.request, version, reader),
      connection,
    };
    this.heard.push(request);
    const reply = await this.handle(request);
    if (!this.#sockets.has(connection) || reply === silence) return;
    if (reply === hangUp) socket.destroy();
    else socket.write(encodeResponseFrame(api, version, correlationId, reply as ResponseInput<Api>));
  }

  #versions(version: number): ResponseInput<typeof apis.apiVersions> {
    const keys = [...this.#handlers.keys()];
    const apiKeys = keys.map((apiKey) => {
      const { request } = apiByKey(apiKey)!;
      const [minVersion, maxVersion] = this.limits.get(apiKey) ?? [request.minVersion, request.maxVersion];
      return { apiKey, minVersion, maxVersion };
    });
    return version === 0 ? { errorCode: 0, apiKeys } : { errorCode: 0, apiKeys, throttleTimeMs: 0 };
  }
}
