import { describe, expect, test } from "vitest";
import { flat, grouped } from "../../../test/golden-assignors.ts";
import type { AssignorMember } from "./assignor.ts";
import { cooperativeSticky } from "./cooperative-sticky.ts";
import { sticky } from "./sticky.ts";

const t = (...partitions: number[]): [string, number][] => partitions.map((n) => ["t", n]);

/** A member that claims these partitions in that generation, by the means of both assignors. */
function member(memberId: string, generationId = -1, claimed: [string, number][] = [], topics = ["t"]): AssignorMember {
  const ownedPartitions = grouped(claimed);
  const context = { topics, lastAssignment: ownedPartitions, lastGenerationId: generationId };
  const userData = sticky.subscription!(context);
  return { memberId, groupInstanceId: null, topics, userData, ownedPartitions, generationId, rackId: null };
}

const topics = (count: number) => ({
  partitionCount: (topic: string) => (topic === "t" ? count : 0),
  replicaRacks: () => [],
});

describe("of several claims to a partition", () => {
  test.each([sticky, cooperativeSticky])("the newest counts, whatever the order: $name", (assignor) => {
    const members = [member("a", 2, t(0, 1)), member("b", 3, t(2, 3)), member("c", 1, t(0, 1, 2, 3))];
    for (const order of [members, members.toReversed(), [members[2]!, members[0]!, members[1]!]]) {
      const assigned = flat(assignor.assign(topics(5), order));
      expect(assigned.a).toEqual(t(0, 1));
      expect(assigned.b).toEqual(t(2, 3));
      expect(assigned.c).toEqual(t(4));
    }
  });

  test("two of one generation cancel each other out: with the cooperative assignor both have to let go first", () => {
    for (const names of [["t"], ["t", "more"]]) {
      const members = [member("a", 4, t(0, 1)), member("b", 4, t(1, 2), names), member("c", 3, t(1))];
      expect(flat(cooperativeSticky.assign(topics(3), members))).toEqual({ a: t(0), b: t(2), c: [] });
      const assigned = flat(sticky.assign(topics(3), members));
      expect(assigned.a).toContainEqual(["t", 0]);
      expect(assigned.b).toContainEqual(["t", 2]);
      expect(Object.values(assigned).flat()).toHaveLength(3);
    }
  });

  test("a newer one stands above two that cancel each other out", () => {
    const members = [member("a", 4, t(0)), member("b", 4, t(0)), member("c", 5, t(0))];
    for (const order of [members, members.toReversed()]) {
      expect(flat(cooperativeSticky.assign(topics(1), order))).toEqual({ a: [], b: [], c: t(0) });
    }
  });

  test("one member that names a partition twice has it once", () => {
    expect(flat(cooperativeSticky.assign(topics(2), [member("a", 1, t(0, 0, 1))]))).toEqual({ a: t(0, 1) });
  });
});

test("claims to what does not exist are left alone", () => {
  const strange: [string, number][] = [
    ["gone", 0],
    ["t", 7],
    ["t", -1],
    ["t", 1],
  ];
  for (const assignor of [sticky, cooperativeSticky]) {
    expect(flat(assignor.assign(topics(2), [member("a", 1, strange)]))).toEqual({ a: t(0, 1) });
  }
});

test("where balance asks for it, a partition goes back to the member that had it in an older generation", () => {
  // Subscriptions differ, so that members are balanced one by one.
  const members = [member("a", 5, t(0, 1, 2, 3)), member("b", -1, [], ["t", "more"]), member("c", 4, t(0))];
  const assigned = flat(sticky.assign(topics(4), members));
  expect(assigned.c).toContainEqual(["t", 0]);
});

test.each([sticky, cooperativeSticky])("members without topics, and a group without members: $name", (assignor) => {
  expect(assignor.assign(topics(2), []).size).toBe(0);
  const members = [member("a", -1, [], []), member("b")];
  expect(flat(assignor.assign(topics(2), members))).toEqual({ a: [], b: t(0, 1) });
  expect(flat(assignor.assign(topics(2), [member("a", -1, [], []), member("b", -1, [], [])]))).toEqual({
    a: [],
    b: [],
  });
});
