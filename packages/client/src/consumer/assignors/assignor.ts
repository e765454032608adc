import type { PartitionsByTopic } from "../topic-partition.ts";

/** What the leader of a group knows about the topics it assigns. */
export interface AssignorTopics {
  /** How many partitions the topic has; 0 where it is not known. */
  partitionCount(topic: string): number;
  /** The racks of the brokers that hold the partition; empty where none is known. */
  replicaRacks(topic: string, partition: number): readonly string[];
}

/** One member as its subscription describes it. */
export interface AssignorMember {
  readonly memberId: string;
  /** The static name of the member (KIP-345); null for a dynamic one. */
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  /** What the assignor's own `subscription` brought along; null where it brought nothing. */
  readonly userData: Buffer | null;
  /** What the member still owns; empty under the eager protocol. */
  readonly ownedPartitions: PartitionsByTopic;
  /** The generation that `ownedPartitions` is of; -1 where it is not known. */
  readonly generationId: number;
  /** `clientRack` of the member; null where it has none. */
  readonly rackId: string | null;
}

/** What one member gets. */
export interface MemberAssignment {
  readonly partitions: PartitionsByTopic;
  /** For the member's `onAssignment`. */
  readonly userData?: Buffer | null | undefined;
}

/** What a subscription may rest on: what this member knows when it joins. */
export interface SubscriptionContext {
  readonly topics: readonly string[];
  /** What the member got last, whether or not it still owns it; empty before the first assignment. */
  readonly lastAssignment: PartitionsByTopic;
  /** The generation of `lastAssignment`, which stays what it was when the member falls out of the group; -1 before the first assignment. */
  readonly lastGenerationId: number;
}

/**
 * How a group goes over to a new assignment. `eager`: every member lets go of everything before it joins, and takes in what the assignment gives it. `cooperative`
 * (KIP-429): a member keeps what it owns, tells the leader about it (`ownedPartitions`), lets go only of what the assignment takes from it and then joins again, so that
 * the next assignment can give it to others. Kafka's `RebalanceProtocol`.
 */
export type RebalanceProtocol = "eager" | "cooperative";

/**
 * Decides who gets which partition. The members of a group must have one assignor in common; the leader of the group runs it. Kafka's `ConsumerPartitionAssignor`.
 *
 * An assignor is a plain object of functions without memory: the same input gives the same assignment, and what it has to remember comes back to it in the
 * `SubscriptionContext` and the members' `userData`. One of your own that shares the partitions out by weight, where each member says its own:
 *
 * ```ts
 * import { type Assignor, Consumer, type MemberAssignment } from "@ottla/client";
 *
 * const weighted = (weight: number): Assignor => ({
 *   name: "weighted",
 *   subscription: () => Buffer.from([weight]),
 *   assign(topics, members) {
 *     const shares = members.map((member) => ({
 *       member,
 *       weight: member.userData?.[0] ?? 1,
 *       count: 0,
 *       partitions: new Map<string, number[]>(),
 *     }));
 *     for (const topic of new Set(members.flatMap((member) => member.topics))) {
 *       const takers = shares.filter(({ member }) => member.topics.includes(topic));
 *       for (let partition = 0; partition < topics.partitionCount(topic); partition++) {
 *         const [next] = takers.sort((a, b) => a.count / a.weight - b.count / b.weight);
 *         next?.partitions.set(topic, [...(next.partitions.get(topic) ?? []), partition]);
 *         if (next) next.count++;
 *       }
 *     }
 *     return new Map<string, MemberAssignment>(shares.map(({ member, partitions }) => [member.memberId, { partitions }]));
 *   },
 * });
 *
 * new Consumer({ ..., partitionAssignmentStrategy: [weighted(3)] });
 * ```
 */
export interface Assignor {
  /** The name that members agree on, such as `range`. */
  readonly name: string;
  /**
   * The protocols that the assignor's results fit; their order means nothing. A member uses the most capable one that all its assignors have (see
   * `rebalanceProtocol`). An assignor that has `cooperative` must not give a partition to a member while another one still owns it: it leaves it out, and assigns it in the
   * round that follows once the owner has let go. Default `["eager"]`.
   */
  readonly protocols?: readonly RebalanceProtocol[] | undefined;
  /** What to tell the leader beside the topics, asked for each time that the member joins; null or left out for nothing. */
  subscription?(context: SubscriptionContext): Buffer | null;
  /**
   * The assignment by member id. Every member should have one, be it empty; a member without one gets nothing. A partition that nobody gets is read by nobody. Throwing fails the
   * round for the leader alone: its application gets the error, and the others wait until it has left or joins again.
   */
  assign(topics: AssignorTopics, members: readonly AssignorMember[]): ReadonlyMap<string, MemberAssignment>;
  /** Called on each member with what it got, before its listener is; not needed by an assignor that rests on its `SubscriptionContext`. */
  onAssignment?(assignment: MemberAssignment, generationId: number): void;
}

/**
 * The protocol that a member with these assignors uses: `cooperative` if all of them have it, else `eager`, else null, with which no group can be joined. Any of the
 * assignors may be chosen, so that all have to allow it; that is what makes the change from `range` to `cooperativeSticky` by two restarts safe (KIP-429). As in
 * Kafka's `ConsumerCoordinator`.
 */
export function rebalanceProtocol(assignors: readonly Assignor[]): RebalanceProtocol | null {
  const allHave = (protocol: RebalanceProtocol) =>
    assignors.every(({ protocols = ["eager"] }) => protocols.includes(protocol));
  return allHave("cooperative") ? "cooperative" : allHave("eager") ? "eager" : null;
}

/** The order of members that Kafka's assignors share: static members first, by instance id, then the others by member id (`MemberInfo`). */
export function compareMembers(a: AssignorMember, b: AssignorMember): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null)
    return compareText(a.groupInstanceId, b.groupInstanceId);
  if (a.groupInstanceId !== null) return -1;
  if (b.groupInstanceId !== null) return 1;
  return compareText(a.memberId, b.memberId);
}

/** By UTF-16 code units, as Java's `String.compareTo`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The assignment under construction: a list of partitions per member and topic. */
export class AssignmentBuilder {
  readonly #members = new Map<string, Map<string, number[]>>();

  constructor(members: readonly AssignorMember[]) {
    for (const member of members) this.#members.set(member.memberId, new Map());
  }

  add(memberId: string, topic: string, partition: number): void {
    const topics = this.#members.get(memberId)!;
    const partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, [partition]);
    else partitions.push(partition);
  }

  /** Topics in alphabetical, partitions in numerical order. */
  build(): Map<string, MemberAssignment> {
    const assignment = new Map<string, MemberAssignment>();
    for (const [memberId, topics] of this.#members) {
      const sorted = [...topics].sort(([a], [b]) => compareText(a, b));
      for (const [, partitions] of sorted) partitions.sort((a, b) => a - b);
      assignment.set(memberId, { partitions: new Map(sorted) });
    }
    return assignment;
  }
}
