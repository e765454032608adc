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
  /** What the member got last, whether or not it still owns it, and in which generation (-1: none yet). */
  readonly lastAssignment: PartitionsByTopic;
  readonly lastGenerationId: number;
}

/** How a group goes over to a new assignment: all let go of everything first, or each only of what it loses (KIP-429). */
export type RebalanceProtocol = "eager" | "cooperative";

/**
 * Decides who gets which partition. The members of a group must have one assignor in common; the leader of the group runs it. Pure functions: the same
 * input gives the same assignment. Kafka's `ConsumerPartitionAssignor`.
 */
export interface Assignor {
  /** The name that members agree on, such as `range`. */
  readonly name: string;
  /** Default `["eager"]`. */
  readonly protocols?: readonly RebalanceProtocol[] | undefined;
  /** What to tell the leader beside the topics; null or left out for nothing. */
  subscription?(context: SubscriptionContext): Buffer | null;
  /** The assignment by member id; every member must have one, be it empty. */
  assign(topics: AssignorTopics, members: readonly AssignorMember[]): ReadonlyMap<string, MemberAssignment>;
  /** Called on each member with what it got. */
  onAssignment?(assignment: MemberAssignment, generationId: number): void;
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
