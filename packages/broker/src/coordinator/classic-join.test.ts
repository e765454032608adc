import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { MachineRig, protocol } from "../../test/coordinator/machine-rig.ts";

const { GROUP_MAX_SIZE_REACHED, INCONSISTENT_GROUP_PROTOCOL } = errorCodes;
const { MEMBER_ID_REQUIRED, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, UNKNOWN_SERVER_ERROR } = errorCodes;

describe("joining", () => {
  test("a dynamic member is given its id first (KIP-394)", () => {
    const rig = new MachineRig();
    const first = rig.joinReply(rig.join());
    expect(first).toMatchObject({ errorCode: MEMBER_ID_REQUIRED, memberId: "client-uuid-1", generationId: -1 });
    const ticket = rig.join({ memberId: first.memberId });
    expect(rig.isAnswered(ticket)).toBe(false);
    rig.advance(0);
    expect(rig.joinReply(ticket)).toMatchObject({
      errorCode: 0,
      generationId: 1,
      protocolType: "consumer",
      protocolName: "range",
      leader: first.memberId,
      memberId: first.memberId,
      skipAssignment: false,
    });
    expect(rig.joinReply(ticket).members).toHaveLength(1);
  });

  test("before version 4 it joins at once", () => {
    const rig = new MachineRig();
    const ticket = rig.join({ apiVersion: 3 });
    rig.advance(0);
    expect(rig.joinReply(ticket)).toMatchObject({ errorCode: 0, generationId: 1, memberId: "client-uuid-1" });
  });

  test("a new group is stored as empty before anything else", () => {
    const rig = new MachineRig();
    rig.join();
    expect(rig.recordCount).toBe(1);
    expect(rig.replayed().group()).toMatchObject({ state: "Empty", generationId: 0, protocolType: "" });
  });

  test("with a member id, a group that does not exist is not made", () => {
    const rig = new MachineRig();
    expect(rig.joinReply(rig.join({ memberId: "somebody" }))).toMatchObject({
      errorCode: UNKNOWN_MEMBER_ID,
      memberId: "somebody",
    });
    expect(rig.machine.group("group")).toBeUndefined();
    expect(rig.recordCount).toBe(0);
  });

  test("an unknown member id in a group with members", () => {
    const rig = new MachineRig();
    rig.stableGroup(1);
    expect(rig.joinReply(rig.join({ memberId: "somebody" })).errorCode).toBe(UNKNOWN_MEMBER_ID);
  });

  test("a group without any protocol type or protocol is refused", () => {
    const rig = new MachineRig();
    expect(rig.joinReply(rig.join({ protocolType: "" })).errorCode).toBe(INCONSISTENT_GROUP_PROTOCOL);
    expect(rig.joinReply(rig.join({ protocols: [] })).errorCode).toBe(INCONSISTENT_GROUP_PROTOCOL);
  });

  test("members need a protocol type and a protocol in common", () => {
    const rig = new MachineRig();
    const [member] = rig.stableGroup(1);
    const other = { protocols: [protocol("roundrobin", ["orders"])] };
    expect(rig.joinReply(rig.join(other))).toMatchObject({ errorCode: INCONSISTENT_GROUP_PROTOCOL, memberId: "" });
    expect(rig.joinReply(rig.join({ protocolType: "connect" })).errorCode).toBe(INCONSISTENT_GROUP_PROTOCOL);
    // The only member may not change to a protocol that nobody else knows either: it counts itself.
    const rejoin = rig.join({ memberId: member!, ...other });
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: INCONSISTENT_GROUP_PROTOCOL, memberId: member });
  });

  test("a pending member that says an instance id is a broken client", () => {
    const rig = new MachineRig();
    const { memberId } = rig.joinReply(rig.join());
    expect(rig.joinReply(rig.join({ memberId, groupInstanceId: "one" })).errorCode).toBe(UNKNOWN_SERVER_ERROR);
  });

  test("a pending member that does not come back is forgotten after its session time-out", () => {
    const rig = new MachineRig();
    const { memberId } = rig.joinReply(rig.join({ sessionTimeoutMs: 10_000 }));
    expect(rig.group().pendingMembers.size).toBe(1);
    rig.advance(10_000);
    expect(rig.group().pendingMembers.size).toBe(0);
    expect(rig.joinReply(rig.join({ memberId })).errorCode).toBe(UNKNOWN_MEMBER_ID);
  });

  test("a rebalance waits for a pending member, but no longer than its session", () => {
    const rig = new MachineRig();
    const [leader] = rig.stableGroup(1);
    rig.join({ sessionTimeoutMs: 6_000 });
    const rejoin = rig.join({ memberId: leader! });
    expect(rig.group().state).toBe("PreparingRebalance");
    rig.advance(5_999);
    expect(rig.isAnswered(rejoin)).toBe(false);
    rig.advance(1);
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  test("a member id that does not fit Kafka's strings is refused", () => {
    const rig = new MachineRig();
    const ticket = rig.join({ groupInstanceId: "i".repeat(32_767) });
    expect(rig.joinReply(ticket).errorCode).toBe(UNKNOWN_SERVER_ERROR);
  });

  test("a new member that waits longer than five minutes is taken for gone", () => {
    const rig = new MachineRig({ groupMaxSessionTimeoutMs: 3_600_000 });
    const options = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 };
    const [old] = rig.stableGroup(1, options);
    const { ticket } = rig.joinAs(options);
    rig.advance(299_999);
    expect(rig.isAnswered(ticket)).toBe(false);
    rig.advance(1);
    expect(rig.joinReply(ticket)).toMatchObject({ errorCode: UNKNOWN_MEMBER_ID, memberId: "" });
    expect([...rig.group().members.keys()]).toEqual([old]);
  });

  test("a member that says the same protocol twice is counted once", () => {
    const rig = new MachineRig();
    const range = protocol("range", ["orders"]);
    const { ticket } = rig.joinAs({ protocols: [range, range] });
    rig.advance(0);
    expect(rig.joinReply(ticket)).toMatchObject({ errorCode: 0, protocolName: "range" });
  });
});

