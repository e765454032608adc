import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { CoordinatorRig, isSettled, joiner } from "../../test/coordinator/coordinator-rig.ts";

const { COORDINATOR_NOT_AVAILABLE, INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, NOT_COORDINATOR, UNKNOWN_SERVER_ERROR } =
  errorCodes;

describe("requests", () => {
  test("that Kafka refuses at the door", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    expect(await rig.join({ groupId: "" })).toMatchObject({ errorCode: INVALID_GROUP_ID, memberId: "" });
    expect(await rig.join({ sessionTimeoutMs: 5_999, memberId: "m" })).toMatchObject({
      errorCode: INVALID_SESSION_TIMEOUT,
      memberId: "m",
    });
    expect(await rig.join({ sessionTimeoutMs: 1_800_001 })).toMatchObject({ errorCode: INVALID_SESSION_TIMEOUT });
    expect(await rig.sync("m", 1, "")).toMatchObject({ errorCode: INVALID_GROUP_ID });
    expect(await rig.heartbeat("m", 1, "")).toBe(INVALID_GROUP_ID);
    expect(await rig.coordinator.leaveGroup("", [])).toMatchObject({ errorCode: INVALID_GROUP_ID });
    expect(await rig.coordinator.deleteOffsets("", [])).toMatchObject({ errorCode: INVALID_GROUP_ID });
    // The empty group id may commit and fetch: very old consumers did.
    expect(await rig.commit(5, "")).toBe(0);
    expect(await rig.fetch("")).toBe(5);
  });

  test("version 0 of JoinGroup has one time-out for both", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const request = {
      groupId: "group",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: -1,
      memberId: "",
      groupInstanceId: null,
    };
    const protocols = [{ name: "range", metadata: Buffer.alloc(0) }];
    const joined = rig.coordinator.joinGroup(
      { ...request, protocolType: "consumer", protocols, reason: null },
      { ...joiner, apiVersion: 0 },
    );
    await rig.clock.runFor(1);
    expect(await joined).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("a whole life of a group", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const memberId = await rig.member();
    expect(memberId).toMatch(/^client-[0-9a-f]{8}-/);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(await rig.coordinator.listGroups([], [])).toEqual({
      errorCode: 0,
      groups: [{ groupId: "group", protocolType: "consumer", groupState: "Stable", groupType: "classic" }],
    });
    const [described] = await rig.coordinator.describeGroups(["group"], 6);
    expect(described).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      protocolData: "range",
      protocolType: "consumer",
    });
    expect(described!.members[0]).toMatchObject({ memberId, clientId: "client", clientHost: "/127.0.0.1" });
    await rig.clock.runFor(9_999);
    expect(rig.heartbeat(memberId)).toBe(0);
    await rig.clock.runFor(10_001);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Empty" });
    expect(await rig.coordinator.deleteGroups(["group", "nobody"])).toEqual([
      { groupId: "group", errorCode: 0 },
      { groupId: "nobody", errorCode: errorCodes.GROUP_ID_NOT_FOUND },
    ]);
    expect((await rig.coordinator.listGroups([], [])).groups).toEqual([]);
  });

  test("members that come in the same moment form one generation", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const ids = await Promise.all([rig.join(), rig.join(), rig.join()]);
    const joined = ids.map(({ memberId }) => rig.join({ memberId }));
    await rig.clock.runFor(1);
    for (const reply of await Promise.all(joined)) expect(reply).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("groups are listed by state and type, described as dead, and spread over partitions", async () => {
    const rig = new CoordinatorRig({}, 50);
    await rig.settle();
    await rig.member("one");
    for (const groupId of ["two", "three"]) expect(await rig.commit(1, groupId)).toBe(0);
    const list = async (states: string[], types: string[]) => {
      const { groups } = await rig.coordinator.listGroups(states, types);
      return groups.map((group) => group.groupId).sort();
    };
    expect(await list([], [])).toEqual(["one", "three", "two"]);
    expect(await list([" stable "], [])).toEqual(["one"]);
    expect(await list(["EMPTY"], ["classic"])).toEqual(["three", "two"]);
    expect(await list([], ["consumer"])).toEqual([]);
    expect(await list(["nonsense"], [])).toEqual([]);
    const used = rig.logs.filter((log) => log.logEndOffset > 0).map((log) => log.index);
    const expected = ["one", "two", "three"].map((groupId) => rig.coordinator.partitionOf(groupId));
    expect(new Set(used)).toEqual(new Set(expected));
    expect(await rig.coordinator.describeGroups(["nobody"], 5)).toMatchObject([
      { errorCode: 0, groupState: "Dead", errorMessage: null },
    ]);
    expect(await rig.coordinator.describeGroups(["nobody"], 6)).toMatchObject([
      { errorCode: errorCodes.GROUP_ID_NOT_FOUND, groupState: "Dead", errorMessage: "Group nobody not found." },
    ]);
  });
});

