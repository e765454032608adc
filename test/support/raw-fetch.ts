/** Batches as they lie in the broker, fetched without decompressing anything. */
import { connect } from "node:net";
import { apis, BatchCursor, decode, decodeResponseHeader, encodeRequestFrame, Reader } from "@ottla/protocol";

/** The codecs of the stored batches of partition 0 of a topic, each once, in order of appearance. */
export async function storedCodecs(bootstrapServers: string, topic: string): Promise<string[]> {
  const version = 11;
  const chunks = encodeRequestFrame(apis.fetch, version, 1, "raw-fetch", {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000_000 }] }],
  });
  const frame = await exchange(bootstrapServers, Buffer.concat(chunks));
  const reader = new Reader(frame);
  decodeResponseHeader(apis.fetch, version, reader);
  const response = decode(apis.fetch.response, version, reader);
  const records = response.responses[0]?.partitions[0]?.records;
  if (!records) throw new Error(`nothing is stored in ${topic}`);
  const codecs = new Set<string>();
  const cursor = new BatchCursor(Buffer.from(records));
  while (cursor.next()) codecs.add(cursor.view.codec);
  return [...codecs];
}

/** Sends one frame and returns the answer's, without its size. */
function exchange(bootstrapServers: string, request: Buffer): Promise<Buffer> {
  const [host, port] = bootstrapServers.split(":");
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(Number(port), host, () => socket.write(request));
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      socket.destroy();
      resolve(received.subarray(4));
    });
  });
}
