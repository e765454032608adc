import { apis, BatchCursor, errorCodes, RecordIterator, type RequestInput, type ResponseValue } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { batchOf, SimBroker } from "../../test/sim-broker.ts";

let sim: SimBroker;
let client: FrameClient;
let producer: FrameClient;
let topicId: string;
beforeEach(async () => {
  sim = await SimBroker.start();
  client = await sim.connect();
  producer = await sim.connect();
  const topic = { numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] };
  const answer = await sim.until(client.send(apis.createTopics, 7, { topics: [{ name: "t", ...topic }] }));
  topicId = answer.topics[0]!.topicId;
});
afterEach(() => sim.close());

type Request = RequestInput<typeof apis.fetch>;
type Partition = Request["topics"][number]["partitions"][number];

function partition(index: number, fetchOffset: number, options: Partial<Partition> = {}): Partition {
  return { partition: index, fetchOffset, partitionMaxBytes: 100_000, ...options };
}

function request(partitions: Partition[], options: Partial<Request> = {}): Request {
  const topics = partitions.length === 0 ? [] : [{ topic: "t", topicId, partitions }];
  return { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0, topics, ...options };
}

const fetch = (version: number, body: Request) => sim.until(client.send(apis.fetch, version, body));

function produce(index: number, values: string[]) {
  const topicData = [{ name: "t", partitionData: [{ index, records: batchOf(values) }] }];
  return sim.until(producer.send(apis.produce, 8, { acks: -1, timeoutMs: 1000, topicData }));
}

function valuesOf(records: Buffer | null): string[] {
  const values: string[] = [];
  const batches = new BatchCursor(records!);
  while (batches.next()) {
    const iterator = new RecordIterator(batches.view);
    while (iterator.next()) values.push(iterator.valueText()!);
  }
  return values;
}

function read(answer: ResponseValue<typeof apis.fetch>): Record<number, string[] | number> {
  const all = answer.responses.flatMap(({ partitions }) => partitions);
  return Object.fromEntries(
    all.map(({ partitionIndex, errorCode, records }) => [
      partitionIndex,
      errorCode === 0 ? valuesOf(records) : errorCode,
    ]),
  );
}

