import { apis, BatchView, type Codec, RecordIterator } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { hangUp, silence } from "../../test/fake-broker.ts";
import { failureOf, setUp } from "../../test/producer-setup.ts";
import { BufferExhaustedError, ClosedError, KafkaError } from "../errors.ts";
import { json, number, string } from "../serde.ts";
import { SendAllError } from "./send-group.ts";
import type { ProducerOptions } from "./settings.ts";

describe("send", () => {
  it("says where the record is", async () => {
    const { cluster, producer, clock, partition } = await setUp();
    const now = clock.now();
    expect(await cluster.until(producer.send({ topic: "orders", key: "k", value: "v" }))).toEqual({
      ...{ topic: "orders", partition: 0, offset: 0, timestamp: now },
    });
    expect((await cluster.until(producer.send({ topic: "orders", value: "w", timestamp: 5 }))).timestamp).toBe(5);
    expect(partition.values).toEqual(["v", "w"]);
  });

  it("lets concurrent sends share a batch, and each know its offset", async () => {
    const { cluster, producer, produced, partition } = await setUp();
    const sends = Array.from({ length: 100 }, (_, i) => producer.send({ topic: "orders", value: `${i}` }));
    const places = await cluster.until(Promise.all(sends));
    expect(places.map(({ offset }) => offset)).toEqual(sends.map((_, i) => i));
    expect(partition.values).toEqual(sends.map((_, i) => `${i}`));
    expect(produced()).toHaveLength(1);
  });

  it("encodes keys, values, headers, nulls and timestamps", async () => {
    const { cluster, producer, produced } = await setUp({ key: number, value: json<object>() });
    const headers = { a: "1", b: Buffer.from([2]), c: null };
    const sends = [
      producer.send({ topic: "orders", key: 1.5, value: { x: 1 }, headers, timestamp: 1000 }),
      producer.send({
        topic: "orders",
        key: null,
        value: null,
        headers: [
          ["a", "1"],
          ["a", "2"],
        ],
        timestamp: 900,
      }),
    ];
    await cluster.until(Promise.all(sends));
    const records = new RecordIterator(new BatchView(produced()[0]!.body.topicData[0]!.partitionData[0]!.records!));
    records.next();
    expect([records.key()?.readDoubleBE(), records.value()?.toString(), records.timestamp]).toEqual([
      1.5,
      '{"x":1}',
      1000,
    ]);
    expect(records.headers().map(({ key, value }) => [key, value?.toString()])).toEqual([
      ["a", "1"],
      ["b", "\u0002"],
      ["c", undefined],
    ]);
    records.next();
    expect([records.key(), records.value(), records.timestamp]).toEqual([null, null, 900]);
    expect(records.headers().map(({ value }) => value?.toString())).toEqual(["1", "2"]);
  });

  it.each(["none", "gzip", "snappy", "lz4", "zstd"] as Codec[])("compresses with %s", async (compression) => {
    const { cluster, producer, produced, partition } = await setUp({ compression });
    const values = Array.from({ length: 50 }, (_, i) => `value ${i} ${"x".repeat(100)}`);
    await cluster.until(producer.sendAll(values.map((value) => ({ topic: "orders", value }))));
    expect(partition.values).toEqual(values);
    const bytes = produced()[0]!.body.topicData[0]!.partitionData[0]!.records!;
    expect(new BatchView(bytes).codec).toBe(compression);
    if (compression !== "none") expect(bytes.length).toBeLessThan(4000);
  });

  it("spreads by key, by partition, by a partitioner of one's own", async () => {
    const partitioner: ProducerOptions<string, string>["partitioner"] = ({ key, partitionCount, available }) =>
      key === "last" ? partitionCount - 1 : available[0]!;
    const { cluster, producer, topic } = await setUp({ key: string, value: string, partitioner }, { partitions: 3 });
    const send = (key: string, partition?: number) =>
      cluster.until(producer.send({ topic: "orders", key, value: key, partition }));
    expect([(await send("last")).partition, (await send("x")).partition, (await send("x", 1)).partition]).toEqual([
      2, 0, 1,
    ]);
    expect(topic.partitions.map(({ values }) => values)).toEqual([["x"], ["x"], ["last"]]);
    const keyed = await setUp({ key: string, value: string }, { partitions: 6 });
    const places = [];
    for (const key of ["a", "b", "a", "b"]) places.push(keyed.producer.send({ topic: "orders", key, value: "v" }));
    const partitions = (await keyed.cluster.until(Promise.all(places))).map(({ partition }) => partition);
    expect(partitions).toEqual([4, partitions[1], 4, partitions[1]]);
  });

  it("works without acknowledgement, without idempotence and with old brokers", async () => {
    const none = await setUp({ acks: 0 });
    none.cluster.broker(1).on(apis.produce, () => silence);
    expect(await none.cluster.until(none.producer.send({ topic: "orders", value: "v" }))).toMatchObject({ offset: -1 });
    await none.clock.runFor(10);
    expect(none.produced()[0]!.body.acks).toBe(0);
    for (const [acks, version] of [
      ["all", 3],
      [1, 7],
      ["all", 12],
    ] as const) {
      const { cluster, producer, produced } = await setUp({ acks });
      cluster.broker(1).limits.set(apis.produce.key, [0, version]);
      expect(await cluster.until(producer.send({ topic: "orders", value: "v" }))).toMatchObject({ offset: 0 });
      expect(produced()[0]).toMatchObject({ version, body: { acks: acks === "all" ? -1 : 1 } });
      expect(cluster.broker(1).of(apis.initProducerId)).toHaveLength(acks === "all" ? 1 : 0);
    }
  });

  it("uses names where the cluster has no topic ids", async () => {
    const { cluster, producer, produced } = await setUp();
    cluster.broker(1).limits.set(apis.metadata.key, [0, 9]);
    await cluster.until(producer.send({ topic: "orders", value: "v" }));
    expect(produced()[0]!.version).toBe(12);
  });

  it("takes the broker's time where the topic says so", async () => {
    const { cluster, producer } = await setUp();
    cluster.broker(1).once(apis.produce, ({ body }) => ({
      responses: body.topicData.map(({ name, topicId }) => ({
        ...{ name, topicId },
        partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 7, logAppendTimeMs: 1234, errorMessage: null }],
      })),
    }));
    expect(await cluster.until(producer.send({ topic: "orders", value: "v" }))).toMatchObject({
      offset: 7,
      timestamp: 1234,
    });
  });
});

