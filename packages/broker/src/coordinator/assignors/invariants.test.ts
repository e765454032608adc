import { type SimRandom, simRandom } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import type { GroupAssignment, GroupSpec, MemberSpec, SubscribedTopics, TopicAssignment } from "./assignor.ts";
import { range } from "./range.ts";
import { uniform } from "./uniform.ts";

/** A group whose members come, go and change their minds. */
class RandomGroup implements GroupSpec, SubscribedTopics {
  readonly random: SimRandom;
  readonly isHomogeneous: boolean;
  readonly counts = new Map<string, number>();
  members = new Map<string, MemberSpec>();
  #nextMember = 0;

  constructor(seed: number) {
    this.random = simRandom(seed);
    this.isHomogeneous = this.random.chance(0.5);
    for (let n = 1 + this.random.integer(5); n > 0; n--) this.counts.set(`t${n}`, 1 + this.random.integer(12));
    for (let n = 1 + this.random.integer(9); n > 0; n--) this.join();
  }

  partitionCount(topicId: string): number {
    return this.counts.get(topicId) ?? -1;
  }

  join(): void {
    const spec = { instanceId: null, rackId: null, topicIds: this.#topics(), assigned: new Map() };
    this.members = new Map([...this.members, [`m${this.#nextMember++}`, spec]]);
  }

  #topics(): Set<string> {
    return new Set([...this.counts.keys()].filter(() => this.isHomogeneous || this.random.chance(0.6)));
  }

  take(assignment: GroupAssignment): void {
    const taken = [...this.members].map(([id, member]) => [id, { ...member, assigned: assignment.get(id)! }] as const);
    this.members = new Map(taken);
  }