describe("answers wait for the high watermark", () => {
  test("of what they wrote, and of what they read", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    rig.log.holds = true;
    const commit = rig.commit(1);
    const fetch = rig.fetch();
    const list = rig.coordinator.listGroups([], []);
    const beat = rig.heartbeat("nobody");
    const describe = rig.coordinator.describeGroups(["group"], 6);
    await rig.clock.runFor(1_000);
    for (const answer of [commit, fetch, list, describe, beat])
      expect(await isSettled(Promise.resolve(answer))).toBe(false);
    rig.log.commit();
    expect(await commit).toBe(0);
    expect(await fetch).toBe(1);
    expect((await list).groups).toHaveLength(1);
    expect((await describe)[0]).toMatchObject({ groupState: "Empty" });
    expect(await beat).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(await isSettled(rig.fetch())).toBe(true);
  });

  test("each only for what was written before it", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    rig.log.holds = true;
    const first = rig.commit(1);
    const second = rig.commit(2);
    rig.log.commit(1);
    expect(await first).toBe(0);
    expect(await isSettled(second)).toBe(false);
    rig.log.commit();
    expect(await second).toBe(0);
  });

  test("the assignment, for its record", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const { memberId } = await rig.join();
    const joined = rig.join({ memberId });
    await rig.clock.runFor(1);
    await joined;
    rig.log.holds = true;
    const synced = Promise.resolve(rig.sync(memberId, 1));
    await rig.clock.runFor(100);
    expect(await isSettled(synced)).toBe(false);
    rig.log.commit();
    expect(await synced).toMatchObject({ errorCode: 0 });
    expect(rig.log.batches).toHaveLength(2);
  });

  test("and after a start, for what was replayed", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    await rig.commit(7);
    rig.log.highWatermark = 0;
    rig.restart();
    await rig.settle();
    const fetch = rig.fetch();
    expect(await isSettled(fetch)).toBe(false);
    rig.log.commit();
    expect(await fetch).toBe(7);
  });
});

