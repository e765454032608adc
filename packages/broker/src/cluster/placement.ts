import type { Random } from "@ottla/runtime";

/** A broker that replicas can be placed on. */
export interface UsableBroker {
  readonly id: number;
  readonly rack: string | null;
  readonly isUp: boolean;
}

export interface PlacementRequest {
  readonly brokers: readonly UsableBroker[];
  readonly partitionCount: number;
  /** At most as many as there are brokers; at least one of those must be up. */
  readonly replicationFactor: number;
  readonly random: Random;
}

/**
 * Places the replicas of new partitions as Kafka's `StripedReplicaPlacer` does: the racks take turns, and within a rack the brokers; each partition begins one further than the one
 * before, from a random place on. So leaders and replicas are spread evenly, no rack has two replicas while another one has none, and brokers that are down come last and never first.
 */
export function placeReplicas({ brokers, partitionCount, replicationFactor, random }: PlacementRequest): number[][] {
  const racks = racksOf(brokers, random);
  const upCount = brokers.filter(({ isUp }) => isUp).length;
  const partitions: number[][] = [];
  let first = random.integer(racks.length);
  for (let index = 0; index < partitionCount; index++) {
    // Once round: other neighbours, so that not the same brokers are together in every round.
    if (index > 0 && index % upCount === 0 && upCount > 1) {
      shuffle(racks, random);
      for (const rack of racks) rack.shuffle(random);
    }
    partitions.push(placePartition(racks, first, replicationFactor));
    first = (first + 1) % racks.length;
  }
  return partitions;
}

/** The brokers of a rack, from which each partition takes what it needs. */
class Rack {
  private readonly up: number[];
  private readonly down: number[];
  private start: number;
  private taken = 0;

  constructor(brokers: readonly UsableBroker[], random: Random) {
    const ids = (isUp: boolean) => brokers.filter((one) => one.isUp === isUp).map(({ id }) => id);
    this.up = ids(true).sort((a, b) => a - b);
    this.down = ids(false).sort((a, b) => a - b);
    this.start = this.up.length === 0 ? 0 : random.integer(this.up.length);
  }

  /** Another partition begins. */
  begin(): void {
    this.taken = 0;
    if (this.up.length > 0) this.start = (this.start + 1) % this.up.length;
  }

  /** The next broker that is up, or undefined. */
  nextUp(): number | undefined {
    if (this.taken >= this.up.length) return undefined;
    return this.up[(this.start + this.taken++) % this.up.length];
  }

  /** The next broker, those that are down last; or undefined. */
  next(): number | undefined {
    return this.nextUp() ?? this.down[this.taken++ - this.up.length];
  }

  shuffle(random: Random): void {
    shuffle(this.up, random);
    shuffle(this.down, random);
  }
}

function racksOf(brokers: readonly UsableBroker[], random: Random): Rack[] {
  const byName = Map.groupBy(brokers, ({ rack }) => rack ?? "");
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => new Rack(members, random));
}

function placePartition(racks: readonly Rack[], first: number, replicationFactor: number): number[] {
  const replicas: number[] = [];
  for (const rack of racks) rack.begin();
  // The leader is one that is up: of the first rack whose turn it is and that has one.
  let at = first;
  for (let tries = 0; tries < racks.length && replicas.length === 0; tries++, at++) {
    const leader = racks[at % racks.length]!.nextUp();
    if (leader !== undefined) replicas.push(leader);
  }
  for (; replicas.length < replicationFactor; at++) {
    const broker = racks[at % racks.length]!.next();
    if (broker !== undefined) replicas.push(broker);
  }
  return replicas;
}

function shuffle<T>(items: T[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const other = random.integer(i + 1);
    [items[i], items[other]] = [items[other]!, items[i]!];
  }
}