  change(): void {
    const any = this.random.pick([...this.members.keys()]);
    if (this.random.chance(0.3)) this.join();
    else if (this.random.chance(0.4) && this.members.size > 1) this.members.delete(any);
    else if (this.random.chance(0.4)) this.counts.set("t1", this.partitionCount("t1") + 1 + this.random.integer(5));
    else if (!this.isHomogeneous) this.members.set(any, { ...this.members.get(any)!, topicIds: this.#topics() });
  }
}

const flat = (topics: TopicAssignment) => [...topics].flatMap(([topicId, list]) => list.map((n) => `${topicId}-${n}`));

/** Each partition of a topic with subscribers has one owner, which is one of them; lists are sorted. */
function expectComplete(group: RandomGroup, assignment: GroupAssignment): void {
  expect([...assignment.keys()].sort()).toEqual([...group.members.keys()].sort());
  const subscribed = new Set([...group.members.values()].flatMap(({ topicIds }) => [...topicIds]));
  const all = [...subscribed].flatMap((topicId) =>
    Array.from({ length: group.partitionCount(topicId) }, (_, n) => `${topicId}-${n}`),
  );
  expect([...assignment.values()].flatMap(flat).sort()).toEqual(all.sort());
  for (const [memberId, topics] of assignment) {
    for (const [topicId, list] of topics) {
      expect(group.members.get(memberId)!.topicIds.has(topicId)).toBe(true);
      expect(list).toEqual([...list].sort((a, b) => a - b));
    }
  }
}

const seeds = Array.from({ length: 80 }, (_, seed) => seed);

describe("uniform", () => {
  test.each(seeds)("balances, and moves nothing without need (seed %i)", (seed) => {
    const group = new RandomGroup(seed);
    for (let round = 0; round < 8; round++) {
      const assignment = uniform.assign(group, group);
      expectComplete(group, assignment);
      if (group.isHomogeneous) expectEven(group, assignment);
      else expectBalanced(group, assignment);
      group.take(assignment);
      const again = uniform.assign(group, group);
      for (const [memberId, { assigned }] of group.members) expect(again.get(memberId)).toBe(assigned);
      group.change();
    }
  });
});

/** All within one, and as many partitions stay where they are as can. */
function expectEven(group: RandomGroup, assignment: GroupAssignment): void {
  const sizes = [...assignment.values()].map((topics) => flat(topics).length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  const total = sizes.reduce((a, b) => a + b, 0);
  const least = Math.floor(total / sizes.length);
  const before = [...group.members].map(([memberId, { assigned }]) => ({ memberId, list: flat(assigned) }));
  const withOneMore = Math.min(total % sizes.length, before.filter(({ list }) => list.length > least).length);
  const most = before.reduce((sum, { list }) => sum + Math.min(list.length, least), withOneMore);
  const kept = before.map(({ memberId, list }) => {
    const now = flat(assignment.get(memberId)!);
    return list.filter((partition) => now.includes(partition)).length;
  });
  expect(kept.reduce((a, b) => a + b, 0)).toBe(most);
}

/** No owner has at least two partitions more than another subscriber of a topic of its. */
function expectBalanced(group: RandomGroup, assignment: GroupAssignment): void {
  const overloaded: string[] = [];
  for (const [memberId, topics] of assignment) {
    for (const topicId of topics.keys()) {
      const subscribers = [...group.members].filter(([, { topicIds }]) => topicIds.has(topicId));
      const fewest = Math.min(...subscribers.map(([id]) => flat(assignment.get(id)!).length));
      if (flat(topics).length > fewest + 1) overloaded.push(`${memberId} of ${topicId}`);
    }
  }
  expect(overloaded).toEqual([]);
}

describe("range", () => {
  test.each(seeds)("gives each subscriber a range, the first ones the larger (seed %i)", (seed) => {
    const group = new RandomGroup(seed);
    for (let round = 0; round < 4; round++) {
      const assignment = range.assign(group, group);
      expectComplete(group, assignment);
      for (const [topicId, count] of group.counts) {
        const subscribers = [...group.members.keys()].filter((id) => group.members.get(id)!.topicIds.has(topicId));
        const ranges = subscribers.sort().map((id) => assignment.get(id)!.get(topicId) ?? []);
        if (ranges.length === 0) continue;
        expect(ranges.flat()).toEqual(Array.from({ length: count }, (_, n) => n));
        const sizes = ranges.map((list) => list.length);
        expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
        expect(sizes[0]! - sizes.at(-1)!).toBeLessThanOrEqual(1);
      }
      group.take(assignment);
      const again = range.assign(group, group);
      for (const [memberId, { assigned }] of group.members) expect(again.get(memberId)).toBe(assigned);
      group.change();
    }
  });
});

describe.each([uniform, range])("$name", (assignor) => {
  const member: MemberSpec = { instanceId: null, rackId: null, topicIds: new Set(["t"]), assigned: new Map() };
  const topics = { partitionCount: (topicId: string) => (topicId === "t" ? 2 : -1) };

  test("has nothing to say of a group without members", () => {
    expect(assignor.assign({ members: new Map(), isHomogeneous: true }, topics).size).toBe(0);
  });

  test("leaves out a topic that is not there, and what of an assignment no longer exists", () => {
    const assigned = new Map([
      ["gone", [0]],
      ["t", [1, 7]],
    ]);
    const members = new Map([["a", { ...member, topicIds: new Set(["gone", "t"]), assigned }]]);
    for (const isHomogeneous of [true, false]) {
      const assignment = assignor.assign({ members, isHomogeneous }, topics);
      expect(assignment).toEqual(new Map([["a", new Map([["t", [0, 1]]])]]));
    }
  });

  test("takes everything from members without topics", () => {
    const members = new Map([["a", { ...member, topicIds: new Set<string>(), assigned: new Map([["t", [0, 1]]]) }]]);
    for (const isHomogeneous of [true, false]) {
      expect(assignor.assign({ members, isHomogeneous }, topics)).toEqual(new Map([["a", new Map()]]));
    }
  });
});

test("uniform gives a partition that two members have to one of them", () => {
  const topics = { partitionCount: () => 2 };
  const assigned = new Map([["t", [0, 1]]]);
  const member = { instanceId: null, rackId: null, topicIds: new Set(["t"]), assigned };
  const members = new Map([
    ["a", member],
    ["b", member],
  ]);
  for (const isHomogeneous of [true, false]) {
    const lists = [...uniform.assign({ members, isHomogeneous }, topics).values()].map(flat);
    expect(lists.flat().sort()).toEqual(["t-0", "t-1"]);
    expect(lists.map((list) => list.length)).toEqual([1, 1]);
  }
});
