import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { MachineRig, protocol } from "../../test/coordinator/machine-rig.ts";

const { FENCED_INSTANCE_ID, GROUP_MAX_SIZE_REACHED, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL } = errorCodes;
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

describe("syncing", () => {
  test("everybody gets what the leader says, who is forgotten gets nothing", () => {
    const rig = new MachineRig();
    const [one, two, three] = [rig.joinAs(), rig.joinAs(), rig.joinAs()];
    rig.advance(0);
    const parked = rig.sync({ memberId: two.memberId, generationId: 1 });
    expect(rig.isAnswered(parked)).toBe(false);
    const assignments = [
      { memberId: one.memberId, assignment: Buffer.from("one") },
      { memberId: two.memberId, assignment: Buffer.from("two") },
      { memberId: "nobody", assignment: Buffer.from("x") },
    ];
    const lead = rig.sync({ memberId: one.memberId, generationId: 1, assignments });
    expect(rig.syncReply(lead)).toMatchObject({ errorCode: 0, protocolType: "consumer", protocolName: "range" });
    expect(String(Buffer.from(rig.syncReply(lead).assignment))).toBe("one");
    expect(String(Buffer.from(rig.syncReply(parked).assignment))).toBe("two");
    expect(rig.group().state).toBe("Stable");
    const late = rig.sync({ memberId: three.memberId, generationId: 1 });
    expect(rig.syncReply(late)).toMatchObject({ errorCode: 0, assignment: Buffer.alloc(0) });
    // One record for the group's birth, one for its assignment.
    expect(rig.recordCount).toBe(2);
  });

  test("the errors", () => {
    const rig = new MachineRig();
    expect(rig.syncReply(rig.sync({ memberId: "x", generationId: 1 })).errorCode).toBe(UNKNOWN_MEMBER_ID);
    const [one] = rig.stableGroup(2);
    const sync = (about: Parameters<MachineRig["sync"]>[0]) => rig.syncReply(rig.sync(about)).errorCode;
    expect(sync({ memberId: "x", generationId: 1 })).toBe(UNKNOWN_MEMBER_ID);
    expect(sync({ memberId: one!, generationId: 2 })).toBe(ILLEGAL_GENERATION);
    expect(sync({ memberId: one!, generationId: 1, groupInstanceId: "i" })).toBe(UNKNOWN_MEMBER_ID);
    expect(sync({ memberId: one!, generationId: 1, protocolType: "connect" })).toBe(INCONSISTENT_GROUP_PROTOCOL);
    expect(sync({ memberId: one!, generationId: 1, protocolName: "sticky" })).toBe(INCONSISTENT_GROUP_PROTOCOL);
    expect(sync({ memberId: one!, generationId: 1, protocolType: null, protocolName: null })).toBe(0);
    rig.join({ memberId: one! });
    expect(sync({ memberId: one!, generationId: 1 })).toBe(REBALANCE_IN_PROGRESS);
  });

  test("an empty group", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1);
    rig.leave([{ memberId: one! }]);
    expect(rig.syncReply(rig.sync({ memberId: one!, generationId: 2 })).errorCode).toBe(UNKNOWN_MEMBER_ID);
  });

  test("who does not ask for its assignment within the rebalance time-out is out", () => {
    const rig = new MachineRig();
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 };
    const [one, two] = [rig.joinAs(options), rig.joinAs(options)];
    rig.advance(0);
    rig.sync({ memberId: one.memberId, generationId: 1, assignments: [] });
    expect(rig.group().state).toBe("Stable");
    rig.advance(19_999);
    expect(rig.heartbeat(two.memberId, 1)).toBe(0);
    rig.advance(1);
    expect(rig.heartbeat(two.memberId, 1)).toBe(UNKNOWN_MEMBER_ID);
    expect(rig.heartbeat(one.memberId, 1)).toBe(REBALANCE_IN_PROGRESS);
  });

  test("a leader that never assigns loses its place, and the parked ones begin again", () => {
    const rig = new MachineRig();
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 };
    const [one, two] = [rig.joinAs(options), rig.joinAs(options)];
    rig.advance(0);
    const parked = rig.sync({ memberId: two.memberId, generationId: 1 });
    rig.advance(20_000);
    expect(rig.syncReply(parked).errorCode).toBe(REBALANCE_IN_PROGRESS);
    expect(rig.heartbeat(one.memberId, 1)).toBe(UNKNOWN_MEMBER_ID);
    const rejoin = rig.join({ memberId: two.memberId, ...options });
    expect(rig.joinReply(rejoin)).toMatchObject({ generationId: 2, leader: two.memberId });
  });

  test("a sync timer of an old generation does nothing", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1, { rebalanceTimeoutMs: 20_000 });
    rig.advance(5_000);
    rig.join({ memberId: one!, rebalanceTimeoutMs: 20_000 });
    rig.syncAll([one!]);
    expect(rig.group()).toMatchObject({ state: "Stable", generationId: 2 });
    for (let n = 0; n < 10; n++) {
      rig.advance(5_000);
      expect(rig.heartbeat(one!, 2)).toBe(0);
    }
  });

  test("an assignment that the log refuses is refused to all, and the group rebalances", () => {
    const rig = new MachineRig();
    const [one, two] = [rig.joinAs(), rig.joinAs()];
    rig.advance(0);
    const parked = rig.sync({ memberId: two.memberId, generationId: 1 });
    rig.rejectNext = UNKNOWN_SERVER_ERROR;
    const lead = rig.sync({ memberId: one.memberId, generationId: 1, assignments: [] });
    expect(rig.syncReply(parked).errorCode).toBe(UNKNOWN_SERVER_ERROR);
    expect(rig.syncReply(lead).errorCode).toBe(UNKNOWN_SERVER_ERROR);
    expect(rig.group()).toMatchObject({ state: "PreparingRebalance", generationId: 1 });
    expect(rig.replayed().group().generationId).toBe(0);
  });
});

