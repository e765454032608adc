import { errorCodes } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { MachineRig, protocol } from "../../test/coordinator/machine-rig.ts";

const { FENCED_INSTANCE_ID, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, UNKNOWN_SERVER_ERROR } = errorCodes;

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
