/**
 * Sends one produce request, built once, again and again with five in flight, and prints how long that took. Its own cost is little more than the socket's.
 * Arguments: bootstrap server, topic, load as JSON.
 */
import { connect } from "node:net";
import {
  apis,
  BatchBuilder,
  decode,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameSplitter,
  Reader,
} from "@ottla/protocol";
import type { RawLoad } from "./broker-throughput.ts";

const [bootstrap = "", topic = "", json = "{}"] = process.argv.slice(2);
const load: RawLoad = JSON.parse(json);
const version = 9;
const inFlight = 5;

function batch(): Buffer {
  const builder = new BatchBuilder({ codec: "none" });
  for (let i = 0; i < load.recordsPerBatch; i++)
    builder.append(1_700_000_000_000, null, Buffer.alloc(load.recordSize, 120), []);
  return Buffer.from(builder.build({}));
}

const request = Buffer.concat(
  encodeRequestFrame(apis.produce, version, 1, "raw-sender", {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [
      { name: topic, partitionData: Array.from({ length: load.batches }, (_, index) => ({ index, records: batch() })) },
    ],
  }),
);

const [host, port] = bootstrap.split(":");
const splitter = new FrameSplitter({ maxFrameSize: 1_000_000 });
let sent = 0;
let answered = 0;
let started = 0;
const socket = connect(Number(port), host, () => {
  socket.setNoDelay(true);
  started = performance.now();
  while (sent < inFlight) send();
});
socket.on("data", (chunk: Buffer) => splitter.push(chunk, answer));
socket.on("error", (error) => {
  throw error;
});

function send(): void {
  sent += 1;
  socket.write(request);
}

function answer(frame: Buffer): void {
  const reader = new Reader(frame);
  decodeResponseHeader(apis.produce, version, reader);
  const response = decode(apis.produce.response, version, reader);
  for (const partition of response.responses[0]?.partitionResponses ?? []) {
    if (partition.errorCode !== 0) throw new Error(`the broker answered error ${partition.errorCode}`);
  }
  answered += 1;
  if (sent < load.requests) send();
  if (answered < load.requests) return;
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
  socket.destroy();
}
