import { type SimRandom, simRandom } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import { type Assigned, flat } from "../../../test/golden-assignors.ts";
import type { Assignor, AssignorMember, AssignorTopics, MemberAssignment } from "./assignor.ts";
import { cooperativeSticky } from "./cooperative-sticky.ts";
import { sticky } from "./sticky.ts";

type Assignment = ReadonlyMap<string, MemberAssignment>;

/** A group whose members come, go and change their minds, each with the memory that the assignor gives it. */
class RandomGroup implements AssignorTopics {
  readonly random: SimRandom;
  readonly assignor: Assignor;
  readonly isMixed: boolean;
  readonly counts = new Map<string, number>();
  members: AssignorMember[] = [];
  generationId = 0;
  last: Assignment = new Map();
  readonly #hasRacks: boolean;
  #nextMember = 0;

  constructor(seed: number, assignor: Assignor, hasRacks = false) {
    this.random = simRandom(seed);
    this.#hasRacks = hasRacks;
    this.assignor = assignor;
    this.isMixed = this.random.float() < 0.5;
    for (let n = 1 + this.random.integer(5); n > 0; n--) this.counts.set(`t${n}`, 1 + this.random.integer(12));
    for (let n = 1 + this.random.integer(9); n > 0; n--) this.join();
  }

  partitionCount(topic: string): number {
    return this.counts.get(topic) ?? 0;
  }

