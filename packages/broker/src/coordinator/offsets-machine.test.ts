import { errorCodes, zeroUuid } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { MachineRig, protocol } from "../../test/coordinator/machine-rig.ts";
import type { CommitEvent } from "./group-events.ts";

const { FENCED_INSTANCE_ID, GROUP_ID_NOT_FOUND, GROUP_SUBSCRIBED_TO_TOPIC, ILLEGAL_GENERATION, NON_EMPTY_GROUP } =
  errorCodes;
const { OFFSET_METADATA_TOO_LARGE, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, UNSTABLE_OFFSET_COMMIT } = errorCodes;

const day = 86_400_000;
const week = 7 * day;
const idOne = "ynlpIgjfSpuhFXQWJ5rgPQ";
const idTwo = "um3Ye3jCRAKESjuOnoTXdw";

function topic(name: string, topicId = zeroUuid, offset = 1): CommitEvent["topics"][number] {
  const partition = { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null };
  return { name, topicId, partitions: [partition] };
}

describe("committing", () => {
  test("without a group: a group without members begins to exist", () => {
    const rig = new MachineRig();
    expect(rig.commitError(rig.commit({}, 42))).toBe(0);
    expect(rig.committed()).toBe(42);
    expect(rig.group()).toMatchObject({ state: "Empty", protocolType: "", type: "Classic" });
    expect(rig.replayed().committed()).toBe(42);
  });

  test("with a generation of a group that does not exist", () => {
    const rig = new MachineRig();
    expect(rig.commitError(rig.commit({ generationOrEpoch: 1, memberId: "x", apiVersion: 9 }))).toBe(
      GROUP_ID_NOT_FOUND,
    );
    expect(rig.commitError(rig.commit({ generationOrEpoch: 1, memberId: "x", apiVersion: 8 }))).toBe(
      ILLEGAL_GENERATION,
    );
    expect(rig.machine.group("group")).toBeUndefined();
  });

  test("by members and others while the group has members", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(2);
    const commit = (about: Partial<CommitEvent>) => rig.commitError(rig.commit(about));
    expect(commit({ memberId: one!, generationOrEpoch: 1 })).toBe(0);
    expect(commit({})).toBe(UNKNOWN_MEMBER_ID);
    expect(commit({ memberId: "x", generationOrEpoch: 1 })).toBe(UNKNOWN_MEMBER_ID);
    expect(commit({ memberId: "", generationOrEpoch: 1 })).toBe(UNKNOWN_MEMBER_ID);
    expect(commit({ memberId: one!, generationOrEpoch: 0 })).toBe(ILLEGAL_GENERATION);
    expect(commit({ memberId: one!, generationOrEpoch: -1 })).toBe(ILLEGAL_GENERATION);
    expect(commit({ memberId: one!, generationOrEpoch: 1, groupInstanceId: "i" })).toBe(UNKNOWN_MEMBER_ID);
  });

  test("by a static member under another id", () => {
    const rig = new MachineRig();
    const { ticket } = { ticket: rig.join({ groupInstanceId: "i" }) };
    rig.advance(0);
    const { memberId } = rig.joinReply(ticket);
    rig.syncAll([memberId]);
    const about = { generationOrEpoch: 1, groupInstanceId: "i" };
    expect(rig.commitError(rig.commit({ ...about, memberId: "x" }))).toBe(FENCED_INSTANCE_ID);
    expect(rig.commitError(rig.commit({ ...about, memberId }))).toBe(0);
  });

  test("is allowed while members join, and not between their joining and the assignment", () => {
    const rig = new MachineRig();
    const [one, two] = rig.stableGroup(2);
    const about = { memberId: one!, generationOrEpoch: 1 };
    rig.join({ memberId: one! });
    expect(rig.group().state).toBe("PreparingRebalance");
    expect(rig.commitError(rig.commit(about))).toBe(0);
    rig.join({ memberId: two! });
    expect(rig.group().state).toBe("CompletingRebalance");
    expect(rig.commitError(rig.commit(about))).toBe(ILLEGAL_GENERATION);
    expect(rig.commitError(rig.commit({ ...about, generationOrEpoch: 2 }))).toBe(REBALANCE_IN_PROGRESS);
  });

  test("by anybody when the members are gone, even with a member id", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1);
    rig.leave([{ memberId: one! }]);
    expect(rig.commitError(rig.commit({}))).toBe(0);
    expect(rig.commitError(rig.commit({ memberId: "x" }))).toBe(0);
    expect(rig.commitError(rig.commit({ memberId: one!, generationOrEpoch: 2 }))).toBe(UNKNOWN_MEMBER_ID);
  });

  test("metadata is bounded, partition by partition", () => {
    const rig = new MachineRig({ offsetMetadataMaxBytes: 4 });
    expect(rig.commitError(rig.commit({}, 1, "12345"))).toBe(OFFSET_METADATA_TOO_LARGE);
    expect(rig.committed()).toBe(-1);
    expect(rig.commitError(rig.commit({}, 1, "1234"))).toBe(0);
    expect(rig.commitError(rig.commit({}, 2, null))).toBe(0);
    const [answer] = rig.machine.committed.fetchAll("group", false);
    expect(answer!.partitions[0]).toMatchObject({ committedOffset: 2, metadata: "", committedLeaderEpoch: -1 });
  });

  test("a commit that the log refuses", () => {
    const rig = new MachineRig();
    rig.rejectNext = -1;
    expect(rig.commitError(rig.commit())).toBe(-1);
    expect(rig.committed()).toBe(-1);
  });
});

