import type { StickyGroup } from "./sticky-group.ts";
import type { TopicTable } from "./topic-table.ts";

/** What a member says it owns. */
export interface OwnedClaim {
  /** The generation of the claim; -1 where it is not known. */
  readonly generationId: number;
  /** Calls back with the number of the topic and each of its partitions; topics that are not in the table are left out. */
  forEach(topics: TopicTable, visit: (topic: number, partition: number) => void): void;
}

/**
 * Who owned what, from the members' claims. The claim of the newest generation counts. Several of that generation cancel each other out: none of these members
 * can be trusted with the partition, and the next owner has to wait until they have let go of it.
 */
export class StickyClaims {
  /** The owner of each partition; -1 where there is none. */
  readonly owners: Int32Array;
  /** 1 where several members of one generation claim the partition. */
  readonly contested: Uint8Array;
  /** The newest of the claims that are older than the newest generation of the group; null where there are none. */
  readonly previous: Int32Array | null;
  readonly #generations: Int32Array;

  constructor(group: StickyGroup, claims: readonly OwnedClaim[]) {
    this.owners = new Int32Array(group.partitionCount).fill(-1);
    this.contested = new Uint8Array(group.partitionCount);
    this.#generations = Int32Array.from(claims, ({ generationId }) => generationId);
    const newest = this.#generations.reduce((a, b) => Math.max(a, b), -1);
    this.previous = this.#generations.some((generation) => generation < newest)
      ? new Int32Array(group.partitionCount).fill(-1)
      : null;
    claims.forEach((claim, member) => {
      const isOld = claim.generationId < newest;
      claim.forEach(group.topicTable, (topic, index) => {
        const partition = group.topicStarts[topic]! + index;
        if (index < 0 || partition >= group.topicStarts[topic + 1]!) return;
        this.#claim(partition, member);
        if (isOld) this.#remember(partition, member);
      });
    });
    for (let partition = 0; partition < this.owners.length; partition++) {
      if (this.contested[partition] === 1) this.owners[partition] = -1;
    }
  }

  #claim(partition: number, member: number): void {
    const owner = this.owners[partition]!;
    if (owner === member) return;
    const lead = owner < 0 ? 1 : this.#generations[member]! - this.#generations[owner]!;
    if (lead < 0) return;
    this.owners[partition] = member;
    this.contested[partition] = lead === 0 ? 1 : 0;
  }

  #remember(partition: number, member: number): void {
    const previous = this.previous!;
    const other = previous[partition]!;
    if (other < 0 || this.#generations[member]! > this.#generations[other]!) previous[partition] = member;
  }
}
