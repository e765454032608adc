import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { FakeCluster } from "../test/fake-cluster.ts";
import { createClientCore } from "./client-core.ts";
import { type ClientOptions, clientSettings, validate } from "./config.ts";
import { ClosedError, ConnectionError, UnknownTopicOrPartitionError } from "./errors.ts";

async function setUp(brokers = 1, options: Partial<ClientOptions> = {}) {
  const cluster = await FakeCluster.start({ brokers });
  const { bootstrapServers } = cluster;
  const { runtime } = cluster.client;
  const core = createClientCore(validate("Test", clientSettings, { bootstrapServers, runtime, ...options }));
  const asked = () => cluster.brokers.flatMap((broker) => broker.of(apis.metadata));
  const names = () => asked().map(({ body }) => body.topics?.map((topic) => topic.name));
  return { cluster, core, metadata: core.metadata, asked, names, clock: cluster.world.clock };
}

describe("refreshing", () => {
  it("learns brokers, topics and leaders", async () => {
    const { cluster, metadata } = await setUp(2);
    const { topicId } = cluster.createTopic("a", 3);
    await cluster.until(metadata.refresh(["a", "b"]));
    expect(metadata.topic("a")).toMatchObject({ name: "a", topicId, isInternal: false });
    expect(metadata.topicById(topicId)?.name).toBe("a");
    expect([0, 1, 2, 3].map((partition) => metadata.leader("a", partition)?.nodeId)).toEqual([1, 2, 1, undefined]);
    expect(metadata.topic("b")).toBeUndefined();
    expect(metadata.topicError("b")).toBeInstanceOf(UnknownTopicOrPartitionError);
    expect(metadata.topicError("a")).toBeUndefined();
    expect(metadata.brokers.map((broker) => broker.host)).toEqual(["broker1", "broker2"]);
    expect([metadata.clusterId, metadata.controllerId]).toEqual(["fake", 1]);
  });

  it("shares requests: those of one turn, and those that come while one is under way", async () => {
    const { cluster, metadata, names } = await setUp();
    const calls = [metadata.refresh(["a"]), metadata.refresh(["b"])];
    await cluster.world.clock.runFor(0);
    calls.push(metadata.refresh(["c"]), metadata.refresh(["d", "c"]));
    await cluster.until(Promise.all(calls));
    expect(names()).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("asks for all topics, and forgets those that are gone", async () => {
    const { cluster, metadata, names } = await setUp();
    cluster.createTopic("a", 1);
    cluster.createTopic("b", 1);
    await cluster.until(metadata.refresh("all"));
    expect([...metadata.topics.keys()]).toEqual(["a", "b"]);
    cluster.topics.delete("a");
    await cluster.until(metadata.refresh("all"));
    expect([...metadata.topics.keys()]).toEqual(["b"]);
    expect(names()).toEqual([undefined, undefined]);
  });

  it.each([0, 1, 4, 9])("speaks version %i of Metadata", async (version) => {
    const { cluster, metadata } = await setUp();
    cluster.createTopic("a", 2);
    cluster.broker(1).limits.set(apis.metadata.key, [0, version]);
    await cluster.until(metadata.refresh("all"));
    expect(metadata.topic("a")).toMatchObject({ topicId: null, partitions: [{ leaderId: 1 }, { leaderId: 1 }] });
    await cluster.until(metadata.refresh(["a"]));
    expect(metadata.leader("a", 1)).toEqual({ nodeId: 1, epoch: version < 7 ? -1 : 0 });
  });

  it("rejects when no broker answers, and goes on afterwards", async () => {
    const { cluster, metadata } = await setUp();
    cluster.createTopic("a", 1);
    await cluster.until(cluster.broker(1).stop());
    await expect(cluster.until(metadata.refresh(["a"]))).rejects.toThrow(ConnectionError);
    await cluster.restart(1);
    await cluster.until(metadata.refresh(["a"]));
    expect(metadata.topic("a")).toBeDefined();
  });

  it("goes back to the bootstrap addresses when a broker says so (KIP-1102)", async () => {
    const { cluster, metadata } = await setUp();
    cluster.createTopic("a", 1);
    cluster.broker(1).once(apis.metadata, () => ({ brokers: [], topics: [], errorCode: 129 }));
    await expect(cluster.until(metadata.refresh(["a"]))).rejects.toMatchObject({ code: "REBOOTSTRAP_REQUIRED" });
    await cluster.until(metadata.refresh(["a"]));
  });

  it("goes back to them when it could ask nobody for too long", async () => {
    const { cluster, metadata, core } = await setUp(1, { metadataRecoveryRebootstrapTriggerMs: 500 });
    await cluster.until(metadata.refresh([]));
    expect(core.pool.describe(1)).toBe("broker 1 (broker1:9092)");
    await cluster.until(cluster.broker(1).stop());
    while (cluster.world.clock.monotonic() < 1500) {
      await expect(cluster.until(metadata.refresh([]))).rejects.toThrow(ConnectionError);
    }
    expect(core.pool.describe(1)).toBe("broker 1");
    expect(core.pool.describe(-1)).toBe("the bootstrap address broker1:9092");
  });

  it("does not believe a broker that knows nobody", async () => {
    const { cluster, metadata } = await setUp();
    cluster.broker(1).once(apis.metadata, () => ({ brokers: [], topics: [] }));
    await expect(cluster.until(metadata.refresh(["a"]))).rejects.toMatchObject({ retriable: true });
  });
});

describe("leaders", () => {
  it("takes no older leader for a newer one, unless the topic is another", async () => {
    const { cluster, metadata } = await setUp(2);
    const { partitions } = cluster.createTopic("a", 1);
    partitions[0]!.leaderEpoch = 5;
    await cluster.until(metadata.refresh(["a"]));
    Object.assign(partitions[0]!, { leaderId: 2, leaderEpoch: 4 });
    await cluster.until(metadata.refresh(["a"]));
    expect(metadata.leader("a", 0)).toEqual({ nodeId: 1, epoch: 5 });
    cluster.createTopic("a", 1);
    cluster.topics.set("a", { ...cluster.topics.get("a")!, topicId: Buffer.alloc(16, 1).toString("base64url") });
    await cluster.until(metadata.refresh(["a"]));
    expect(metadata.leader("a", 0)).toEqual({ nodeId: 1, epoch: 0 });
  });

  it("takes a newer leader from an answer (KIP-951)", async () => {
    const { cluster, metadata, core } = await setUp(1);
    cluster.createTopic("a", 1);
    await cluster.until(metadata.refresh(["a"]));
    let changes = 0;
    const stop = metadata.onChange(() => changes++);
    const endpoint = { nodeId: 9, host: "broker1", port: 1234, rack: null };
    expect(metadata.updateLeader("a", 0, { nodeId: 9, epoch: 0 }, endpoint)).toBe(false);
    expect(metadata.updateLeader("a", 0, { nodeId: 9, epoch: 1 }, endpoint)).toBe(true);
    expect(metadata.leader("a", 0)).toEqual({ nodeId: 9, epoch: 1 });
    expect(core.pool.describe(9)).toBe("broker 9 (broker1:1234)");
    expect(metadata.topicById(metadata.topic("a")!.topicId!)?.partitions[0]?.leaderId).toBe(9);
    stop();
    metadata.updateLeader("a", 0, { nodeId: 9, epoch: 2 });
    expect(changes).toBe(1);
  });

  it("refreshes in the background what is out of date, soon at first and then with back-off", async () => {
    const { cluster, metadata, asked, clock } = await setUp();
    cluster.createTopic("a", 1);
    const stop = metadata.onChange(() => metadata.invalidate("a"));
    metadata.invalidate("a");
    await clock.runFor(60);
    expect(asked()).toHaveLength(1);
    await clock.runFor(10_000);
    expect(asked().length).toBeGreaterThan(8);
    expect(asked().length).toBeLessThan(20);
    stop();
    metadata.close();
  });
});

describe("waiting for a topic", () => {
  it("waits until it is there", async () => {
    const { cluster, metadata, clock } = await setUp();
    const waiting = metadata.ensureTopic("a", 10_000);
    await clock.runFor(3000);
    cluster.createTopic("a", 2);
    expect((await cluster.until(waiting)).partitions).toHaveLength(2);
    expect(await metadata.ensureTopic("a", 0)).toMatchObject({ name: "a" });
  });

  it("says that it does not exist when the time is up", async () => {
    const { cluster, metadata, clock } = await setUp();
    const error = await cluster.until(metadata.ensureTopic("a", 2000).catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(UnknownTopicOrPartitionError);
    expect((error as Error).message).toContain("topic a");
    expect(clock.monotonic()).toBeLessThan(2100);
  });

  it("gives up at once where waiting does not help, and when aborted or closed", async () => {
    const { cluster, metadata } = await setUp();
    const body = (errorCode: number) => ({
      brokers: [{ nodeId: 1, host: "broker1", port: 9092 }],
      topics: [{ errorCode, name: "a", partitions: [] }],
    });
    cluster.broker(1).on(apis.metadata, () => body(29));
    await expect(cluster.until(metadata.ensureTopic("a", 60_000))).rejects.toMatchObject({
      name: "AuthorizationError",
    });
    cluster.broker(1).on(apis.metadata, () => body(3));
    const abort = new AbortController();
    const aborted = metadata.ensureTopic("a", 60_000, abort.signal);
    abort.abort(new Error("enough"));
    await expect(cluster.until(aborted)).rejects.toThrow("enough");
    const closed = metadata.ensureTopic("a", 60_000);
    metadata.close();
    await expect(cluster.until(closed)).rejects.toThrow(ClosedError);
  });
});

describe("age", () => {
  it("keeps tracked topics fresh, and only those", async () => {
    const { cluster, metadata, names, clock } = await setUp(1, { metadataMaxAgeMs: 1000 });
    cluster.createTopic("a", 1);
    cluster.createTopic("b", 1);
    await cluster.until(metadata.refresh("all"));
    metadata.track(["a"]);
    await clock.runFor(3500);
    expect(names()).toEqual([undefined, ["a"], ["a"], ["a"]]);
    metadata.trackAll(true);
    await clock.runFor(1000);
    expect(names().at(-1)).toBeUndefined();
    metadata.trackAll(false);
    metadata.untrack(["a"]);
    await clock.runFor(5000);
    expect(names()).toHaveLength(5);
    metadata.close();
  });
});
