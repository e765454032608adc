import type { GroupRacks } from "./group-racks.ts";
import { NumberHeap } from "./number-heap.ts";
import type { StickyClaims } from "./sticky-claims.ts";
import type { StickyGroup } from "./sticky-group.ts";

/**
 * Assigns when subscriptions differ: as even as they allow. The builder that Kafka's `AbstractStickyAssignor` calls general.
 *
 * 1. Members keep what they own, as far as they still subscribe to it and, with racks, are near it.
 * 2. What is left goes to the subscriber with the fewest partitions, with racks first to one that is near; topics with few subscribers first.
 * 3. As long as an owner has at least two more than another subscriber of the topic, partitions move: back to the member of an older generation that claimed the partition,
 *    else to the subscriber with the fewest.
 *
 * Who has the fewest partitions is looked up in two steps, as members come in few classes: a heap of members per class, and while a topic is dealt with, a heap of
 * the classes that subscribe to it.
 */
export function assignMixed(group: StickyGroup, claims: StickyClaims): Int32Array {
  return new MixedAssignment(group, claims).assign();
}

class MixedAssignment {
  readonly #group: StickyGroup;
  readonly #racks: GroupRacks | null;
  readonly #claims: StickyClaims;
  readonly #owners: Int32Array;
  readonly #counts: Int32Array;
  /** By count, then by number of the member. */
  readonly #memberKeys: Float64Array;
  /** The key of the first member of each class. */
  readonly #classKeys: Float64Array;
  readonly #heaps: readonly NumberHeap[];
  /** The classes that subscribe to the present topic, by rack. */
  readonly #rackHeaps: readonly NumberHeap[];
  readonly #classesByTopic: readonly (readonly number[])[];
  /** Topics with few subscribers first. */
  readonly #topicOrder: readonly number[];
  /** When counts of a class last changed, on a clock that every change moves on. */
  readonly #changedAt: Float64Array;
  #clock = 0;
  readonly #movements: Movements;

  constructor(group: StickyGroup, claims: StickyClaims) {
    const memberCount = group.members.length;
    this.#group = group;
    this.#racks = group.racks;
    this.#claims = claims;
    this.#owners = claims.owners.slice();
    this.#counts = new Int32Array(memberCount);
    this.#memberKeys = Float64Array.from(this.#counts, (_, member) => member);
    this.#classKeys = new Float64Array(group.classes.length);
    const memberPlaces = new Int32Array(memberCount);
    this.#heaps = group.classes.map(({ members }) => new NumberHeap(this.#memberKeys, memberPlaces, members.length));
    const classPlaces = new Int32Array(group.classes.length);
    this.#rackHeaps = Array.from(
      { length: group.racks?.count ?? 1 },
      () => new NumberHeap(this.#classKeys, classPlaces, group.classes.length),
    );
    const classesByTopic = group.topicNames.map((): number[] => []);
    group.classes.forEach(({ topics }, number) => {
      for (const topic of topics) classesByTopic[topic]!.push(number);
    });
    this.#classesByTopic = classesByTopic;
    const subscribers = classesByTopic.map((list) => list.reduce((n, c) => n + group.classes[c]!.members.length, 0));
    this.#topicOrder = subscribers.map((_, topic) => topic).sort((a, b) => subscribers[a]! - subscribers[b]! || a - b);
    this.#changedAt = new Float64Array(group.classes.length);
    this.#movements = new Movements(group, this.#owners);
  }

