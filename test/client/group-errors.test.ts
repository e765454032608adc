import { type Assignor, type KafkaError, range } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { GroupSetup } from "./group-setup.ts";

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

async function take(setup: GroupSetup, consumer: ReturnType<GroupSetup["consumer"]>, count: number): Promise<number[]> {
  const offsets: number[] = [];
  const loop = async () => {
    for await (const { offset } of consumer) {
      offsets.push(offset);
      if (offsets.length === count) {
        await consumer.commit();
        break;
      }
    }
  };
  await setup.until(loop());
  return offsets;
}

async function groupOf(records: number, options: Parameters<GroupSetup["consumer"]>[0] = {}) {
  const setup = await GroupSetup.start({ partitions: 1 });
  await setup.send(records, [0]);
  const consumer = setup.consumer({ enableAutoCommit: false, ...options });
  await consumer.subscribe(["t"]);
  return { setup, consumer };
}

describe("a coordinator that says no", () => {
  it.each([
    ["JOIN_GROUP", "NOT_COORDINATOR"],
    ["JOIN_GROUP", "COORDINATOR_LOAD_IN_PROGRESS"],
    ["JOIN_GROUP", "UNKNOWN_MEMBER_ID"],
    ["JOIN_GROUP", "REBALANCE_IN_PROGRESS"],
    ["SYNC_GROUP", "NOT_COORDINATOR"],
    ["SYNC_GROUP", "ILLEGAL_GENERATION"],
    ["SYNC_GROUP", "UNKNOWN_MEMBER_ID"],
    ["SYNC_GROUP", "REBALANCE_IN_PROGRESS"],
    ["FIND_COORDINATOR", "COORDINATOR_NOT_AVAILABLE"],
    ["OFFSET_FETCH", "COORDINATOR_LOAD_IN_PROGRESS"],
    ["OFFSET_FETCH", "NOT_COORDINATOR"],
    ["OFFSET_COMMIT", "NOT_COORDINATOR"],
    ["OFFSET_COMMIT", "COORDINATOR_LOAD_IN_PROGRESS"],
    ["LIST_OFFSETS", "NOT_LEADER_OR_FOLLOWER"],
  ] as const)("%s: %s for a while", async (api, error) => {
    const { setup, consumer } = await groupOf(3);
    const struck = intercept(setup.sim.broker, { api, times: 3 }).fail(error);
    expect(await take(setup, consumer, 3)).toEqual([0, 1, 2]);
    expect(struck.count).toBe(3);
    expect(await setup.committed()).toEqual({ "t-0": 3 });
    await setup.until(consumer.close());
    await setup.end();
  });

  it.each(["JOIN_GROUP", "SYNC_GROUP", "OFFSET_FETCH", "OFFSET_COMMIT", "FIND_COORDINATOR"] as const)(
    "%s: the connection is cut before and after",
    async (api) => {
      const { setup, consumer } = await groupOf(3);
      intercept(setup.sim.broker, { api, times: 2 }).disconnect();
      intercept(setup.sim.broker, { api, times: 1, skip: 2 }).disconnectAfter();
      expect(await take(setup, consumer, 3)).toEqual([0, 1, 2]);
      expect(await setup.committed()).toEqual({ "t-0": 3 });
      await setup.until(consumer.close());
      await setup.end();
    },
  );

  it.each([
    ["JOIN_GROUP", "INVALID_SESSION_TIMEOUT"],
    ["JOIN_GROUP", "INCONSISTENT_GROUP_PROTOCOL"],
    ["JOIN_GROUP", "GROUP_MAX_SIZE_REACHED"],
    ["SYNC_GROUP", "GROUP_AUTHORIZATION_FAILED"],
    ["FIND_COORDINATOR", "GROUP_AUTHORIZATION_FAILED"],
    ["OFFSET_FETCH", "GROUP_AUTHORIZATION_FAILED"],
  ] as const)("%s: %s rejects the loop, and the next loop tries again", async (api, error) => {
    const { setup, consumer } = await groupOf(3);
    const struck = intercept(setup.sim.broker, { api }).fail(error);
    expect(await failure(take(setup, consumer, 3))).toMatchObject({ code: error });
    expect(await failure(take(setup, consumer, 3))).toMatchObject({ code: error });
    struck.stop();
    expect(await take(setup, consumer, 3)).toEqual([0, 1, 2]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it.each(["classic", "consumer"] as const)("is quoted once, %s", async (groupProtocol) => {
    const { setup, consumer } = await groupOf(1, { groupProtocol });
    intercept(setup.sim.broker, { api: "FIND_COORDINATOR" }).fail("GROUP_AUTHORIZATION_FAILED");
    const error = await failure(take(setup, consumer, 1));
    expect(error).toMatchObject({ name: "AuthorizationError", code: "GROUP_AUTHORIZATION_FAILED", errorCode: 30 });
    expect(error?.message).toBe(
      "Could not find the coordinator of group g: GROUP_AUTHORIZATION_FAILED: not allowed for this group",
    );
    await setup.until(consumer.close());
    await setup.end();
  });

  it.each(["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"] as const)(
    "heartbeat: %s is a loss, and a new beginning",
    async (error) => {
      const setup = await GroupSetup.start();
      setup.member("c1");
      await setup.settle(() => setup.isShared());
      await setup.send(2);
      await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 12);
      intercept(setup.sim.broker, { api: "HEARTBEAT", times: 1 }).fail(error);
      await setup.settle(() => setup.journal.some(({ what }) => what === "lost"));
      await setup.settle(() => setup.isShared());
      await setup.end();
    },
  );

  it.each([
    ["GROUP_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"],
    ["TOPIC_AUTHORIZATION_FAILED", "TOPIC_AUTHORIZATION_FAILED"],
    ["OFFSET_METADATA_TOO_LARGE", "OFFSET_METADATA_TOO_LARGE"],
    ["INVALID_COMMIT_OFFSET_SIZE", "INVALID_COMMIT_OFFSET_SIZE"],
    ["REBALANCE_IN_PROGRESS", "REBALANCE_IN_PROGRESS"],
    ["ILLEGAL_GENERATION", "COMMIT_FAILED"],
    ["UNKNOWN_MEMBER_ID", "COMMIT_FAILED"],
    ["GROUP_ID_NOT_FOUND", "COMMIT_FAILED"],
    ["UNKNOWN_SERVER_ERROR", "UNKNOWN_SERVER_ERROR"],
  ] as const)("commit: %s rejects with %s", async (error, code) => {
    const { setup, consumer } = await groupOf(3);
    const loop = consumer.messages();
    await setup.until(loop.next());
    const struck = intercept(setup.sim.broker, { api: "OFFSET_COMMIT" }).fail(error);
    expect(await setup.until(failure(consumer.commit()))).toMatchObject({ code });
    struck.stop();
    expect((await setup.until(loop.next())).value).toBeDefined();
    await setup.until(consumer.close());
    await setup.end();
  });
});

describe("the application's own faults", () => {
  it("a listener that throws rejects the loop, and the rebalance goes on", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(3, [0]);
    const consumer = setup.consumer({ enableAutoCommit: false });
    let calls = 0;
    await consumer.subscribe(["t"], {
      onPartitionsAssigned() {
        if (++calls === 1) throw new Error("not ready");
      },
      async onPartitionsRevoked() {
        throw new Error("not done");
      },
    });
    const assigned = await failure(take(setup, consumer, 3));
    expect(assigned).toMatchObject({ code: "REBALANCE_LISTENER_FAILED" });
    expect(assigned?.message).toContain("onPartitionsAssigned failed: not ready");
    expect(await take(setup, consumer, 3)).toEqual([0, 1, 2]);
    consumer.enforceRebalance();
    await setup.send(1, [0]);
    expect((await failure(take(setup, consumer, 1)))?.message).toContain("onPartitionsRevoked failed: not done");
    expect(await take(setup, consumer, 1)).toEqual([3]);
    expect((await setup.until(failure(consumer.close())))?.message).toContain("not done");
    const after = setup.consumer();
    await after.subscribe(["t"]);
    await setup.send(1, [0]);
    expect(await take(setup, after, 1)).toEqual([4]);
    await setup.until(after.close());
    await setup.end();
  });

  it("an assignor that throws rejects the loop of the leader", async () => {
    const broken: Assignor = {
      name: "broken",
      assign() {
        throw new Error("cannot count");
      },
    };
    const { setup, consumer } = await groupOf(1, { partitionAssignmentStrategy: [broken] });
    expect((await failure(take(setup, consumer, 1)))?.message).toContain("cannot count");
    await setup.until(consumer.close());
    await setup.end();
  });

  it("an assignor of one's own is asked on every member", async () => {
    const calls: string[] = [];
    const own: Assignor = {
      name: "own",
      subscription: ({ topics }) => Buffer.from(topics.join()),
      assign(topics, members) {
        calls.push(`assign ${members.map(({ userData }) => userData?.toString()).join()}`);
        return range.assign(topics, members);
      },
      onAssignment: ({ partitions }) => calls.push(`got ${[...partitions.keys()].join()}`),
    };
    const { setup, consumer } = await groupOf(1, { partitionAssignmentStrategy: [own] });
    await take(setup, consumer, 1);
    expect(calls).toEqual(["assign t", "got t"]);
    await setup.until(consumer.close());
    await setup.end();
  });
});

describe("a subscription", () => {
  it("can change, and end", async () => {
    const { setup, consumer } = await groupOf(2);
    await setup.until(setup.admin.createTopics([{ topic: "u", partitions: 1, replicationFactor: 1 }]));
    expect(await take(setup, consumer, 2)).toEqual([0, 1]);
    await consumer.subscribe(["t", "u"]);
    await setup.send(1, [0], "u");
    expect(await take(setup, consumer, 1)).toEqual([0]);
    expect(consumer.assignment()).toHaveLength(2);
    expect(consumer.subscription()).toEqual(["t", "u"]);
    await setup.until(consumer.unsubscribe());
    expect(consumer.assignment()).toEqual([]);
    expect(consumer.groupMetadata()).toMatchObject({ groupId: "g", memberId: "", generationId: -1 });
    await consumer.assign([{ topic: "t", partition: 0 }]);
    expect(await setup.until(consumer.position({ topic: "t", partition: 0 }))).toBe(2);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("a static member that is back within its session moves nothing", async () => {
    const setup = await GroupSetup.start();
    const first = setup.member("c1", { groupInstanceId: "i1" });
    setup.member("c2", { groupInstanceId: "i2" });
    await setup.settle(() => setup.isShared());
    const rebalances = () => setup.journal.filter(({ member, what }) => member === "c2" && what === "revoked").length;
    const before = rebalances();
    await setup.until(first.close());
    await setup.pass(5_000);
    setup.member("c3", { groupInstanceId: "i1" });
    await setup.settle(() => setup.isShared());
    expect(rebalances()).toBe(before);
    await setup.end();
  });
});
