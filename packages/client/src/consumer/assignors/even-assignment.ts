import type { GroupRacks } from "./group-racks.ts";
import type { StickyClaims } from "./sticky-claims.ts";
import type { StickyGroup } from "./sticky-group.ts";

/**
 * Assigns when all members subscribe to the same topics: each gets the same number of partitions, or one more. The builder that Kafka's `AbstractStickyAssignor` calls constrained.
 *
 * 1. Members keep what they own, up to their quota: as many as are to have one more keep one more, the rest are given up.
 * 2. With racks: partitions go to members near them, those with the fewest members near them first.
 * 3. What is left goes round among the members below the quota, then to those that may have one more.
 */
export function assignEvenly(group: StickyGroup, claims: StickyClaims): Int32Array {
  return group.members.length === 0 ? claims.owners : new EvenAssignment(group, claims).assign();
}

class EvenAssignment {
  readonly #group: StickyGroup;
  readonly #racks: GroupRacks | null;
  readonly #owners: Int32Array;
  /** How many partitions each member has. */
  readonly #counts: Int32Array;
  readonly #least: number;
  /** How many more members may get one above `least`. */
  #extras: number;
  /** Members below `least`, in the order of their ids. */
  #under: number[] = [];
  /** Members with exactly `least` that may get one more. */
  #exactly: number[] = [];

  constructor(group: StickyGroup, claims: StickyClaims) {
    this.#group = group;
    this.#racks = group.racks;
    this.#owners = claims.owners.slice();
    this.#counts = new Int32Array(group.members.length);
    this.#least = Math.floor(group.partitionCount / group.members.length);
    this.#extras = group.partitionCount % group.members.length;
  }

  assign(): Int32Array {
    this.#keepOwned();
    const unassigned = this.#unassigned();
    const rest = this.#racks === null ? unassigned : this.#assignNear(this.#racks, unassigned);
    this.#assignInTurn(rest);
    return this.#owners;
  }

  #keepOwned(): void {
    this.#dropDistant();
    const { starts, partitions } = this.#group.partitionsByMember(this.#owners);
    for (let member = 0; member < this.#counts.length; member++) {
      const owned = partitions.subarray(starts[member], starts[member + 1]);
      if (owned.length < this.#least) {
        this.#counts[member] = owned.length;
        this.#under.push(member);
      } else if (owned.length > this.#least && this.#extras > 0) {
        this.#keep(member, owned, this.#least + 1);
        this.#extras--;
      } else {
        this.#keep(member, owned, this.#least);
        this.#exactly.push(member);
      }
    }
    if (this.#extras === 0) this.#exactly = [];
  }

  /** Nobody keeps a partition that has no replica in the member's rack. */
  #dropDistant(): void {
    const racks = this.#racks;
    if (racks === null) return;
    for (let partition = 0; partition < this.#owners.length; partition++) {
      const owner = this.#owners[partition]!;
      if (owner >= 0 && !racks.isNear(owner, partition)) this.#owners[partition] = -1;
    }
  }

  /** Keeps the lowest partition numbers, whatever the topic: so that members keep the same ones of topics that belong together. */
  #keep(member: number, owned: Int32Array, most: number): void {
    this.#counts[member] = most;
    if (owned.length === most) return;
    const { topicOf, topicStarts } = this.#group;
    const index = (partition: number) => partition - topicStarts[topicOf[partition]!]!;
    const sorted = owned.slice().sort((a, b) => index(a) - index(b) || a - b);
    for (const partition of sorted.subarray(most)) this.#owners[partition] = -1;
  }

  #unassigned(): Int32Array {
    const unassigned = new Int32Array(this.#owners.length);
    let count = 0;
    for (let partition = 0; partition < this.#owners.length; partition++) {
      if (this.#owners[partition]! < 0) unassigned[count++] = partition;
    }
    return unassigned.subarray(0, count);
  }

  /** Gives out what finds a member near it; answers with what is left. */
  #assignNear(racks: GroupRacks, unassigned: Int32Array): Int32Array {
    const near = Int32Array.from(this.#owners, (_, partition) => racks.membersNear(partition));
    const sorted = unassigned.slice().sort((a, b) => near[a]! - near[b]! || a - b);
    const under = new RackTurns(racks, this.#under);
    const exactly = new RackTurns(racks, this.#exactly);
    let left = 0;
    for (const partition of sorted) {
      let member = under.next(partition);
      if (member >= 0) {
        if (this.#give(partition, member) >= this.#least) {
          under.removeLast();
          exactly.add(member);
        }
        continue;
      }
      member = this.#extras > 0 ? exactly.first(partition) : -1;
      if (member >= 0) {
        this.#give(partition, member);
        this.#extras--;
        exactly.removeLast();
      } else {
        sorted[left++] = partition;
      }
    }
    this.#under = under.members;
    this.#exactly = exactly.members;
    return sorted.subarray(0, left);
  }

  #assignInTurn(unassigned: Int32Array): void {
    let under = this.#under;
    let position = 0;
    while (under.length > 0 && position < unassigned.length) {
      const still: number[] = [];
      for (const member of under) {
        if (position === unassigned.length) break;
        const count = this.#give(unassigned[position++]!, member);
        if (count < this.#least) still.push(member);
        else this.#exactly.push(member);
      }
      under = still;
    }
    for (const member of this.#exactly) {
      if (position === unassigned.length) return;
      this.#give(unassigned[position++]!, member);
    }
  }

  #give(partition: number, member: number): number {
    this.#owners[partition] = member;
    this.#counts[member]!++;
    return this.#counts[member]!;
  }
}

/** Members that take turns, where a turn may be passed on to the next member that is near. */
class RackTurns {
  readonly members: number[];
  readonly #racks: GroupRacks;
  readonly #membersIn: Int32Array;
  /** Whose turn it is. */
  #turn = 0;
  /** The place of the member that `next` or `first` found. */
  #last = 0;

  constructor(racks: GroupRacks, members: readonly number[]) {
    this.#racks = racks;
    this.members = [...members];
    this.#membersIn = new Int32Array(racks.count);
    for (const member of members) this.#membersIn[racks.memberRacks[member]!]!++;
  }

  /** The next member, from the turn on, in a rack with a replica; -1 where there is none. The turn goes on to the one behind it. */
  next(partition: number): number {
    const member = this.#find(partition, this.#turn);
    if (member >= 0) this.#turn = this.#last + 1 === this.members.length ? 0 : this.#last + 1;
    return member;
  }

  /** The same from the first member, without regard to the turn. */
  first(partition: number): number {
    return this.#find(partition, 0);
  }

  add(member: number): void {
    this.members.push(member);
    this.#membersIn[this.#racks.memberRacks[member]!]!++;
  }

  /** Takes out the member that was found last. */
  removeLast(): void {
    const [member] = this.members.splice(this.#last, 1);
    this.#membersIn[this.#racks.memberRacks[member!]!]!--;
    this.#turn = this.#last >= this.members.length ? 0 : this.#last;
  }

  #find(partition: number, start: number): number {
    if (!this.#racks.racksOf(partition).some((rack) => this.#membersIn[rack]! > 0)) return -1;
    for (let n = 0; n < this.members.length; n++) {
      const place = (start + n) % this.members.length;
      const rack = this.#racks.memberRacks[this.members[place]!]!;
      if (rack === 0 || !this.#racks.hasReplica(rack, partition)) continue;
      this.#last = place;
      return this.members[place]!;
    }
    return -1;
  }
}