describe("a failed append", () => {
  test("throws the machine away: who waits is told NOT_COORDINATOR, and the log is replayed", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    expect(await rig.commit(1)).toBe(0);
    const groupId = "other";
    const one = await rig.join({ groupId });
    const parked = rig.join({ groupId, memberId: one.memberId });
    rig.log.holds = true;
    const lost = rig.commit(2);
    const alsoLost = rig.commit(3);
    const read = rig.fetch();
    rig.log.fail();
    expect(await lost).toBe(NOT_COORDINATOR);
    expect(await alsoLost).toBe(NOT_COORDINATOR);
    expect(await read).toBe(-1000 - NOT_COORDINATOR);
    expect(await parked).toMatchObject({ errorCode: NOT_COORDINATOR });
    // The partition is out of use.
    await rig.clock.runFor(1_500);
    expect(await rig.fetch()).toBe(-1000 - NOT_COORDINATOR);
    expect(await rig.heartbeat("x")).toBe(NOT_COORDINATOR);
    rig.log.recover();
    rig.log.holds = false;
    await rig.clock.runFor(4_000);
    expect(await rig.fetch()).toBe(1);
    // Who had an id has lost it.
    expect(await rig.join({ groupId, memberId: one.memberId })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
    });
  });

  test("that the log says at once", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    await rig.commit(1);
    rig.log.failNext = errorCodes.KAFKA_STORAGE_ERROR;
    expect(await rig.commit(2)).toBe(NOT_COORDINATOR);
    await rig.settle();
    // Nothing is wrong with the log, so that it was replayed at once.
    expect(await rig.fetch()).toBe(1);
    expect(await rig.commit(3)).toBe(0);
  });

  test("a reload waits until every append has its outcome", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    rig.log.holds = true;
    const first = rig.commit(1);
    rig.log.failNext = errorCodes.NOT_LEADER_OR_FOLLOWER;
    const second = rig.commit(2);
    expect(await first).toBe(NOT_COORDINATOR);
    expect(await second).toBe(NOT_COORDINATOR);
    await rig.clock.runFor(5_000);
    expect(await rig.fetch()).toBe(-1000 - NOT_COORDINATOR);
    // It was stored after all: commits that were refused as "not known" may have been.
    rig.log.commit();
    await rig.settle();
    expect(await rig.fetch()).toBe(1);
  });

  test("of an event that is too large harms nobody else", async () => {
    const rig = new CoordinatorRig({ offsetMetadataMaxBytes: 100_000 });
    await rig.settle();
    const memberId = await rig.member();
    rig.log.config = { ...rig.log.config, maxMessageBytes: 1_000 };
    expect(await rig.commit(1, "other", "x".repeat(2_000))).toBe(UNKNOWN_SERVER_ERROR);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(await rig.commit(1, "other")).toBe(0);
  });

  test("an assignment that is too large is refused, and the group tries again", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const { memberId } = await rig.join();
    const joined = rig.join({ memberId });
    await rig.clock.runFor(1);
    await joined;
    rig.log.config = { ...rig.log.config, maxMessageBytes: 200 };
    expect(await rig.sync(memberId, 1)).toMatchObject({ errorCode: UNKNOWN_SERVER_ERROR });
    expect(await rig.heartbeat(memberId)).toBe(errorCodes.REBALANCE_IN_PROGRESS);
  });

  test("a deletion of many groups' offsets is spread over batches that fit", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    for (let n = 0; n < 100; n++) await rig.commit(n, `group-${n}`);
    rig.log.config = { ...rig.log.config, maxMessageBytes: 500 };
    const before = rig.log.batches.length;
    rig.coordinator.onTopicDeleted({ name: "orders", id: "ynlpIgjfSpuhFXQWJ5rgPQ" });
    expect(rig.log.batches.length - before).toBeGreaterThan(5);
    expect(await rig.fetch("group-99")).toBe(-1);
    rig.restart();
    await rig.settle();
    expect(await rig.fetch("group-0")).toBe(-1);
  });
});

describe("time", () => {
  test("offsets expire", async () => {
    const rig = new CoordinatorRig({ offsetsRetentionMinutes: 60 });
    await rig.settle();
    await rig.commit(1);
    await rig.clock.runFor(3_599_999);
    expect(await rig.fetch()).toBe(1);
    await rig.clock.runFor(600_000);
    expect(await rig.fetch()).toBe(-1);
    expect((await rig.coordinator.listGroups([], [])).groups).toEqual([]);
  });

  test("a thousand sessions cost one timer", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    for (let n = 0; n < 100; n++) await rig.member(`group-${n}`);
    await rig.clock.runFor(20_000);
    const { groups } = await rig.coordinator.listGroups(["Empty"], []);
    expect(groups).toHaveLength(100);
  });
});

describe("closing", () => {
  test("who waits for others is told, what is decided is still answered", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const { memberId } = await rig.join();
    const parked = rig.join({ memberId });
    rig.log.holds = true;
    const commit = rig.commit(1, "other");
    rig.coordinator.beginClosing();
    expect(await parked).toMatchObject({ errorCode: NOT_COORDINATOR });
    expect(await isSettled(commit)).toBe(false);
    expect(await rig.commit(2)).toBe(NOT_COORDINATOR);
    expect(await rig.heartbeat("x")).toBe(NOT_COORDINATOR);
    expect((await rig.coordinator.listGroups([], [])).errorCode).toBe(COORDINATOR_NOT_AVAILABLE);
    expect(rig.coordinator.isCoordinatorFor("group")).toBe(COORDINATOR_NOT_AVAILABLE);
    rig.log.commit();
    expect(await commit).toBe(0);
    rig.coordinator.close();
    await rig.clock.runFor(0);
    expect(rig.clock.isIdle).toBe(true);
  });

  test("nobody waits for ever", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    rig.log.holds = true;
    const commit = rig.commit(1);
    rig.coordinator.close();
    expect(await commit).toBe(NOT_COORDINATOR);
    rig.log.commit();
    rig.coordinator.close();
  });
});
