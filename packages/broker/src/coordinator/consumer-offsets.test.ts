import { errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ConsumerRig, TestConsumer, topicId } from "../../test/coordinator/consumer-rig.ts";
import type { CommitEvent } from "./group-events.ts";
import { encodeGroupRecord } from "./group-record-codec.ts";
import type { GroupRecord } from "./group-records.ts";

let rig: ConsumerRig;

beforeEach(() => {
  rig = new ConsumerRig();
  rig.topic("orders", 4);
});

function settle(...members: TestConsumer[]): void {
  for (let round = 0; round < 6; round++) for (const member of members) expect(member.beat(rig).errorCode).toBe(0);
}

function commit(
  memberId: string,
  generationOrEpoch: number,
  partitionIndex = 0,
  more: Partial<CommitEvent> = {},
): number {
  const partition = { partitionIndex, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: null };
  const topics = [{ name: "orders", topicId: topicId("orders"), partitions: [partition] }];
  return rig.commitError(rig.commit({ memberId, generationOrEpoch, topics, ...more }));
}

describe("a commit of a member of a consumer group", () => {
  test("needs its epoch, or an earlier one at which it had the partition already", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    settle(one, two);
    expect([one.epoch, two.epoch]).toEqual([3, 3]);
    expect(rig.owned("one")).toEqual([0, 1]);
    // It had these at epoch 2 and has them still: a commit that was under way is not lost (KIP-1251).
    expect(commit("one", 2, 0)).toBe(0);
    expect(commit("one", 1, 0)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    expect(commit("one", 4, 0)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    // This one is somebody else's by now.
    expect(commit("one", 2, 2)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    expect(commit("two", 2, 2)).toBe(errorCodes.STALE_MEMBER_EPOCH);
    expect(commit("two", 3, 2)).toBe(0);
    expect(commit("one", 3, 0, { apiVersion: 8 })).toBe(errorCodes.UNSUPPORTED_VERSION);
    expect(commit("nobody", 3)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
  });

  test("is taken for a partition that it has yet to give up", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    settle(one);
    two.beat(rig);
    one.beat(rig);
    expect(rig.consumer("one").current.pendingRevocation.get(topicId("orders"))?.partitions).toEqual([2, 3]);
    expect(commit("one", 2, 3)).toBe(0);
  });

  test("without a member is for an empty group only", () => {
    const one = new TestConsumer("one");
    settle(one);
    expect(commit("", -1)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    rig.beat({ memberId: "one", memberEpoch: -1 });
    expect(commit("", -1)).toBe(0);
  });
});

describe("the offsets of a consumer group", () => {
  test("are not deleted while somebody subscribes to their topic", () => {
    const one = new TestConsumer("one");
    settle(one);
    commit("one", one.epoch);
    expect(rig.machine.group("group")!.isSubscribedTo("orders")).toBe(true);
    rig.advance(1_000);
    const weekMs = 8 * 24 * 60 * 60_000;
    rig.now += weekMs;
    rig.feed({ type: "expireOffsets" });
    expect(rig.committed()).toBe(5);
    rig.beat({ memberId: "one", memberEpoch: -1 });
    rig.feed({ type: "expireOffsets" });
    expect(rig.committed()).toBe(-1);
    // And with them the group, which has nothing left.
    expect(rig.machine.group("group")).toBeUndefined();
    expect(rig.replayed().machine.group("group")).toBeUndefined();
  });

  test("and the group are deleted on request, once it is empty", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "ord.*" });
    settle(one);
    rig.advance(1);
    settle(one);
    commit("one", one.epoch);
    expect(rig.deleteGroups(["group"])).toEqual([errorCodes.NON_EMPTY_GROUP]);
    rig.beat({ memberId: "one", memberEpoch: -1 });
    expect(rig.deleteGroups(["group"])).toEqual([0]);
    expect(rig.machine.group("group")).toBeUndefined();
    expect(rig.committed()).toBe(-1);
    expect(rig.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a log of other brokers", () => {
  test("has what an older one knew of the topics: it is deleted with the next change", () => {
    const one = new TestConsumer("one");
    settle(one);
    const legacy: GroupRecord = {
      kind: "consumerPartitionMetadata",
      groupId: "group",
      value: { bytes: Buffer.from([0, 0, 1, 0]) },
    };
    rig.log.push(encodeGroupRecord(legacy));
    rig = rig.replayed();
    rig.feed({ type: "loaded" });
    expect(rig.consumers().hasPartitionMetadataRecord).toBe(true);
    one.beat(rig);
    expect(rig.consumers().hasPartitionMetadataRecord).toBe(false);
    expect(rig.replayed().consumers().hasPartitionMetadataRecord).toBe(false);
  });

  test("that was compacted in between may name the new owner before the old one lets go", () => {
    const [one, two] = [new TestConsumer("one"), new TestConsumer("two")];
    settle(one, two);
    const { owners } = rig.consumers();
    const [first, second] = [rig.consumer("one").current, rig.consumer("two").current];
    // The first member's last record, which says what it had before, comes once more before the newest.
    const record = (memberId: string, value: typeof first): GroupRecord => ({
      kind: "consumerCurrentAssignment",
      groupId: "group",
      memberId,
      value,
    });
    const before = { ...first, memberEpoch: 2, assigned: new Map([...first.assigned, ...second.assigned]) };
    for (const one of [record("one", before), record("two", second), record("one", first)]) {
      rig.machine.apply(one, { offset: 0, producerId: -1 });
    }
    for (const [partition, epoch] of [0, 1, 2, 3].map((one) => [one, 3])) {
      expect(owners.epoch(topicId("orders"), partition!)).toBe(epoch);
    }
  });
});
