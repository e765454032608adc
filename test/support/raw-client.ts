/** One connection that speaks Kafka's protocol and nothing more: no retries, no metadata, no second guesses. On any network, the simulated one too. */
import {
  type Api,
  apis,
  BatchBuilder,
  BatchCursor,
  decodeResponseFrame,
  encodeRequestFrame,
  FrameSplitter,
  RecordIterator,
  type RequestInput,
  type ResponseValue,
} from "@ottla/protocol";
import type { Network, Socket } from "@ottla/runtime";

interface Pending {
  readonly api: Api;
  readonly version: number;
  resolve(response: unknown): void;
  reject(error: Error): void;
}

export class RawClient {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #over = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const splitter = new FrameSplitter({ maxFrameSize: 100_000_000 });
    socket.start({
      data: (chunk) => splitter.push(chunk, (frame) => this.#receive(frame)),
      drained: () => {},
      closed: (error) => this.#end(error ?? new Error("the broker closed the connection")),
    });
  }

  static async connect(network: Network, host: string, port: number): Promise<RawClient> {
    return new RawClient(await network.connect({ host, port, timeoutMs: 10_000 }));
  }

  /** Sends a request, in the newest version by default; rejects when the connection ends before the answer. */
  request<A extends Api>(
    api: A,
    body: RequestInput<A>,
    version: number = api.request.maxVersion,
  ): Promise<ResponseValue<A>> {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new Error("the connection is over"));
        return;
      }
      const id = ++this.#lastId;
      this.#pending.set(id, { api, version, resolve: resolve as (response: unknown) => void, reject });
      this.#socket.write(encodeRequestFrame(api, version, id, "raw", body));
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#end(new Error("closed"));
  }

  #receive(frame: Buffer): void {
    const id = frame.readInt32BE(0);
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new Error(`an answer to ${id}, which nobody asked`);
    this.#pending.delete(id);
    pending.resolve(decodeResponseFrame(pending.api, pending.version, frame));
  }

  #end(error: Error): void {
    this.#over = true;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

/** Who sends a batch, as an idempotent producer says it. */
export interface Sequence {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** A batch of texts, as keys and values. */
export function batchOf(
  records: readonly (readonly [key: string | null, value: string | null])[],
  timestampMs: number,
  sequence?: Sequence,
): Buffer {
  const builder = new BatchBuilder();
  for (const [key, value] of records) builder.append(timestampMs, key, value);
  return builder.build(sequence ?? {});
}

/** The error and the base offset of a batch that is appended with acks=all. */
export async function produce(
  client: RawClient,
  topic: string,
  partition: number,
  records: Uint8Array,
): Promise<{ errorCode: number; baseOffset: number }> {
  const partitionData = [{ index: partition, records }];
  const version = 12; // The last one that names topics.
  const body = { acks: -1, timeoutMs: 10_000, topicData: [{ name: topic, partitionData }] };
  const answer = await client.request(apis.produce, body, version);
  return answer.responses[0]!.partitionResponses[0]!;
}

export interface ReadRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** Everything that can be read of a partition, and its error. */
export async function readAll(
  client: RawClient,
  topic: string,
  partition: number,
): Promise<{ errorCode: number; logStartOffset: number; records: ReadRecord[] }> {
  const records: ReadRecord[] = [];
  const version = 12; // The last one that names topics.
  let fetchOffset = await earliest(client, topic, partition);
  for (;;) {
    const partitions = [{ partition, fetchOffset, partitionMaxBytes: 10_000_000 }];
    const body = { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions }] };
    const answer = await client.request(apis.fetch, body, version);
    const found = answer.responses[0]!.partitions[0]!;
    const { errorCode, logStartOffset } = found;
    if (errorCode !== 0) return { errorCode, logStartOffset, records };
    const next = readBatches(found.records ?? Buffer.alloc(0), fetchOffset, records);
    if (next === fetchOffset) return { errorCode, logStartOffset, records };
    fetchOffset = next;
  }
}

async function earliest(client: RawClient, topic: string, partition: number): Promise<number> {
  const partitions = [{ partitionIndex: partition, timestamp: -2 }];
  const answer = await client.request(apis.listOffsets, { replicaId: -1, topics: [{ name: topic, partitions }] });
  return Math.max(0, answer.topics[0]!.partitions[0]!.offset);
}

function readBatches(bytes: Buffer, from: number, into: ReadRecord[]): number {
  let next = from;
  const cursor = new BatchCursor(bytes);
  while (cursor.next()) {
    next = cursor.view.nextOffset;
    if (cursor.view.isControl) continue;
    const iterator = new RecordIterator(cursor.view);
    while (iterator.next()) {
      const { offset } = iterator;
      const [key, value] = [iterator.key()?.toString() ?? null, iterator.value()?.toString() ?? null];
      if (offset >= from) into.push({ offset, key, value });
    }
  }
  return next;
}
