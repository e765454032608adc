import type { Assignor, AssignorMember, MemberAssignment } from "@ottla/client";

/** An assignor such as a user would write: neighbouring partitions, to each member as many as its weight deserves. */
export function weighted(weight: number): Assignor {
  return {
    name: "weighted",
    subscription: () => Buffer.from([weight]),
    assign(topics, members) {
      const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
      const given = new Map(sorted.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
      for (const topic of new Set(sorted.flatMap((member) => member.topics))) {
        const takers = sorted.filter((member) => member.topics.includes(topic));
        let next = 0;
        for (const [index, count] of shares(topics.partitionCount(topic), takers.map(weightOf)).entries()) {
          const partitions = Array.from({ length: count }, () => next++);
          given.get(takers[index]!.memberId)?.set(topic, partitions);
        }
      }
      return new Map<string, MemberAssignment>([...given].map(([memberId, partitions]) => [memberId, { partitions }]));
    },
  };
}

function weightOf({ userData }: AssignorMember): number {
  return userData?.[0] ?? 1;
}

/** `count` things by weight, in whole numbers: each gets what it is owed in sum with those before it, less what they got. */
export function shares(count: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let owed = 0;
  let taken = 0;
  return weights.map((weight) => {
    owed += weight;
    const share = Math.round((count * owed) / total) - taken;
    taken += share;
    return share;
  });
}
