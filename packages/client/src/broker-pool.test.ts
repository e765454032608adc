import { apis } from "@ottla/protocol";
import { silentLogger } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { hangUp, silence } from "../test/fake-broker.ts";
import { FakeCluster } from "../test/fake-cluster.ts";
import { BrokerPool } from "./broker-pool.ts";
import { type ClientOptions, clientSettings, validate } from "./config.ts";
import { ClosedError, ConnectionError, type KafkaError, TimeoutError } from "./errors.ts";

const nothing = { topics: [] };

async function setUp(brokers = 1, options: Partial<ClientOptions> = {}) {
  const cluster = await FakeCluster.start({ brokers });
  const { bootstrapServers } = cluster;
  const config = validate("Test", clientSettings, { bootstrapServers, ...options });
  const pool = new BrokerPool({ runtime: cluster.client.runtime, logger: silentLogger, config });
  const addresses = cluster.brokers.map((_, index) => ({
    nodeId: index + 1,
    host: `broker${index + 1}`,
    port: 9092,
    rack: null,
  }));
  return { cluster, pool, addresses, clock: cluster.world.clock };
}

describe("connections", () => {
  it("makes one per node and purpose, when it is needed", async () => {
    const { cluster, pool, addresses } = await setUp(2);
    pool.updateBrokers(addresses);
    const asked = [pool.send(1, apis.metadata, nothing), pool.send(1, apis.metadata, nothing)];
    await cluster.until(Promise.all(asked));
    expect([cluster.broker(1).connectionCount, cluster.broker(2).connectionCount]).toEqual([1, 0]);
    await cluster.until(pool.send(1, apis.metadata, nothing, { purpose: "coordinator" }));
    await cluster.until(pool.send(1, apis.metadata, nothing, { purpose: "fetch" }));
    expect(cluster.broker(1).connectionCount).toBe(3);
    expect(pool.connection(1)?.isOpen).toBe(true);
    expect(pool.connection(2)).toBeNull();
    expect(pool.describe(1)).toBe("broker 1 (broker1:9092)");
  });

  it("goes on with the connection to a bootstrap address when it learns who is there", async () => {
    const { cluster, pool, addresses } = await setUp();
    const answer = await cluster.until(pool.sendVersioned("any", apis.metadata, nothing));
    expect(answer.nodeId).toBe(-1);
    pool.updateBrokers(addresses);
    expect((await cluster.until(pool.sendVersioned("any", apis.metadata, nothing))).nodeId).toBe(1);
    expect(cluster.broker(1).of(apis.apiVersions)).toHaveLength(1);
  });

  it("leaves brokers that are gone, once their answers are there, and follows those that moved", async () => {
    const { cluster, pool, addresses } = await setUp(2);
    pool.updateBrokers(addresses);
    const last = pool.send(2, apis.metadata, nothing);
    await cluster.world.clock.runFor(20);
    pool.updateBrokers([{ ...addresses[0]!, host: "broker2" }]);
    await cluster.until(last);
    await cluster.until(pool.send(1, apis.metadata, nothing));
    expect(cluster.broker(1).connectionCount).toBe(0);
    await expect(pool.send(2, apis.metadata, nothing)).rejects.toMatchObject({
      code: "BROKER_NOT_AVAILABLE",
      retriable: true,
    });
    expect(cluster.broker(2).of(apis.metadata)).toHaveLength(2);
  });

  it("connects again after a back-off that grows", async () => {
    const { cluster, pool, addresses, clock } = await setUp();
    pool.updateBrokers(addresses);
    await cluster.until(cluster.broker(1).stop());
    const times: number[] = [];
    for (let i = 0; i < 7; i++) {
      const started = clock.monotonic();
      await expect(cluster.until(pool.send(1, apis.metadata, nothing))).rejects.toThrow(ConnectionError);
      times.push(clock.monotonic() - started);
      expect(pool.isUnavailable(1)).toBe(true);
    }
    expect(times[1]).toBeGreaterThan(39);
    expect(times[1]).toBeLessThan(70);
    expect(times[6]).toBeGreaterThan(790);
    expect(times[6]).toBeLessThan(1010);
    await cluster.restart(1);
    await cluster.until(pool.send(1, apis.metadata, nothing));
    expect(pool.isUnavailable(1)).toBe(false);
    const failed = cluster.broker(1).once(apis.metadata, () => hangUp);
    expect(failed).toBeDefined();
    await expect(cluster.until(pool.send(1, apis.metadata, nothing))).rejects.toMatchObject({
      possiblyPersisted: true,
    });
    await cluster.until(pool.send(1, apis.metadata, nothing));
  });

  it("waits no longer for a connection than the request may take, or the signal allows", async () => {
    const { cluster, pool, addresses } = await setUp();
    pool.updateBrokers(addresses);
    cluster.world.network.isolate("broker1");
    await expect(cluster.until(pool.send(1, apis.metadata, nothing, { timeoutMs: 200 }))).rejects.toThrow(TimeoutError);
    const abort = new AbortController();
    const waiting = pool.send(1, apis.metadata, nothing, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

describe("any broker", () => {
  it("tries the bootstrap addresses until one answers", async () => {
    const { cluster, pool } = await setUp(3);
    await cluster.until(cluster.broker(1).stop());
    await cluster.until(cluster.broker(3).stop());
    const { nodeId } = await cluster.until(pool.sendVersioned("any", apis.metadata, nothing));
    expect(nodeId).toBe(-2);
  });

  it("says of each why it could not be reached", async () => {
    const { cluster, pool } = await setUp(2);
    for (const broker of cluster.brokers) await cluster.until(broker.stop());
    const error = await cluster.until(pool.send("any", apis.metadata, nothing).catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as KafkaError).message).toContain("broker1:9092");
    expect((error as KafkaError).message).toContain("broker2:9092");
  });

  it("prefers the connection with the least in work", async () => {
    const { cluster, pool, addresses } = await setUp(2);
    pool.updateBrokers(addresses);
    for (const nodeId of [1, 2]) await cluster.until(pool.connect(nodeId));
    cluster.broker(1).on(apis.metadata, () => silence);
    for (let i = 0; i < 3; i++) void pool.send(1, apis.metadata, nothing).catch(() => {});
    await cluster.world.clock.runFor(10);
    for (let i = 0; i < 3; i++) {
      expect((await cluster.until(pool.sendVersioned("any", apis.metadata, nothing))).nodeId).toBe(2);
    }
    pool.close();
  });

  it("goes back to the bootstrap addresses when no known broker can be reached", async () => {
    const { cluster, pool } = await setUp(2, { bootstrapServers: "broker2:9092" });
    pool.updateBrokers([{ nodeId: 1, host: "broker1", port: 9092, rack: null }]);
    await cluster.until(cluster.broker(1).stop());
    await expect(cluster.until(pool.send(1, apis.metadata, nothing))).rejects.toThrow(ConnectionError);
    expect((await cluster.until(pool.sendVersioned("any", apis.metadata, nothing))).nodeId).toBe(-1);
    const stubborn = await setUp(2, { bootstrapServers: "broker2:9092", metadataRecoveryStrategy: "none" });
    stubborn.pool.updateBrokers([{ nodeId: 1, host: "broker1", port: 9092, rack: null }]);
    await stubborn.cluster.until(stubborn.cluster.broker(1).stop());
    await expect(stubborn.cluster.until(stubborn.pool.send(1, apis.metadata, nothing))).rejects.toThrow(
      ConnectionError,
    );
    await expect(stubborn.cluster.until(stubborn.pool.send("any", apis.metadata, nothing))).rejects.toThrow(
      ConnectionError,
    );
  });

  it("starts again from the bootstrap addresses when told so", async () => {
    const { cluster, pool, addresses } = await setUp(2, { bootstrapServers: "broker2:9092" });
    pool.updateBrokers([addresses[0]!]);
    await cluster.until(pool.send(1, apis.metadata, nothing));
    pool.rebootstrap();
    expect((await cluster.until(pool.sendVersioned("any", apis.metadata, nothing))).nodeId).toBe(-1);
    expect(cluster.broker(1).connectionCount).toBe(0);
  });
});

describe("closing", () => {
  it("rejects what waits: for an answer, for a connection, for a back-off", async () => {
    const { cluster, pool, addresses, clock } = await setUp(3);
    pool.updateBrokers(addresses);
    await cluster.until(pool.connect(1));
    cluster.broker(1).on(apis.metadata, () => silence);
    await cluster.until(cluster.broker(3).stop());
    await expect(cluster.until(pool.connect(3))).rejects.toThrow(ConnectionError);
    const waiting = [1, 2, 3].map((nodeId) => pool.send(nodeId, apis.metadata, nothing));
    const outcomes = Promise.allSettled(waiting);
    pool.close();
    pool.close();
    for (const outcome of await cluster.until(outcomes)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(ClosedError) });
    }
    await expect(pool.send("any", apis.metadata, nothing)).rejects.toThrow(ClosedError);
    await clock.runFor(5000);
    expect(cluster.brokers.map((broker) => broker.connectionCount)).toEqual([0, 0, 0]);
    expect(clock.isIdle).toBe(true);
  });
});
