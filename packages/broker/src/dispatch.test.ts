import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apis, encodeRequestFrame, errorCodes } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { batchOf, SimBroker } from "../test/sim-broker.ts";

const kafka = JSON.parse(
  readFileSync(join(import.meta.dirname, "../test-data/apache-kafka-4.3.1-api-versions.json"), "utf8"),
) as {
  apiKeys: { key: number; name: string; min: number; max: number }[];
  unsupportedVersion: { responseHex: string };
};

let sim: SimBroker;
beforeEach(async () => {
  sim = await SimBroker.start();
});
afterEach(() => sim.close());

/** A frame with size, header v1 and the rest as given. */
function rawRequest(apiKey: number, version: number, body: Buffer, correlationId = 2): Buffer {
  const header = Buffer.alloc(14);
  header.writeInt32BE(10 + body.length, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(version, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(-1, 12);
  return Buffer.concat([header, body]);
}

describe("ApiVersions", () => {
  it("announces what is served, in exactly Kafka's versions", async () => {
    const client = await sim.connect();
    for (const version of [0, 1, 2, 3, 4]) {
      const { errorCode, apiKeys } = await sim.until(
        client.send(apis.apiVersions, version, { clientSoftwareName: "test", clientSoftwareVersion: "1" }),
      );
      expect(errorCode).toBe(errorCodes.NONE);
      expect(apiKeys.length).toBeGreaterThan(20);
      for (const { apiKey, minVersion, maxVersion } of apiKeys) {
        const theirs = kafka.apiKeys.find(({ key }) => key === apiKey);
        expect({ apiKey, minVersion, maxVersion }).toEqual({
          apiKey,
          minVersion: theirs?.min,
          maxVersion: theirs?.max,
        });
      }
    }
  });

  it("answers an unknown version in version 0, byte for byte as Kafka", async () => {
    const client = await sim.connect();
    client.sendRaw(rawRequest(18, 99, Buffer.from([1, 1, 0])));
    await sim.run(100);
    expect(client.unasked.map((frame) => frame.toString("hex"))).toEqual([kafka.unsupportedVersion.responseHex]);
    const { errorCode } = await sim.until(client.send(apis.apiVersions, 0, {}));
    expect(errorCode).toBe(errorCodes.NONE);
  });

  it("refuses an ill-formed name of the client's software", async () => {
    const client = await sim.connect();
    const answer = await sim.until(
      client.send(apis.apiVersions, 3, { clientSoftwareName: "-bad-", clientSoftwareVersion: "1" }),
    );
    expect(answer).toMatchObject({ errorCode: errorCodes.INVALID_REQUEST, apiKeys: [] });
  });
});

describe("a request that cannot be answered closes its connection, and only that", () => {
  const cases: [string, Buffer, string][] = [
    ["an unknown API", rawRequest(999, 0, Buffer.alloc(0)), "API 999, which is not served"],
    ["an API of Kafka's that is not served", rawRequest(24, 0, Buffer.alloc(0)), "API 24, which is not served"],
    ["a negative API key", rawRequest(-1, 0, Buffer.alloc(0)), "API -1, which is not served"],
    ["a version that is too new", rawRequest(3, 99, Buffer.from([0])), "METADATA version 99"],
    ["Produce 2, though it is announced", rawRequest(0, 2, Buffer.alloc(0)), "PRODUCE version 2"],
    ["a body that is cut short", rawRequest(3, 8, Buffer.from([0, 0])), "MetadataRequest v8"],
    ["bytes that are left over", rawRequest(18, 0, Buffer.from([1])), ""],
    ["no header", Buffer.from([0, 0, 0, 1, 0]), ""],
    ["a huge array count", rawRequest(3, 8, Buffer.from([0x7f, 0xff, 0xff, 0xff])), "MetadataRequest v8"],
    ["a negative size", Buffer.from([0xff, 0xff, 0xff, 0xff]), "frame of -1 bytes"],
    ["a request above socket.request.max.bytes", Buffer.from([0x7f, 0, 0, 0]), "at most 104857600 allowed"],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "looks like HTTP"],
  ];
  it.each(cases)("%s", async (_, bytes, reason) => {
    const client = await sim.connect();
    const other = await sim.connect();
    client.sendRaw(bytes);
    await sim.until(client.closed);
    const said = sim.logger.logged.find(({ message }) => message === "connection closed");
    expect(said?.level).toBe("warn");
    expect(String(said?.fields.reason)).toContain(reason);
    expect((await sim.until(other.send(apis.apiVersions, 0, {}))).errorCode).toBe(errorCodes.NONE);
  });
});

it("answers the requests of a connection in order, whatever they wait for", async () => {
  const client = await sim.connect();
  await sim.until(client.send(apis.metadata, 4, { topics: [{ name: "t" }], allowAutoTopicCreation: true }));
  const order: string[] = [];
  const topicData = [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a"]) }] }];
  const fetch = { maxWaitMs: 500, minBytes: 1_000_000, maxBytes: 1_000_000, isolationLevel: 0 };
  const topics = [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }];
  const answers = [
    client.send(apis.produce, 8, { acks: -1, timeoutMs: 1000, topicData }).then(() => order.push("produce 1")),
    client.send(apis.produce, 8, { acks: 1, timeoutMs: 1000, topicData }).then(() => order.push("produce 2")),
    client.send(apis.fetch, 4, { ...fetch, topics }).then(() => order.push("fetch")),
    client.send(apis.apiVersions, 0, {}).then(() => order.push("api versions")),
  ];
  const other = await sim.connect();
  await sim.until(other.send(apis.apiVersions, 0, {}));
  expect(order).toEqual(["produce 1", "produce 2"]);
  await sim.until(Promise.all(answers));
  expect(order).toEqual(["produce 1", "produce 2", "fetch", "api versions"]);
});

it("takes bytes however they are cut", async () => {
  const client = await sim.connect();
  const bytes = Buffer.concat(encodeRequestFrame(apis.apiVersions, 0, 77, "x", {}));
  for (const byte of bytes) {
    client.sendRaw(Buffer.from([byte]));
    await sim.run(10);
  }
  expect(client.unasked).toHaveLength(1);
  expect(client.unasked[0]!.readInt32BE(0)).toBe(77);
});
