import { Broker } from "@ottla/broker";
import { Admin, Producer } from "@ottla/client";
import { simWorld } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterOptions } from "./cluster.ts";

/** A cluster on a simulated machine, and what clients need to reach it. */
async function setUp(options: ClusterOptions = {}) {
  const world = simWorld(1);
  const { runtime } = world.machine("server").start();
  const until = <T>(promise: Promise<T>) => world.clock.until(promise);
  const cluster = await until(Cluster.start({ runtime, host: "server", port: 9092, ...options }));
  const client = () => ({
    bootstrapServers: cluster.bootstrapServers,
    runtime: world.machine("client").start().runtime,
    requestTimeoutMs: 2000,
  });
  return { world, cluster, until, client, admin: new Admin(client()) };
}

function leaders(cluster: Cluster, topic: string, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, index) => cluster.leader(topic, index)?.id);
}

describe("a cluster", () => {
  it("spreads leaders and replicas over its brokers", async () => {
    const { cluster, until, admin } = await setUp();
    expect(cluster.bootstrapServers).toBe("server:9092,server:9093,server:9094");
    await until(admin.createTopics([{ topic: "t", partitions: 6, replicationFactor: 2 }]));
    expect(leaders(cluster, "t", 6).sort()).toEqual([1, 1, 2, 2, 3, 3]);
    const held = Array.from({ length: 6 }, (_, index) => cluster.partition("t", index)!.replicas);
    expect(held.every((replicas) => new Set(replicas).size === 2)).toBe(true);
    const [described] = await until(admin.describeTopics(["t"]));
    expect(described!.partitions.map(({ replicas }) => replicas)).toEqual(held);
    expect(described!.partitions.map(({ isr }) => isr)).toEqual(held);
    const { brokers } = await until(admin.describeCluster());
    expect(brokers.map(({ nodeId, port }) => [nodeId, port])).toEqual([
      [1, 9092],
      [2, 9093],
      [3, 9094],
    ]);
    await until(cluster.close());
  });

  it("puts the replicas of a partition into different racks", async () => {
    const { cluster, until, admin } = await setUp({ brokers: 6, racks: ["a", "b", "c"] });
    await until(admin.createTopics([{ topic: "t", partitions: 12, replicationFactor: 3 }]));
    for (let index = 0; index < 12; index++) {
      const racks = cluster.partition("t", index)!.replicas.map((id) => cluster.broker(id).rack);
      expect(racks.toSorted()).toEqual(["a", "b", "c"]);
    }
    expect(new Set(leaders(cluster, "t", 12)).size).toBe(6);
  });

  it("refuses more replicas than it has brokers", async () => {
    const { until, admin } = await setUp();
    const creation = until(admin.createTopics([{ topic: "t", replicationFactor: 4 }]));
    await expect(creation).rejects.toThrow(/replication factor of 4 cannot be reached because only 3 broker/);
  });

  it("lets others lead when a broker stops, and the preferred leader again when it is asked to", async () => {
    const { cluster, until, admin } = await setUp();
    await until(admin.createTopics([{ topic: "t", partitions: 6, replicationFactor: 3 }]));
    const before = leaders(cluster, "t", 6);
    const epoch = cluster.partition("t", before.indexOf(2))!.leaderEpoch;
    await until(cluster.broker(2).stop());
    expect(cluster.broker(2).isUp).toBe(false);
    expect(leaders(cluster, "t", 6).includes(2)).toBe(false);
    expect(cluster.partition("t", before.indexOf(2))).toMatchObject({ leaderEpoch: epoch + 1 });
    const [topic] = await until(admin.describeTopics(["t"]));
    expect(topic!.partitions.map(({ isr }) => isr.toSorted())).toEqual(Array(6).fill([1, 3]));
    expect((await until(admin.describeCluster())).brokers.map(({ nodeId }) => nodeId)).toEqual([1, 3]);
    await until(cluster.broker(2).start());
    expect(cluster.broker(2).address).toBe("server:9093");
    expect(leaders(cluster, "t", 6).includes(2)).toBe(false);
    expect(cluster.partition("t", 0)!.isr).toEqual([1, 2, 3]);
    await until(cluster.electPreferredLeaders());
    expect(leaders(cluster, "t", 6)).toEqual(before);
  });

  it("has no leader for what only a dead broker held, until that is back", async () => {
    const { cluster, until, admin, client } = await setUp();
    await until(admin.createTopics([{ topic: "t", partitions: 3, replicationFactor: 1 }]));
    const producer = new Producer(client());
    const at = (index: number) => ({ topic: "t", partition: index, value: "x" });
    await until(producer.sendAll([at(0), at(1), at(2)]));
    const lost = leaders(cluster, "t", 3).indexOf(3);
    await until(cluster.broker(3).kill());
    expect(cluster.leader("t", lost)).toBeUndefined();
    expect(cluster.partition("t", lost)).toMatchObject({ leader: -1, isr: [], elr: [3], lastKnownElr: [3] });
    const sending = producer.send(at(lost));
    await cluster.broker(3).start();
    expect(await until(sending)).toMatchObject({ partition: lost, offset: 1 });
  });

  it("refuses acks=all below min.insync.replicas", async () => {
    const { world, cluster, until, admin, client } = await setUp();
    const configs = { "min.insync.replicas": "2" };
    await until(admin.createTopics([{ topic: "t", partitions: 1, replicationFactor: 2, configs }]));
    const { replicas } = cluster.partition("t", 0)!;
    const producer = new Producer(client());
    await until(producer.send({ topic: "t", value: "first" }));
    await until(cluster.broker(replicas[1]!).kill());
    const unsafe = new Producer({ ...client(), acks: 1, enableIdempotence: false });
    expect(await until(unsafe.send({ topic: "t", value: "second" }))).toMatchObject({ offset: 1 });
    const sending = producer.send({ topic: "t", value: "third" });
    await world.clock.runFor(1000);
    expect(cluster.partition("t", 0)).toMatchObject({ elr: [replicas[1]] });
    await until(cluster.broker(replicas[1]!).start());
    expect(await until(sending)).toMatchObject({ offset: 2 });
  });

  it("has all of it again after a restart", async () => {
    const world = simWorld(1);
    const { runtime } = world.machine("server").start();
    const until = <T>(promise: Promise<T>) => world.clock.until(promise);
    const options = { runtime, host: "server", port: 9092, dataDir: "/data" };
    const cluster = await until(Cluster.start(options));
    const client = () => ({ bootstrapServers: "server:9092", runtime: world.machine("client").start().runtime });
    const admin = new Admin(client());
    await until(admin.createTopics([{ topic: "t", partitions: 4, replicationFactor: 2 }]));
    const placed = [0, 1, 2, 3].map((index) => cluster.partition("t", index)!);
    await until(cluster.broker(1).stop());
    await until(cluster.broker(1).start());
    const epochs = [0, 1, 2, 3].map((index) => cluster.partition("t", index)!.leaderEpoch);
    await until(cluster.close());
    const again = await until(Cluster.start(options));
    const now = [0, 1, 2, 3].map((index) => again.partition("t", index)!);
    expect(now.map(({ replicas }) => replicas)).toEqual(placed.map(({ replicas }) => replicas));
    for (const [index, { leaderEpoch }] of now.entries()) expect(leaderEpoch).toBeGreaterThan(epochs[index]!);
    await until(again.close());
    const alone = await until(Broker.start(options));
    const [topic] = await until(admin.describeTopics(["t"]));
    expect(topic!.partitions.map(({ replicas, leader }) => [replicas, leader])).toEqual(Array(4).fill([[1], 1]));
    await until(admin.createPartitions([{ topic: "t", count: 5 }]));
    await until(alone.close());
    const last = await until(Cluster.start(options));
    expect([0, 1, 2, 3, 4].map((index) => last.partition("t", index)!.replicas)).toEqual([
      ...placed.map(({ replicas }) => replicas),
      [1],
    ]);
    await until(last.close());
  });

  it("says what is wrong with what it was given", async () => {
    await expect(Cluster.start({ brokers: 0 })).rejects.toThrow("a cluster has at least one broker");
    const { world, cluster, until } = await setUp();
    expect(() => cluster.broker(4)).toThrow("there is no broker 4 among 3");
    const { runtime } = world.machine("server").start();
    const second = Cluster.start({ runtime, host: "server", port: 9093 });
    await expect(until(second)).rejects.toThrow(/EADDRINUSE/);
    await until(cluster.close());
    const third = await until(Cluster.start({ runtime, host: "server", port: 9093 }));
    await until(third.close());
  });

  it("may have each broker on a machine of its own", async () => {
    const world = simWorld(1);
    const until = <T>(promise: Promise<T>) => world.clock.until(promise);
    const brokers = ["a", "b", "c"].map((host) => {
      return { host, port: 9092, rack: `rack-${host}`, runtime: world.machine(host).start().runtime };
    });
    const cluster = await until(Cluster.start({ brokers }));
    expect(cluster.bootstrapServers).toBe("a:9092,b:9092,c:9092");
    const admin = new Admin({ bootstrapServers: "b:9092", runtime: world.machine("client").start().runtime });
    const described = await until(admin.describeCluster());
    expect(described.brokers.map(({ host, rack }) => [host, rack])).toEqual([
      ["a", "rack-a"],
      ["b", "rack-b"],
      ["c", "rack-c"],
    ]);
    await until(cluster.close());
  });
});
