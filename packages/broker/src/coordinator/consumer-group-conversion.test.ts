import { consumerProtocolAssignment, encodeStored, errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ClassicConsumer } from "../../test/coordinator/classic-consumer.ts";
import { ConsumerRig, TestConsumer, topicId } from "../../test/coordinator/consumer-rig.ts";

let rig: ConsumerRig;

beforeEach(() => {
  rig = new ConsumerRig();
  rig.topic("orders", 6);
});

/** Everybody goes on until nobody has anything to do. */
function settle(...members: (TestConsumer | ClassicConsumer)[]): void {
  for (let round = 0; round < 12; round++) {
    for (const member of members) {
      if (member instanceof ClassicConsumer) member.step(rig);
      else expect(member.beat(rig).errorCode).toBe(0);
    }
    rig.advance(1);
  }
}

function partitionsOf(member: TestConsumer | ClassicConsumer): readonly number[] {
  return member.owned.get(member instanceof ClassicConsumer ? "orders" : topicId("orders")) ?? [];
}

function expectAllAssigned(...members: (TestConsumer | ClassicConsumer)[]): void {
  const all = members.flatMap((member) => [...partitionsOf(member)]);
  expect(all.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  for (const member of members) expect(partitionsOf(member).length).toBeGreaterThan(0);
}

describe("a classic group whose members change over to the consumer protocol", () => {
  test.each([false, true])("becomes a consumer group, and a classic one again (cooperative: %s)", (isCooperative) => {
    const [one, two] = [
      new ClassicConsumer(["orders"], { isCooperative }),
      new ClassicConsumer(["orders"], { isCooperative }),
    ];
    settle(one, two);
    expectAllAssigned(one, two);
    expect(rig.group().type).toBe("Classic");
    const { generationId } = rig.group();
    const three = new TestConsumer("three");
    three.beat(rig);
    expect(rig.consumers()).toMatchObject({ memberCount: 3, classicMemberCount: 2, groupEpoch: generationId + 1 });
    settle(one, two, three);
    expect(rig.consumers().state).toBe("Stable");
    expectAllAssigned(one, two, three);
    expect(rig.replayed().consumers()).toMatchObject({ memberCount: 3, state: "Stable" });
    const { groupEpoch } = rig.consumers();
    rig.beat({ memberId: "three", memberEpoch: -1 });
    expect(rig.group()).toMatchObject({ type: "Classic", state: "PreparingRebalance", generationId: groupEpoch });
    settle(one, two);
    expect(rig.group()).toMatchObject({ state: "Stable", generationId: groupEpoch + 1, memberCount: 2 });
    expectAllAssigned(one, two);
    expect(rig.replayed().group()).toMatchObject({ type: "Classic", state: "Stable", memberCount: 2 });
  });

  test("keeps partitions flowing that stay where they are", () => {
    const [one, two] = [
      new ClassicConsumer(["orders"], { isCooperative: true }),
      new ClassicConsumer(["orders"], { isCooperative: true }),
    ];
    settle(one, two);
    const before = [...partitionsOf(one)];
    new TestConsumer("three").beat(rig);
    expect([...rig.consumer(one.memberId).current.assigned.get(topicId("orders"))!.partitions]).toEqual(before);
    expect(rig.heartbeat(one.memberId, one.generation)).toBe(errorCodes.REBALANCE_IN_PROGRESS);
    expect(partitionsOf(one)).toEqual(before);
  });

  test("keeps for cooperative members what they own in the middle of a round", () => {
    const [one, two] = [
      new ClassicConsumer(["orders"], { isCooperative: true }),
      new ClassicConsumer(["orders"], { isCooperative: true }),
    ];
    settle(one, two);
    const [ofOne, ofTwo] = [partitionsOf(one), partitionsOf(two)];
    // Both have joined the next round, and before the leader could say anything somebody else joins: nobody is assigned anything.
    rig.join({ memberId: one.memberId, protocols: [one.protocol] });
    rig.join({ memberId: two.memberId, protocols: [two.protocol] });
    expect(rig.group()).toMatchObject({ type: "Classic", state: "CompletingRebalance" });
    const late = new ClassicConsumer(["orders"], { isCooperative: true });
    late.step(rig);
    late.step(rig);
    expect(rig.group()).toMatchObject({ type: "Classic", state: "PreparingRebalance" });
    const three = new TestConsumer("three");
    three.beat(rig);
    const owned = (member: ClassicConsumer) =>
      rig.consumer(member.memberId).current.assigned.get(topicId("orders"))?.partitions ?? [];
    expect([owned(one), owned(two)]).toEqual([ofOne, ofTwo]);
    three.beat(rig);
    expect(partitionsOf(three)).toEqual([]);
    one.next = "join";
    two.next = "join";
    settle(one, two, three, late);
    expectAllAssigned(one, two, three, late);
  });

  test("sends a classic member away that was counted out and still claims partitions", () => {
    const [one, two] = [
      new ClassicConsumer(["orders"], { isCooperative: true }),
      new ClassicConsumer(["orders"], { isCooperative: true }),
    ];
    const three = new TestConsumer("three");
    settle(one, two, three);
    const { memberId } = one;
    expect(one.owned.size).toBe(1);
    rig.leave([{ memberId }]);
    one.next = "join";
    one.step(rig);
    expect(one.lastError).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(rig.consumers().memberCount).toBe(2);
    settle(one, two, three);
    expect(one.memberId).not.toBe(memberId);
    expectAllAssigned(one, two, three);
  });

  test("answers those who wait for the classic round", () => {
    const one = new ClassicConsumer();
    settle(one);
    const two = new ClassicConsumer();
    two.step(rig);
    two.step(rig);
    expect(rig.group().state).toBe("PreparingRebalance");
    const three = new TestConsumer("three");
    three.beat(rig);
    two.step(rig);
    expect(two.lastError).toBe(errorCodes.REBALANCE_IN_PROGRESS);
    settle(one, two, three);
    expectAllAssigned(one, two, three);
  });

  test("even while its very first round is on", () => {
    const one = new ClassicConsumer();
    one.step(rig);
    one.step(rig);
    expect(rig.group().state).toBe("PreparingRebalance");
    const two = new TestConsumer("two");
    two.beat(rig);
    settle(one, two);
    expectAllAssigned(one, two);
  });

  test("commits and fetches with its generation, and nobody else's", () => {
    const one = new ClassicConsumer();
    settle(one);
    const two = new TestConsumer("two");
    two.beat(rig);
    settle(one, two);
    const commit = (memberId: string, generationOrEpoch: number) =>
      rig.commitError(rig.commit({ memberId, generationOrEpoch }));
    expect(commit(one.memberId, one.generation)).toBe(0);
    expect(commit(one.memberId, one.generation + 1)).toBe(errorCodes.ILLEGAL_GENERATION);
    expect(commit("two", two.epoch)).toBe(0);
    expect(commit("two", two.epoch + 1)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    expect(commit("nobody", 1)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(commit("", -1)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    const group = rig.consumers();
    expect(group.checkOffsetFetch(one.memberId, one.generation)).toBe(0);
    expect(group.checkOffsetFetch(one.memberId, 99)).toBe(errorCodes.ILLEGAL_GENERATION);
    expect(group.checkOffsetFetch("two", 99)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    expect(group.checkOffsetFetch(null, -1)).toBe(0);
  });

  test("does not where the policy, the protocol or a custom assignor is against it", () => {
    const join = (config: ConstructorParameters<typeof ConsumerRig>[0], member: ClassicConsumer) => {
      rig = new ConsumerRig(config);
      rig.topic("orders", 6);
      settle(member);
      const reply = rig.joinGroup({ memberId: "new" });
      return [reply.errorCode, reply.errorMessage];
    };
    const refused = (why: string) => [
      errorCodes.GROUP_ID_NOT_FOUND,
      `Cannot upgrade classic group group to consumer group because ${why}.`,
    ];
    for (const groupConsumerMigrationPolicy of ["disabled", "downgrade"] as const) {
      expect(join({ groupConsumerMigrationPolicy }, new ClassicConsumer())).toEqual(
        refused("online upgrade is disabled"),
      );
    }
    expect(join({ groupConsumerMaxSize: 0 }, new ClassicConsumer())).toEqual(
      refused("the group size exceeds the consumer group maximum size"),
    );
    rig = new ConsumerRig();
    rig.stableGroup(1, { protocolType: "connect" });
    expect(rig.joinGroup({ memberId: "new" }).errorMessage).toBe(
      refused("the group does not use the consumer embedded protocol")[1],
    );
    rig = new ConsumerRig();
    const assignment = encodeStored(1, consumerProtocolAssignment, {
      assignedPartitions: [],
      userData: Buffer.from("mine"),
    });
    const { ticket, memberId } = rig.joinAs();
    rig.advance(0);
    const { generationId } = rig.joinReply(ticket);
    rig.sync({ memberId, generationId, assignments: [{ memberId, assignment }] });
    expect(rig.joinGroup({ memberId: "new" }).errorMessage).toMatch(/an unsupported custom assignor is in use/);
    expect(rig.group().state).toBe("Stable");
  });
});

describe("a consumer group with members of the classic protocol", () => {
  test("does not take them where the policy is against it", () => {
    rig = new ConsumerRig({ groupConsumerMigrationPolicy: "disabled" });
    rig.topic("orders", 6);
    settle(new TestConsumer("one"));
    const two = new ClassicConsumer();
    two.step(rig);
    expect(two.lastError).toBe(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  });

  test("takes them", () => {
    const [one, two] = [new TestConsumer("one"), new ClassicConsumer()];
    settle(one);
    settle(one, two);
    expectAllAssigned(one, two);
    expect(rig.joinReply(rig.join({ protocolType: "connect" })).errorCode).toBe(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  });

  test("stays one where the policy does not let it become a classic one, and still assigns", () => {
    rig = new ConsumerRig({ groupConsumerMigrationPolicy: "upgrade" });
    rig.topic("orders", 6);
    const [one, two] = [new TestConsumer("one"), new ClassicConsumer()];
    settle(one, two);
    rig.beat({ memberId: "one", memberEpoch: -1 });
    settle(two);
    expect(rig.consumers()).toMatchObject({ state: "Stable", memberCount: 1, classicMemberCount: 1 });
    expectAllAssigned(two);
    // Nobody leads, so nobody looks for new partitions but the broker.
    rig.topic("orders", 8);
    settle(two);
    expect(partitionsOf(two)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("loses them by their own session timeout, or if they do not join again or ask for their assignment", () => {
    const [one, two] = [new TestConsumer("one"), new ClassicConsumer()];
    settle(one, two);
    const wait = (ms: number, ...alive: (() => void)[]) => {
      for (let passed = 0; passed < ms; passed += 5_000) {
        rig.advance(5_000);
        one.beat(rig);
        for (const beat of alive) beat();
      }
    };
    wait(40_000);
    expect(rig.consumers().memberCount).toBe(2);
    wait(10_000);
    expect(rig.consumers().memberCount).toBe(1);
    settle(one, two);
    expectAllAssigned(one, two);
    // It is told to join again, and only sends heartbeats.
    rig.topic("orders", 7);
    one.beat(rig);
    const { memberId, generation } = two;
    wait(50_000, () => expect(rig.heartbeat(memberId, generation)).toBe(errorCodes.REBALANCE_IN_PROGRESS));
    wait(15_000, () => rig.heartbeat(memberId, generation));
    expect(rig.consumers().memberCount).toBe(1);
    // It joins, and never asks what it gets.
    const three = new ClassicConsumer();
    three.step(rig);
    three.step(rig);
    expect(three.next).toBe("sync");
    wait(55_000, () => rig.heartbeat(three.memberId, three.generation));
    expect(rig.consumers().memberCount).toBe(2);
    wait(10_000, () => rig.heartbeat(three.memberId, three.generation));
    expect(rig.consumers().memberCount).toBe(1);
  });

  test("lets an administrator remove members of either protocol", () => {
    const [one, two] = [new TestConsumer("one", { instanceId: "static-1" }), new ClassicConsumer()];
    settle(one, two);
    const leaving = [{ memberId: "", groupInstanceId: "static-1" }, { memberId: "nobody" }];
    expect(rig.leaveErrors(rig.leave(leaving))).toEqual([0, errorCodes.UNKNOWN_MEMBER_ID]);
    settle(two);
    expect(rig.group().type).toBe("Classic");
    expectAllAssigned(two);
  });

  test("becomes a classic one without a rebalance when its last member of the other protocol is replaced", () => {
    const classic = new ClassicConsumer();
    const fixed = new TestConsumer("fixed", { instanceId: "static-1" });
    settle(fixed, classic);
    const owned = partitionsOf(fixed);
    const again = new ClassicConsumer(["orders"], { instanceId: "static-1" });
    again.step(rig);
    expect(rig.group()).toMatchObject({ type: "Classic", state: "Stable", memberCount: 2 });
    settle(classic, again);
    expect(rig.group().state).toBe("Stable");
    expect(partitionsOf(again)).toEqual(owned);
    expectAllAssigned(classic, again);
  });

  test("gives a static member its place back when it comes with the other protocol", () => {
    const other = new TestConsumer("other");
    const fixed = new ClassicConsumer(["orders"], { instanceId: "static-1" });
    settle(other, fixed);
    const owned = partitionsOf(fixed);
    const again = new TestConsumer("again", { instanceId: "static-1" });
    expect(again.beat(rig).errorCode).toBe(0);
    expect(partitionsOf(again)).toEqual(owned);
    expect(rig.consumers()).toMatchObject({ memberCount: 2, classicMemberCount: 0, state: "Stable" });
    expect(rig.heartbeat(fixed.memberId, fixed.generation, "static-1")).toBe(errorCodes.FENCED_INSTANCE_ID);
  });
});

describe("a classic member of a consumer group", () => {
  test("gets an id of the form that such groups have", () => {
    settle(new TestConsumer("one"));
    const asked = rig.joinReply(rig.join({ shortUuid: "OUUZaeHETzyhNOKwBrT4kg" }));
    expect(asked).toMatchObject({ errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: "OUUZaeHETzyhNOKwBrT4kg" });
  });

  test("counts once for a protocol that it names twice", () => {
    settle(new TestConsumer("one"));
    const [named] = rig.joinEvent().protocols;
    rig.join({ memberId: "two", protocols: [named!, named!] });
    expect(rig.joinReply(rig.join({ memberId: "three" })).errorCode).toBe(0);
  });

  test("need not join again once it speaks the other protocol", () => {
    settle(new TestConsumer("one"));
    rig.join({ memberId: "two", rebalanceTimeoutMs: 10_000 });
    rig.joinGroup({ memberId: "two" });
    expect(rig.consumers().classicMemberCount).toBe(0);
    rig.advance(20_000);
    expect(rig.consumers().members.has("two")).toBe(true);
  });
});

describe("an empty group", () => {
  test("gives way to one of the other kind, and keeps its offsets", () => {
    rig.commit({}, 7);
    const one = new TestConsumer("one");
    settle(one);
    expect(rig.consumers().memberCount).toBe(1);
    expect(rig.committed()).toBe(7);
    rig.beat({ memberId: "one", memberEpoch: -1 });
    const two = new ClassicConsumer();
    settle(two);
    expect(rig.group()).toMatchObject({ type: "Classic", state: "Stable" });
    expect(rig.committed()).toBe(7);
    rig.leave([{ memberId: two.memberId }]);
    settle(new TestConsumer("three"));
    expect(rig.consumers()).toMatchObject({ state: "Stable", groupEpoch: 2 });
    expect(rig.committed()).toBe(7);
    const again = rig.replayed();
    expect(again.consumers()).toMatchObject({ state: "Stable", memberCount: 1 });
    expect(again.committed()).toBe(7);
  });

  test("stays what it is where somebody joins who is no member of it", () => {
    settle(new TestConsumer("one"));
    rig.beat({ memberId: "one", memberEpoch: -1 });
    expect(rig.joinReply(rig.join({ memberId: "somebody" })).errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(rig.consumers()).toMatchObject({ state: "Empty" });
  });
});
