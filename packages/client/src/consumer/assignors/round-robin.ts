import { type Assignor, compareMembers, compareText, type MemberAssignment } from "./assignor.ts";
import { DistinctSubscriptions } from "./distinct-subscriptions.ts";

/**
 * Deals the partitions of all topics out to the members in turn; a member is passed over where it does not subscribe to the topic. Kafka's
 * `RoundRobinAssignor`.
 */
export const roundRobin: Assignor = {
  name: "roundrobin",
  assign(topics, members) {
    const order = [...members].sort(compareMembers);
    const subscriptions = new DistinctSubscriptions(order);
    const subscribed = subscriptions.lists.map((list) => new Set(list));
    const next = (turn: number) => (turn + 1 < order.length ? turn + 1 : 0);
    const parts = order.map(() => new Map<string, number[]>());
    let turn = 0;
    for (const topic of subscriptions.topics().sort(compareText)) {
      const count = topics.partitionCount(topic);
      for (let partition = 0; partition < count; partition++) {
        while (!subscribed[subscriptions.listOf[turn]!]!.has(topic)) turn = next(turn);
        const list = parts[turn]!.get(topic);
        if (list === undefined) parts[turn]!.set(topic, [partition]);
        else list.push(partition);
        turn = next(turn);
      }
    }
    return new Map<string, MemberAssignment>(order.map(({ memberId }, n) => [memberId, { partitions: parts[n]! }]));
  },
};
