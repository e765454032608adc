import { errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ConsumerRig, TestConsumer, topicId } from "../../test/coordinator/consumer-rig.ts";

const orders = topicId("orders");

let rig: ConsumerRig;

beforeEach(() => {
  rig = new ConsumerRig();
  rig.topic("orders", 6);
});

/** Lets everybody send heartbeats until nobody has anything to do. */
function settle(...members: TestConsumer[]): void {
  for (let round = 0; round < 6; round++) for (const member of members) expect(member.beat(rig).errorCode).toBe(0);
}

describe("a group of the consumer protocol", () => {
  test("gives its first member everything at once", () => {
    const reply = rig.joinGroup({ memberId: "one" });
    expect(reply).toEqual({
      errorCode: 0,
      errorMessage: null,
      memberId: "one",
      memberEpoch: 2,
      heartbeatIntervalMs: 5_000,
      assignment: { topicPartitions: [{ topicId: orders, partitions: [0, 1, 2, 3, 4, 5] }] },
    });
    expect(rig.consumers()).toMatchObject({ state: "Stable", groupEpoch: 2, assignmentEpoch: 2, memberCount: 1 });
  });

  test("moves partitions to a second member only once the first has given them up", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    one.beat(rig);
    expect(two.beat(rig)).toMatchObject({ memberEpoch: 3, assignment: { topicPartitions: [] } });
    expect(rig.consumers().state).toBe("Reconciling");
    // Told to give up, at its old epoch.
    expect(one.beat(rig)).toMatchObject({
      memberEpoch: 2,
      assignment: { topicPartitions: [{ partitions: [0, 1, 2] }] },
    });
    expect(two.beat(rig)).toMatchObject({ assignment: null });
    expect(one.beat(rig)).toMatchObject({ memberEpoch: 3, assignment: null });
    expect(two.beat(rig).assignment).toEqual({ topicPartitions: [{ topicId: orders, partitions: [3, 4, 5] }] });
    expect(rig.consumers().state).toBe("Stable");
  });

  test("answers a heartbeat that changes nothing without a record", () => {
    const one = new TestConsumer("one");
    settle(one);
    const before = [rig.recordCount, rig.eventCount];
    for (let n = 0; n < 10; n++) expect(one.beat(rig)).toMatchObject({ errorCode: 0, assignment: null });
    expect([rig.recordCount, rig.eventCount]).toEqual(before);
  });

  test("assigns anew when a member leaves", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    settle(one, two);
    expect(rig.beat({ memberId: "two", memberEpoch: -1 })).toMatchObject({ errorCode: 0, memberEpoch: -1 });
    expect(rig.consumers()).toMatchObject({ memberCount: 1, groupEpoch: 4, state: "Assigning" });
    settle(one);
    expect(rig.owned("one")).toEqual([0, 1, 2, 3, 4, 5]);
    expect(one.epoch).toBe(4);
  });

  test("sends away a member that is silent for its session timeout", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    settle(one, two);
    rig.advance(40_000);
    one.beat(rig);
    rig.advance(6_000);
    expect([...rig.consumers().members.keys()]).toEqual(["one"]);
    settle(one);
    expect(rig.owned("one")).toHaveLength(6);
    expect(two.beat(rig)).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
      errorMessage: "Member two is not a member of group group.",
    });
  });

  test("sends away a member that does not give up its partitions within its rebalance timeout", () => {
    const [one, two] = [new TestConsumer("one", { rebalanceTimeoutMs: 10_000 }), new TestConsumer("two")];
    one.beat(rig);
    two.beat(rig);
    // It hears of it, and stays alive, but never says that it has let go.
    for (let n = 0; n < 9; n++) {
      expect(rig.beat({ memberId: "one", memberEpoch: 2 })).toMatchObject({ errorCode: 0, memberEpoch: 2 });
      rig.advance(1_000);
    }
    expect(rig.consumers().members.has("one")).toBe(true);
    rig.advance(1_000);
    expect(rig.consumers().members.has("one")).toBe(false);
    settle(two);
    expect(rig.owned("two")).toHaveLength(6);
  });

  test("looks at topics that have grown with the next heartbeat", () => {
    const one = new TestConsumer("one");
    settle(one);
    rig.topic("orders", 8);
    settle(one);
    expect(rig.owned("one")).toHaveLength(8);
    expect(rig.consumers().groupEpoch).toBe(3);
    // A topic that nobody subscribes to is nobody's business.
    rig.topic("payments", 8);
    settle(one);
    expect(rig.consumers().groupEpoch).toBe(3);
    rig.deleteTopic("orders");
    settle(one);
    expect(rig.owned("one")).toEqual([]);
  });

  test("assigns a topic that is made only later", () => {
    const one = new TestConsumer("one", { subscribedTopicNames: ["later"] });
    settle(one);
    expect(rig.consumers().state).toBe("Stable");
    rig.topic("later", 2);
    settle(one);
    expect(rig.owned("one", "later")).toEqual([0, 1]);
  });

  test("takes a topic away that the member does not subscribe to any more", () => {
    rig.topic("payments", 2);
    const one = new TestConsumer("one", { subscribedTopicNames: ["orders", "payments"] });
    settle(one);
    expect(rig.owned("one", "payments")).toEqual([0, 1]);
    one.beat(rig, { subscribedTopicNames: ["orders"] });
    expect(rig.owned("one", "payments")).toEqual([]);
    settle(one);
    expect(rig.consumers().state).toBe("Stable");
  });

  test("assigns members together who come within the assignment interval", () => {
    rig.settings = { ...rig.settings, consumerAssignmentIntervalMs: 1_000 };
    const members = Array.from({ length: 5 }, (_, n) => new TestConsumer(`member-${n}`));
    for (const member of members) member.beat(rig);
    expect(rig.consumers()).toMatchObject({ groupEpoch: 6, assignmentEpoch: 2, state: "Assigning" });
    expect(members.map((member) => member.epoch)).toEqual([2, 2, 2, 2, 2]);
    rig.advance(1_000);
    settle(...members);
    expect(rig.consumers()).toMatchObject({ groupEpoch: 6, assignmentEpoch: 6, state: "Stable" });
  });

  test("uses the assignor that most members ask for", () => {
    rig.topic("payments", 6);
    const options = { subscribedTopicNames: ["orders", "payments"], serverAssignor: "range" };
    const members = ["one", "two", "three", "four"].map((id) => new TestConsumer(id, options));
    settle(...members);
    expect(rig.consumers().preferredAssignor()).toBe("range");
    for (const id of ["one", "two", "three", "four"]) expect(rig.owned(id)).toEqual(rig.owned(id, "payments"));
  });
});

