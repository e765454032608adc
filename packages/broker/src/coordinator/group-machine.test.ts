import { describe, expect, test } from "vitest";
import { MachineRig, protocol } from "../../test/coordinator/machine-rig.ts";
import { encodeGroupRecord } from "./group-record-codec.ts";

/** A small generator of pseudo-random numbers, so that a failing run can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
}

const groups = ["one", "two"];
const topics = ["orders", "payments"];

/** One random event: what clients do, in any order, well or badly. */
function act(rig: MachineRig, pick: (below: number) => number): void {
  const groupId = groups[pick(groups.length)]!;
  const group = rig.machine.group(groupId) === undefined ? undefined : rig.group(groupId);
  const members = group === undefined ? [] : [...group.members.keys(), ...group.pendingMembers.keys()];
  const memberId = members.length === 0 ? "nobody" : members[pick(members.length)]!;
  const member = group?.members.get(memberId);
  const groupInstanceId = member?.groupInstanceId ?? null;
  const generationId = (group?.generationId ?? 0) - (pick(8) === 0 ? 1 : 0);
  const protocols = [protocol("range", [topics[pick(2)]!]), ...(pick(3) === 0 ? [protocol("sticky", ["orders"])] : [])];
  const join = { groupId, protocols, sessionTimeoutMs: 6_000 + pick(20_000), rebalanceTimeoutMs: 1_000 + pick(30_000) };
  switch (pick(12)) {
    case 0:
      rig.join(join);
      break;
    case 1:
      rig.join({ ...join, groupInstanceId: `static-${pick(3)}` });
      break;
    case 2:
    case 3:
    case 4:
      rig.join({
        ...join,
        memberId,
        groupInstanceId,
        protocols: pick(3) === 0 ? protocols : (member?.protocols ?? protocols),
      });
      break;
    case 5:
    case 6:
    case 7: {
      const assignments = members.map((one) => ({ memberId: one, assignment: Buffer.from(`${one}:${pick(100)}`) }));
      rig.sync({ groupId, memberId, generationId, groupInstanceId, assignments });
      break;
    }
    case 8:
      rig.heartbeat(memberId, generationId, groupInstanceId, groupId);
      break;
    case 9:
      if (pick(4) === 0) rig.leave([{ memberId, groupInstanceId }], groupId);
      break;
    case 10:
      rig.commit({ groupId, memberId, groupInstanceId, generationOrEpoch: generationId }, pick(1_000));
      break;
    default:
      rig.advance(pick(4_000));
      if (pick(50) === 0) rig.feed({ type: "expireOffsets" });
      if (pick(50) === 0) rig.deleteGroups([groupId]);
      // The log refuses the next records.
      if (pick(20) === 0) rig.rejectNext = -1;
  }
}

/** The last value that was appended for a group; undefined without any. */
function lastAppended(rig: MachineRig, groupId: string): Buffer | null | undefined {
  const key = encodeGroupRecord({ kind: "classicGroup", groupId, value: null }).key;
  return rig.log.findLast((entry) => entry.key.equals(key))?.value;
}

describe("stored state", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("is what was appended, live and after a replay (seed %i)", (seed) => {
    const rig = new MachineRig({ groupMaxSize: 5, groupInitialRebalanceDelayMs: seed % 2 === 0 ? 0 : 3_000 });
    const pick = generator(seed);
    let stable = 0;
    for (let step = 0; step < 1_500; step++) {
      act(rig, pick);
      for (const groupId of groups) {
        if (rig.machine.group(groupId) === undefined) {
          expect(lastAppended(rig, groupId) ?? null).toBeNull();
          continue;
        }
        const group = rig.group(groupId);
        if (group.state !== "Stable" && group.state !== "Empty") continue;
        if (group.state === "Stable") stable++;
        const value = group.toStored();
        const last = lastAppended(rig, groupId);
        // Without a record of its own a group has only its offsets.
        if (last === undefined) expect(value).toMatchObject({ generation: 0, members: [] });
        else expect(encodeGroupRecord({ kind: "classicGroup", groupId, value }).value).toEqual(last);
      }
      if (step % 100 === 99) expectReplayEqual(rig);
    }
    expect(stable).toBeGreaterThan(20);
  });
});

function expectReplayEqual(rig: MachineRig): void {
  const after = rig.replayed();
  for (const groupId of groups) {
    expect(after.machine.committed.fetchAll(groupId, true)).toEqual(rig.machine.committed.fetchAll(groupId, true));
    const live = rig.machine.group(groupId);
    if (live === undefined) {
      // A group whose offsets are all deleted is forgotten by the live machine with its tombstone, by the other too.
      expect(after.machine.group(groupId)).toBeUndefined();
      continue;
    }
    if (live.state !== "Stable" && live.state !== "Empty") continue;
    expect(after.group(groupId).toStored()).toEqual(rig.group(groupId).toStored());
    expect(after.group(groupId).state).toBe(live.state);
    expect(after.group(groupId).subscribedTopics).toEqual(rig.group(groupId).subscribedTopics);
    expect(after.group(groupId).offsetExpiry()).toEqual(rig.group(groupId).offsetExpiry());
  }
}