describe("Fetch", () => {
  it("gives records in every version", async () => {
    await produce(0, ["a", "b"]);
    for (let version = 4; version <= 18; version++) {
      const answer = await fetch(version, request([partition(0, 0)], { sessionEpoch: -1 }));
      expect(answer.throttleTimeMs).toBe(0);
      expect(read(answer)).toEqual({ 0: ["a", "b"] });
      const [topic] = answer.responses;
      expect(version >= 13 ? topic!.topicId : topic!.topic).toBe(version >= 13 ? topicId : "t");
      expect(topic!.partitions[0]).toMatchObject({ highWatermark: 2, lastStableOffset: 2, abortedTransactions: null });
    }
  });

  it("says per partition what is wrong", async () => {
    await produce(0, ["a"]);
    const wrong = [partition(0, 5), partition(1, 0, { currentLeaderEpoch: 9 }), partition(7, 0)];
    expect(read(await fetch(9, request(wrong)))).toEqual({
      0: errorCodes.OFFSET_OUT_OF_RANGE,
      1: errorCodes.UNKNOWN_LEADER_EPOCH,
      7: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    });
    const unknown = { topicId: "AAAAAAAAAAAAAAAAAAAAFQ", partitions: [partition(0, 0)] };
    const answer = await fetch(13, { ...request([]), sessionEpoch: -1, topics: [unknown] });
    expect(read(answer)).toEqual({ 0: errorCodes.UNKNOWN_TOPIC_ID });
    const follower = await fetch(9, request([partition(0, 0)], { replicaId: 2 }));
    expect(read(follower)).toEqual({ 0: errorCodes.NOT_LEADER_OR_FOLLOWER });
  });

  it("says from version 16 on who leads, to a client that is wrong about it", async () => {
    await sim.close();
    // An epoch further on, so that there is an older one.
    sim = await SimBroker.start({ dataDir: "/data" });
    await sim.close();
    await sim.startAgain();
    client = await sim.connect();
    const made = await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "t" }] }));
    topicId = made.topics[0]!.topicId;
    const answer = await fetch(16, request([partition(0, 0, { currentLeaderEpoch: 0 })], { sessionEpoch: -1 }));
    expect(answer.responses[0]!.partitions[0]).toMatchObject({
      errorCode: errorCodes.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 1, leaderEpoch: 1 },
    });
    expect(answer.nodeEndpoints).toEqual([{ nodeId: 1, host: "server", port: 9092, rack: null }]);
  });

  it("gives the first batch whole, and of the rest only what fits", async () => {
    const value = "x".repeat(1000);
    for (const index of [0, 0, 1]) await produce(index, [value]);
    const lengths = async (options: Partial<Request>, partitionMaxBytes = 100_000) => {
      const asked = [partition(0, 0, { partitionMaxBytes }), partition(1, 0, { partitionMaxBytes })];
      return Object.values(read(await fetch(4, request(asked, options)))).map((values) => (values as string[]).length);
    };
    expect(await lengths({})).toEqual([2, 1]);
    expect(await lengths({ maxBytes: 1 })).toEqual([1, 0]);
    expect(await lengths({ maxBytes: 2500 })).toEqual([2, 0]);
    expect(await lengths({}, 1)).toEqual([1, 0]);
    expect(await lengths({}, 1500)).toEqual([1, 1]);
  });

  it("waits until there is enough, and no longer", async () => {
    const waiting = client.send(
      apis.fetch,
      4,
      request([partition(0, 0), partition(1, 0)], { maxWaitMs: 10_000, minBytes: 150 }),
    );
    let answered = false;
    void waiting.then(() => {
      answered = true;
    });
    await produce(0, ["a"]);
    await sim.run(1000);
    expect(answered).toBe(false);
    const before = sim.world.clock.monotonic();
    await produce(1, ["b".repeat(100)]);
    expect(read(await sim.until(waiting))).toEqual({ 0: ["a"], 1: ["b".repeat(100)] });
    expect(sim.world.clock.monotonic() - before).toBeLessThan(200);
  });

  it("waits no longer than it was told to", async () => {
    const before = sim.world.clock.monotonic();
    const answer = await fetch(4, request([partition(0, 0)], { maxWaitMs: 700, minBytes: 1 }));
    expect(read(answer)).toEqual({ 0: [] });
    const took = sim.world.clock.monotonic() - before;
    expect(took).toBeGreaterThanOrEqual(700);
    expect(took).toBeLessThan(900);
  });

  it("does not wait when something is wrong, or when the topic goes", async () => {
    const before = sim.world.clock.monotonic();
    await fetch(4, request([partition(0, 0), partition(9, 0)], { maxWaitMs: 10_000, minBytes: 1 }));
    expect(sim.world.clock.monotonic() - before).toBeLessThan(200);
    const waiting = client.send(apis.fetch, 4, request([partition(0, 0)], { maxWaitMs: 10_000, minBytes: 1 }));
    await sim.run(100);
    await sim.until(producer.send(apis.deleteTopics, 3, { topicNames: ["t"], timeoutMs: 1000 }));
    expect(read(await sim.until(waiting))).toEqual({ 0: errorCodes.UNKNOWN_TOPIC_OR_PARTITION });
    expect(sim.world.clock.monotonic() - before).toBeLessThan(1000);
  });

  it("forgets a client that goes away while it waits", async () => {
    client.post(apis.fetch, 4, request([partition(0, 0)], { maxWaitMs: 1_000_000, minBytes: 1 }));
    await sim.run(100);
    await sim.until(client.close());
    await sim.run(100);
    await produce(0, ["a"]);
    client = await sim.connect();
    expect(read(await fetch(4, request([partition(0, 0)])))).toEqual({ 0: ["a"] });
  });
});

