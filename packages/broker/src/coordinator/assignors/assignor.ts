/** Partitions by topic id, each list in rising order. */
export type TopicAssignment = ReadonlyMap<string, readonly number[]>;

/** What each member is to own, by member id; every member of the group has an entry, be it empty. */
export type GroupAssignment = ReadonlyMap<string, TopicAssignment>;

/** One member of a consumer group (KIP-848), as an assignor sees it. Kafka's `MemberSubscription` and `MemberAssignment` in one. */
export interface MemberSpec {
  /** The static name of the member (KIP-345); null for a dynamic one. */
  readonly instanceId: string | null;
  readonly rackId: string | null;
  /** The topics that the member subscribes to, resolved to ids; names that do not exist are left out. */
  readonly topicIds: ReadonlySet<string>;
  /** The member's present *target* assignment, not what it has got so far; empty for a new member. Partitions and topics that no longer exist may be in it. */
  readonly assigned: TopicAssignment;
}

/** A group to be assigned. Kafka's `GroupSpec`. */
export interface GroupSpec {
  /**
   * By member id. Where two members are alike, their order decides which of them gets one partition more: keep it the same from one assignment to the next.
   * Members of the same subscription may share one set of topic ids, which is then looked up once.
   */
  readonly members: ReadonlyMap<string, MemberSpec>;
  /** Whether all members subscribe to the same topics; kept up to date by the group, so that an assignor need not compare all sets. */
  readonly isHomogeneous: boolean;
}

/** What an assignor may know about topics. Kafka's `SubscribedTopicDescriber`. */
export interface SubscribedTopics {
  /** How many partitions the topic has; -1 where the topic is unknown. */
  partitionCount(topicId: string): number;
}

/**
 * A server-side assignor (KIP-848): decides what the members of a consumer group are to own. A pure function of its input. Kafka's `ConsumerGroupPartitionAssignor`.
 */
export interface ServerAssignor {
  readonly name: "uniform" | "range";
  /** The new target assignment. A member whose part does not change may get its own `assigned` map back, the same object: comparing by identity is then enough. */
  assign(group: GroupSpec, topics: SubscribedTopics): GroupAssignment;
}