describe("a restart", () => {
  test("does not rebalance a running group, and its sessions begin anew", () => {
    const rig = new MachineRig();
    const members = rig.stableGroup(3, { sessionTimeoutMs: 10_000 });
    const after = rig.replayed();
    after.feed({ type: "loaded" });
    after.advance(9_999);
    for (const member of members) expect(after.heartbeat(member, 1)).toBe(0);
    expect(after.group()).toMatchObject({ state: "Stable", generationId: 1, leaderId: rig.group().leaderId });
    expect(after.syncReply(after.sync({ memberId: members[1]!, generationId: 1 })).errorCode).toBe(0);
    after.advance(10_000);
    expect(after.group().state).toBe("Empty");
  });

  test("in a round: the members of the last one are back, and begin again", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2);
    const three = rig.joinAs();
    rig.join({ memberId: one! });
    rig.join({ memberId: two! });
    expect(rig.group()).toMatchObject({ state: "CompletingRebalance", generationId: 2, memberCount: 3 });
    const after = rig.replayed();
    after.feed({ type: "loaded" });
    expect(after.group()).toMatchObject({ state: "Stable", generationId: 1, memberCount: 2 });
    expect(after.heartbeat(three.memberId, 2)).toBe(25);
    expect(after.heartbeat(one!, 2)).toBe(22);
    // The leader joins again, as who is told ILLEGAL_GENERATION does.
    after.join({ memberId: one! });
    const rejoin = after.join({ memberId: two! });
    expect(after.joinReply(rejoin)).toMatchObject({ errorCode: 0, generationId: 2 });
  });
});

describe("a thousand members", () => {
  test("join, rebalance and fail with a bounded number of events and effects", () => {
    const rig = new MachineRig();
    const count = 1_000;
    const options = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 };
    const joined = Array.from({ length: count }, () => rig.joinAs(options));
    // Two requests a member, and the empty group's record.
    expect(rig.eventCount).toBe(2 * count + 1);
    rig.advance(0);
    expect(rig.eventCount).toBe(2 * count + 2);
    expect(rig.replies.size).toBe(2 * count);
    const ids = joined.map((one) => one.memberId);
    expect(rig.joinReply(joined[0]!.ticket).members).toHaveLength(count);
    rig.syncAll(ids);
    // One more a member, and one for what follows the leader's.
    expect(rig.eventCount).toBe(3 * count + 3);
    expect(rig.replies.size).toBe(3 * count);
    expect(rig.recordCount).toBe(2);
    expect(rig.group()).toMatchObject({ state: "Stable", generationId: 1, memberCount: count });

    // One more comes: everybody joins again, and nobody is answered before the last has.
    const late = rig.joinAs(options);
    const tickets = ids.map((memberId) => rig.join({ memberId, ...options }));
    expect(rig.joinReply(tickets[0]!)).toMatchObject({ errorCode: 0, generationId: 2 });
    rig.syncAll([...ids, late.memberId]);
    expect(rig.recordCount).toBe(3);
    expect(rig.eventCount).toBe(3 * count + 3 + 2 + count + (count + 1) + 1);

    // Half of them fail at the same moment; the others notice, join and go on.
    const alive = ids.slice(0, count / 2);
    rig.advance(9_000);
    for (const memberId of alive) rig.heartbeat(memberId, 2);
    const before = rig.eventCount;
    rig.advance(1_000);
    expect(rig.group().memberCount).toBe(count / 2);
    expect(rig.heartbeat(alive[0]!, 2)).toBe(27);
    const again = alive.map((memberId) => rig.join({ memberId, ...options }));
    expect(rig.joinReply(again[0]!)).toMatchObject({ errorCode: 0, generationId: 3 });
    rig.syncAll(alive);
    // Five hundred sessions end, five hundred members join and sync.
    expect(rig.eventCount - before).toBeLessThanOrEqual(count / 2 + 1 + 1 + count / 2 + count / 2 + 2);
    expect(rig.recordCount).toBe(4);
  });

  test("heartbeats move no timer until the old deadline comes up", () => {
    const rig = new MachineRig();
    const ids = rig.stableGroup(100, { sessionTimeoutMs: 10_000 });
    for (let second = 0; second < 60; second += 3) {
      for (const memberId of ids) rig.heartbeat(memberId, 1);
      rig.advance(3_000);
    }
    // One wake-up moves all that have come up.
    expect(rig.eventCount).toBeLessThan(400 + 20 * 100 + 40);
    expect(rig.group()).toMatchObject({ state: "Stable", memberCount: 100 });
  });
});
