import type { AssignorMember, AssignorTopics } from "./assignor.ts";

/** Which members are near which partitions (KIP-881): those in a rack that holds a replica. Racks are numbered from 1; 0 is no rack. */
export class GroupRacks {
  /** The rack of each member. */
  readonly memberRacks: Int32Array;
  /** One more than the highest number of a rack. */
  readonly count: number;
  readonly #starts: Int32Array;
  readonly #replicaRacks: Int32Array;
  readonly #membersIn: Int32Array;

  private constructor(memberRacks: Int32Array, count: number, starts: Int32Array, replicaRacks: Int32Array) {
    this.memberRacks = memberRacks;
    this.count = count;
    this.#starts = starts;
    this.#replicaRacks = replicaRacks;
    this.#membersIn = new Int32Array(count);
    for (const rack of memberRacks) this.#membersIn[rack]!++;
  }

  /** Null where racks make no difference: no member is in a rack that has replicas, or every rack has every partition. */
  static of(
    topics: AssignorTopics,
    topicNames: readonly string[],
    topicStarts: Int32Array,
    members: readonly AssignorMember[],
  ): GroupRacks | null {
    const numbers = new Map<string, number>();
    const memberRacks = Int32Array.from(members, ({ rackId }) => (rackId ? number(numbers, rackId) : 0));
    const memberRackCount = numbers.size;
    if (memberRackCount === 0) return null;
    const starts = new Int32Array(topicStarts.at(-1)! + 1);
    const replicaRacks: number[] = [];
    const seen = new Set<number>();
    let fewest = Number.POSITIVE_INFINITY;
    topicNames.forEach((topic, n) => {
      const first = topicStarts[n]!;
      for (let partition = first; partition < topicStarts[n + 1]!; partition++) {
        const racks = new Set(topics.replicaRacks(topic, partition - first));
        for (const rack of racks) replicaRacks.push(number(numbers, rack));
        starts[partition + 1] = replicaRacks.length;
        fewest = Math.min(fewest, racks.size);
      }
    });
    for (const rack of replicaRacks) seen.add(rack);
    const meets = [...seen].some((rack) => rack <= memberRackCount);
    if (!meets || fewest === seen.size) return null;
    return new GroupRacks(memberRacks, numbers.size + 1, starts, Int32Array.from(replicaRacks));
  }

  /** Whether the member may have the partition at no cost: it has no rack, or its rack has a replica. */
  isNear(member: number, partition: number): boolean {
    const rack = this.memberRacks[member]!;
    return rack === 0 || this.hasReplica(rack, partition);
  }

  hasReplica(rack: number, partition: number): boolean {
    for (let n = this.#starts[partition]!; n < this.#starts[partition + 1]!; n++) {
      if (this.#replicaRacks[n] === rack) return true;
    }
    return false;
  }

  /** The racks that hold the partition. */
  racksOf(partition: number): Int32Array {
    return this.#replicaRacks.subarray(this.#starts[partition], this.#starts[partition + 1]);
  }

  /** How many members are in these racks. */
  membersNear(partition: number): number {
    let count = 0;
    for (let n = this.#starts[partition]!; n < this.#starts[partition + 1]!; n++) {
      count += this.#membersIn[this.#replicaRacks[n]!]!;
    }
    return count;
  }
}

function number(numbers: Map<string, number>, rack: string): number {
  let number = numbers.get(rack);
  if (number === undefined) {
    number = numbers.size + 1;
    numbers.set(rack, number);
  }
  return number;
}
