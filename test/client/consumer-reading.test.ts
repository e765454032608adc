import { type Batch, Consumer, json, type KafkaError, RecordDeserializationError, string } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { bootstrapServers } from "../support/sim-setup.ts";
import { GroupSetup } from "./group-setup.ts";

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

async function take<T>(from: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const one of from) {
    taken.push(one);
    if (taken.length === count) break;
  }
  return taken;
}

const t = (partition: number) => ({ topic: "t", partition });

describe("reading", () => {
  it("gives messages with all that they have", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const headers = [
      ["h", "1"],
      ["h", null],
    ] as const;
    await setup.until(setup.producer.send({ topic: "t", key: "k", value: "v", headers, timestamp: 1_234 }));
    await setup.until(setup.producer.send({ topic: "t", key: null, value: null, timestamp: 5 }));
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0)]);
    const [first, second] = await setup.until(take(consumer, 2));
    expect(first).toEqual({
      topic: "t",
      partition: 0,
      offset: 0,
      timestamp: 1_234,
      timestampType: "CreateTime",
      key: "k",
      value: "v",
      headers: [
        ["h", Buffer.from("1")],
        ["h", null],
      ],
      leaderEpoch: expect.any(Number),
    });
    expect([second!.key, second!.value, second!.headers]).toEqual([null, null, []]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it.each(["gzip", "snappy", "lz4", "zstd"] as const)("understands %s", async (compression) => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const { Producer } = await import("@ottla/client");
    const producer = new Producer({ bootstrapServers, runtime: setup.sim.runtime("p2"), compression, lingerMs: 5 });
    await setup.until(Promise.all(Array.from({ length: 50 }, (_, n) => producer.send({ topic: "t", value: `${n}` }))));
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0)]);
    expect((await setup.until(take(consumer, 50))).map(({ value }) => value)).toEqual(
      Array.from({ length: 50 }, (_, n) => `${n}`),
    );
    await setup.until(Promise.all([consumer.close(), producer.close()]));
    await setup.end();
  });

  it("takes turns among partitions, and lets none wait for one that is full", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(3_000, [0]);
    const consumer = setup.consumer({ groupId: null, maxPollRecords: 100, maxPartitionFetchBytes: 4_000 });
    await consumer.assign([t(0), t(1)]);
    const seen: number[] = [];
    let sent = false;
    const loop = async () => {
      for await (const batch of consumer.batches()) {
        seen.push(batch.partition);
        if (!sent && seen.length === 5) {
          sent = true;
          await Promise.all([1, 2, 3].map(() => setup.producer.send({ topic: "t", partition: 1, value: "late" })));
        }
        if (batch.partition === 1) break;
        await new Promise<void>((resolve) => setup.sim.world.clock.setTimer(10, resolve));
      }
    };
    await setup.until(loop());
    // Long before the other is through.
    expect(seen.length).toBeLessThan(20);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("has no more in memory than it is told", async () => {
    const setup = await GroupSetup.start({ partitions: 6 });
    const value = "x".repeat(1_000);
    const sends: Promise<unknown>[] = [];
    for (let n = 0; n < 1_200; n++) sends.push(setup.producer.send({ topic: "t", partition: n % 6, value }));
    await setup.until(Promise.all(sends));
    let fetched = 0;
    intercept(setup.sim.broker, { api: "FETCH" }).rewriteAnswer((answer) => {
      for (const { partitions } of answer.responses)
        for (const { records } of partitions) fetched += records?.length ?? 0;
      return answer;
    });
    const consumer = setup.consumer({
      groupId: null,
      fetchMaxBytes: 40_000,
      maxPartitionFetchBytes: 20_000,
      queuedMaxBytes: 100_000,
      maxPollRecords: 5,
    });
    await consumer.assign([0, 1, 2, 3, 4, 5].map(t));
    const batches = consumer.batches();
    await setup.until(batches.next());
    await setup.pass(10_000);
    expect(fetched).toBeGreaterThan(60_000);
    expect(fetched).toBeLessThan(180_000);
    let count = 5;
    while (count < 1_200) count += (await setup.until(batches.next())).value!.length;
    await setup.until(batches.return!().then(() => consumer.close()));
    await setup.end();
  });

  it("ends every loop when it is closed, and the loop's own iterator before", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const consumer = setup.consumer();
    await consumer.subscribe(["t"]);
    const loop = take(consumer, 5);
    await setup.pass(1_000);
    expect(await setup.until(failure(consumer.messages().next()))).toMatchObject({ code: "ALREADY_ITERATING" });
    await setup.until(consumer.close());
    expect(await setup.until(loop)).toEqual([]);
    expect(await setup.until(failure(take(consumer, 1)))).toMatchObject({ code: "CLOSED" });
    await setup.end();
  });

  it("a signal of the constructor ends loops where they ask; one of the loop rejects it", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(3, [0]);
    const stop = new AbortController();
    const consumer = setup.consumer({ signal: stop.signal, enableAutoCommit: false });
    await consumer.subscribe(["t"]);
    const loop = async () => {
      let count = 0;
      for await (const { offset } of consumer) {
        count++;
        if (offset !== 1) continue;
        stop.abort();
        await consumer.commit();
      }
      return count;
    };
    expect(await setup.until(loop())).toBe(2);
    expect(await setup.committed()).toEqual({ "t-0": 2 });
    await setup.until(consumer.close());

    const other = setup.consumer();
    await other.subscribe(["t"]);
    const abort = new AbortController();
    const aborted = failure(take(other.batches({ signal: abort.signal }), 50));
    await setup.pass(2_000);
    abort.abort(new Error("enough"));
    expect(await setup.until(aborted)).toMatchObject({ message: "enough" });
    await setup.until(other.close());
    await setup.end();
  });

  it("says so where there is nothing to read", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const consumer = setup.consumer();
    expect(await setup.until(failure(take(consumer, 1)))).toMatchObject({ code: "NOT_SUBSCRIBED" });
    await consumer.assign([t(0)]);
    expect(await failure(consumer.subscribe(["t"]))).toMatchObject({ code: "SUBSCRIBED_AND_ASSIGNED" });
    await setup.until(consumer.unsubscribe());
    await consumer.subscribe(["t"]);
    expect(await failure(consumer.assign([t(0)]))).toMatchObject({ code: "SUBSCRIBED_AND_ASSIGNED" });
    await setup.until(consumer.close());
    await setup.end();
  });

  it("names the record that cannot be deserialised, and goes past it", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    for (const value of ["1", "2", "not JSON", "4"]) await setup.until(setup.producer.send({ topic: "t", value }));
    const runtime = setup.sim.runtime("json");
    const consumer = new Consumer({
      bootstrapServers,
      runtime,
      groupId: "g",
      autoOffsetReset: "earliest",
      key: string,
      value: json<number>(),
    });
    await consumer.subscribe(["t"]);
    const seen: (number | null)[] = [];
    const read = async () => {
      for await (const { value } of consumer) {
        seen.push(value);
        if (value === 4) break;
      }
    };
    for (let n = 0; n < 2; n++) {
      const error = await setup.until(failure(read()));
      expect(error).toBeInstanceOf(RecordDeserializationError);
      expect(error).toMatchObject({ topic: "t", partition: 0, offset: 2, part: "value" });
    }
    const { topic, partition, offset } = (await setup.until(failure(read()))) as RecordDeserializationError;
    consumer.seek({ topic, partition, offset: offset + 1 });
    await setup.until(read());
    expect(seen).toEqual([1, 2, 4]);
    await setup.until(consumer.close());
    // By batch it is thrown where the value is asked for.
    expect(await setup.committed()).toEqual({ "t-0": 3 });
    await setup.end();
  });
});