describe("heartbeats and sessions", () => {
  test("the errors", () => {
    const rig = new MachineRig();
    expect(rig.heartbeat("x", 1)).toBe(UNKNOWN_MEMBER_ID);
    const joined = rig.joinAs();
    rig.advance(0);
    // After JoinGroup's answer and before the assignment: as always.
    expect(rig.heartbeat(joined.memberId, 1)).toBe(0);
    rig.syncAll([joined.memberId]);
    expect(rig.heartbeat(joined.memberId, 1)).toBe(0);
    expect(rig.heartbeat(joined.memberId, 0)).toBe(ILLEGAL_GENERATION);
    expect(rig.heartbeat("x", 1)).toBe(UNKNOWN_MEMBER_ID);
    expect(rig.heartbeat(joined.memberId, 1, "instance")).toBe(UNKNOWN_MEMBER_ID);
    rig.joinAs();
    expect(rig.heartbeat(joined.memberId, 1)).toBe(REBALANCE_IN_PROGRESS);
    rig.leave([{ memberId: joined.memberId }]);
    expect(rig.heartbeat(joined.memberId, 1)).toBe(UNKNOWN_MEMBER_ID);
  });

  test("a session lasts from one sign of life to the next", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1, { sessionTimeoutMs: 10_000 });
    for (let n = 0; n < 5; n++) {
      rig.advance(9_999);
      expect(rig.heartbeat(one!, 1)).toBe(0);
    }
    rig.advance(9_999);
    rig.commit({ memberId: one!, generationOrEpoch: 1 });
    rig.advance(9_999);
    expect(rig.group().state).toBe("Stable");
    rig.advance(1);
    expect(rig.group()).toMatchObject({ state: "Empty", generationId: 2, memberCount: 0 });
  });

  test("a member that fails makes the others rebalance", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2);
    rig.advance(6_000);
    rig.heartbeat(two!, 1);
    rig.advance(4_000);
    expect(rig.group().members.has(one!)).toBe(false);
    expect(rig.heartbeat(two!, 1)).toBe(REBALANCE_IN_PROGRESS);
    expect(rig.joinReply(rig.join({ memberId: two! }))).toMatchObject({ generationId: 2, leader: two });
  });

  test("who waits for an answer need not send heartbeats", () => {
    const rig = new MachineRig();
    const options = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 };
    const [one, two] = rig.stableGroup(2, options);
    const rejoin = rig.join({ memberId: one!, ...options });
    for (let n = 0; n < 5; n++) {
      rig.advance(9_000);
      rig.heartbeat(two!, 1);
    }
    expect(rig.isAnswered(rejoin)).toBe(false);
    rig.join({ memberId: two!, ...options });
    expect(rig.joinReply(rejoin).errorCode).toBe(0);
    const parked = rig.sync({ memberId: two!, generationId: 2 });
    rig.advance(9_000);
    rig.heartbeat(one!, 2);
    rig.advance(9_000);
    rig.sync({ memberId: one!, generationId: 2, assignments: [] });
    expect(rig.syncReply(parked).errorCode).toBe(0);
    // And its session begins anew with the answer.
    rig.advance(9_999);
    expect(rig.heartbeat(two!, 2)).toBe(0);
  });

  test("the last to fail in a rebalance ends it", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2, { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 });
    const rejoin = rig.join({ memberId: one! });
    rig.advance(10_000);
    expect(rig.joinReply(rejoin)).toMatchObject({ generationId: 2, leader: one });
    expect(rig.group().members.has(two!)).toBe(false);
  });
});