describe("fetching", () => {
  test("what nobody committed, and what a topic of the same name had", () => {
    const rig = new MachineRig();
    rig.commit({ topics: [topic("orders", idOne, 7), topic("old", zeroUuid, 8)] });
    const fetch = (name: string, topicId: string, partition = 0) =>
      rig.machine.committed.fetch("group", [{ name, topicId, partitionIndexes: [partition] }], true)[0]!.partitions[0]!;
    expect(fetch("orders", idOne)).toMatchObject({ committedOffset: 7, errorCode: 0 });
    expect(fetch("orders", zeroUuid)).toMatchObject({ committedOffset: 7 });
    expect(fetch("orders", idTwo)).toEqual({
      partitionIndex: 0,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: "",
      errorCode: 0,
    });
    expect(fetch("old", idTwo)).toMatchObject({ committedOffset: 8 });
    expect(fetch("orders", idOne, 1)).toMatchObject({ committedOffset: -1, metadata: "" });
    expect(rig.machine.committed.fetchAll("group", false).map((one) => one.name)).toEqual(["orders", "old"]);
    expect(rig.machine.committed.fetchAll("nobody", false)).toEqual([]);
  });

  test("within a transaction: invisible until its marker, and unstable for those who ask", () => {
    const { machine } = new MachineRig();
    const value = (offset: number) => ({
      offset,
      leaderEpoch: 3,
      metadata: "m",
      commitTimestamp: 5,
      expireTimestamp: -1,
      topicId: zeroUuid,
    });
    const record = (offset: number) => ({
      kind: "offset" as const,
      groupId: "g",
      topic: "t",
      partition: 0,
      value: value(offset),
    });
    const fetch = (requireStable: boolean) =>
      machine.committed.fetch("g", [{ name: "t", topicId: zeroUuid, partitionIndexes: [0] }], requireStable)[0]!
        .partitions[0]!;
    machine.apply(record(1), { offset: 0, producerId: -1 });
    machine.apply(record(2), { offset: 1, producerId: 77 });
    expect(fetch(false)).toMatchObject({ committedOffset: 1, errorCode: 0 });
    expect(fetch(true)).toMatchObject({ committedOffset: -1, errorCode: UNSTABLE_OFFSET_COMMIT });
    machine.applyMarker(77, true);
    expect(fetch(true)).toMatchObject({ committedOffset: 2, committedLeaderEpoch: 3, metadata: "m", errorCode: 0 });
    machine.apply(record(3), { offset: 3, producerId: 77 });
    machine.applyMarker(77, false);
    expect(fetch(true)).toMatchObject({ committedOffset: 2 });
    // A later commit without a transaction wins over an earlier one within, whenever that one's marker comes.
    machine.apply(record(4), { offset: 5, producerId: 77 });
    machine.apply(record(5), { offset: 6, producerId: -1 });
    machine.applyMarker(77, true);
    expect(fetch(true)).toMatchObject({ committedOffset: 5 });
    machine.applyMarker(78, true);
  });
});

