import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { MachineRig } from "../../test/coordinator/machine-rig.ts";

const {
  ILLEGAL_GENERATION,
  INCONSISTENT_GROUP_PROTOCOL,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER_ID,
  UNKNOWN_SERVER_ERROR,
} = errorCodes;

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
