import {
  Admin,
  type Producer as AnyProducer,
  type KafkaError,
  Producer,
  RecordTooLargeError,
  UnknownTopicOrPartitionError,
} from "@ottla/client";
import { describe, expect, it } from "vitest";
import { RawClient, readAll } from "../support/raw-client.ts";
import { bootstrapServers, SimSetup } from "../support/sim-setup.ts";

async function setUp(partitions = 1, configs: Record<string, string> = {}) {
  const setup = await SimSetup.start();
  const admin = new Admin({ bootstrapServers, runtime: setup.runtime("admin") });
  await setup.until(admin.createTopics([{ topic: "t", partitions, configs }]));
  const producers: AnyProducer[] = [];
  const producer = (options: Partial<ConstructorParameters<typeof Producer>[0]> = {}) => {
    const made = new Producer({ bootstrapServers, runtime: setup.runtime(), ...options });
    producers.push(made);
    return made;
  };
  const values = async (partition = 0, topic = "t") => {
    const client = await setup.until(RawClient.connect(setup.runtime("reader").network, "server", 9092));
    const { records } = await setup.until(readAll(client, topic, partition));
    client.close();
    return records.map(({ value }) => value);
  };
  return { setup, admin, producer, values };
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as KafkaError,
  );

describe("our producer on our broker", () => {
  it("says of 1,000 concurrent sends where each record is", async () => {
    const { setup, producer, values } = await setUp(6);
    const client = producer();
    const names = Array.from({ length: 1000 }, (_, i) => `v${i}`);
    const places = await setup.until(
      Promise.all(names.map((value, i) => client.send({ topic: "t", key: `k${i % 50}`, value }))),
    );
    const logs = [];
    for (let partition = 0; partition < 6; partition++) logs.push(await values(partition));
    expect(logs.flat()).toHaveLength(1000);
    for (const [i, { partition, offset }] of places.entries()) expect(logs[partition]![offset]).toBe(names[i]);
  });

  it.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)("writes %s", async (compression) => {
    const { setup, producer, values } = await setUp();
    const names = Array.from({ length: 200 }, (_, i) => `value ${i}`);
    await setup.until(producer({ compression }).sendAll(names.map((value) => ({ topic: "t", value }))));
    expect(await values()).toEqual(names);
  });

  it("loses, doubles and reorders nothing while the broker is killed and started again", async () => {
    const { setup, producer, values } = await setUp();
    const client = producer({ batchSize: 200 });
    const sends: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      sends.push(client.send({ topic: "t", value: `${i}` }));
      await setup.world.clock.runFor(5);
      if (i === 60 || i === 180) setup.server.kill();
      if (i === 100 || i === 230) await setup.startBroker();
    }
    await setup.until(Promise.all(sends));
    expect(await values()).toEqual(sends.map((_, i) => `${i}`));
  });

  it("cuts batches that the topic finds too large, and rejects only the record that is", async () => {
    const { setup, producer, values } = await setUp(1, { "max.message.bytes": "1000" });
    const client = producer();
    const records = ["a", "b", "x".repeat(2000), "c", "d"].map((value) => ({
      topic: "t",
      value: value.padEnd(400, "-"),
    }));
    const outcomes = await setup.until(Promise.all(records.map((record) => failureOf(client.send(record)))));
    expect(outcomes.map((error) => error?.code)).toEqual([
      undefined,
      undefined,
      "MESSAGE_TOO_LARGE",
      undefined,
      undefined,
    ]);
    expect(outcomes[2]).toBeInstanceOf(RecordTooLargeError);
    expect((await values()).map((value) => value?.[0])).toEqual(["a", "b", "c", "d"]);
    await setup.until(client.send({ topic: "t", value: "and on" }));
  });

  it("finds a topic that was deleted and created anew, and one that has grown", async () => {
    const { setup, admin, producer, values } = await setUp();
    const client = producer({ maxBlockMs: 2000 });
    await setup.until(client.send({ topic: "t", value: "old" }));
    await setup.until(admin.deleteTopics(["t"]));
    await setup.until(admin.createTopics([{ topic: "t", partitions: 1 }]));
    expect(await setup.until(client.send({ topic: "t", value: "new" }))).toMatchObject({ offset: 0 });
    expect(await values()).toEqual(["new"]);
    expect(await setup.until(failureOf(client.send({ topic: "t", value: "x", partition: 2 })))).toBeInstanceOf(
      UnknownTopicOrPartitionError,
    );
    await setup.until(admin.createPartitions([{ topic: "t", count: 3 }]));
    expect(await setup.until(client.send({ topic: "t", value: "x", partition: 2 }))).toMatchObject({
      partition: 2,
      offset: 0,
    });
  });

  it("refuses records without a key for a compacted topic, one by one", async () => {
    const { setup, producer, values } = await setUp(1, { "cleanup.policy": "compact" });
    const client = producer();
    const keyed = failureOf(client.send({ topic: "t", key: "k", value: "a" }));
    const bare = failureOf(client.send({ topic: "t", value: "b" }));
    const [good, bad] = await setup.until(Promise.all([keyed, bare]));
    expect(bad).toMatchObject({ code: "INVALID_RECORD", possiblyPersisted: false });
    expect(good?.message ?? "at fault").toContain("at fault");
    await setup.until(client.send({ topic: "t", key: "k", value: "c" }));
    expect(await values()).toEqual(["c"]);
  });

  it("takes the broker's time where the topic says so, and sends without acknowledgement", async () => {
    const { setup, producer, values } = await setUp(1, { "message.timestamp.type": "LogAppendTime" });
    const place = await setup.until(producer().send({ topic: "t", value: "a", timestamp: 5 }));
    expect(place.timestamp).toBeGreaterThan(1_000_000_000_000);
    const client = producer({ acks: 0 });
    expect(await setup.until(client.send({ topic: "t", value: "b" }))).toMatchObject({ offset: -1 });
    await setup.until(client.close());
    await setup.world.clock.runFor(100);
    expect(await values()).toEqual(["a", "b"]);
  });
});
