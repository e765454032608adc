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
  /** The topics of each of the different subscriptions. */
  readonly subscriptions: readonly (readonly number[])[];
  /** The subscription of each member; only the first member's where all subscribe to the same topics. */
  readonly subscriptionOf: readonly number[];
  /** The owner of each partition; -1 where there is none. */
  readonly owners: Int32Array;
  /** 1 for members that do not simply keep what they have. */
  readonly changed: Uint8Array;
  readonly #numbers = new Map<string, number>();

  constructor(group: GroupSpec, topics: SubscribedTopics) {
    this.memberIds = [...group.members.keys()];
    this.members = [...group.members.values()];
    const subscribers = group.isHomogeneous ? this.members.slice(0, 1) : this.members;
    const { subscriptions, subscriptionOf } = distinctSubscriptions(subscribers);
    this.subscriptionOf = subscriptionOf;
    const topicIds = new Set<string>();
    for (const subscription of subscriptions) for (const topicId of subscription) topicIds.add(topicId);
    this.topicIds = [...topicIds].filter((topicId) => topics.partitionCount(topicId) > 0).sort(compareText);
    this.starts = new Int32Array(this.topicIds.length + 1);
    this.topicIds.forEach((topicId, number) => {
      this.#numbers.set(topicId, number);
      this.starts[number + 1] = this.starts[number]! + topics.partitionCount(topicId);
    });
    this.subscriptions = subscriptions.map((topicIds) =>
      Array.from(topicIds, (topicId) => this.#numbers.get(topicId)).filter((number) => number !== undefined),
    );
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
      let stop = position + 1;
      while (stop < end && partitions[stop]! < next) stop++;
      // Of its final size from the start: a list that grows leaves garbage.
      const list = new Array<number>(stop - position);
      for (let n = 0; position < stop; n++, position++) list[n] = partitions[position]! - first;
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

/** Most members have one of a few subscriptions: each is then looked up once. The same topics in another order count as another one. */
function distinctSubscriptions(members: readonly MemberSpec[]): {
  subscriptions: ReadonlySet<string>[];
  subscriptionOf: number[];
} {
  const subscriptions: ReadonlySet<string>[] = [];
  const bySet = new Map<ReadonlySet<string>, number>();
  const byStart = new Map<string, number[]>();
  const subscriptionOf = members.map(({ topicIds }) => {
    let number = bySet.get(topicIds);
    if (number === undefined) {
      const [first] = topicIds;
      const start = `${topicIds.size} ${first}`;
      const alike = byStart.get(start) ?? [];
      number = alike.find((other) => isSame(subscriptions[other]!, topicIds));
      if (number === undefined) {
        number = subscriptions.push(topicIds) - 1;
        byStart.set(start, [...alike, number]);
      }
      bySet.set(topicIds, number);
    }
    return number;
  });
  return { subscriptions, subscriptionOf };
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const others = b.values();
  for (const topicId of a) if (topicId !== others.next().value) return false;
  return true;
}
