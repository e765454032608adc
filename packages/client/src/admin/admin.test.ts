import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { adminWorld, coordinate } from "../../test/fake-admin.ts";
import { silence } from "../../test/fake-broker.ts";
import { ClosedError, TimeoutError } from "../errors.ts";
import { Admin } from "./admin.ts";
import { AdminTimeoutError, settle } from "./admin-errors.ts";

describe("settings and options", () => {
  it("have Kafka's names, and no others", () => {
    expect(() => new Admin({ bootstrapServers: "localhost:9092", defaultApiTimeoutMs: -1 })).toThrow(
      /^Admin setting defaultApiTimeoutMs is -1/,
    );
    const wrong = { bootstrapServers: "localhost:9092", defaultApiTimeout: 1 };
    expect(() => new Admin(wrong)).toThrow(/did you mean defaultApiTimeoutMs/);
  });

  it("are refused where the method does not know them", async () => {
    const { admin, failure } = await adminWorld();
    const options = { includeInternals: true };
    expect(await failure(admin.listTopics(options as never))).toMatchObject({
      code: "INVALID_CONFIG",
      message: "listTopics has no option includeInternals: did you mean includeInternal?",
    });
    expect(await failure(admin.listTopics({ timeoutMs: -5 }))).toMatchObject({ setting: "timeoutMs" });
  });
});

describe("time", () => {
  it("is up when no broker can be reached, and the error names the call as the Java client does", async () => {
    const world = await adminWorld();
    await world.until(world.cluster.broker(1).stop());
    const { clock } = world.cluster.client.runtime;
    const before = clock.monotonic();
    const error = await world.failure(world.admin.listTopics());
    expect(error).toBeInstanceOf(AdminTimeoutError);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: "REQUEST_TIMED_OUT", call: "listTopics", waitedForNode: true });
    expect(error.message).toMatch(/^listTopics was given up after 60000 ms\. Last failure: .*ECONNREFUSED/);
    const tookMs = clock.monotonic() - before;
    expect(tookMs).toBeGreaterThan(58_000);
    expect(tookMs).toBeLessThanOrEqual(60_100);
  });

  it.each([
    [
      "describeConsumerGroups(api=FIND_COORDINATOR)",
      (admin: Admin) => admin.describeGroups(["g"], { timeoutMs: 3_000 }),
    ],
    ["deleteConsumerGroups(api=FIND_COORDINATOR)", (admin: Admin) => admin.deleteGroups(["g"], { timeoutMs: 3_000 })],
    ["createTopics", (admin: Admin) => admin.createTopics([{ topic: "t" }], { timeoutMs: 3_000 })],
    ["describeTopicPartitions", (admin: Admin) => admin.describeTopics(["t"], { timeoutMs: 3_000 })],
    ["listGroups", (admin: Admin) => admin.listGroups({ timeoutMs: 3_000 })],
  ])("names %s", async (call, ask) => {
    const world = await adminWorld();
    await world.until(world.cluster.broker(1).stop());
    expect(await world.failure(ask(world.admin))).toMatchObject({ call, waitedForNode: true });
  });

  it("tells a broker that answers but cannot help", async () => {
    const world = await adminWorld();
    coordinate(world, () => -1);
    const error = await world.failure(world.admin.describeGroups(["g"], { timeoutMs: 5_000 }));
    expect(error).toMatchObject({
      ...{ call: "describeConsumerGroups(api=FIND_COORDINATOR)", waitedForNode: false },
      cause: { code: "COORDINATOR_NOT_AVAILABLE" },
    });
  });

  it("gives a broker that is silent another chance after requestTimeoutMs", async () => {
    const world = await adminWorld({ admin: { requestTimeoutMs: 2_000 } });
    const broker = world.cluster.broker(1);
    broker.on(apis.listPartitionReassignments, () => ({ errorCode: 0, errorMessage: null, topics: [] }));
    broker.once(apis.listPartitionReassignments, () => silence);
    expect(await world.until(world.admin.listPartitionReassignments())).toEqual([]);
    expect(broker.of(apis.listPartitionReassignments).map(({ body }) => body.timeoutMs)).toEqual([2_000, 2_000]);
  });

  it("tries no more often than retries says", async () => {
    const world = await adminWorld({ admin: { retries: 2 } });
    coordinate(world, () => -1);
    const error = await world.failure(world.admin.deleteGroups(["g"]));
    expect(error.message).toMatch(/after 3 attempts/);
    expect(world.cluster.broker(1).of(apis.findCoordinator)).toHaveLength(3);
  });

  it("reaches each item that is left, and leaves the others their outcomes", async () => {
    const world = await adminWorld();
    coordinate(world, (groupId) => (groupId === "lost" ? -1 : 1));
    world.on(apis.deleteGroups, ({ body }) => ({
      results: body.groupsNames.map((groupId) => ({ groupId, errorCode: 0 })),
    }));
    const ids = ["found", "lost"];
    const outcomes = await world.until(settle(ids, world.admin.deleteGroups(ids, { timeoutMs: 2_000 })));
    expect(outcomes[0]?.error).toBeNull();
    expect(outcomes[1]?.error).toBeInstanceOf(AdminTimeoutError);
  });
});

describe("an end from outside", () => {
  it("comes by a signal, with its reason", async () => {
    const world = await adminWorld();
    coordinate(world, () => -1);
    const abort = new AbortController();
    const reason = new Error("enough");
    const call = world.failure(world.admin.describeGroups(["g"], { signal: abort.signal }));
    world.cluster.client.runtime.clock.setTimer(1_000, () => abort.abort(reason));
    expect(await call).toBe(reason);
    const settled = settle(["t"], world.admin.deleteTopics(["t"], { signal: abort.signal }));
    expect(await world.failure(settled)).toBe(reason);
  });

  it("comes by closing, at once", async () => {
    const world = await adminWorld();
    coordinate(world, () => -1);
    const call = world.failure(world.admin.describeGroups(["g"]));
    const { clock } = world.cluster.client.runtime;
    clock.setTimer(5_000, () => void world.admin[Symbol.asyncDispose]());
    expect(await call).toBeInstanceOf(ClosedError);
    expect(clock.monotonic()).toBeLessThan(5_100);
    await world.admin.close();
    expect(await world.failure(world.admin.listTopics())).toBeInstanceOf(ClosedError);
  });
});