describe("back-pressure", () => {
  it("holds sends back while bufferMemory is taken, in order, up to maxBlockMs", async () => {
    const { cluster, producer, partition, clock } = await setUp({
      bufferMemory: 2000,
      batchSize: 1000,
      maxBlockMs: 500,
      lingerMs: 10_000,
      deliveryTimeoutMs: 60_000,
    });
    const sends = Array.from({ length: 30 }, (_, i) =>
      producer.send({ topic: "orders", value: `${i}`.padEnd(400, " ") }),
    );
    await cluster.until(Promise.all(sends));
    expect(partition.values.map((value) => value.trim())).toEqual(sends.map((_, i) => `${i}`));
    cluster.broker(1).on(apis.produce, () => silence);
    const started = clock.monotonic();
    const stuck = Array.from({ length: 10 }, () =>
      failureOf(producer.send({ topic: "orders", value: "x".repeat(400) })),
    );
    const errors = await cluster.until(Promise.race([Promise.all(stuck.slice(4)), Promise.all(stuck)]));
    expect(errors.every((error) => error instanceof BufferExhaustedError)).toBe(true);
    expect((errors[0] as Error).message).toContain("2000 bytes of bufferMemory");
    expect(clock.monotonic() - started).toBeLessThan(520);
  });

  it("takes a waiting record back when its signal aborts", async () => {
    const { cluster, producer, partition } = await setUp({ bufferMemory: 1000, batchSize: 1000 });
    const abort = new AbortController();
    const { signal } = abort;
    const first = producer.send({ topic: "orders", value: "a".repeat(500) }, { signal });
    await cluster.until(first);
    const inBatch = producer.send({ topic: "orders", value: "b".repeat(500) }, { signal });
    const waiting = failureOf(producer.send({ topic: "orders", value: "c".repeat(500) }, { signal }));
    const after = producer.send({ topic: "orders", value: "d".repeat(500) });
    abort.abort(new Error("enough"));
    expect(await failureOf(inBatch)).toMatchObject({ message: "enough" });
    expect(await waiting).toMatchObject({ message: "enough" });
    await cluster.until(after);
    expect(partition.values.map((value) => value[0])).toEqual(["a", "b", "d"]);
    await expect(producer.send({ topic: "orders", value: "e" }, { signal })).rejects.toThrow("enough");
    await expect(producer.sendAll([], { signal })).rejects.toThrow("enough");
  });
});

