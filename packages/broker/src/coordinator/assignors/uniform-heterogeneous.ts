import { MemberBalancer } from "./member-balancer.ts";
import type { NumberedGroup } from "./numbered-group.ts";

/** How often all topics are gone over: where subscriptions overlap, the last bit of balance may take long. */
const mostRounds = 16;

/**
 * Subscriptions differ: members keep what they still subscribe to, the rest of each topic goes to its subscribers with the fewest partitions, and then partitions move from the subscribers
 * with the most to those with the fewest, until they are at most one apart or the rounds are used up. Kafka's `UniformHeterogeneousAssignmentBuilder`.
 */
export function assignHeterogeneous(group: NumberedGroup): void {
  new HeterogeneousAssignment(group).assign();
}

class HeterogeneousAssignment {
  readonly #group: NumberedGroup;
  /** The subscribers of each topic, rising. */
  readonly #subscribers: readonly Int32Array[];
  /** How many partitions each member has. */
  readonly #counts: Int32Array;
  readonly #balancer: MemberBalancer;
  /** Topics with many partitions per subscriber first. */
  readonly #order: readonly number[];
  /** Of the topic that is balanced: where each member's partitions begin and end in `#grouped`. */
  readonly #firsts: Int32Array;
  readonly #ends: Int32Array;
  #grouped = new Int32Array(0);
  /** How many partitions have moved, and how many had when these subscribers were last found even. */
  #moves = 0;
  readonly #evenAt = new Map<Int32Array, number>();

  constructor(group: NumberedGroup) {
    this.#group = group;
    this.#counts = new Int32Array(group.members.length);
    this.#balancer = new MemberBalancer(this.#counts);
    this.#subscribers = subscribersOf(group);
    this.#firsts = new Int32Array(group.members.length);
    this.#ends = new Int32Array(group.members.length);
    const perSubscriber = this.#subscribers.map(({ length }, topic) => this.#partitionCount(topic) / length);
    this.#order = this.#subscribers
      .map((_, topic) => topic)
      .sort(
        (a, b) =>
          perSubscriber[b]! - perSubscriber[a]! || this.#subscribers[a]!.length - this.#subscribers[b]!.length || a - b,
      );
  }

  assign(): void {
    this.#keepOwned();
    for (const topic of this.#order) this.#assignRest(topic);
    this.#balance();
  }

  #partitionCount(topic: number): number {
    return this.#group.starts[topic + 1]! - this.#group.starts[topic]!;
  }

  #keepOwned(): void {
    const { members, owners, starts, changed, subscriptions, subscriptionOf, topicIds } = this.#group;
    const subscribed = subscriptions.map((topics) => {
      const has = new Uint8Array(topicIds.length);
      for (const topic of topics) has[topic] = 1;
      return has;
    });
    members.forEach(({ assigned }, member) => {
      const mayHave = subscribed[subscriptionOf[member]!]!;
      for (const [topicId, partitions] of assigned) {
        const topic = this.#group.topicNumber(topicId);
        if (topic === undefined || mayHave[topic] === 0) {
          changed[member] = 1;
          continue;
        }
        const first = starts[topic]!;
        const count = starts[topic + 1]! - first;
        for (const index of partitions) {
          if (index < count && owners[first + index] === -1) {
            owners[first + index] = member;
            this.#counts[member]!++;
          } else {
            changed[member] = 1;
          }
        }
      }
    });
  }

  #assignRest(topic: number): void {
    const { owners, starts, changed } = this.#group;
    let hasStarted = false;
    for (let partition = starts[topic]!; partition < starts[topic + 1]!; partition++) {
      if (owners[partition] !== -1) continue;
      if (!hasStarted) this.#balancer.start(this.#subscribers[topic]!);
      hasStarted = true;
      const member = this.#balancer.nextFewest();
      owners[partition] = member;
      changed[member] = 1;
      this.#counts[member]!++;
    }
  }

  /** Goes round the topics until a whole round has moved nothing. */
  #balance(): void {
    const topics = this.#order.filter((topic) => this.#subscribers[topic]!.length >= 2);
    let last = -1;
    for (let round = 0; round < mostRounds; round++) {
      for (let n = 0; n < topics.length; n++) {
        if (n === last) return;
        if (this.#balanceTopic(topics[n]!) || last === -1) last = n;
      }
    }
  }

  /** Whether partitions have moved. */
  #balanceTopic(topic: number): boolean {
    const subscribers = this.#subscribers[topic]!;
    // Many topics have the same subscribers: those that were found even still are if nothing has moved since.
    if (this.#evenAt.get(subscribers) === this.#moves) return false;
    if (this.#balancer.spread(subscribers) <= 1) {
      this.#evenAt.set(subscribers, this.#moves);
      return false;
    }
    this.#balancer.start(subscribers);
    this.#groupByOwner(topic);
    let hasMoved = false;
    while (!this.#balancer.isBalanced) {
      const from = this.#nextGiver();
      if (from < 0) break;
      const partition = this.#grouped[--this.#ends[from]!]!;
      const to = this.#balancer.nextFewest();
      if (this.#balancer.isBalanced) break;
      this.#move(partition, from, to);
      hasMoved = true;
    }
    return hasMoved;
  }

  #nextGiver(): number {
    for (;;) {
      const member = this.#balancer.nextMost();
      if (member < 0 || this.#ends[member]! > this.#firsts[member]!) return member;
      this.#balancer.passOver();
    }
  }

  #move(partition: number, from: number, to: number): void {
    const { owners, changed } = this.#group;
    owners[partition] = to;
    changed[from] = 1;
    changed[to] = 1;
    this.#moves++;
    this.#counts[from]!--;
    this.#counts[to]!++;
  }

  /** The topic's partitions by owner, each one's rising. */
  #groupByOwner(topic: number): void {
    const { owners, starts } = this.#group;
    const subscribers = this.#subscribers[topic]!;
    for (const member of subscribers) this.#ends[member] = 0;
    for (let p = starts[topic]!; p < starts[topic + 1]!; p++) this.#ends[owners[p]!]!++;
    let position = 0;
    for (const member of subscribers) {
      this.#firsts[member] = position;
      position += this.#ends[member]!;
      this.#ends[member] = this.#firsts[member]!;
    }
    if (this.#grouped.length < position) this.#grouped = new Int32Array(2 * position);
    for (let p = starts[topic]!; p < starts[topic + 1]!; p++) this.#grouped[this.#ends[owners[p]!]!++] = p;
  }
}

/** The subscribers of each topic; topics with the same subscribers share the array. */
function subscribersOf({ topicIds, subscriptions, subscriptionOf }: NumberedGroup): Int32Array[] {
  const membersOf = subscriptions.map((): number[] => []);
  subscriptionOf.forEach((subscription, member) => {
    membersOf[subscription]!.push(member);
  });
  const subscriptionsOf = topicIds.map((): number[] => []);
  subscriptions.forEach((topics, subscription) => {
    for (const topic of topics) subscriptionsOf[topic]!.push(subscription);
  });
  const known = new Map<string, Int32Array>();
  return subscriptionsOf.map((numbers) => {
    const key = numbers.join();
    const subscribers = known.get(key) ?? merged(numbers.map((number) => membersOf[number]!));
    known.set(key, subscribers);
    return subscribers;
  });
}

function merged(lists: readonly (readonly number[])[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const list of lists) {
    all.set(list, position);
    position += list.length;
  }
  return lists.length > 1 ? all.sort() : all;
}