  assign(): Int32Array {
    const hasRevoked = this.#keepOwned();
    this.#fillHeaps();
    const isNew = Uint8Array.from(this.#owners, (owner) => (owner < 0 ? 1 : 0));
    if (this.#racks !== null) this.#assignToLeast((partition) => this.#leastNear(partition));
    this.#assignToLeast(() => this.#least());
    if (!hasRevoked) this.#balance(isNew);
    this.#balance(null);
    return this.#owners;
  }

  /** Whether a member has to give up something. */
  #keepOwned(): boolean {
    const { members, classes, classOf, topicOf, topicNames } = this.#group;
    const subscribed = classes.map(({ topics }) => {
      const has = new Uint8Array(topicNames.length);
      for (const topic of topics) has[topic] = 1;
      return has;
    });
    let hasRevoked = false;
    for (let partition = 0; partition < this.#owners.length; partition++) {
      const owner = this.#owners[partition]!;
      if (owner < 0) continue;
      const isKept =
        subscribed[classOf[owner]!]![topicOf[partition]!] === 1 && this.#racks?.isNear(owner, partition) !== false;
      if (isKept) {
        this.#counts[owner]!++;
        this.#memberKeys[owner]! += members.length;
      } else {
        this.#owners[partition] = -1;
        hasRevoked = true;
      }
    }
    return hasRevoked;
  }

  #fillHeaps(): void {
    this.#group.classes.forEach(({ members }, number) => {
      const heap = this.#heaps[number]!;
      for (const member of members) heap.add(member);
      heap.settle();
      this.#classKeys[number] = this.#memberKeys[heap.top]!;
    });
  }

  #assignToLeast(find: (partition: number) => number): void {
    const { topicStarts } = this.#group;
    for (const topic of this.#topicOrder) {
      this.#enter(topic);
      for (let partition = topicStarts[topic]!; partition < topicStarts[topic + 1]!; partition++) {
        if (this.#owners[partition]! >= 0) continue;
        const member = find(partition);
        if (member < 0) continue;
        this.#owners[partition] = member;
        this.#count(member, 1);
      }
    }
  }

  /** From now on `#least` is about this topic. */
  #enter(topic: number): void {
    for (const heap of this.#rackHeaps) heap.clear();
    for (const number of this.#classesByTopic[topic]!) this.#rackHeaps[this.#group.classes[number]!.rack]!.add(number);
    for (const heap of this.#rackHeaps) heap.settle();
  }

  /** The subscriber of the topic that has the fewest partitions. */
  #least(): number {
    let best = -1;
    for (const heap of this.#rackHeaps) if (heap.size > 0) best = this.#lesser(best, heap.top);
    return best < 0 ? -1 : this.#heaps[best]!.top;
  }

  /** The same among those that are near; -1 where nobody is. */
  #leastNear(partition: number): number {
    let best = this.#rackHeaps[0]!.size > 0 ? this.#rackHeaps[0]!.top : -1;
    for (const rack of this.#racks!.racksOf(partition)) {
      const heap = this.#rackHeaps[rack]!;
      if (heap.size > 0) best = this.#lesser(best, heap.top);
    }
    return best < 0 ? -1 : this.#heaps[best]!.top;
  }

  #lesser(a: number, b: number): number {
    return a < 0 || this.#classKeys[b]! < this.#classKeys[a]! ? b : a;
  }

  /** Moves partitions (those with a 1 in `only`, or all) until none can move to the good of the balance. */
  #balance(only: Uint8Array | null): void {
    const { topicStarts } = this.#group;
    const enteredAt = new Float64Array(this.#classesByTopic.length).fill(-1);
    let hasMoved = true;
    while (hasMoved && !this.#isEven()) {
      hasMoved = false;
      for (const topic of this.#topicOrder) {
        // Nothing has changed for its subscribers since nothing could be moved.
        if (!this.#classesByTopic[topic]!.some((number) => this.#changedAt[number]! > enteredAt[topic]!)) continue;
        enteredAt[topic] = this.#clock;
        this.#enter(topic);
        this.#movements.enter(topic);
        for (let partition = topicStarts[topic]!; partition < topicStarts[topic + 1]!; partition++) {
          if ((only === null || only[partition] === 1) && this.#improve(partition)) hasMoved = true;
        }
      }
    }
  }

  #isEven(): boolean {
    let fewest = Number.POSITIVE_INFINITY;
    let most = 0;
    for (const count of this.#counts) {
      if (count < fewest) fewest = count;
      if (count > most) most = count;
    }
    return most - fewest <= 1;
  }

  #improve(partition: number): boolean {
    const owner = this.#owners[partition]!;
    const most = this.#counts[owner]! - 1;
    const previous = this.#previousOwner(partition);
    if (previous >= 0 && most > this.#counts[previous]!) {
      this.#move(partition, previous);
      return true;
    }
    const least = this.#least();
    if (most <= this.#counts[least]!) return false;
    this.#move(partition, least);
    return true;
  }

  /** The member that claimed the partition in an older generation, if it may have it; else -1. */
  #previousOwner(partition: number): number {
    const previous = this.#claims.previous?.[partition] ?? -1;
    if (previous < 0) return -1;
    const { classes, classOf, topicOf } = this.#group;
    return classes[classOf[previous]!]!.topics.includes(topicOf[partition]!) ? previous : -1;
  }

  #move(partition: number, to: number): void {
    const moved = this.#movements.better(partition, to, this.#counts);
    const from = this.#owners[moved]!;
    this.#movements.record(moved, from, to);
    this.#owners[moved] = to;
    this.#count(from, -1);
    this.#count(to, 1);
  }

  #count(member: number, change: number): void {
    const { classOf, classes, members } = this.#group;
    const number = classOf[member]!;
    const heap = this.#heaps[number]!;
    this.#counts[member]! += change;
    this.#memberKeys[member]! += change * members.length;
    heap.update(member);
    const key = this.#memberKeys[heap.top]!;
    this.#changedAt[number] = ++this.#clock;
    if (key === this.#classKeys[number]) return;
    this.#classKeys[number] = key;
    this.#rackHeaps[classes[number]!.rack]!.update(number);
  }
}

