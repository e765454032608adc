import { AssignmentBuilder, type Assignor, compareMembers, compareText } from "./assignor.ts";

/**
 * Deals the partitions of all topics out to the members in turn; a member is passed over where it does not subscribe to the topic. Kafka's
 * `RoundRobinAssignor`.
 */
export const roundRobin: Assignor = {
  name: "roundrobin",
  assign(topics, members) {
    const assignment = new AssignmentBuilder(members);
    const order = [...members].sort(compareMembers);
    const subscriptions = order.map((member) => new Set(member.topics));
    const allTopics = [...new Set(members.flatMap((member) => member.topics))].sort(compareText);
    let turn = 0;
    for (const topic of allTopics) {
      const count = topics.partitionCount(topic);
      for (let partition = 0; partition < count; partition++) {
        while (!subscriptions[turn % order.length]!.has(topic)) turn++;
        assignment.add(order[turn % order.length]!.memberId, topic, partition);
        turn++;
      }
    }
    return assignment.build();
  },
};
