import { apis } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { hangUp, silence } from "../../test/fake-broker.ts";
import { failureOf, setUp } from "../../test/producer-setup.ts";
import {
  ConfigError,
  RecordTooLargeError,
  SerializationError,
  TimeoutError,
  UnknownTopicOrPartitionError,
} from "../errors.ts";
import { json } from "../serde.ts";
import { Producer } from "./producer.ts";

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

  it("connects again after its connection was closed for being idle", async () => {
    const { cluster, producer, partition, clock } = await setUp({ connectionsMaxIdleMs: 1000 });
    await cluster.until(producer.send({ topic: "orders", value: "a" }));
    await clock.runFor(5000);
    expect(cluster.broker(1).connectionCount).toBe(0);
    await cluster.until(producer.send({ topic: "orders", value: "b" }));
    expect(partition.values).toEqual(["a", "b"]);
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