describe("a member of the consumer protocol", () => {
  test("that says an epoch that is not its own is fenced", () => {
    const one = new TestConsumer("one");
    settle(one);
    expect(rig.beat({ memberId: "one", memberEpoch: 7 })).toMatchObject({
      errorCode: errorCodes.FENCED_MEMBER_EPOCH,
      errorMessage:
        "The consumer group member has a greater member epoch (7) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.",
    });
    expect(rig.beat({ memberId: "one", memberEpoch: 1 })).toMatchObject({
      errorCode: errorCodes.FENCED_MEMBER_EPOCH,
      errorMessage:
        "The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.",
    });
  });

  test("goes on with its last epoch if it has missed the answer with the new one", () => {
    const one = new TestConsumer("one");
    settle(one);
    rig.topic("orders", 7);
    const owned = [{ topicId: orders, partitions: [0, 1, 2, 3, 4, 5] }];
    expect(rig.beat({ memberId: "one", memberEpoch: 2, topicPartitions: owned }).memberEpoch).toBe(3);
    const again = { memberId: "one", memberEpoch: 2, rebalanceTimeoutMs: 300_000, subscribedTopicNames: ["orders"] };
    // Without what it owns, or with more than its own, it is not believed.
    expect(rig.beat(again).errorCode).toBe(errorCodes.FENCED_MEMBER_EPOCH);
    const tooMuch = [{ topicId: orders, partitions: [0, 9] }];
    expect(rig.beat({ ...again, topicPartitions: tooMuch }).errorCode).toBe(errorCodes.FENCED_MEMBER_EPOCH);
    expect(rig.beat({ ...again, topicPartitions: owned })).toMatchObject({
      memberEpoch: 3,
      assignment: { topicPartitions: [{ partitions: [0, 1, 2, 3, 4, 5, 6] }] },
    });
  });

  test("that begins anew keeps its place and hears again what it owns", () => {
    const one = new TestConsumer("one");
    settle(one);
    one.fenced();
    expect(one.beat(rig)).toMatchObject({
      memberEpoch: 2,
      assignment: { topicPartitions: [{ partitions: [0, 1, 2, 3, 4, 5] }] },
    });
    expect(rig.consumers().memberCount).toBe(1);
  });

  test("of an older version is given an id", () => {
    expect(rig.joinGroup({ memberId: "", apiVersion: 0, uuid: "chosen" })).toMatchObject({
      memberId: "chosen",
      memberEpoch: 2,
    });
  });

  test("finds no group, and no room", () => {
    expect(rig.beat({ memberId: "one", memberEpoch: 3 })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: "Consumer group group not found.",
    });
    expect(rig.beat({ memberId: "one", memberEpoch: -1 })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: "Group group not found.",
    });
    rig = new ConsumerRig({ groupConsumerMaxSize: 1 });
    rig.joinGroup({ memberId: "one" });
    expect(rig.joinGroup({ memberId: "two" })).toMatchObject({
      errorCode: errorCodes.GROUP_MAX_SIZE_REACHED,
      errorMessage: "The consumer group has reached its maximum capacity of 1 members.",
    });
  });
});

