import { apis, BatchView, type Codec, RecordIterator } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { hangUp, silence } from "../../test/fake-broker.ts";
import { FakeCluster } from "../../test/fake-cluster.ts";
import {
  BufferExhaustedError,
  ClosedError,
  ConfigError,
  KafkaError,
  RecordTooLargeError,
  SerializationError,
  TimeoutError,
  UnknownTopicOrPartitionError,
} from "../errors.ts";
import { json, number, string } from "../serde.ts";
import { Producer } from "./producer.ts";
import { SendAllError } from "./send-group.ts";
import type { ProducerOptions } from "./settings.ts";

type Text = string | Uint8Array;

async function setUp<K = Text, V = Text>(
  options: Partial<ProducerOptions<K, V>> = {},
  cluster: { brokers?: number; partitions?: number; seed?: number } = {},
) {
  const fake = await FakeCluster.start(cluster);
  const topic = fake.createTopic("orders", cluster.partitions ?? 1);
  const { bootstrapServers, client } = fake;
  const producer = new Producer<K, V>({ bootstrapServers, runtime: client.runtime, ...options } as ProducerOptions<
    K,
    V
  >);
  const produced = () => fake.brokers.flatMap((broker) => broker.of(apis.produce));
  const partition = topic.partitions[0]!;
  return { cluster: fake, topic, partition, producer, produced, clock: fake.world.clock };
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

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

describe("errors", () => {
  it("rejects what cannot be serialized, and what makes no sense", async () => {
    const { producer } = await setUp({ value: json<object>() });
    await expect(producer.send({ topic: "orders", value: (() => {}) as never })).rejects.toThrow(SerializationError);
    const bad = { serialize: () => 7 as never };
    const { producer: other } = await setUp({ key: bad });
    await expect(other.send({ topic: "orders", key: "k", value: "v" })).rejects.toThrow(
      "gave neither bytes nor a string",
    );
    const throwing = await setUp({
      value: {
        serialize: () => {
          throw new RangeError("no");
        },
      },
    });
    await expect(throwing.producer.send({ topic: "orders", value: "v" })).rejects.toMatchObject({
      name: "SerializationError",
      cause: expect.any(RangeError),
    });
    const { producer: plain } = await setUp();
    await expect(plain.send({ topic: "orders", value: undefined as never })).rejects.toThrow("of type undefined");
    await expect(plain.send({ topic: "", value: "v" })).rejects.toThrow("must be a name");
    const headers = { h: 1 as never };
    await expect(plain.send({ topic: "orders", value: "v", headers })).rejects.toThrow(
      "The header h of a record for topic orders is of type number",
    );
    await expect(plain.send({ topic: "orders", value: "v", timestamp: -1 })).rejects.toThrow("timestamp -1");
    await expect(plain.send({ topic: "orders", value: "v", partition: 0.5 })).rejects.toThrow("partition 0.5");
  });

  it("rejects a record that is too large, for the client or for the broker", async () => {
    const { cluster, producer } = await setUp({ maxRequestSize: 1000 });
    const local = await failureOf(producer.send({ topic: "orders", value: "x".repeat(1000) }));
    expect(local).toBeInstanceOf(RecordTooLargeError);
    expect((local as Error).message).toContain("maxRequestSize");
    cluster.refuse = () => 10;
    const sends = ["a", "b", "c"].map((value) => failureOf(producer.send({ topic: "orders", value })));
    for (const error of await cluster.until(Promise.all(sends))) {
      expect(error).toBeInstanceOf(RecordTooLargeError);
      expect(error).toMatchObject({ errorCode: 10, possiblyPersisted: false });
    }
  });

  it("rejects an unknown topic when maxBlockMs is over, a missing partition at once", async () => {
    const { cluster, producer, clock } = await setUp({ maxBlockMs: 1000 });
    const unknown = await cluster.until(failureOf(producer.send({ topic: "nowhere", value: "v" })));
    expect(unknown).toBeInstanceOf(UnknownTopicOrPartitionError);
    expect((unknown as Error).message).toContain("nowhere");
    expect(clock.monotonic()).toBeLessThan(1500);
    const missing = await cluster.until(failureOf(producer.send({ topic: "orders", value: "v", partition: 3 })));
    expect((missing as Error).message).toBe("Topic orders has no partition 3: it has 1, 0 to 0");
    const offline = await setUp({ maxBlockMs: 1000 });
    await offline.cluster.until(offline.cluster.broker(1).stop());
    const lost = await offline.cluster.until(failureOf(offline.producer.send({ topic: "orders", value: "v" })));
    expect(lost).toBeInstanceOf(TimeoutError);
    expect((lost as Error).message).toContain("maxBlockMs");
    expect((lost as Error).message).toContain("broker1:9092");
  });

  it("waits for a topic that is created meanwhile, and keeps the order", async () => {
    const { cluster, producer, clock } = await setUp();
    const sends = ["a", "b", "c"].map((value) => producer.send({ topic: "late", value }));
    await clock.runFor(2000);
    const { partitions } = cluster.createTopic("late", 1);
    await cluster.until(Promise.all(sends));
    expect(partitions[0]!.values).toEqual(["a", "b", "c"]);
    cluster.autoCreate = true;
    expect(await cluster.until(producer.send({ topic: "automatic", value: "v" }))).toMatchObject({ offset: 0 });
  });

  it("finds a partition that was added", async () => {
    const { cluster, producer } = await setUp();
    await cluster.until(producer.send({ topic: "orders", value: "v" }));
    const more = cluster.createTopic("orders", 4);
    await cluster.until(producer.send({ topic: "orders", value: "v", partition: 3 }));
    expect(more.partitions[3]!.values).toEqual(["v"]);
  });

  it("gives up after deliveryTimeoutMs, and says that the record may be there", async () => {
    const { cluster, producer } = await setUp({ deliveryTimeoutMs: 3000, requestTimeoutMs: 1000 });
    cluster.broker(1).on(apis.produce, () => silence);
    const error = await cluster.until(failureOf(producer.send({ topic: "orders", value: "v" })));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ possiblyPersisted: true, message: expect.stringContaining("deliveryTimeoutMs") });
    const unsent = await setUp({ deliveryTimeoutMs: 3000, requestTimeoutMs: 1000 });
    unsent.cluster
      .broker(1)
      .on(apis.initProducerId, () => ({ throttleTimeMs: 0, errorCode: 14, producerId: -1, producerEpoch: -1 }));
    const early = await unsent.cluster.until(failureOf(unsent.producer.send({ topic: "orders", value: "v" })));
    expect(early).toMatchObject({ name: "TimeoutError", possiblyPersisted: false });
  });

  it("rejects when there is to be no producer id", async () => {
    const { cluster, producer } = await setUp();
    cluster
      .broker(1)
      .on(apis.initProducerId, () => ({ throttleTimeMs: 0, errorCode: 31, producerId: -1, producerEpoch: -1 }));
    await expect(cluster.until(producer.send({ topic: "orders", value: "v" }))).rejects.toMatchObject({
      name: "AuthorizationError",
    });
  });

  it("refuses settings that do not go together", () => {
    const make = (options: object) => () => new Producer({ bootstrapServers: "a:1", ...options });
    expect(make({ deliveryTimeoutMs: 10 })).toThrow("at least lingerMs + requestTimeoutMs, which is 30005");
    expect(make({ requestTimeoutMs: 200_000 })).not.toThrow();
    expect(make({ enableIdempotence: true, acks: 1 })).toThrow('needs acks "all", but acks is 1');
    expect(make({ enableIdempotence: true, retries: 0 })).toThrow(ConfigError);
    expect(make({ enableIdempotence: true, maxInFlight: 6 })).toThrow("maxInFlight is 6");
    expect(make({ maxInFlight: 6 })).not.toThrow();
    expect(make({ compressionType: "gzip" })).toThrow("it is called compression");
    expect(make({ compression: "brotli" })).toThrow('one of "none", "gzip", "snappy", "lz4", "zstd"');
    expect(make({ transactionalId: "t" })).toThrow("no transactions yet");
    expect(make({ key: "string" })).toThrow("must be a serializer of keys");
  });
});

