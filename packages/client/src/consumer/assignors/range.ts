import {
  AssignmentBuilder,
  type Assignor,
  type AssignorMember,
  type AssignorTopics,
  compareMembers,
  compareText,
  type MemberAssignment,
} from "./assignor.ts";
import { DistinctSubscriptions } from "./distinct-subscriptions.ts";

/**
 * Cuts each topic's partitions into consecutive ranges, one per member; the first members get one more where it does not come out even. Topics with the same number of
 * partitions and the same members are cut alike, so that equal partition numbers meet in one member. With racks (`clientRack`), members first get partitions that have
 * a replica in theirs (KIP-881). Kafka's `RangeAssignor`.
 */
export const range: Assignor = {
  name: "range",
  assign(topics, members) {
    const order = [...members].sort(compareMembers);
    const subscribers = [...new DistinctSubscriptions(order).subscribers()]
      .filter(([topic]) => topics.partitionCount(topic) > 0)
      .sort(([a], [b]) => compareText(a, b));
    if (order.every(({ rackId }) => rackId === null || rackId === "")) return cut(topics, order, subscribers);
    const assignment = new AssignmentBuilder(members);
    const states = subscribers.map(([topic, numbers]) => {
      const consumers = numbers.map((number) => order[number]!);
      return new TopicState(topic, topics, consumers, assignment);
    });
    if (states.some((state) => state.needsRacks)) assignByRack(states);
    for (const state of states) state.assignRanges(() => true);
    return assignment.build();
  },
};

/** Without racks: each topic by itself. */
function cut(
  topics: AssignorTopics,
  members: readonly AssignorMember[],
  subscribers: readonly (readonly [topic: string, members: readonly number[]])[],
): Map<string, MemberAssignment> {
  const parts = members.map(() => new Map<string, number[]>());
  for (const [topic, numbers] of subscribers) {
    const count = topics.partitionCount(topic);
    const quota = Math.floor(count / numbers.length);
    let consumersWithOneMore = count % numbers.length;
    for (let start = 0, n = 0; start < count; n++) {
      const range = new Array<number>(consumersWithOneMore-- > 0 ? quota + 1 : quota);
      for (let index = 0; index < range.length; index++) range[index] = start++;
      parts[numbers[n]!]!.set(topic, range);
    }
  }
  return new Map(members.map(({ memberId }, number) => [memberId, { partitions: parts[number]! }]));
}

/** How far one topic has been assigned. */
class TopicState {
  readonly topic: string;
  readonly consumers: readonly AssignorMember[];
  readonly partitionCount: number;
  /** Whether racks make a difference: some member is in a rack that has replicas, and not every rack has every partition. */
  readonly needsRacks: boolean;
  readonly #racks: readonly ReadonlySet<string>[];
  readonly #unassigned: Set<number>;
  readonly #assignedCounts = new Map<string, number>();
  readonly #quota: number;
  #consumersWithOneMore: number;
  readonly #assignment: AssignmentBuilder;

  constructor(
    topic: string,
    topics: AssignorTopics,
    consumers: readonly AssignorMember[],
    assignment: AssignmentBuilder,
  ) {
    this.topic = topic;
    this.consumers = consumers;
    this.partitionCount = topics.partitionCount(topic);
    this.#assignment = assignment;
    this.#unassigned = new Set(Array.from({ length: this.partitionCount }, (_, partition) => partition));
    this.#quota = Math.floor(this.partitionCount / consumers.length);
    this.#consumersWithOneMore = this.partitionCount % consumers.length;
    const consumerRacks = new Set(
      consumers.map((member) => member.rackId).filter((rack) => rack !== null && rack !== ""),
    );
    this.#racks =
      consumerRacks.size === 0
        ? []
        : Array.from(this.#unassigned, (partition) => new Set(topics.replicaRacks(topic, partition)));
    const allRacks = new Set(this.#racks.flatMap((racks) => [...racks]));
    this.needsRacks =
      [...consumerRacks].some((rack) => rack !== null && allRacks.has(rack)) &&
      this.#racks.some((racks) => racks.size < allRacks.size);
  }

  /** Gives each consumer in turn what it still may have, in order, of the partitions that `allowed` lets through. */
  assignRanges(allowed: (consumer: AssignorMember, partition: number) => boolean): void {
    for (const consumer of this.consumers) {
      if (this.#unassigned.size === 0) return;
      const most = this.assignable(consumer);
      const chosen: number[] = [];
      for (const partition of this.#unassigned) {
        if (chosen.length >= most) break;
        if (allowed(consumer, partition)) chosen.push(partition);
      }
      if (chosen.length > 0) this.assign(consumer, chosen);
    }
  }

  assign(consumer: AssignorMember, partitions: readonly number[]): void {
    const count = (this.#assignedCounts.get(consumer.memberId) ?? 0) + partitions.length;
    this.#assignedCounts.set(consumer.memberId, count);
    if (count > this.#quota) this.#consumersWithOneMore--;
    for (const partition of partitions) {
      this.#unassigned.delete(partition);
      this.#assignment.add(consumer.memberId, this.topic, partition);
    }
  }

  /** How many more partitions the consumer may have. */
  assignable(consumer: AssignorMember): number {
    const most = this.#quota + (this.#consumersWithOneMore > 0 ? 1 : 0);
    return Math.max(0, most - (this.#assignedCounts.get(consumer.memberId) ?? 0));
  }

  /** Whether the partition has a replica in the consumer's rack; a consumer without a rack takes any. */
  racksMatch(consumer: AssignorMember, partition: number): boolean {
    if (consumer.rackId === null || consumer.rackId === "") return true;
    return this.#racks[partition]?.has(consumer.rackId) ?? false;
  }
}

/** Assigns what finds a member in a rack of its own; the rest is left for the plain ranges. */
function assignByRack(states: readonly TopicState[]): void {
  const groups = new Map<string, TopicState[]>();
  for (const state of states) {
    const key = JSON.stringify([state.partitionCount, ...state.consumers.map((member) => member.memberId)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [state]);
    else group.push(state);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (group.length > 1) assignTogether(group);
    else if (first!.needsRacks) first!.assignRanges((consumer, partition) => first!.racksMatch(consumer, partition));
  }
}

/** Topics with the same partitions and members: a partition number goes to one member in all of them, or waits. */
function assignTogether(states: readonly TopicState[]): void {
  const remaining = new Set(states[0]!.consumers);
  for (let partition = 0; partition < states[0]!.partitionCount && remaining.size > 0; partition++) {
    for (const consumer of remaining) {
      if (!states.every((state) => state.racksMatch(consumer, partition) && state.assignable(consumer) > 0)) continue;
      for (const state of states) state.assign(consumer, [partition]);
      if (!states.some((state) => state.assignable(consumer) > 0)) remaining.delete(consumer);
      break;
    }
  }
}
