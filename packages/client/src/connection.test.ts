import { apis } from "@ottla/protocol";
import { silentLogger, simWorld } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { FakeBroker, hangUp, silence } from "../test/fake-broker.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { ClosedError, ConnectionError, InvalidResponseError, TimeoutError, UnsupportedVersionError } from "./errors.ts";

const cluster = { includeClusterAuthorizedOperations: false };

async function setUp(options: Partial<ConnectionOptions> = {}, prepare: (broker: FakeBroker) => void = () => {}) {
  const world = simWorld(1);
  const broker = new FakeBroker(world.machine("broker").start().runtime);
  broker.on(apis.listGroups, () => ({ errorCode: 0, groups: [] }));
  broker.on(apis.describeCluster, () => ({ errorCode: 0, clusterId: "c", brokers: [] }));
  prepare(broker);
  await world.clock.until(broker.listen());
  const closed: (Error | null)[] = [];
  const all: ConnectionOptions = {
    runtime: world.machine("client").start().runtime,
    logger: silentLogger,
    host: "broker",
    port: 9092,
    name: "broker 1 (broker:9092)",
    clientId: "me",
    setupTimeoutMs: 1000,
    requestTimeoutMs: 1000,
    connectionsMaxIdleMs: 60_000,
    receiveMessageMaxBytes: 10_000,
    onClosed: (error) => closed.push(error),
    ...options,
  };
  const open = () => world.clock.until(Connection.open(all));
  return { world, broker, closed, all, open };
}

describe("versions", () => {
  it("agrees on the highest version that both sides know", async () => {
    const { broker, open, world } = await setUp({}, (one) => one.limits.set(apis.listGroups.key, [0, 3]));
    const connection = await open();
    expect(broker.heard[0]).toMatchObject({ version: 4, clientId: "me", body: { clientSoftwareName: "ottla" } });
    const answer = await world.clock.until(connection.request(apis.listGroups, {}));
    expect(answer).toMatchObject({ version: 3, response: { groups: [] } });
    expect(connection.supports(apis.listGroups)).toEqual({ min: 0, max: 3 });
    expect(connection.supports(apis.fetch)).toBeNull();
    const lower = await world.clock.until(connection.request(apis.listGroups, {}, { maxVersion: 1 }));
    expect(lower.version).toBe(1);
  });

  it.each([0, 2, 3])("asks again in version %i where the broker knows no higher one", async (version) => {
    const { broker, open, world } = await setUp({}, (one) => {
      one.apiVersionsMax = version;
    });
    const connection = await open();
    expect(broker.of(apis.apiVersions).map((request) => request.version)).toEqual([version]);
    expect(await world.clock.until(connection.request(apis.listGroups, {}))).toMatchObject({ version: 5 });
  });

  it("says who knows what where there is no common version", async () => {
    const { open, world } = await setUp({}, (one) => one.limits.set(apis.listGroups.key, [0, 3]));
    const connection = await open();
    const tooNew = connection.request(apis.listGroups, {}, { minVersion: 4 });
    await expect(tooNew).rejects.toThrow(UnsupportedVersionError);
    await expect(tooNew).rejects.toThrow(
      "LIST_GROUPS is needed in version 4 to 5, but broker 1 (broker:9092) serves versions 0 to 3",
    );
    await expect(
      connection.request(apis.fetch, { maxWaitMs: 0, minBytes: 0, topics: [], maxBytes: 0 }),
    ).rejects.toThrow("does not serve it");
    expect(await world.clock.until(connection.request(apis.listGroups, {}))).toMatchObject({ version: 3 });
  });

  it("makes bodies for the version, and refuses what cannot be encoded without sending anything", async () => {
    const { open, world, broker } = await setUp();
    const connection = await open();
    const versions: number[] = [];
    const body = (version: number) => {
      versions.push(version);
      return {};
    };
    await world.clock.until(connection.request(apis.listGroups, body));
    expect(versions).toEqual([5]);
    const wrong = connection.request(apis.listGroups, { statesFilter: [1 as never] });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(broker.of(apis.listGroups)).toHaveLength(1);
    expect(connection.isOpen).toBe(true);
  });
});