describe("a static member of the consumer protocol", () => {
  const options = { instanceId: "billing-1" };

  test("that comes back within its session gets what it had, and nobody else notices", () => {
    const [one, two] = [new TestConsumer("one", options), new TestConsumer("two")];
    settle(one, two);
    const owned = rig.owned("one");
    expect(rig.beat({ memberId: "one", memberEpoch: -2, instanceId: "billing-1" })).toMatchObject({
      errorCode: 0,
      memberEpoch: -2,
    });
    rig.advance(30_000);
    two.beat(rig);
    expect(two.epoch).toBe(3);
    const again = new TestConsumer("one-again", options);
    expect(again.beat(rig)).toMatchObject({ memberEpoch: 3, assignment: { topicPartitions: [{ partitions: owned }] } });
    expect(rig.consumers()).toMatchObject({ memberCount: 2, groupEpoch: 3, state: "Stable" });
    expect(one.beat(rig)).toMatchObject({
      errorCode: errorCodes.FENCED_INSTANCE_ID,
      errorMessage: "Static member one with instance id billing-1 was fenced by member one-again.",
    });
  });

  test("that takes another name lets go of its old one, as after a replay", () => {
    rig.joinGroup({ memberId: "one", instanceId: "first" });
    rig.joinGroup({ memberId: "one", instanceId: "second" });
    for (const each of [rig, rig.replayed()]) {
      expect(each.consumers().staticMember("first")).toBeUndefined();
      expect(each.consumers().staticMember("second")?.memberId).toBe("one");
    }
    expect(rig.joinGroup({ memberId: "two", instanceId: "first" }).errorCode).toBe(0);
  });

  test("that does not come back loses its place when its session is over", () => {
    const [one, two] = [new TestConsumer("one", options), new TestConsumer("two")];
    settle(one, two);
    rig.beat({ memberId: "one", memberEpoch: -2, instanceId: "billing-1" });
    rig.advance(44_000);
    two.beat(rig);
    expect(rig.consumers().memberCount).toBe(2);
    rig.advance(1_000);
    settle(two);
    expect(rig.owned("two")).toHaveLength(6);
  });

  test("keeps its name until it leaves", () => {
    settle(new TestConsumer("one", options));
    expect(rig.joinGroup({ ...options, memberId: "two" })).toMatchObject({
      errorCode: errorCodes.UNRELEASED_INSTANCE_ID,
      errorMessage:
        "Static member two with instance id billing-1 cannot join the group because the instance id is owned by one member.",
    });
    expect(rig.beat({ memberId: "one", memberEpoch: 2, instanceId: "other" })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
      errorMessage: "Instance id other is unknown.",
    });
    expect(rig.beat({ memberId: "one", memberEpoch: -1, instanceId: "billing-1" }).errorCode).toBe(0);
    expect(rig.joinGroup({ ...options, memberId: "two" }).errorCode).toBe(0);
  });
});
