import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { CoordinatorRig, isSettled } from "../../test/coordinator/coordinator-rig.ts";

const { COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, MEMBER_ID_REQUIRED, NOT_COORDINATOR } = errorCodes;

describe("loading", () => {
  test("a restart leaves a running group as it was", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    const memberId = await rig.member();
    await rig.clock.runFor(9_000);
    rig.restart();
    await rig.settle();
    await rig.clock.runFor(9_000);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Stable" });
    await rig.clock.runFor(10_001);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Empty" });
  });

  test("takes a while for a large log: until then COORDINATOR_LOAD_IN_PROGRESS, and heartbeats are fine", async () => {
    const rig = new CoordinatorRig({ offsetMetadataMaxBytes: 100_000 });
    await rig.settle();
    const memberId = await rig.member();
    for (let n = 0; n < 150; n++) await rig.commit(n, `group-${n % 7}`, "x".repeat(30_000));
    rig.restart();
    // It is known to exist, and has not been looked at yet.
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: COORDINATOR_LOAD_IN_PROGRESS, groups: [] });
    expect(await rig.fetch("group-1")).toBe(-1000 - COORDINATOR_LOAD_IN_PROGRESS);
    expect(await rig.join()).toMatchObject({ errorCode: COORDINATOR_LOAD_IN_PROGRESS });
    expect(await rig.coordinator.describeGroups(["group"], 6)).toMatchObject([
      { errorCode: COORDINATOR_LOAD_IN_PROGRESS },
    ]);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(rig.heartbeat("anybody")).toBe(0);
    rig.coordinator.onTopicDeleted({ name: "orders", id: "ynlpIgjfSpuhFXQWJ5rgPQ" });
    await rig.settle();
    expect(rig.log.readCount).toBeGreaterThan(3);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(rig.heartbeat("anybody")).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    // What was deleted meanwhile is not forgotten.
    expect(await rig.fetch("group-1")).toBe(-1);
  });

  test("what somebody asks for comes first", async () => {
    const rig = new CoordinatorRig({}, 50);
    await rig.settle();
    expect(await rig.commit(5, "group")).toBe(0);
    rig.restart();
    expect(await rig.fetch("group")).toBe(5);
  });

  test("an empty log is not even read", async () => {
    const rig = new CoordinatorRig({}, 50);
    await rig.settle();
    expect(rig.logs.every((log) => log.readCount === 0)).toBe(true);
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: 0, groups: [] });
  });

  test("a damaged log is one partition's affair", async () => {
    const rig = new CoordinatorRig({}, 50);
    await rig.settle();
    await rig.commit(1, "group");
    await rig.commit(2, "another");
    const damaged = rig.logs[rig.coordinator.partitionOf("group")]!;
    damaged.batches[0]!.bytes[70] = 0xff;
    rig.restart();
    await rig.settle();
    expect(await rig.fetch("group")).toBe(-1000 - NOT_COORDINATOR);
    expect(await rig.fetch("another")).toBe(2);
    expect(await rig.join({ groupId: "group" })).toMatchObject({ errorCode: NOT_COORDINATOR });
    expect((await rig.coordinator.listGroups([], [])).groups.map((group) => group.groupId)).toEqual(["another"]);
  });

  test("is tried again, less and less often", async () => {
    const rig = new CoordinatorRig();
    await rig.settle();
    await rig.commit(1);
    rig.log.readError = errorCodes.KAFKA_STORAGE_ERROR;
    rig.restart();
    for (let n = 0; n < 600; n++) {
      await rig.fetch();
      await rig.clock.runFor(100);
    }
    // In a minute: 1 + 2 + 4 + 8 + 16 + 32 seconds.
    expect(rig.log.readCount).toBeLessThan(10);
    rig.log.readError = 0;
    await rig.clock.runFor(60_000);
    expect(await rig.fetch()).toBe(1);
  });

  test("the topic is made when it is first needed", async () => {
    const rig = new CoordinatorRig({}, 1, false);
    let make = () => {};
    rig.making = new Promise((resolve) => {
      make = resolve;
    });
    await rig.settle();
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: 0, groups: [] });
    const commit = rig.commit(4);
    const joined = rig.join();
    await rig.clock.runFor(10);
    expect(await isSettled(commit)).toBe(false);
    make();
    expect(await commit).toBe(0);
    expect((await joined).errorCode).toBe(MEMBER_ID_REQUIRED);
  });

  test("a topic that cannot be made", async () => {
    const rig = new CoordinatorRig({}, 1, false);
    await rig.settle();
    rig.making = Promise.reject(new Error("no room"));
    expect(await rig.commit(4)).toBe(COORDINATOR_NOT_AVAILABLE);
    expect(await rig.commit(4)).toBe(COORDINATOR_NOT_AVAILABLE);
    rig.making = null;
    await rig.clock.runFor(1_000);
    expect(await rig.commit(4)).toBe(0);
  });
});