/**
 * What has moved so far. Where one partition of a topic moved from A to B, and another is to move from B to A, the first goes back instead: one member fewer has to start anew.
 */
class Movements {
  readonly #group: StickyGroup;
  readonly #owners: Int32Array;
  /** Where each partition was before it moved; -1 where it is still there. */
  readonly #origins: Int32Array;
  /** How many partitions of a topic have moved from one member to another. */
  readonly #counts: Map<number, number>[];
  #topic = 0;

  constructor(group: StickyGroup, owners: Int32Array) {
    this.#group = group;
    this.#owners = owners;
    this.#origins = new Int32Array(owners.length).fill(-1);
    this.#counts = group.topicNames.map(() => new Map());
  }

  enter(topic: number): void {
    this.#topic = topic;
  }

  /** The partition to move in place of this one. */
  better(partition: number, to: number, counts: Int32Array): number {
    const from = this.#origin(partition);
    if (!this.#counts[this.#topic]!.has(this.#pair(to, from)) || counts[from]! <= counts[to]! + 1) return partition;
    const { topicStarts } = this.#group;
    for (let other = topicStarts[this.#topic]!; other < topicStarts[this.#topic + 1]!; other++) {
      if (this.#origins[other] === to && this.#owners[other] === from) return other;
    }
    return partition;
  }

  record(partition: number, from: number, to: number): void {
    const origin = this.#origin(partition);
    if (this.#origins[partition]! >= 0) this.#add(this.#pair(origin, from), -1);
    this.#origins[partition] = origin === to ? -1 : origin;
    if (origin !== to) this.#add(this.#pair(origin, to), 1);
  }

  #origin(partition: number): number {
    return this.#origins[partition]! >= 0 ? this.#origins[partition]! : this.#owners[partition]!;
  }

  #pair(from: number, to: number): number {
    return from * this.#group.members.length + to;
  }

  #add(pair: number, change: number): void {
    const counts = this.#counts[this.#topic]!;
    const count = (counts.get(pair) ?? 0) + change;
    if (count === 0) counts.delete(pair);
    else counts.set(pair, count);
  }
}