describe("sendAll", () => {
  it("resolves with all the places in order", async () => {
    const { cluster, producer, topic } = await setUp({ batchSize: 500 }, { partitions: 3 });
    const records = Array.from({ length: 90 }, (_, i) => ({ topic: "orders", value: `${i}`, partition: i % 3 }));
    const places = await cluster.until(producer.sendAll(records));
    for (const [i, { partition, offset }] of places.entries()) {
      expect(topic.partitions[partition]!.values[offset]).toBe(`${i}`);
    }
    expect(await producer.sendAll([])).toEqual([]);
  });

  it("does not linger, but shares the batches of its turn", async () => {
    const { cluster, producer, produced, clock } = await setUp({ lingerMs: 60_000, deliveryTimeoutMs: 120_000 });
    const groups = Array.from({ length: 5 }, () => producer.sendAll([{ topic: "orders", value: "a" }]));
    const single = producer.send({ topic: "orders", value: "b" });
    await cluster.until(Promise.all([...groups, single]));
    expect(clock.monotonic()).toBeLessThan(200);
    expect(produced()).toHaveLength(1);
    await cluster.until(producer.sendAll([{ topic: "orders", value: "c" }]));
    expect(clock.monotonic()).toBeLessThan(200);
  });

  it("mixes with single sends in a batch", async () => {
    const { cluster, producer, produced } = await setUp();
    const single = producer.send({ topic: "orders", value: "a" });
    const group = producer.sendAll([
      { topic: "orders", value: "b" },
      { topic: "orders", value: "c" },
    ]);
    const last = producer.send({ topic: "orders", value: "d" });
    const all = await cluster.until(Promise.all([single, group, last]));
    expect(all.flat().map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
    expect(produced()).toHaveLength(1);
  });

  it("says which records failed, and where the others are", async () => {
    const { cluster, producer } = await setUp({ value: string }, { partitions: 2 });
    cluster.refuse = (_, partition) => (partition === 1 ? 29 : 0);
    const records = [
      { topic: "orders", value: "a", partition: 0 },
      { topic: "orders", value: "b", partition: 1 },
      { topic: "orders", value: 3 as never, partition: 0 },
      { topic: "orders", value: "d", partition: 0 },
    ];
    const error = (await cluster.until(failureOf(producer.sendAll(records)))) as SendAllError;
    expect(error).toBeInstanceOf(SendAllError);
    expect(error.results).toMatchObject([
      { offset: 0 },
      { code: "TOPIC_AUTHORIZATION_FAILED" },
      { name: "SerializationError" },
      { offset: 1 },
    ]);
    expect(error.message).toContain("2 of 4 records could not be sent");
  });
});

describe("flush and close", () => {
  it("sends without lingering, and waits for everything that was sent before", async () => {
    const { cluster, producer, clock, partition } = await setUp({ lingerMs: 60_000, deliveryTimeoutMs: 120_000 });
    const first = producer.send({ topic: "orders", value: "a" });
    await cluster.until(producer.flush());
    expect(partition.values).toEqual(["a"]);
    expect(clock.monotonic()).toBeLessThan(200);
    await first;
    cluster.refuse = () => 29;
    const failing = failureOf(producer.send({ topic: "orders", value: "b" }));
    await cluster.until(producer.flush());
    expect(await failing).toBeInstanceOf(KafkaError);
    await cluster.until(producer.flush());
  });

  it("flushes, closes the connections and takes nothing more", async () => {
    const { cluster, producer, clock, partition } = await setUp({ lingerMs: 60_000, deliveryTimeoutMs: 120_000 });
    const sent = producer.send({ topic: "orders", value: "a" });
    const closing = producer.close();
    await expect(producer.send({ topic: "orders", value: "b" })).rejects.toThrow(ClosedError);
    await expect(producer.sendAll([])).rejects.toThrow(ClosedError);
    await cluster.until(closing);
    await producer[Symbol.asyncDispose]();
    expect(await sent).toMatchObject({ offset: 0 });
    expect(partition.values).toEqual(["a"]);
    await clock.runFor(100);
    expect(cluster.broker(1).connectionCount).toBe(0);
    expect(clock.isIdle).toBe(true);
  });

  it("gives up what is left when the time for closing is over", async () => {
    const { cluster, producer, clock } = await setUp();
    await cluster.until(producer.send({ topic: "orders", value: "a" }));
    cluster.broker(1).on(apis.produce, () => silence);
    const sent = failureOf(producer.send({ topic: "orders", value: "b" }));
    const waiting = failureOf(producer.send({ topic: "nowhere", value: "c" }));
    await cluster.until(producer.close({ timeoutMs: 200 }));
    expect(await sent).toMatchObject({ name: "ClosedError", possiblyPersisted: true });
    expect(await waiting).toMatchObject({ name: "ClosedError", possiblyPersisted: false });
    await clock.runFor(5000);
    expect(clock.isIdle).toBe(true);
  });

  it("closes without ever having connected", async () => {
    const { producer, clock } = await setUp();
    await producer.close();
    expect(clock.isIdle).toBe(true);
  });
});

describe("events", () => {
  it("tell of batches", async () => {
    const { cluster, producer } = await setUp();
    const seen: unknown[] = [];
    producer.on("batchDelivered", (report) =>
      seen.push(["delivered", report.recordCount, report.baseOffset, report.retries]),
    );
    producer.on("batchRetried", (report, error) => seen.push(["retried", report.topic, error.code]));
    producer.on("batchRejected", (report, error) => seen.push(["rejected", report.partition, error.code]));
    cluster.broker(1).once(apis.produce, () => hangUp);
    await cluster.until(
      producer.sendAll([
        { topic: "orders", value: "a" },
        { topic: "orders", value: "b" },
      ]),
    );
    cluster.refuse = () => 29;
    await cluster.until(failureOf(producer.send({ topic: "orders", value: "c" })));
    expect(seen).toEqual([
      ["retried", "orders", "CONNECTION_FAILED"],
      ["delivered", 2, 0, 1],
      ["rejected", 0, "TOPIC_AUTHORIZATION_FAILED"],
    ]);
  });
});
