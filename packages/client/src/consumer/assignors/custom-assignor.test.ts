import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { flat } from "../../../test/golden-assignors.ts";
import type { Assignor, AssignorMember, MemberAssignment } from "./assignor.ts";

// The example in the docstring of `Assignor`, word for word:
const weighted = (weight: number): Assignor => ({
  name: "weighted",
  subscription: () => Buffer.from([weight]),
  assign(topics, members) {
    const shares = members.map((member) => ({
      member,
      weight: member.userData?.[0] ?? 1,
      count: 0,
      partitions: new Map<string, number[]>(),
    }));
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      const takers = shares.filter(({ member }) => member.topics.includes(topic));
      for (let partition = 0; partition < topics.partitionCount(topic); partition++) {
        const [next] = takers.sort((a, b) => a.count / a.weight - b.count / b.weight);
        next?.partitions.set(topic, [...(next.partitions.get(topic) ?? []), partition]);
        if (next) next.count++;
      }
    }
    return new Map<string, MemberAssignment>(shares.map(({ member, partitions }) => [member.memberId, { partitions }]));
  },
});

function member(memberId: string, weight: number, topics: string[]): AssignorMember {
  const context = { topics, lastAssignment: new Map(), lastGenerationId: -1 };
  const userData = weighted(weight).subscription?.(context) ?? null;
  return {
    memberId,
    groupInstanceId: null,
    topics,
    userData,
    ownedPartitions: new Map(),
    generationId: -1,
    rackId: null,
  };
}

test("an assignor of one's own shares partitions out by weight", () => {
  const topics = { partitionCount: () => 8, replicaRacks: () => [] };
  const members = [member("small", 1, ["orders"]), member("large", 3, ["orders"])];
  const assigned = flat(weighted(1).assign(topics, members));
  expect(assigned.small).toHaveLength(2);
  expect(assigned.large).toHaveLength(6);
  expect(
    Object.values(assigned)
      .flat()
      .map(([, n]) => n)
      .sort(),
  ).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("the example in the docstring is the one that is tested here", () => {
  const example = /const weighted = .*?\n\}\);\n/s.exec(readFileSync(new URL(import.meta.url), "utf8"))?.[0];
  const documented = readFileSync(new URL("assignor.ts", import.meta.url), "utf8").replaceAll(/^ \* ?/gm, "");
  expect(example).toBeDefined();
  expect(documented).toContain(example);
});
