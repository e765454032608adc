import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { CoordinatorRig, isSettled } from "../../test/coordinator/coordinator-rig.ts";
import { defaultLogConfig } from "../log/config.ts";

function rigWithTopic(partitionCount = 4): CoordinatorRig {
  const rig = new CoordinatorRig();
  rig.topics.set("orders", partitionCount);
  return rig;
}

async function joined(rig: CoordinatorRig, memberId = "one"): Promise<number> {
  // The partition is being loaded at first.
  await rig.settle();
  const reply = await rig.beat(memberId);
  expect(reply.errorCode).toBe(0);
  return reply.memberEpoch;
}

describe("a coordinator of consumer groups", () => {
  test("answers once the records are committed, and a heartbeat that changes nothing after them", async () => {
    const rig = rigWithTopic();
    await rig.settle();
    rig.log.holds = true;
    const join = rig.beat("one");
    const next = rig.beat("one", 2);
    expect(await isSettled(join)).toBe(false);
    expect(await isSettled(next)).toBe(false);
    rig.log.commit();
    expect(await join).toMatchObject({ errorCode: 0, memberEpoch: 2, assignment: { topicPartitions: [{}] } });
    expect(await next).toMatchObject({ errorCode: 0, memberEpoch: 2, assignment: null });
    // Nothing to wait for any more: answered at once.
    const request = { groupId: "group", memberId: "one", memberEpoch: 2, instanceId: null, rackId: null } as const;
    const unchanged = { rebalanceTimeoutMs: -1, subscribedTopicNames: null, subscribedTopicRegex: null } as const;
    const quick = rig.coordinator.consumerGroupHeartbeat(
      { ...request, ...unchanged, serverAssignor: null, topicPartitions: null },
      { apiVersion: 1, clientId: "client", clientHost: "/127.0.0.1" },
    );
    expect(quick).not.toBeInstanceOf(Promise);
    expect(rig.log.batches).toHaveLength(1);
  });

  test("tells who waits NOT_COORDINATOR when an append fails, and goes on from the log", async () => {
    const rig = rigWithTopic();
    const epoch = await joined(rig);
    rig.log.failNext = errorCodes.KAFKA_STORAGE_ERROR;
    expect(await rig.beat("two")).toMatchObject({ errorCode: errorCodes.NOT_COORDINATOR });
    await rig.clock.runFor(10);
    expect(await rig.beat("one", epoch)).toMatchObject({ errorCode: 0 });
    expect(await rig.beat("two", 3)).toMatchObject({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
  });

  test("finds its groups again after a restart, and gives their members a new session", async () => {
    const rig = rigWithTopic();
    const epoch = await joined(rig);
    await rig.clock.runFor(30_000);
    rig.restart();
    await rig.clock.runFor(30_000);
    expect(await rig.beat("one", epoch)).toMatchObject({ errorCode: 0, memberEpoch: epoch });
    const [described] = await rig.coordinator.describeConsumerGroups(["group"]);
    expect(described).toMatchObject({
      groupState: "Stable",
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: "uniform",
    });
    expect(described!.members[0]).toMatchObject({
      memberId: "one",
      memberType: 1,
      assignment: { topicPartitions: [{ topicName: "orders" }] },
    });
    await rig.clock.runFor(60_000);
    const [empty] = await rig.coordinator.describeConsumerGroups(["group"]);
    expect(empty).toMatchObject({ groupState: "Empty", members: [] });
    expect(await rig.coordinator.deleteGroups(["group"])).toEqual([{ groupId: "group", errorCode: 0 }]);
    const gone = await rig.coordinator.describeConsumerGroups(["group", "simple"]);
    expect(gone.map(({ errorMessage }) => errorMessage).sort()).toEqual([
      "Group group not found.",
      "Group simple not found.",
    ]);
  });

  test("spreads an assignment that is larger than a batch may be over several", async () => {
    const rig = rigWithTopic(500);
    const members = Array.from({ length: 20 }, (_, n) => `member-${n}`);
    for (const member of members) await joined(rig, member);
    await rig.clock.runFor(1_000);
    rig.log.config = { ...defaultLogConfig, maxMessageBytes: 1_000 };
    const before = rig.log.batches.length;
    expect(await rig.beat("member-1", 2)).toMatchObject({ errorCode: 0 });
    expect(rig.log.batches.length - before).toBeGreaterThan(2);
    rig.restart();
    await rig.clock.runFor(10);
    const [described] = await rig.coordinator.describeConsumerGroups(["group"]);
    expect(described).toMatchObject({ groupEpoch: 21, assignmentEpoch: 21 });
    const target = described!.members.map(
      ({ targetAssignment }) => targetAssignment.topicPartitions[0]!.partitions.length,
    );
    expect(target).toEqual(members.map(() => 25));
  });

  test("says that a record is too large for the log", async () => {
    const rig = rigWithTopic(500);
    await rig.settle();
    rig.log.config = { ...defaultLogConfig, maxMessageBytes: 500 };
    expect(await rig.beat("one")).toMatchObject({ errorCode: errorCodes.UNKNOWN_SERVER_ERROR });
  });

  test("looks at topics that were changed while it was being loaded", async () => {
    const rig = rigWithTopic();
    const epoch = await joined(rig);
    rig.restart();
    rig.topics.set("orders", 6);
    rig.coordinator.onTopicsChanged(["orders"]);
    await rig.clock.runFor(1_000);
    expect(await rig.beat("one", epoch)).toMatchObject({
      memberEpoch: epoch + 1,
      assignment: { topicPartitions: [{ partitions: [0, 1, 2, 3, 4, 5] }] },
    });
  });

  test("that moves away and comes back begins again with what was under way", async () => {
    const rig = rigWithTopic();
    for (let n = 0; n < 20_000; n++) rig.topics.set(`orders-${n}`, 1);
    await rig.settle();
    const pattern = { subscribedTopicNames: null, subscribedTopicRegex: "orders.*" };
    expect(await rig.beat("one", 0, pattern)).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    // The regular expression is being resolved, and an answer is on its way.
    rig.log.holds = true;
    const parked = rig.beat("two", 0, pattern);
    expect(await isSettled(parked)).toBe(false);
    rig.coordinator.resigned(0);
    expect(await parked).toMatchObject({ errorCode: errorCodes.NOT_COORDINATOR });
    expect(await rig.beat("one", 1)).toMatchObject({ errorCode: errorCodes.NOT_COORDINATOR });
    rig.log.holds = false;
    rig.log.commit();
    rig.coordinator.elected(0);
    rig.coordinator.resigned(0);
    rig.coordinator.elected(0);
    await rig.clock.runFor(10);
    expect(await rig.beat("one", 1)).toMatchObject({ errorCode: 0 });
    await rig.clock.runFor(1_000);
    const [resolved] = await rig.coordinator.describeConsumerGroups(["group"]);
    expect(resolved).toMatchObject({ groupEpoch: 2, members: [{ memberId: "one" }, { memberId: "two" }] });
    // Nobody's session has been forgotten.
    await rig.clock.runFor(50_000);
    const [empty] = await rig.coordinator.describeConsumerGroups(["group"]);
    expect(empty).toMatchObject({ groupState: "Empty" });
  });
});
