/** Connections that are cut and healed, brokers that are slow: by client, by broker, across a cluster. */
import { Admin, Consumer, type ConsumerOptions, Producer, string } from "@ottla/client";
import { apis } from "@ottla/protocol";
import { type SimWorld, simWorld } from "@ottla/runtime";
import { Cluster, cutConnections, intercept, slowDown } from "@ottla/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";

const until = <T>(promise: Promise<T>) => world.clock.until(promise);

let world: SimWorld;
let cluster: Cluster;
let admin: Admin;

const runtimeOf = (machine: string) => world.machine(machine).start().runtime;
const connect = (port: number) => until(RawClient.connect(runtimeOf("raw").network, "server", port));

function producerOf(clientId: string): Producer<Buffer, string> {
  const { bootstrapServers } = cluster;
  return new Producer({
    bootstrapServers,
    runtime: runtimeOf(clientId),
    clientId,
    value: string,
    requestTimeoutMs: 1000,
  });
}

function consumerOf(clientId: string, options: Partial<ConsumerOptions<Buffer, string>> = {}) {
  const { bootstrapServers } = cluster;
  const fixed = { bootstrapServers, runtime: runtimeOf(clientId), clientId, groupId: "g", value: string } as const;
  const session = { sessionTimeoutMs: 6000, heartbeatIntervalMs: 1000, autoOffsetReset: "earliest" } as const;
  return new Consumer<Buffer, string>({ ...fixed, ...session, ...options });
}

beforeEach(async () => {
  world = simWorld(1);
  const options = { runtime: runtimeOf("server"), host: "server", port: 9092 };
  cluster = await until(Cluster.start({ brokers: 3, ...options }));
  admin = new Admin({ bootstrapServers: cluster.bootstrapServers, runtime: runtimeOf("admin"), clientId: "admin" });
  await until(admin.createTopics([{ topic: "t", partitions: 3, replicationFactor: 3 }]));
});
afterEach(() => until(cluster.close()));

const at = (partition: number, value = "x") => ({ topic: "t", partition, value });

describe("a cut", () => {
  it.each(["refuse", "swallow"] as const)("keeps a producer from one broker until it is healed (%s)", async (how) => {
    const producer = producerOf("producer");
    await until(producer.sendAll([at(0), at(1), at(2)]));
    const cut = cutConnections(cluster.leader("t", 1)!, { how });
    const arrived: number[] = [];
    const sending = [0, 1, 2].map((partition) =>
      producer.send(at(partition)).then(({ offset }) => arrived.push(partition * 10 + offset)),
    );
    await world.clock.runFor(5000);
    expect(arrived.toSorted()).toEqual([1, 21]);
    expect(cut.count).toBeGreaterThan(0);
    cut.heal();
    await until(Promise.all(sending));
    expect(arrived.toSorted()).toEqual([1, 11, 21]);
    const ends = await until(
      admin.listOffsets([0, 1, 2].map((partition) => ({ topic: "t", partition, at: "latest" }))),
    );
    expect(ends.map(({ offset }) => offset)).toEqual([2, 2, 2]);
  });

  it.each(["refuse", "swallow"] as const)("takes one client out of the cluster, and no other (%s)", async (how) => {
    const [lonely, other] = [producerOf("lonely"), producerOf("other")];
    await until(lonely.send(at(0)));
    using cut = cutConnections(cluster, { clientId: "lonely", how });
    const sending = lonely.sendAll([at(0), at(1), at(2)]);
    await until(other.sendAll([at(0), at(1), at(2)]));
    await world.clock.runFor(4000);
    const ends = await until(
      admin.listOffsets([0, 1, 2].map((partition) => ({ topic: "t", partition, at: "latest" }))),
    );
    expect(ends.map(({ offset }) => offset)).toEqual([2, 1, 1]);
    cut.heal();
    expect((await until(sending)).map(({ offset }) => offset)).toEqual([2, 1, 1]);
  });

  it("costs a member that is cut off for too long its partitions, and gives it others when it is back", async () => {
    const owned = new Map<string, string[]>();
    const members = await Promise.all(
      ["one", "two"].map(async (clientId) => {
        const consumer = consumerOf(clientId);
        const note = async () => {
          owned.set(
            clientId,
            consumer.assignment().map(({ partition }) => String(partition)),
          );
        };
        await consumer.subscribe(["t"], { onPartitionsAssigned: note, onPartitionsLost: note });
        const reading = (async () => {
          for await (const _ of consumer) void _;
        })();
        return { consumer, reading };
      }),
    );
    const count = (clientId: string) => owned.get(clientId)?.length ?? 0;
    await world.clock.runFor(5000);
    expect(count("one") + count("two")).toBe(3);
    const cut = cutConnections(cluster, { clientId: "one", how: "swallow" });
    await world.clock.runFor(15_000);
    expect(count("two")).toBe(3);
    cut.heal();
    await world.clock.runFor(40_000);
    expect([count("one"), count("two")].sort()).toEqual([1, 2]);
    for (const { consumer, reading } of members) {
      await until(consumer.close());
      await until(reading);
    }
  });

  it("closes or freezes what is open, and what comes while it lasts", async () => {
    const before = await connect(9092);
    const refused = cutConnections(cluster.broker(1));
    const ask = (client: RawClient) => client.request(apis.metadata, { topics: [] });
    await expect(until(ask(before))).rejects.toThrow(/closed|over|reset/);
    const during = await connect(9092);
    await expect(until(ask(during))).rejects.toThrow(/closed|over|reset/);
    refused.heal();
    const after = await connect(9092);
    expect((await until(ask(after))).brokers).toHaveLength(3);
    const swallowed = cutConnections(cluster.broker(1), { how: "swallow" });
    const waiting = [ask(after), ask(await connect(9092))];
    let answered = 0;
    for (const one of waiting) void one.then(() => answered++);
    await world.clock.runFor(5000);
    expect([answered, swallowed.count]).toEqual([0, 2]);
    swallowed.heal();
    await until(Promise.all(waiting));
  });
});

describe("a slow broker", () => {
  it("keeps each of its answers back, and others do not", async () => {
    const producer = producerOf("producer");
    await until(producer.sendAll([at(0), at(1), at(2)]));
    const quick = slowDown(cluster.leader("t", 2)!, 300);
    const send = async (partition: number) => {
      const began = world.clock.monotonic();
      await until(producer.send(at(partition)));
      return world.clock.monotonic() - began;
    };
    expect(await send(2)).toBeGreaterThanOrEqual(300);
    expect(await send(0)).toBeLessThan(300);
    quick();
    expect(await send(2)).toBeLessThan(300);
  });
});

describe("an interception of a cluster", () => {
  it("sees the requests of all brokers, and stays when one is started again", async () => {
    const seen = new Set<number>();
    using watch = intercept(cluster, { api: "PRODUCE", where: (_, { broker }) => Boolean(seen.add(broker)) });
    const producer = producerOf("producer");
    await until(producer.sendAll([at(0), at(1), at(2)]));
    expect([...seen].sort()).toEqual([1, 2, 3]);
    await until(cluster.broker(2).stop());
    await until(cluster.broker(2).start());
    await until(cluster.electPreferredLeaders());
    seen.clear();
    await until(producer.sendAll([at(0), at(1), at(2)]));
    expect(seen.has(2)).toBe(true);
    expect(watch.count).toBeGreaterThanOrEqual(6);
  });
});
