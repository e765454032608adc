import type { Assignor, MemberAssignment } from "@ottla/client";

/**
 * A strategy of one's own: each member says how much it can take, and partitions go one by one to the member that has least for its weight. Every member of
 * the group has to have it, each with a weight of its own.
 */
export const weighted = (weight: number): Assignor => ({
  name: "weighted",
  // What the members tell the one of them that assigns.
  subscription: () => Buffer.from([weight]),
  // A pure function: the same members and topics always give the same assignment.
  assign(topics, members) {
    const takers = members
      .map(({ memberId, userData, topics: wanted }) => ({
        ...{ memberId, wanted, weight: userData?.[0] ?? 1, count: 0, partitions: new Map<string, number[]>() },
      }))
      .sort((a, b) => b.weight - a.weight || (a.memberId < b.memberId ? -1 : 1));
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      for (let partition = 0; partition < topics.partitionCount(topic); partition++) {
        const [next] = takers
          .filter(({ wanted }) => wanted.includes(topic))
          .sort((a, b) => (a.count + 1) / a.weight - (b.count + 1) / b.weight);
        if (next === undefined) continue;
        next.partitions.set(topic, [...(next.partitions.get(topic) ?? []), partition]);
        next.count += 1;
      }
    }
    return new Map<string, MemberAssignment>(takers.map(({ memberId, partitions }) => [memberId, { partitions }]));
  },
});