  /** Some partitions have replicas in one rack, some in several or none. */
  replicaRacks(topic: string, partition: number): string[] {
    if (!this.#hasRacks) return [];
    const random = simRandom(`${topic} ${partition}`);
    return ["r1", "r2", "r3"].filter(() => random.chance(0.5));
  }

  join(): void {
    const memberId = `${this.random.integer(10)}-${this.#nextMember++}`;
    const rackId = this.#hasRacks && this.random.chance(0.8) ? `r${1 + this.random.integer(4)}` : null;
    const joined = { memberId, groupInstanceId: null, ownedPartitions: new Map(), generationId: -1, rackId };
    this.members.push({ ...joined, topics: this.#topics(), userData: null });
  }

  #topics(): string[] {
    const all = [...this.counts.keys()];
    const some = all.filter(() => !this.isMixed || this.random.float() < 0.6);
    return some.length > 0 ? some : all.slice(0, 1);
  }

  assign(): Assignment {
    return this.assignor.assign(this, this.members);
  }

  /** The members take in what they are given. */
  take(assignment: Assignment): void {
    const lastGenerationId = ++this.generationId;
    this.last = assignment;
    const isCooperative = this.assignor === cooperativeSticky;
    this.members = this.members.map((member) => {
      const lastAssignment = assignment.get(member.memberId)!.partitions;
      const userData = this.assignor.subscription!({ topics: member.topics, lastAssignment, lastGenerationId });
      const ownedPartitions = isCooperative ? lastAssignment : new Map();
      return { ...member, ownedPartitions, generationId: isCooperative ? lastGenerationId : -1, userData };
    });
  }

  owned(): Assigned {
    return flat(new Map(this.members.map((member) => [member.memberId, { partitions: member.ownedPartitions }])));
  }

  change(): void {
    const any = this.random.integer(this.members.length);
    const what = this.random.float();
    if (what < 0.3) this.join();
    else if (what < 0.6) this.members = this.members.filter((_, n) => n !== any || this.members.length === 1);
    else if (what < 0.8) this.counts.set("t1", this.partitionCount("t1") + 1 + this.random.integer(5));
    else if (this.isMixed) {
      this.members = this.members.map((member, n) => (n === any ? this.#changeTopics(member) : member));
    }
  }

  /** As a member does it: it lets go of what it no longer subscribes to before it joins. */
  #changeTopics(member: AssignorMember): AssignorMember {
    const topics = this.#topics();
    const ownedPartitions = new Map([...member.ownedPartitions].filter(([topic]) => topics.includes(topic)));
    return { ...member, topics, ownedPartitions };
  }

  subscribers(topic: string): AssignorMember[] {
    return this.members.filter(({ topics }) => topics.includes(topic));
  }
}

/** The owner of each partition, which must have no second one. */
function ownersOf(assigned: Assigned): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [memberId, list] of Object.entries(assigned)) {
    for (const partition of list) {
      if (owners.has(String(partition))) throw new Error(`${partition} has two owners`);
      owners.set(String(partition), memberId);
    }
  }
  return owners;
}

/** Each partition of a topic with subscribers has one owner, which is one of them. */
function expectComplete(group: RandomGroup, assignment: Assignment): void {
  const owners = ownersOf(flat(assignment));
  const stray: string[] = [];
  let count = 0;
  for (const topic of group.counts.keys()) {
    const subscribers = group.subscribers(topic).map(({ memberId }) => memberId);
    if (subscribers.length === 0) continue;
    for (let n = 0; n < group.partitionCount(topic); n++, count++) {
      if (!subscribers.includes(owners.get(`${topic},${n}`) ?? "")) stray.push(`${topic}-${n}`);
    }
  }
  expect(stray).toEqual([]);
  expect(owners.size).toBe(count);
}

/** No owner has at least two partitions more than another subscriber of a topic of its. */
function expectBalanced(group: RandomGroup, assignment: Assignment): void {
  const assigned = flat(assignment);
  const overloaded: string[] = [];
  for (const [memberId, list] of Object.entries(assigned)) {
    for (const topic of new Set(list.map(([topic]) => topic))) {
      const fewest = Math.min(...group.subscribers(topic).map((member) => assigned[member.memberId]!.length));
      if (list.length > fewest + 1) overloaded.push(`${memberId} of ${topic}`);
    }
  }
  expect(overloaded).toEqual([]);
}

/** How many partitions stay where they are; and how many could, if all members subscribe to the same topics. */
function kept(before: Assigned, after: Assigned): { kept: number; most: number } {
  const owners = ownersOf(after);
  const sizes = Object.keys(after).map((memberId) => before[memberId]?.length ?? 0);
  const least = Math.floor(owners.size / sizes.length);
  const withOneMore = Math.min(owners.size % sizes.length, sizes.filter((size) => size > least).length);
  const all = Object.entries(before).flatMap(([memberId, list]) => list.map((partition) => ({ memberId, partition })));
  return {
    kept: all.filter(({ memberId, partition }) => owners.get(String(partition)) === memberId).length,
    most: sizes.reduce((sum, size) => sum + Math.min(size, least), withOneMore),
  };
}

const seeds = Array.from({ length: 100 }, (_, seed) => seed);

describe("sticky", () => {
  test.each(seeds)("balances, and moves nothing without need (seed %i)", (seed) => {
    const group = new RandomGroup(seed, sticky);
    for (let round = 0; round < 8; round++) {
      const before = flat(group.last);
      const assignment = group.assign();
      expectComplete(group, assignment);
      expectBalanced(group, assignment);
      if (!group.isMixed) {
        const { kept: actual, most } = kept(before, flat(assignment));
        expect(actual).toBe(most);
      }
      group.take(assignment);
      expect(flat(group.assign())).toEqual(flat(assignment));
      group.change();
    }
  });
});

describe("cooperative-sticky", () => {
  test.each(seeds)("gives nothing to a new owner before the old one has given it up (seed %i)", (seed) => {
    const group = new RandomGroup(seed, cooperativeSticky);
    for (let round = 0; round < 8; round++) {
      const ownersBefore = ownersOf(group.owned());
      const first = group.assign();
      const tooEarly = [...ownersOf(flat(first))].filter(
        ([partition, memberId]) => (ownersBefore.get(partition) ?? memberId) !== memberId,
      );
      expect(tooEarly).toEqual([]);
      group.take(first);
      const second = group.assign();
      expectComplete(group, second);
      expectBalanced(group, second);
      const ownersAfter = ownersOf(flat(second));
      const takenAgain = [...ownersOf(flat(first))].filter(([partition, id]) => ownersAfter.get(partition) !== id);
      expect(takenAgain).toEqual([]);
      group.take(second);
      expect(flat(group.assign())).toEqual(flat(second));
      group.change();
    }
  });
});

describe("with racks", () => {
  test.each(seeds)("sticky gives every partition an owner, and balances all the same (seed %i)", (seed) => {
    const group = new RandomGroup(seed, sticky, true);
    for (let round = 0; round < 6; round++) {
      const assignment = group.assign();
      expectComplete(group, assignment);
      expectBalanced(group, assignment);
      group.take(assignment);
      group.change();
    }
  });

  test.each(seeds)("cooperative-sticky holds back what is owned, and nothing else (seed %i)", (seed) => {
    const group = new RandomGroup(seed, cooperativeSticky, true);
    for (let round = 0; round < 6; round++) {
      const before = ownersOf(group.owned());
      const assignment = group.assign();
      const after = ownersOf(flat(assignment));
      const wanted = ownersOf(flat(sticky.assign(group, group.members.map(asEager))));
      for (const [partition, memberId] of wanted) {
        const mustWait = before.has(partition) && before.get(partition) !== memberId;
        expect(after.get(partition)).toBe(mustWait ? undefined : memberId);
      }
      group.take(assignment);
      group.change();
    }
  });
});

/** The member as the eager assignor would have it, with the same memory. */
function asEager(member: AssignorMember): AssignorMember {
  const { topics, ownedPartitions: lastAssignment, generationId: lastGenerationId } = member;
  const userData = sticky.subscription!({ topics, lastAssignment, lastGenerationId });
  return { ...member, userData, ownedPartitions: new Map(), generationId: -1 };
}