describe("the first rebalance", () => {
  test("waits, and longer while members come", () => {
    const rig = new MachineRig({ groupInitialRebalanceDelayMs: 3_000 });
    const options = { rebalanceTimeoutMs: 10_000 };
    const one = rig.joinAs(options);
    rig.advance(2_000);
    const two = rig.joinAs(options);
    rig.advance(1_000);
    // Somebody came since the wait began: three more seconds.
    expect(rig.isAnswered(one.ticket)).toBe(false);
    rig.advance(2_999);
    expect(rig.isAnswered(one.ticket)).toBe(false);
    rig.advance(1);
    expect(rig.joinReply(one.ticket)).toMatchObject({ generationId: 1, leader: one.memberId });
    expect(rig.joinReply(one.ticket).members).toHaveLength(2);
    expect(rig.joinReply(two.ticket)).toMatchObject({ generationId: 1, members: [] });
  });

  test("waits at most the rebalance time-out", () => {
    const rig = new MachineRig({ groupInitialRebalanceDelayMs: 3_000 });
    const one = rig.joinAs({ rebalanceTimeoutMs: 7_000 });
    for (let second = 0; second < 7; second++) {
      rig.joinAs({ rebalanceTimeoutMs: 7_000 });
      expect(rig.isAnswered(one.ticket)).toBe(false);
      rig.advance(1_000);
    }
    expect(rig.joinReply(one.ticket)).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("ends in an empty group when its only member leaves", () => {
    const rig = new MachineRig({ groupInitialRebalanceDelayMs: 3_000 });
    const one = rig.joinAs();
    rig.leave([{ memberId: one.memberId }]);
    expect(rig.joinReply(one.ticket).errorCode).toBe(UNKNOWN_MEMBER_ID);
    rig.advance(3_000);
    expect(rig.group()).toMatchObject({ state: "Empty", generationId: 1, leaderId: null });
    expect(rig.replayed().group()).toMatchObject({ state: "Empty", generationId: 1, protocolType: "consumer" });
  });
});

describe("rejoining", () => {
  test("in CompletingRebalance with the same metadata gives the same answer again", () => {
    const rig = new MachineRig();
    const one = rig.joinAs();
    const two = rig.joinAs();
    rig.advance(0);
    expect(rig.group().state).toBe("CompletingRebalance");
    expect(rig.joinReply(rig.join({ memberId: one.memberId }))).toEqual(rig.joinReply(one.ticket));
    expect(rig.joinReply(rig.join({ memberId: two.memberId }))).toEqual(rig.joinReply(two.ticket));
    expect(rig.group().generationId).toBe(1);
  });

  test("in CompletingRebalance with other metadata begins again, and refuses those that wait for an assignment", () => {
    const rig = new MachineRig();
    const one = rig.joinAs();
    const two = rig.joinAs();
    rig.advance(0);
    const sync = rig.sync({ memberId: two.memberId, generationId: 1 });
    const rejoin = rig.join({ memberId: one.memberId, protocols: [protocol("range", ["payments"])] });
    expect(rig.syncReply(sync)).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS, protocolName: null });
    expect(rig.group().state).toBe("PreparingRebalance");
    rig.join({ memberId: two.memberId });
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: 0, generationId: 2 });
    expect([...rig.group().subscribedTopics!]).toEqual(["payments", "orders"]);
  });

  test("in Stable: a follower with the same metadata is told the generation, the leader rebalances", () => {
    const rig = new MachineRig();
    const [leader, follower] = rig.stableGroup(2);
    const again = rig.join({ memberId: follower! });
    expect(rig.joinReply(again)).toMatchObject({ errorCode: 0, generationId: 1, leader, members: [] });
    expect(rig.group().state).toBe("Stable");
    const lead = rig.join({ memberId: leader! });
    expect(rig.isAnswered(lead)).toBe(false);
    expect(rig.group().state).toBe("PreparingRebalance");
    rig.join({ memberId: follower! });
    expect(rig.joinReply(lead)).toMatchObject({ errorCode: 0, generationId: 2, leader });
  });

  test("in Stable: a follower with other metadata rebalances", () => {
    const rig = new MachineRig();
    const [, follower] = rig.stableGroup(2);
    rig.join({ memberId: follower!, protocols: [protocol("range", ["orders", "payments"])] });
    expect(rig.group().state).toBe("PreparingRebalance");
  });

  test("a request that comes again while the first is parked takes its place", () => {
    const rig = new MachineRig();
    const [leader, follower] = rig.stableGroup(2);
    const first = rig.join({ memberId: leader! });
    const second = rig.join({ memberId: leader! });
    expect(rig.joinReply(first).errorCode).toBe(REBALANCE_IN_PROGRESS);
    rig.join({ memberId: follower! });
    expect(rig.joinReply(second)).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  test("who does not rejoin in time is out, and a new leader is elected among those who did", () => {
    const rig = new MachineRig();
    const [leader, follower] = rig.stableGroup(2, { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 1_800_000 });
    const third = rig.joinAs({ rebalanceTimeoutMs: 20_000 });
    const rejoin = rig.join({ memberId: follower!, rebalanceTimeoutMs: 20_000 });
    rig.advance(20_000);
    expect(rig.joinReply(rejoin)).toMatchObject({ generationId: 2, leader: follower });
    expect(rig.joinReply(third.ticket)).toMatchObject({ generationId: 2, leader: follower, members: [] });
    expect(rig.heartbeat(leader!, 1)).toBe(UNKNOWN_MEMBER_ID);
  });
});