describe("when brokers fail", () => {
  it("delivers once, in order, over a broken connection and a restart", async () => {
    const { cluster, producer, partition } = await setUp({ batchSize: 200 });
    const send = (i: number) => producer.send({ topic: "orders", value: `${i}` });
    await cluster.until(send(0));
    // The batch is appended, but the answer never comes.
    cluster.broker(1).once(apis.produce, (request) => {
      void cluster.broker(1).handle(request);
      return hangUp;
    });
    const sends = Array.from({ length: 40 }, (_, i) => send(i + 1));
    await cluster.world.clock.runFor(30);
    await cluster.until(cluster.broker(1).stop());
    await cluster.world.clock.runFor(3000);
    await cluster.restart(1);
    await cluster.until(Promise.all(sends));
    expect(partition.values).toEqual(Array.from({ length: 41 }, (_, i) => `${i}`));
  });

  it("follows a leader that moves, with and without a hint of the old one", async () => {
    const { cluster, producer, partition, produced } = await setUp({}, { brokers: 2 });
    await cluster.until(producer.send({ topic: "orders", value: "a" }));
    Object.assign(partition, { leaderId: 2, leaderEpoch: 1 });
    await cluster.until(producer.send({ topic: "orders", value: "b" }));
    cluster.broker(2).once(apis.produce, ({ body }) => {
      Object.assign(partition, { leaderId: 1, leaderEpoch: 2 });
      const { name, topicId } = body.topicData[0]!;
      const currentLeader = { leaderId: 1, leaderEpoch: 2 };
      const one = { index: 0, errorCode: 6, baseOffset: -1, errorMessage: null, currentLeader };
      return {
        responses: [{ name, topicId, partitionResponses: [one] }],
        nodeEndpoints: [{ nodeId: 1, host: "broker1", port: 9092 }],
      };
    });
    const started = cluster.world.clock.monotonic();
    await cluster.until(producer.send({ topic: "orders", value: "c" }));
    expect(cluster.world.clock.monotonic() - started).toBeLessThan(50);
    expect(partition.values).toEqual(["a", "b", "c"]);
    expect(produced().length).toBe(5);
  });

  it("sends on to partitions whose leaders are there", async () => {
    const { cluster, producer, topic } = await setUp({}, { brokers: 2, partitions: 2 });
    await cluster.until(producer.send({ topic: "orders", value: "a", partition: 0 }));
    await cluster.until(producer.send({ topic: "orders", value: "a", partition: 1 }));
    await cluster.until(cluster.broker(2).stop());
    const stuck = producer.send({ topic: "orders", value: "b", partition: 1 });
    await cluster.until(producer.send({ topic: "orders", value: "b", partition: 0 }));
    topic.partitions[1]!.leaderId = -1;
    await cluster.world.clock.runFor(5000);
    Object.assign(topic.partitions[1]!, { leaderId: 1, leaderEpoch: 3 });
    await cluster.until(stuck);
    expect(topic.partitions.map(({ values }) => values)).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6])("loses, doubles and reorders nothing under chaos (seed %i)", async (seed) => {
    const { cluster, producer, topic, clock } = await setUp({ batchSize: 300 }, { brokers: 3, partitions: 4, seed });
    const random = simRandom(seed);
    cluster.refuse = () => (random.integer(8) === 0 ? 19 : 0);
    const sends: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      const partition = random.integer(4);
      sends.push(producer.send({ topic: "orders", partition, value: `${partition}:${i}` }));
      await clock.runFor(random.integer(30));
      const broker = 1 + random.integer(3);
      const what = random.integer(60);
      if (what === 0) cluster.world.network.reset(`broker${broker}`);
      if (what === 1) cluster.world.network.isolate(`broker${broker}`);
      if (what === 2) cluster.world.network.healAll();
      const moved = topic.partitions[random.integer(4)]!;
      if (what === 3) Object.assign(moved, { leaderId: broker, leaderEpoch: moved.leaderEpoch + 1 });
    }
    cluster.world.network.healAll();
    cluster.refuse = () => 0;
    const places = (await cluster.until(Promise.all(sends))) as { partition: number; offset: number }[];
    for (const [index, { values }] of topic.partitions.entries()) {
      const numbers = values.map((value) => Number(value.split(":")[1]));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(numbers).toHaveLength(places.filter(({ partition }) => partition === index).length);
    }
    for (const [i, { partition, offset }] of places.entries()) {
      expect(topic.partitions[partition]!.values[offset]).toBe(`${partition}:${i}`);
    }
    await cluster.until(producer.close());
    expect(producer.bufferedBytes).toBe(0);
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
