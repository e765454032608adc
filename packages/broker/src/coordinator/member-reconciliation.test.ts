import { describe, expect, test } from "vitest";
import type { TopicAssignment } from "./assignors/assignor.ts";
import { memberStates, type StoredCurrentAssignment } from "./consumer-group-records.ts";
import type { TopicIdPartitions } from "./group-events.ts";
import { FencedMember, type Reconciliation, reconcile } from "./member-reconciliation.ts";
import { nothingOwned, type OwnedPartitions } from "./owned-partitions.ts";

type Partitions = Record<string, readonly number[]>;

/** Partitions given at an epoch. */
function owned(partitions: Partitions, epoch = 10): OwnedPartitions {
  return new Map(
    Object.entries(partitions).map(([id, list]) => [id, { partitions: list, epochs: list.map(() => epoch) }]),
  );
}

function said(partitions: Partitions): TopicIdPartitions[] {
  return Object.entries(partitions).map(([topicId, list]) => ({ topicId, partitions: list }));
}

function at(
  memberEpoch: number,
  assigned: Partitions,
  more: Partial<StoredCurrentAssignment> = {},
): StoredCurrentAssignment {
  const { stable } = memberStates;
  return {
    memberEpoch,
    previousMemberEpoch: memberEpoch,
    state: stable,
    assigned: owned(assigned),
    pendingRevocation: nothingOwned,
    ...more,
  };
}

interface Case {
  readonly targetEpoch?: number;
  readonly target: Partitions;
  readonly owned?: Partitions | null;
  readonly taken?: Partitions;
  readonly subscribed?: readonly string[];
  readonly hasSubscriptionChanged?: boolean;
}

function next(one: Case): Reconciliation {
  const target: TopicAssignment = new Map(Object.entries(one.target));
  return {
    targetEpoch: one.targetEpoch ?? 11,
    target,
    owned: one.owned == null ? null : said(one.owned),
    hasSubscriptionChanged: one.hasSubscriptionChanged ?? false,
    isSubscribedTo: (topicId) => one.subscribed?.includes(topicId) ?? true,
    isOwned: (topicId, partition) => one.taken?.[topicId]?.includes(partition) ?? false,
  };
}

/** A step in short: epoch, state, what it owns and what it has to give up. */
function step(current: StoredCurrentAssignment, one: Case) {
  const { memberEpoch, state, assigned, pendingRevocation } = reconcile(current, next(one));
  const plain = (of: OwnedPartitions) =>
    Object.fromEntries([...of].map(([id, { partitions }]) => [id, [...partitions]]));
  const name = Object.entries(memberStates).find(([, value]) => value === state)![0];
  return [memberEpoch, name, plain(assigned), plain(pendingRevocation)];
}

describe("a member on its way to its target", () => {
  test("stays where it is while there is nothing newer", () => {
    const current = at(11, { a: [1, 2] });
    expect(reconcile(current, next({ target: { a: [1] } }))).toBe(current);
  });

  test("moves to a new epoch with the same partitions", () => {
    expect(step(at(10, { a: [1, 2] }), { target: { a: [1, 2] } })).toEqual([11, "stable", { a: [1, 2] }, {}]);
  });

  test("gets what is free, each partition with the epoch at which it got it", () => {
    const moved = reconcile(at(10, { a: [1] }), next({ target: { a: [0, 1], b: [3] } }));
    expect([...moved.assigned]).toEqual([
      ["a", { partitions: [0, 1], epochs: [11, 10] }],
      ["b", { partitions: [3], epochs: [11] }],
    ]);
    expect(moved.previousMemberEpoch).toBe(10);
  });

  test("first gives up what is not its own any more, at its old epoch", () => {
    expect(step(at(10, { a: [1, 2, 3] }), { target: { a: [3, 4] } })).toEqual([
      10,
      "unrevoked",
      { a: [3] },
      { a: [1, 2] },
    ]);
  });

  test("does not wait if it says that it does not own it", () => {
    const one = { target: { a: [3, 4] }, owned: { a: [3] } };
    expect(step(at(10, { a: [1, 2, 3] }), one)).toEqual([11, "stable", { a: [3, 4] }, {}]);
  });

  test("goes on once it has given up, whatever the target is by then", () => {
    const current = at(10, { a: [3] }, { state: memberStates.unrevoked, pendingRevocation: owned({ a: [1, 2] }) });
    for (const owned of [null, { a: [2, 3] }]) {
      expect(reconcile(current, next({ target: { a: [3, 4] }, owned }))).toBe(current);
    }
    expect(step(current, { target: { a: [3, 4] }, owned: { a: [3] } })).toEqual([11, "stable", { a: [3, 4] }, {}]);
    expect(step(current, { targetEpoch: 12, target: { a: [5] }, owned: { a: [3] } })).toEqual([
      10,
      "unrevoked",
      {},
      { a: [3] },
    ]);
    // What it has just given up is its own again, and nobody else can have it.
    const back = { targetEpoch: 12, target: { a: [1, 3] }, owned: { a: [3] }, taken: { a: [1, 2, 3] } };
    expect(step(current, back)).toEqual([12, "stable", { a: [1, 3] }, {}]);
  });

  test("waits for what others still own", () => {
    expect(step(at(10, { a: [1] }), { target: { a: [1, 2] }, taken: { a: [2] } })).toEqual([
      11,
      "unreleased",
      { a: [1] },
      {},
    ]);
    const waiting = at(11, { a: [1] }, { state: memberStates.unreleased });
    expect(reconcile(waiting, next({ target: { a: [1, 2] }, taken: { a: [2] } }))).toBe(waiting);
    expect(step(waiting, { target: { a: [1, 2, 3] }, taken: { a: [2] } })).toEqual([
      11,
      "unreleased",
      { a: [1, 3] },
      {},
    ]);
    expect(step(waiting, { target: { a: [1, 2] } })).toEqual([11, "stable", { a: [1, 2] }, {}]);
    expect(step(waiting, { targetEpoch: 12, target: { a: [7] } })).toEqual([11, "unrevoked", {}, { a: [1] }]);
  });

  test("loses a topic that it does not subscribe to any more, without a new target", () => {
    const one = { target: { a: [1], b: [1] }, subscribed: ["a"], hasSubscriptionChanged: true };
    const current = at(11, { a: [1], b: [1] });
    expect(step(current, one)).toEqual([11, "unrevoked", { a: [1] }, { b: [1] }]);
    expect(step(current, { ...one, owned: { a: [1] } })).toEqual([11, "stable", { a: [1] }, {}]);
    const revoking = at(
      11,
      { a: [1], b: [1] },
      { state: memberStates.unrevoked, pendingRevocation: owned({ b: [2] }) },
    );
    expect(step(revoking, one)).toEqual([11, "unrevoked", { a: [1] }, { b: [1, 2] }]);
    // Nor does it get such a topic from a target that does not know of it yet.
    expect(step(at(10, {}), { ...one, hasSubscriptionChanged: false })).toEqual([11, "stable", { a: [1] }, {}]);
  });

  test("begins anew where a newer broker has left it in a state that is not known", () => {
    const current = at(10, { a: [1] }, { state: memberStates.unknown });
    expect(() => reconcile(current, next({ target: {} }))).toThrow(FencedMember);
    expect(() => reconcile(current, next({ target: {}, owned: { a: [1] } }))).toThrow(FencedMember);
    expect(step(current, { target: { a: [1, 2] }, owned: {} })).toEqual([11, "stable", { a: [1, 2] }, {}]);
  });
});