describe("choosing a protocol", () => {
  const names = (...known: string[]) => ({ protocols: known.map((name) => protocol(name, ["orders"])) });

  test("most votes among those that all know", () => {
    const rig = new MachineRig();
    const tickets = [names("a", "b", "c"), names("b", "a"), names("b", "a")].map(
      (options) => rig.joinAs(options).ticket,
    );
    rig.advance(0);
    expect(rig.joinReply(tickets[0]!).protocolName).toBe("b");
  });

  test("what not everybody knows cannot be chosen", () => {
    const rig = new MachineRig();
    const tickets = [names("sticky", "range"), names("sticky", "range"), names("range")].map(
      (options) => rig.joinAs(options).ticket,
    );
    rig.advance(0);
    expect(rig.joinReply(tickets[0]!).protocolName).toBe("range");
  });

  test("a tie is settled as Java's maps do", () => {
    const rig = new MachineRig();
    const tickets = [names("range", "roundrobin"), names("roundrobin", "range")].map(
      (options) => rig.joinAs(options).ticket,
    );
    rig.advance(0);
    // "range".hashCode() spreads to bucket 9 of a HashMap, "roundrobin".hashCode() to bucket 10.
    expect(rig.joinReply(tickets[0]!).protocolName).toBe("range");
  });
});

describe("the size of a group", () => {
  test("new members are turned away when it is full", () => {
    const rig = new MachineRig({ groupMaxSize: 2 });
    const [one] = rig.stableGroup(2);
    expect(rig.joinReply(rig.join())).toMatchObject({ errorCode: GROUP_MAX_SIZE_REACHED, memberId: "" });
    expect(rig.group().state).toBe("Stable");
    expect(rig.isAnswered(rig.join({ memberId: one! }))).toBe(false);
  });

  test("pending members may be more, but the last to join is turned away", () => {
    const rig = new MachineRig({ groupMaxSize: 2 });
    const ids = [1, 2, 3].map(() => rig.joinReply(rig.join()).memberId);
    const tickets = ids.map((memberId) => rig.join({ memberId }));
    expect(rig.joinReply(tickets[2]!)).toMatchObject({ errorCode: GROUP_MAX_SIZE_REACHED });
    rig.advance(0);
    expect(rig.joinReply(tickets[0]!)).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("a group that a replay finds too large shrinks in a rebalance", () => {
    const rig = new MachineRig({ groupMaxSize: 3 });
    const members = rig.stableGroup(3);
    const small = new MachineRig({ groupMaxSize: 2 });
    for (const { key, value } of rig.log) small.log.push({ key, value });
    const after = small.replayed();
    after.feed({ type: "loaded" });
    expect(after.group().state).toBe("Stable");
    const smaller = new MachineRig({ groupMaxSize: 2 });
    smaller.machine.apply(
      { kind: "classicGroup", groupId: "group", value: rig.group().toStored() },
      { offset: 0, producerId: -1 },
    );
    smaller.feed({ type: "loaded" });
    expect(smaller.group().state).toBe("PreparingRebalance");
    const tickets = members.map((memberId) => smaller.join({ memberId }));
    expect(smaller.joinReply(tickets[2]!).errorCode).toBe(GROUP_MAX_SIZE_REACHED);
    expect(smaller.joinReply(tickets[0]!)).toMatchObject({ errorCode: 0, generationId: 2 });
  });
});