describe("a fetch session", () => {
  async function open(partitions: Partition[], version = 12) {
    const answer = await fetch(version, request(partitions, { sessionId: 0, sessionEpoch: 0 }));
    expect(answer).toMatchObject({ errorCode: 0 });
    expect(answer.sessionId).toBeGreaterThan(0);
    return { answer, sessionId: answer.sessionId };
  }

  it.each([12, 13])("tells only what is new (version %i)", async (version) => {
    await produce(0, ["a"]);
    const { answer, sessionId } = await open([partition(0, 0), partition(1, 0)], version);
    expect(read(answer)).toEqual({ 0: ["a"], 1: [] });
    const next = (sessionEpoch: number, partitions: Partition[] = []) =>
      fetch(version, request(partitions, { sessionId, sessionEpoch }));
    expect(read(await next(1, [partition(0, 1)]))).toEqual({});
    await produce(1, ["b"]);
    expect(read(await next(2))).toEqual({ 1: ["b"] });
    // The client did not move on: it gets the same again.
    expect(read(await next(3))).toEqual({ 1: ["b"] });
    expect(read(await next(4, [partition(1, 1)]))).toEqual({});
    expect(read(await next(5, [partition(2, 0)]))).toEqual({ 2: [] });
    const forgotten = { topic: "t", topicId, partitions: [0, 2] };
    await produce(0, ["c"]);
    const after = await fetch(version, {
      ...request([], { sessionId, sessionEpoch: 6 }),
      forgottenTopicsData: [forgotten],
    });
    expect(read(after)).toEqual({});
  });

  it("repeats an error until it is over", async () => {
    const { sessionId } = await open([partition(0, 5)]);
    const next = (sessionEpoch: number, partitions: Partition[] = []) =>
      fetch(12, request(partitions, { sessionId, sessionEpoch }));
    expect(read(await next(1))).toEqual({ 0: errorCodes.OFFSET_OUT_OF_RANGE });
    expect(read(await next(2, [partition(0, 0)]))).toEqual({ 0: [] });
    expect(read(await next(3))).toEqual({});
  });

  it("puts a partition that has given records behind the others", async () => {
    for (const index of [0, 1, 2]) await produce(index, [`${index}`]);
    const { sessionId } = await open([partition(0, 0), partition(1, 0), partition(2, 0)]);
    const order: number[][] = [];
    for (let epoch = 1; epoch <= 3; epoch++) {
      const answer = await fetch(12, request([], { sessionId, sessionEpoch: epoch, maxBytes: 1 }));
      order.push(answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex)));
    }
    expect(order).toEqual([[0], [1], [2]]);
  });

  it("ends when it is told to, and refuses what does not belong to it", async () => {
    const { sessionId } = await open([partition(0, 0)]);
    const ask = async (options: Partial<Request>, version = 12) =>
      (await fetch(version, request([], options))).errorCode;
    expect(await ask({ sessionId, sessionEpoch: 5 })).toBe(errorCodes.INVALID_FETCH_SESSION_EPOCH);
    expect(await ask({ sessionId, sessionEpoch: 1 }, 13)).toBe(errorCodes.FETCH_SESSION_TOPIC_ID_ERROR);
    expect(await ask({ sessionId: sessionId ^ 1, sessionEpoch: 1 })).toBe(errorCodes.FETCH_SESSION_ID_NOT_FOUND);
    expect(await ask({ sessionId, sessionEpoch: -1 })).toBe(0);
    expect(await ask({ sessionId, sessionEpoch: 1 })).toBe(errorCodes.FETCH_SESSION_ID_NOT_FOUND);
  });

  it("is given only while there is room", async () => {
    await sim.close();
    await sim.startAgain({ maxIncrementalFetchSessionCacheSlots: 1 });
    client = await sim.connect();
    const made = await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "t" }] }));
    topicId = made.topics[0]!.topicId;
    const ask = async () => {
      const answer = await fetch(12, request([partition(0, 0)], { sessionId: 0, sessionEpoch: 0 }));
      return answer.sessionId > 0;
    };
    expect([await ask(), await ask()]).toEqual([true, false]);
    await sim.run(130_000);
    expect(await ask()).toBe(true);
  });
});

it("gives one batch at a time while too much waits for clients that do not read", async () => {
  await sim.close();
  await sim.startAgain({ config: { "queued.max.response.bytes": 400_000 } });
  [client, producer] = [await sim.connect(), await sim.connect()];
  await sim.until(producer.send(apis.metadata, 9, { topics: [{ name: "t" }], allowAutoTopicCreation: true }));
  for (let i = 0; i < 10; i++) await produce(0, ["x".repeat(100_000)]);
  const body = request([partition(0, 0, { partitionMaxBytes: 1_000_000 })], { maxBytes: 1_000_000 });
  const size = async () => (await fetch(12, body)).responses[0]!.partitions[0]!.records!.length;
  expect(await size()).toBeGreaterThan(390_000 - 100_000);
  const slow = [];
  for (let i = 0; i < 4; i++) {
    const one = await sim.connect();
    one.socket.pause();
    one.send(apis.fetch, 12, body).catch(() => {});
    await sim.run(10);
    slow.push(one);
  }
  const [least, most] = [100_000, 101_000];
  const little = await size();
  expect([little > least, little < most]).toEqual([true, true]);
  for (const one of slow) one.close();
  await sim.run(1000);
  expect(await size()).toBeGreaterThan(most);
});
