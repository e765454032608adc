/**
 * Time from sending one record of 100 B to having it in a consumer that waits for it, one after the other, with a plain client of two connections so that
 * the broker is what is measured. Prints p50 and p99 in ms. Arguments: bootstrap server, topic.
 */
import { connect, type Socket } from "node:net";
import {
  type Api,
  apis,
  BatchBuilder,
  decode,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameSplitter,
  Reader,
} from "@ottla/protocol";
import { percentile } from "./measure.ts";

const [bootstrap = "", topic = ""] = process.argv.slice(2);
const [host, port] = bootstrap.split(":");
const rounds = 3000;
const warmUp = 1000;

/** One connection with one request at a time. */
class Line {
  private readonly splitter = new FrameSplitter({ maxFrameSize: 10_000_000 });
  private waiting: (frame: Buffer) => void = () => {};
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.splitter.push(chunk, (frame) => this.waiting(frame)));
  }

  static open(): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), host, () => resolve(new Line(socket)));
      socket.on("error", reject);
    });
  }

  exchange(chunks: readonly Uint8Array[]): Promise<Buffer> {
    return new Promise((resolve) => {
      this.waiting = resolve;
      this.socket.write(Buffer.concat(chunks));
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

function body<A extends Api>(api: A, version: number, frame: Buffer) {
  const reader = new Reader(frame);
  decodeResponseHeader(api, version, reader);
  return decode(api.response as A["response"], version, reader);
}

const producer = await Line.open();
const consumer = await Line.open();
const value = Buffer.alloc(100, 120);
const times: number[] = [];
let offset = 0;
for (let round = 0; round < warmUp + rounds; round++) {
  const fetch = encodeRequestFrame(apis.fetch, 11, 2, "latency", {
    maxWaitMs: 5000,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }],
  });
  const builder = new BatchBuilder({ codec: "none" });
  builder.append(1_700_000_000_000, null, value, []);
  const produce = encodeRequestFrame(apis.produce, 9, 1, "latency", {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records: builder.build({}) }] }],
  });
  const fetched = consumer.exchange(fetch);
  // The fetch waits at the broker before the record is sent, as a consumer does.
  await new Promise((resolve) => setImmediate(resolve));
  const started = performance.now();
  const produced = producer.exchange(produce);
  const answer = body(apis.fetch, 11, await fetched);
  const elapsed = performance.now() - started;
  await produced;
  const size = answer.responses[0]?.partitions[0]?.records?.length ?? 0;
  if (size === 0) throw new Error("the fetch came back without the record");
  offset += 1;
  if (round >= warmUp) times.push(elapsed);
}
producer.close();
consumer.close();
console.log(JSON.stringify({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) }));