describe("answers", () => {
  it("pipelines, and gives each answer to its request", async () => {
    const { open, world, broker } = await setUp();
    let count = 0;
    broker.on(apis.describeCluster, () => ({ errorCode: 0, clusterId: `c${count++}`, brokers: [] }));
    const connection = await open();
    const answers = Array.from({ length: 50 }, () => connection.request(apis.describeCluster, cluster));
    expect(connection.inFlight).toBe(50);
    const got = await world.clock.until(Promise.all(answers));
    expect(got.map(({ response }) => response.clusterId)).toEqual(answers.map((_, index) => `c${index}`));
    expect(connection.inFlight).toBe(0);
  });

  it("never takes a late answer for another's", async () => {
    const { open, world, broker } = await setUp();
    const connection = await open();
    let count = 0;
    broker.on(apis.describeCluster, async () => {
      const clusterId = `c${count++}`;
      // The broker is busy with the first one for longer than the client waits.
      if (count === 1) await new Promise<void>((resolve) => void world.clock.setTimer(400, resolve));
      return { errorCode: 0, clusterId, brokers: [] };
    });
    const before = connection.request(apis.listGroups, {});
    const late = connection.request(apis.describeCluster, cluster, { timeoutMs: 100 });
    const next = connection.request(apis.describeCluster, cluster);
    await world.clock.until(before);
    const error = await world.clock.until(late.catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({
      possiblyPersisted: true,
      retriable: true,
      message: expect.stringContaining("DESCRIBE_CLUSTER"),
    });
    const third = connection.request(apis.describeCluster, cluster);
    expect((await world.clock.until(next)).response.clusterId).toBe("c1");
    expect((await world.clock.until(third)).response.clusterId).toBe("c2");
    expect(connection.isOpen).toBe(true);
  });

  it("gives a connection up that has been silent since the request at the head of the line", async () => {
    const { open, world, broker, closed } = await setUp();
    broker.on(apis.describeCluster, () => silence);
    const connection = await open();
    const first = connection.request(apis.describeCluster, cluster, { timeoutMs: 100 });
    const second = connection.request(apis.describeCluster, cluster, { timeoutMs: 5000 });
    second.catch(() => {});
    await expect(world.clock.until(first)).rejects.toThrow(TimeoutError);
    await expect(second).rejects.toThrow(ConnectionError);
    await expect(second).rejects.toMatchObject({ possiblyPersisted: true });
    expect(closed).toHaveLength(1);
    await expect(connection.request(apis.describeCluster, cluster)).rejects.toMatchObject({ possiblyPersisted: false });
  });

  it("keeps a connection where an earlier, longer request explains the silence", async () => {
    const { open, world, broker } = await setUp();
    broker.on(apis.describeCluster, () => silence).on(apis.listGroups, () => silence);
    const connection = await open();
    const parked = connection.request(apis.describeCluster, cluster, { timeoutMs: 5000 });
    await expect(world.clock.until(connection.request(apis.listGroups, {}, { timeoutMs: 100 }))).rejects.toThrow(
      TimeoutError,
    );
    expect(connection.isOpen).toBe(true);
    await expect(world.clock.until(parked)).rejects.toThrow(TimeoutError);
    expect(connection.isOpen).toBe(false);
  });

  it("bounds the answers that are owed", async () => {
    const { open, world, broker } = await setUp();
    broker.on(apis.describeCluster, () => silence);
    const connection = await open();
    void connection.request(apis.describeCluster, cluster, { timeoutMs: 60_000 }).catch(() => {});
    const abort = new AbortController();
    for (let i = 0; i < 65; i++) void connection.request(apis.listGroups, {}, { signal: abort.signal }).catch(() => {});
    abort.abort();
    await world.clock.runFor(1);
    expect(connection.isOpen).toBe(false);
  });

  it("drops an aborted request's answer", async () => {
    const { open, world } = await setUp();
    const connection = await open();
    const abort = new AbortController();
    const given = connection.request(apis.listGroups, {}, { signal: abort.signal });
    const kept = connection.request(apis.describeCluster, cluster);
    abort.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    expect((await world.clock.until(kept)).response.clusterId).toBe("c");
    await expect(connection.request(apis.listGroups, {}, { signal: abort.signal })).rejects.toThrow("enough");
  });

  it("closes the connection on what is no answer", async () => {
    const { open, world, broker, closed } = await setUp();
    const connection = await open();
    const waiting = connection.request(apis.describeCluster, cluster, { timeoutMs: 100_000 });
    broker.on(apis.describeCluster, () => silence);
    broker.blurt(Buffer.from("HTTP/1.1 400 Bad Request\r\n"));
    await expect(world.clock.until(waiting)).rejects.toThrow(ConnectionError);
    expect(closed[0]).toBeInstanceOf(InvalidResponseError);
    expect(closed[0]?.message).toContain("HTTP");
    expect(closed[0]?.message).toContain("receiveMessageMaxBytes");
  });

  it("closes the connection on an answer that nobody waits for, and on one that cannot be decoded", async () => {
    const { open, world, broker, closed } = await setUp();
    await open();
    broker.blurt(Buffer.from([0, 0, 0, 4, 0, 0, 0, 99]));
    await world.clock.runFor(100);
    expect(closed[0]?.message).toContain("correlation id 99");
    const second = await open();
    broker.on(apis.listGroups, () => silence);
    const waiting = second.request(apis.listGroups, {});
    await world.clock.runFor(10);
    broker.blurt(Buffer.from([0, 0, 0, 5, 0, 0, 0, 1, 0]));
    await expect(world.clock.until(waiting)).rejects.toThrow(InvalidResponseError);
    expect(second.isOpen).toBe(false);
  });
});

describe("the end of a connection", () => {
  it("tells those who wait that it broke", async () => {
    const { open, world, broker, closed } = await setUp();
    broker.on(apis.describeCluster, () => hangUp);
    const connection = await open();
    await expect(world.clock.until(connection.request(apis.describeCluster, cluster))).rejects.toMatchObject({
      name: "ConnectionError",
      possiblyPersisted: true,
      retriable: true,
      message: expect.stringContaining("while waiting for the answer to DESCRIBE_CLUSTER"),
    });
    expect(closed).toHaveLength(1);
  });

  it("says why it could not connect", async () => {
    const { all, world } = await setUp({ host: "nowhere" });
    await expect(world.clock.until(Connection.open(all))).rejects.toThrow(
      /Could not connect to broker 1 \(broker:9092\): /,
    );
    const { world: other, broker, all: refused } = await setUp();
    await other.clock.until(broker.stop());
    await expect(other.clock.until(Connection.open(refused))).rejects.toMatchObject({
      retriable: true,
      possiblyPersisted: false,
    });
  });

  it("closes when idle, but not while an answer is awaited", async () => {
    const { open, world, broker, closed } = await setUp({ connectionsMaxIdleMs: 2000, requestTimeoutMs: 10_000 });
    broker.on(apis.describeCluster, async () => {
      await new Promise<void>((resolve) => void world.clock.setTimer(5000, resolve));
      return { errorCode: 0, clusterId: "late", brokers: [] };
    });
    const connection = await open();
    const answer = await world.clock.until(connection.request(apis.describeCluster, cluster));
    expect(answer.response.clusterId).toBe("late");
    expect(closed).toEqual([]);
    await world.clock.runFor(20_000);
    expect(closed).toEqual([null]);
    expect(world.clock.isIdle).toBe(true);
  });

  it("waits for the answers when it is to close with the last one", async () => {
    const { open, world } = await setUp();
    const connection = await open();
    const answer = connection.request(apis.listGroups, {});
    connection.closeWhenIdle();
    expect(connection.isOpen).toBe(true);
    await world.clock.until(answer);
    expect(connection.isOpen).toBe(false);
  });

  it("rejects what waits when it is closed", async () => {
    const { open } = await setUp();
    const connection = await open();
    const waiting = connection.request(apis.listGroups, {});
    connection.close();
    await expect(waiting).rejects.toThrow(ClosedError);
  });

  it("does not open where the handshake fails", async () => {
    const handshake = () => Promise.reject(new ConnectionError("who are you?"));
    const { open, broker, world } = await setUp({ handshake });
    await expect(open()).rejects.toThrow("who are you?");
    await world.clock.runFor(100);
    expect(broker.connectionCount).toBe(0);
  });
});