describe("deleting", () => {
  const errorOf = (rig: MachineRig, ticket: number) => {
    const reply = rig.replies.get(ticket);
    if (reply?.kind !== "deleteOffsets") throw new Error("no answer");
    return reply.body.errorCode !== 0 ? reply.body.errorCode : reply.body.topics[0]!.partitions[0]!.errorCode;
  };

  test("offsets: of a group that does not exist, is empty, is subscribed, is no consumer group", () => {
    const rig = new MachineRig();
    expect(errorOf(rig, rig.deleteOffsets("orders", [0]))).toBe(GROUP_ID_NOT_FOUND);
    const [one] = rig.stableGroup(1);
    rig.commit({ memberId: one!, generationOrEpoch: 1, topics: [topic("orders"), topic("payments")] });
    expect(errorOf(rig, rig.deleteOffsets("orders", [0]))).toBe(GROUP_SUBSCRIBED_TO_TOPIC);
    expect(errorOf(rig, rig.deleteOffsets("payments", [0]))).toBe(0);
    expect(rig.committed("payments")).toBe(-1);
    const records = rig.recordCount;
    expect(errorOf(rig, rig.deleteOffsets("payments", [0]))).toBe(0);
    expect(rig.recordCount).toBe(records);
    rig.leave([{ memberId: one! }]);
    expect(errorOf(rig, rig.deleteOffsets("orders", [0]))).toBe(0);
    expect(rig.replayed().committed("orders")).toBe(-1);
    rig.stableGroup(1, { groupId: "connect", protocolType: "connect" });
    expect(errorOf(rig, rig.deleteOffsets("orders", [0], "connect"))).toBe(NON_EMPTY_GROUP);
  });

  test("offsets: metadata that cannot be read counts as subscribed to everything", () => {
    const rig = new MachineRig();
    rig.stableGroup(1, { protocols: [{ name: "range", metadata: Buffer.from([1]) }] });
    expect(rig.group().subscribedTopics).toBeNull();
    expect(errorOf(rig, rig.deleteOffsets("payments", [0]))).toBe(GROUP_SUBSCRIBED_TO_TOPIC);
  });

  test("groups: with members not, else with all that they have committed", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1);
    rig.commit({ memberId: one!, generationOrEpoch: 1 });
    expect(rig.deleteGroups(["group", "nobody"])).toEqual([NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND]);
    rig.leave([{ memberId: one! }]);
    expect(rig.deleteGroups(["group"])).toEqual([0]);
    expect(rig.machine.group("group")).toBeUndefined();
    expect(rig.committed()).toBe(-1);
    const after = rig.replayed();
    expect(after.machine.group("group")).toBeUndefined();
    expect(after.committed()).toBe(-1);
    expect(rig.deleteGroups(["group"])).toEqual([GROUP_ID_NOT_FOUND]);
    expect(rig.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("groups: one that waits for a member to come back with its id", () => {
    const rig = new MachineRig();
    const { memberId } = rig.joinReply(rig.join());
    expect(rig.deleteGroups(["group"])).toEqual([0]);
    expect(rig.joinReply(rig.join({ memberId })).errorCode).toBe(UNKNOWN_MEMBER_ID);
    expect(rig.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("topics: their offsets go, those of a newer topic of the same name stay", () => {
    const rig = new MachineRig();
    rig.commit({ topics: [topic("orders", idOne, 1), topic("payments", idTwo, 2)] });
    rig.commit({ groupId: "other", topics: [topic("orders", idTwo, 3)] });
    rig.commit({ groupId: "third", topics: [topic("orders", zeroUuid, 4)] });
    rig.feed({ type: "topicsDeleted", topics: [{ name: "orders", id: idOne }] });
    expect(rig.committed("orders")).toBe(-1);
    expect(rig.committed("payments")).toBe(2);
    expect(rig.committed("orders", "other")).toBe(3);
    expect(rig.committed("orders", "third")).toBe(-1);
    expect(rig.replayed().committed("orders")).toBe(-1);
  });
});

describe("expiry", () => {
  const expire = (rig: MachineRig, ms: number) => {
    rig.advance(ms);
    rig.feed({ type: "expireOffsets" });
  };

  test("offsets without members: a week after their commit, and the group with the last one", () => {
    const rig = new MachineRig();
    rig.commit();
    expire(rig, day);
    rig.commit({ topics: [topic("payments")] });
    expire(rig, week - day - 1);
    expect(rig.committed("orders")).toBe(1);
    expire(rig, 1);
    expect(rig.committed("orders")).toBe(-1);
    expect(rig.committed("payments")).toBe(1);
    expire(rig, day);
    expect(rig.machine.group("group")).toBeUndefined();
    expect(rig.replayed().machine.group("group")).toBeUndefined();
  });

  test("a group that had members: a week after it became empty", () => {
    const rig = new MachineRig();
    const [one] = rig.stableGroup(1, { sessionTimeoutMs: 1_800_000 });
    rig.commit({ memberId: one!, generationOrEpoch: 1 });
    rig.leave([{ memberId: one! }]);
    expire(rig, week - 1);
    expect(rig.committed()).toBe(1);
    expire(rig, 1);
    expect(rig.machine.group("group")).toBeUndefined();
  });

  test("a running consumer group: only what it is not subscribed to", () => {
    const rig = new MachineRig();
    const session = 1_800_000;
    const [one] = rig.stableGroup(1, { sessionTimeoutMs: session });
    rig.commit({ memberId: one!, generationOrEpoch: 1, topics: [topic("orders"), topic("payments")] });
    for (let passed = 0; passed < week; passed += session) {
      rig.advance(session - 1_000);
      rig.heartbeat(one!, 1);
      rig.advance(1_000);
      rig.heartbeat(one!, 1);
    }
    expire(rig, 0);
    expect(rig.committed("orders")).toBe(1);
    expect(rig.committed("payments")).toBe(-1);
    expect(rig.group().state).toBe("Stable");
  });

  test("never during a rebalance, nor of members that are no consumers", () => {
    const rig = new MachineRig({ offsetsRetentionMinutes: 1 });
    const long = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 };
    const [one] = rig.stableGroup(1, { ...long, protocolType: "connect", protocols: [protocol("range", [])] });
    rig.commit({ memberId: one!, generationOrEpoch: 1, topics: [topic("anything")] });
    expire(rig, 120_000);
    expect(rig.committed("anything")).toBe(1);
  });

  test("a retention time of the client's own (versions 2 to 4) is stored as version 1", () => {
    const rig = new MachineRig();
    rig.commit({ retentionTimeMs: 60_000, apiVersion: 4, topics: [topic("orders", idOne)] });
    expect(rig.log[0]!.value!.readInt16BE(0)).toBe(1);
    const after = rig.replayed();
    expect(after.machine.committed.fetchAll("group", false)).toEqual(rig.machine.committed.fetchAll("group", false));
    expire(rig, 59_999);
    expect(rig.committed()).toBe(1);
    expire(rig, 1);
    expect(rig.committed()).toBe(-1);
  });

  test("a group that nobody has joined and nobody has committed to goes at once", () => {
    const rig = new MachineRig();
    rig.join();
    expire(rig, 0);
    expect(rig.machine.group("group")).toBeUndefined();
  });

  test("not while a transaction is open", () => {
    const rig = new MachineRig();
    rig.commit();
    const value = {
      offset: 1,
      leaderEpoch: -1,
      metadata: "",
      commitTimestamp: 5,
      expireTimestamp: -1,
      topicId: zeroUuid,
    };
    rig.machine.apply(
      { kind: "offset", groupId: "group", topic: "orders", partition: 0, value },
      { offset: 9, producerId: 5 },
    );
    expire(rig, week);
    expect(rig.committed()).toBe(1);
    rig.machine.applyMarker(5, false);
    expire(rig, 0);
    expect(rig.machine.group("group")).toBeUndefined();
  });
});
