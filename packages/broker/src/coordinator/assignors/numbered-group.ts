import type { GroupAssignment, GroupSpec, MemberSpec, SubscribedTopics, TopicAssignment } from "./assignor.ts";

const nothing: TopicAssignment = new Map();

/** Compares strings by UTF-16 code units, as Java's `String.compareTo`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * A group as numbers: members in the order given, topics in the order of their ids, partitions counted through in the order of their topics. The assignment is
 * one array, the owner of each partition; maps are made at the end, and only for members whose part has changed.
 */
export class NumberedGroup {
  readonly memberIds: readonly string[];
  readonly members: readonly MemberSpec[];
  readonly topicIds: readonly string[];
  /** The first partition of each topic; one more entry at the end. */
  readonly starts: Int32Array;
  /** The owner of each partition; -1 where there is none. */
  readonly owners: Int32Array;
  /** 1 for members that do not simply keep what they have. */
  readonly changed: Uint8Array;
  readonly #numbers = new Map<string, number>();

  constructor(group: GroupSpec, topics: SubscribedTopics) {
    this.memberIds = [...group.members.keys()];
    this.members = [...group.members.values()];
    const subscriptions = group.isHomogeneous ? this.members.slice(0, 1) : this.members;
    const distinct = new Set(subscriptions.map(({ topicIds }) => topicIds));
    const topicIds = new Set<string>();
    for (const list of distinct) for (const topicId of list) topicIds.add(topicId);
    this.topicIds = [...topicIds].filter((topicId) => topics.partitionCount(topicId) > 0).sort(compareText);
    this.starts = new Int32Array(this.topicIds.length + 1);
    this.topicIds.forEach((topicId, number) => {
      this.#numbers.set(topicId, number);
      this.starts[number + 1] = this.starts[number]! + topics.partitionCount(topicId);
    });
    this.owners = new Int32Array(this.partitionCount).fill(-1);
    this.changed = new Uint8Array(this.members.length);
  }

  get partitionCount(): number {
    return this.starts[this.topicIds.length]!;
  }

  /** The number of a topic that has partitions and that somebody subscribes to. */
  topicNumber(topicId: string): number | undefined {
    return this.#numbers.get(topicId);
  }

  /** What the members get; those that have not changed get the map that they have. */
  assignment(): GroupAssignment {
    const { starts, partitions } = this.#partitionsByMember();
    const assignment = new Map<string, TopicAssignment>();
    for (let member = 0; member < this.members.length; member++) {
      const isChanged = this.changed[member] === 1;
      const part = isChanged
        ? this.#byTopic(partitions, starts[member]!, starts[member + 1]!)
        : this.members[member]!.assigned;
      assignment.set(this.memberIds[member]!, part);
    }
    return assignment;
  }

  /** The partitions of members that have changed one after the other, each member's in order, with where each member's begin. */
  #partitionsByMember(): { starts: Int32Array; partitions: Int32Array } {
    const { owners, changed } = this;
    const starts = new Int32Array(this.members.length + 1);
    for (let partition = 0; partition < owners.length; partition++) {
      const owner = owners[partition]!;
      if (owner >= 0 && changed[owner] === 1) starts[owner + 1]!++;
    }
    for (let member = 0; member < this.members.length; member++) starts[member + 1]! += starts[member]!;
    const ends = starts.slice();
    const partitions = new Int32Array(starts[this.members.length]!);
    for (let partition = 0; partition < owners.length; partition++) {
      const owner = owners[partition]!;
      if (owner >= 0 && changed[owner] === 1) partitions[ends[owner]!++] = partition;
    }
    return { starts, partitions };
  }

  #byTopic(partitions: Int32Array, start: number, end: number): TopicAssignment {
    if (start === end) return nothing;
    const byTopic = new Map<string, number[]>();
    let position = start;
    while (position < end) {
      const topic = this.#topicOf(partitions[position]!);
      const first = this.starts[topic]!;
      const next = this.starts[topic + 1]!;
      const list: number[] = [];
      for (; position < end && partitions[position]! < next; position++) list.push(partitions[position]! - first);
      byTopic.set(this.topicIds[topic]!, list);
    }
    return byTopic;
  }

  #topicOf(partition: number): number {
    let low = 0;
    let high = this.topicIds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= partition) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
