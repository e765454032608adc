import {
  type Api,
  correlationIdOf,
  decodeResponseFrame,
  encodeRequestFrame,
  FrameSplitter,
  type Message,
  type RequestInput,
  type ResponseValue,
} from "@ottla/protocol";
import type { Network, Socket } from "@ottla/runtime";

interface Pending {
  readonly api: Api;
  readonly version: number;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

/** As little of a Kafka client as tests of the broker need: frames out, frames in. It knows nothing of topics or groups. */
export class FrameClient {
  readonly socket: Socket;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  isClosed = false;
  clientId: string | null = "test";
  /** Every frame that arrived and that nobody asked for. */
  readonly unasked: Buffer[] = [];
  private readonly pending = new Map<number, Pending>();
  private lastCorrelationId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    const splitter = new FrameSplitter({ maxFrameSize: 0x7fffffff });
    this.closed = new Promise((resolve) => {
      socket.start({
        data: (chunk) => splitter.push(chunk, (frame) => this.take(frame)),
        drained() {},
        closed: () => {
          this.isClosed = true;
          for (const { reject } of this.pending.values()) reject(new Error("connection closed"));
          this.pending.clear();
          resolve();
        },
      });
    });
  }

  static async connect(network: Network, port: number, host = "localhost"): Promise<FrameClient> {
    return new FrameClient(await network.connect({ host, port, timeoutMs: 5000 }));
  }

  /** Sends a request; resolves with the decoded answer, rejects when the connection closes first. */
  send<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseValue<A>> {
    const correlationId = ++this.lastCorrelationId;
    const answer = new Promise<ResponseValue<A>>((resolve, reject) => {
      this.pending.set(correlationId, {
        api: api as Api,
        version,
        resolve: resolve as (body: unknown) => void,
        reject,
      });
    });
    this.socket.write(
      encodeRequestFrame(api as Api, version, correlationId, this.clientId, body as RequestInput<Api<Message>>),
    );
    return answer;
  }

  /** Sends a request that gets no answer. */
  post<A extends Api>(api: A, version: number, body: RequestInput<A>): void {
    this.socket.write(
      encodeRequestFrame(
        api as Api,
        version,
        ++this.lastCorrelationId,
        this.clientId,
        body as RequestInput<Api<Message>>,
      ),
    );
  }

  /** Sends bytes as they are. */
  sendRaw(...chunks: Uint8Array[]): void {
    this.socket.write(chunks);
  }

  close(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  private take(frame: Buffer): void {
    const correlationId = correlationIdOf(frame);
    const pending = this.pending.get(correlationId);
    if (pending === undefined) {
      this.unasked.push(frame);
      return;
    }
    this.pending.delete(correlationId);
    try {
      pending.resolve(decodeResponseFrame(pending.api, pending.version, frame));
    } catch (error) {
      pending.reject(error as Error);
    }
  }
}