describe("positions", () => {
  it("seek, seekToBeginning, seekToEnd, position", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(10, [0, 1]);
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0), t(1)]);
    expect(await setup.until(consumer.position(t(0)))).toBe(0);
    consumer.seek({ ...t(0), offset: 7 });
    consumer.seekToEnd([t(1)]);
    expect(await setup.until(consumer.position(t(0)))).toBe(7);
    expect(await setup.until(consumer.position(t(1)))).toBe(10);
    expect((await setup.until(take(consumer, 3))).map(({ offset }) => offset)).toEqual([7, 8, 9]);
    consumer.seekToBeginning();
    expect(await setup.until(consumer.position(t(1)))).toBe(0);
    expect(await setup.until(take(consumer, 20))).toHaveLength(20);
    expect(() => consumer.seek({ topic: "u", partition: 0, offset: 1 })).toThrow("u-0 is not assigned");
    expect(() => consumer.seek({ ...t(0), offset: -1 })).toThrow("-1 is not an offset");
    await setup.until(consumer.close());
    await setup.end();
  });

  it("a seek within the loop takes effect with the next message", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(10, [0]);
    const consumer = setup.consumer();
    await consumer.subscribe(["t"]);
    const offsets: number[] = [];
    const loop = async () => {
      for await (const { offset } of consumer) {
        offsets.push(offset);
        if (offset === 2) consumer.seek({ ...t(0), offset: 8 });
        if (offset === 9) break;
      }
    };
    await setup.until(loop());
    expect(offsets).toEqual([0, 1, 2, 8, 9]);
    await setup.until(consumer.close());
    expect(await setup.committed()).toEqual({ "t-0": 9 });
    await setup.end();
  });

  it("the listener may seek before anything is handed out", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(10, [0]);
    const consumer = setup.consumer();
    await consumer.subscribe(["t"], {
      async onPartitionsAssigned(partitions) {
        expect(await consumer.position(partitions[0]!)).toBe(0);
        for (const partition of partitions) consumer.seek({ ...partition, offset: 5 });
      },
    });
    expect((await setup.until(take(consumer, 2))).map(({ offset }) => offset)).toEqual([5, 6]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("pause and resume, a partition at a time", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(1_000, [0, 1]);
    const consumer = setup.consumer({ groupId: null, maxPollRecords: 10 });
    await consumer.assign([t(0), t(1)]);
    const seen = [0, 0];
    const loop = async () => {
      for await (const { partition, offset } of consumer) {
        expect(offset).toBe(seen[partition]);
        seen[partition]!++;
        if (seen[0] === 25 && consumer.paused().length === 0 && seen[1]! < 500) consumer.pause([t(0)]);
        if (seen[1] === 600) consumer.resume([t(0)]);
        if (seen[0]! + seen[1]! === 2_000) break;
        if (seen[1]! > 500 && seen[1]! < 600) expect(seen[0]).toBe(25);
      }
    };
    await setup.until(loop());
    expect(seen).toEqual([1_000, 1_000]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("where to begin: earliest, latest, by duration, or not at all", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(2, [0]);
    await setup.pass(60_000);
    await setup.send(2, [0]);
    await setup.pass(60_000);
    const position = async (autoOffsetReset: "earliest" | "latest" | "none" | `by_duration:${string}`) => {
      const consumer = setup.consumer({ groupId: null, autoOffsetReset });
      await consumer.assign([t(0)]);
      const found = await setup.until(consumer.position(t(0)).catch((error: KafkaError) => error.code));
      await setup.until(consumer.close());
      return found;
    };
    expect(await position("earliest")).toBe(0);
    expect(await position("latest")).toBe(4);
    expect(await position("by_duration:PT90S")).toBe(2);
    expect(await position("by_duration:PT10S")).toBe(4);
    expect(await position("by_duration:P1D")).toBe(0);
    expect(await position("none")).toBe("NO_OFFSET_FOR_PARTITION");
    await setup.end();
  });

  it("without a way to reset it rejects until somebody seeks", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(5, [0]);
    const consumer = setup.consumer({ autoOffsetReset: "none" });
    await consumer.subscribe(["t"]);
    for (let n = 0; n < 2; n++) {
      expect(await setup.until(failure(take(consumer, 1)))).toMatchObject({
        code: "NO_OFFSET_FOR_PARTITION",
        partitions: [t(0)],
      });
    }
    consumer.seek({ ...t(0), offset: 99 });
    for (let n = 0; n < 2; n++) {
      expect(await setup.until(failure(take(consumer, 1)))).toMatchObject({ code: "OFFSET_OUT_OF_RANGE", offset: 99 });
    }
    consumer.seekToBeginning();
    expect(await setup.until(take(consumer, 5))).toHaveLength(5);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("an offset that is out of range is reset", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(10, [0]);
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0)]);
    await setup.until(setup.admin.deleteRecords([{ ...t(0), offset: 6 }]));
    consumer.seek({ ...t(0), offset: 2 });
    expect((await setup.until(take(consumer, 4))).map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("looks offsets up by end and by time, and tells the lag", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    const begun = setup.sim.world.clock.now();
    await setup.send(3, [0]);
    await setup.pass(1_000);
    const later = setup.sim.world.clock.now();
    await setup.send(2, [0]);
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0), t(1)]);
    expect(await setup.until(consumer.beginningOffsets([t(0), t(1)]))).toEqual([
      { ...t(0), offset: 0 },
      { ...t(1), offset: 0 },
    ]);
    expect(await setup.until(consumer.endOffsets([t(0), t(1)]))).toEqual([
      { ...t(0), offset: 5 },
      { ...t(1), offset: 0 },
    ]);
    const times = [
      { ...t(0), timestamp: begun },
      { ...t(0), timestamp: later },
      { ...t(1), timestamp: 0 },
    ];
    const found = await setup.until(consumer.offsetsForTimes(times.slice(1)));
    expect(found.map(({ offset }) => offset)).toEqual([3, null]);
    expect((await setup.until(consumer.offsetsForTimes(times.slice(0, 1))))[0]!.offset).toBe(0);
    await setup.until(take(consumer, 3));
    expect(await setup.until(consumer.lag())).toEqual([
      { ...t(0), position: 2, endOffset: 5, lag: 3 },
      { ...t(1), position: 0, endOffset: 0, lag: 0 },
    ]);
    expect(await setup.until(failure(consumer.endOffsets([t(5)], { timeoutMs: 1_000 })))).not.toBeNull();
    await setup.until(consumer.close());
    await setup.end();
  });
});

describe("a batch that the application keeps", () => {
  it("stays what it was", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(100, [0]);
    const consumer = setup.consumer({ groupId: null, maxPollRecords: 10 });
    await consumer.assign([t(0)]);
    const kept: Batch<string, string>[] = await setup.until(take(consumer.batches(), 10));
    await setup.until(consumer.close());
    expect(kept.flatMap((batch) => batch.messages().map(({ offset }) => offset))).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
    await setup.end();
  });
});

describe("an iterator by hand", () => {
  it("answers calls in their order, and ends what waits when it is returned", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(2, [0]);
    const consumer = setup.consumer({ groupId: null });
    await consumer.assign([t(0)]);
    const messages = consumer.messages();
    const asked = [messages.next(), messages.next(), messages.next()];
    expect((await setup.until(asked[0]!)).value?.offset).toBe(0);
    expect((await setup.until(asked[1]!)).value?.offset).toBe(1);
    await setup.pass(1_000);
    await setup.until(messages.return!());
    expect(await setup.until(asked[2]!)).toEqual({ done: true, value: undefined });
    await setup.send(1, [0]);
    expect((await setup.until(take(consumer, 1)))[0]?.offset).toBe(2);
    await setup.until(consumer.close());
    await setup.end();
  });
});
