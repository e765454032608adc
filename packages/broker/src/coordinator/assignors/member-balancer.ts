/**
 * The subscribers of one topic by how many partitions they have, to deal out to those with the fewest and take from those with the most without sorting anew for each
 * partition. Kafka's `UniformHeterogeneousAssignmentBuilder.MemberAssignmentBalancer`.
 *
 * ```
 *           ^ fewest       most
 *           |                     #      the range of the fewest grows to the right, that of the most to the left;
 * partition | [..->      ]##[#<- ]#      each takes in its neighbours once all its members have got, or given, one
 * count     | [##########]##[####]#
 *           +----------------------->    right of it: members that have nothing of the topic to give
 * ```
 */
export class MemberBalancer {
  /** How many partitions each member of the group has. */
  readonly #counts: Int32Array;
  readonly #sorted: Int32Array;
  #size = 0;
  #fewestEnd = 0;
  #fewestCount = 0;
  #nextFewest = 0;
  #mostStart = 0;
  #mostEnd = 0;
  #mostCount = 0;
  #nextMost = 0;
  #tally = new Int32Array(1024);

  constructor(counts: Int32Array) {
    this.#counts = counts;
    this.#sorted = new Int32Array(counts.length);
  }

  /** How far these members (at least one) are apart. */
  spread(members: Int32Array): number {
    const { fewest, most } = this.#extremes(members);
    return most - fewest;
  }

  /** Starts with these members (at least one, in rising order). */
  start(members: Int32Array): void {
    const { fewest, most } = this.#extremes(members);
    this.#sort(members, fewest, most);
    this.#fewestEnd = 0;
    this.#fewestCount = fewest - 1;
    this.#nextFewest = 0;
    this.#mostStart = this.#size;
    this.#mostEnd = this.#size;
    this.#mostCount = most + 1;
    this.#nextMost = this.#size - 1;
  }

  /** The member that is to get the next partition. */
  nextFewest(): number {
    if (this.#nextFewest >= this.#fewestEnd) {
      this.#fewestCount++;
      while (this.#fewestEnd < this.#size && this.#countAt(this.#fewestEnd) === this.#fewestCount) this.#fewestEnd++;
      this.#nextFewest = 0;
    }
    return this.#sorted[this.#nextFewest++]!;
  }

  /** The member that is to give the next partition; -1 where nobody is left that could. */
  nextMost(): number {
    if (this.#nextMost < this.#mostStart) {
      // The range may be empty, as all its members were passed over: then the level is that of the next member.
      if (this.#mostEnd <= this.#mostStart && this.#mostStart > 0) this.#mostCount = this.#countAt(this.#mostStart - 1);
      else this.#mostCount--;
      while (this.#mostStart > 0 && this.#countAt(this.#mostStart - 1) === this.#mostCount) this.#mostStart--;
      this.#nextMost = this.#mostEnd - 1;
    }
    return this.#nextMost < 0 ? -1 : this.#sorted[this.#nextMost--]!;
  }

  /** The member that `nextMost` answered with last has nothing to give. */
  passOver(): void {
    const place = this.#nextMost + 1;
    const member = this.#sorted[place]!;
    this.#mostEnd--;
    this.#sorted[place] = this.#sorted[this.#mostEnd]!;
    this.#sorted[this.#mostEnd] = member;
  }

  get isBalanced(): boolean {
    return this.#mostCount - this.#fewestCount <= 1;
  }

  #countAt(place: number): number {
    return this.#counts[this.#sorted[place]!]!;
  }

  #extremes(members: Int32Array): { fewest: number; most: number } {
    let fewest = this.#counts[members[0]!]!;
    let most = fewest;
    for (const member of members) {
      const count = this.#counts[member]!;
      if (count < fewest) fewest = count;
      else if (count > most) most = count;
    }
    return { fewest, most };
  }

  /** By count, then by number: a counting sort, as counts are close together as a rule. */
  #sort(members: Int32Array, fewest: number, most: number): void {
    const counts = this.#counts;
    this.#size = members.length;
    if (most === fewest) this.#sorted.set(members);
    else if (most - fewest > 4 * members.length + 64) {
      this.#sorted.set(members.slice().sort((a, b) => counts[a]! - counts[b]! || a - b));
    } else this.#countingSort(members, fewest, most - fewest);
  }

  #countingSort(members: Int32Array, fewest: number, range: number): void {
    const counts = this.#counts;
    if (this.#tally.length < range + 2) this.#tally = new Int32Array(2 * range + 2);
    const tally = this.#tally;
    tally.fill(0, 0, range + 2);
    for (const member of members) tally[counts[member]! - fewest + 1]!++;
    for (let n = 1; n <= range; n++) tally[n]! += tally[n - 1]!;
    for (const member of members) this.#sorted[tally[counts[member]! - fewest]!++] = member;
  }
}