describe("leaving", () => {
  test("a batch of members, each with its own answer (version 3)", () => {
    const rig = new MachineRig();
    const [one, two, three] = rig.stableGroup(3);
    const ticket = rig.leave([
      { memberId: one!, reason: "done" },
      { memberId: "x" },
      { memberId: "", groupInstanceId: "i" },
      { memberId: "" },
      { memberId: two!, groupInstanceId: "i" },
    ]);
    const unknown = UNKNOWN_MEMBER_ID;
    expect(rig.leaveErrors(ticket)).toEqual([0, unknown, unknown, unknown, unknown]);
    expect(rig.group().state).toBe("PreparingRebalance");
    expect(rig.heartbeat(three!, 1)).toBe(REBALANCE_IN_PROGRESS);
    expect(rig.leaveErrors(rig.leave([{ memberId: two! }, { memberId: three! }]))).toEqual([0, 0]);
    expect(rig.group()).toMatchObject({ state: "Empty", generationId: 2, protocolName: null });
  });

  test("nobody leaves: nothing happens", () => {
    const rig = new MachineRig();
    rig.stableGroup(1);
    rig.leave([{ memberId: "x" }]);
    expect(rig.group().state).toBe("Stable");
  });

  test("a group that does not exist", () => {
    const rig = new MachineRig();
    expect(rig.leaveErrors(rig.leave([{ memberId: "x" }]))).toEqual([UNKNOWN_MEMBER_ID]);
  });

  test("a pending member", () => {
    const rig = new MachineRig();
    const { memberId } = rig.joinReply(rig.join());
    expect(rig.leaveErrors(rig.leave([{ memberId }]))).toEqual([0]);
    expect(rig.group().pendingMembers.size).toBe(0);
  });

  test("while the others join: the round goes on without it", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2);
    const rejoin = rig.join({ memberId: one! });
    rig.leave([{ memberId: two! }]);
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  test("who leaves while its requests are parked is told", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2);
    const rejoin = rig.join({ memberId: one! });
    rig.leave([{ memberId: one! }]);
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: UNKNOWN_MEMBER_ID, memberId: "" });
    rig.join({ memberId: two! });
    rig.syncAll([two!]);
    const third = rig.joinAs();
    rig.join({ memberId: two! });
    const parked = rig.sync({ memberId: third.memberId, generationId: 3 });
    rig.leave([{ memberId: third.memberId }]);
    expect(rig.syncReply(parked).errorCode).toBe(UNKNOWN_MEMBER_ID);
  });
});

describe("static members (KIP-345)", () => {
  const instance = (groupInstanceId: string, more: object = {}) => ({ groupInstanceId, ...more });

  function staticGroup(rig: MachineRig, ids: string[], more: object = {}): string[] {
    const tickets = ids.map((id) => rig.join(instance(id, more)));
    rig.advance(0);
    const members = tickets.map((ticket) => rig.joinReply(ticket).memberId);
    rig.syncAll(members);
    return members;
  }

  test("join at once and are named after their instance", () => {
    const rig = new MachineRig();
    const [one] = staticGroup(rig, ["one", "two"]);
    expect(one).toMatch(/^one-uuid-/);
    expect(rig.group()).toMatchObject({ state: "Stable", staticMemberCount: 2 });
  });

  test("come back in a stable group without anybody noticing, and the old id is fenced", () => {
    const rig = new MachineRig();
    const [one, two] = staticGroup(rig, ["one", "two"]);
    const records = rig.recordCount;
    const back = rig.joinReply(rig.join(instance("two")));
    expect(back).toMatchObject({ errorCode: 0, generationId: 1, leader: one, skipAssignment: false, members: [] });
    expect(back.memberId).not.toBe(two);
    expect(rig.group()).toMatchObject({ state: "Stable", generationId: 1 });
    expect(rig.recordCount).toBe(records + 1);
    expect(rig.heartbeat(two!, 1, "two")).toBe(FENCED_INSTANCE_ID);
    expect(rig.heartbeat(two!, 1)).toBe(UNKNOWN_MEMBER_ID);
    const sync = (memberId: string) => rig.syncReply(rig.sync({ memberId, generationId: 1, groupInstanceId: "two" }));
    expect(sync(two!).errorCode).toBe(FENCED_INSTANCE_ID);
    expect(String(Buffer.from(sync(back.memberId).assignment))).toBe(`work of ${two}`);
    expect(rig.joinReply(rig.join(instance("two", { memberId: two }))).errorCode).toBe(FENCED_INSTANCE_ID);
    const leave = rig.leave([{ memberId: two!, groupInstanceId: "two" }]);
    expect(rig.leaveErrors(leave)).toEqual([FENCED_INSTANCE_ID]);
    const commit = { memberId: two!, groupInstanceId: "two", generationOrEpoch: 1 };
    expect(rig.commitError(rig.commit(commit))).toBe(FENCED_INSTANCE_ID);
    expect(rig.heartbeat(back.memberId, 1, "two")).toBe(0);
  });

  test("a leader that comes back is told not to assign (version 9), or that another leads", () => {
    const rig = new MachineRig();
    const [one] = staticGroup(rig, ["one", "two"]);
    const back = rig.joinReply(rig.join(instance("one")));
    expect(back).toMatchObject({ errorCode: 0, generationId: 1, leader: back.memberId, skipAssignment: true });
    expect(back.members).toHaveLength(2);
    const old = rig.joinReply(rig.join(instance("one", { apiVersion: 8 })));
    expect(old).toMatchObject({ errorCode: 0, leader: back.memberId, skipAssignment: false, members: [] });
    expect(old.memberId).not.toBe(back.memberId);
    expect(one).not.toBe(back.memberId);
  });

  test("its session goes on under the new id", () => {
    const rig = new MachineRig();
    staticGroup(rig, ["one"], { sessionTimeoutMs: 10_000 });
    rig.advance(9_000);
    const back = rig.joinReply(rig.join(instance("one", { sessionTimeoutMs: 20_000 })));
    rig.advance(19_999);
    expect(rig.heartbeat(back.memberId, 1, "one")).toBe(0);
    rig.advance(20_000);
    expect(rig.group().state).toBe("Empty");
  });

  test("a restart remembers who is who", () => {
    const rig = new MachineRig();
    staticGroup(rig, ["one", "two"]);
    const back = rig.joinReply(rig.join(instance("two")));
    const after = rig.replayed();
    expect(after.group().staticMemberId("two")).toBe(back.memberId);
    expect(after.group().toStored()).toEqual(rig.group().toStored());
    expect(after.heartbeat(back.memberId, 1, "two")).toBe(0);
  });

  test("comes back with a subscription of its own: still no rebalance, as in Kafka", () => {
    const rig = new MachineRig();
    staticGroup(rig, ["one", "two"]);
    rig.join(instance("two", { protocols: [protocol("range", ["payments"])] }));
    expect(rig.group().state).toBe("Stable");
    expect([...rig.group().subscribedTopics!]).toEqual(["orders", "payments"]);
  });

  test("comes back and changes the protocol: a rebalance", () => {
    const rig = new MachineRig();
    const both = { protocols: [protocol("range", ["orders"]), protocol("sticky", ["orders"])] };
    const [one] = staticGroup(rig, ["one"], both);
    const ticket = rig.join(instance("one", { protocols: [protocol("sticky", ["orders"])] }));
    // It is the only member, so that everybody has joined.
    const back = rig.joinReply(ticket);
    expect(back).toMatchObject({ errorCode: 0, generationId: 2, protocolName: "sticky" });
    expect(back.memberId).not.toBe(one);
  });

  test("comes back while the others join: the parked request of the old id is fenced", () => {
    const rig = new MachineRig();
    const [one, two] = staticGroup(rig, ["one", "two"]);
    const parked = rig.join(instance("one", { memberId: one }));
    const back = rig.join(instance("one"));
    expect(rig.joinReply(parked)).toMatchObject({ errorCode: FENCED_INSTANCE_ID, memberId: one });
    rig.join(instance("two", { memberId: two }));
    expect(rig.joinReply(back)).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(rig.joinReply(back).leader).toBe(rig.joinReply(back).memberId);
  });

  test("comes back while assignments are awaited: everybody joins again", () => {
    const rig = new MachineRig();
    const tickets = [rig.join(instance("one")), rig.join(instance("two"))];
    rig.advance(0);
    const [one, two] = tickets.map((ticket) => rig.joinReply(ticket).memberId);
    const parked = rig.sync({ memberId: two!, generationId: 1, groupInstanceId: "two" });
    const back = rig.join(instance("two"));
    expect(rig.syncReply(parked).errorCode).toBe(FENCED_INSTANCE_ID);
    expect(rig.group().state).toBe("PreparingRebalance");
    rig.join(instance("one", { memberId: one }));
    expect(rig.joinReply(back)).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  test("does not rejoin in time: stays a member until its session ends", () => {
    const rig = new MachineRig();
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 };
    const [one, two] = staticGroup(rig, ["one", "two"], options);
    const rejoin = rig.join(instance("one", { memberId: one, ...options }));
    rig.advance(20_000);
    expect(rig.joinReply(rejoin)).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(rig.group().members.has(two!)).toBe(true);
  });

  test("none rejoins: the group waits on until their sessions end", () => {
    const rig = new MachineRig();
    const options = { rebalanceTimeoutMs: 10_000, sessionTimeoutMs: 35_000 };
    const [one, two] = staticGroup(rig, ["one", "two"], options);
    rig.leave([{ memberId: "", groupInstanceId: "two" }]);
    expect(rig.group()).toMatchObject({ state: "PreparingRebalance", memberCount: 1 });
    rig.advance(34_999);
    expect(rig.group()).toMatchObject({ state: "PreparingRebalance", memberCount: 1 });
    expect(rig.heartbeat(one!, 1, "one")).toBe(REBALANCE_IN_PROGRESS);
    rig.advance(35_000);
    expect(rig.group()).toMatchObject({ state: "Empty", generationId: 2 });
    expect(rig.heartbeat(two!, 1, "two")).toBe(UNKNOWN_MEMBER_ID);
  });

  test("removed by an administrator by its instance alone", () => {
    const rig = new MachineRig();
    const [one] = staticGroup(rig, ["one", "two"]);
    expect(rig.leaveErrors(rig.leave([{ memberId: "", groupInstanceId: "two" }]))).toEqual([0]);
    expect(rig.group().staticMemberId("two")).toBeUndefined();
    expect(rig.heartbeat(one!, 1, "one")).toBe(REBALANCE_IN_PROGRESS);
  });

  test("a refused append leaves everything as it was", () => {
    const rig = new MachineRig();
    const [one] = staticGroup(rig, ["one"]);
    rig.rejectNext = UNKNOWN_SERVER_ERROR;
    expect(rig.joinReply(rig.join(instance("one"))).errorCode).toBe(UNKNOWN_SERVER_ERROR);
    expect(rig.heartbeat(one!, 1, "one")).toBe(0);
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
