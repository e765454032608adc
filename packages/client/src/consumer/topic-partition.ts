/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A place in a partition: what is committed, sought or asked for. */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number;
  /** The epoch of the leader that appended the record before it; left out or -1 where it is not known. */
  readonly leaderEpoch?: number | undefined;
  /** Text that is kept with a committed offset. */
  readonly metadata?: string | undefined;
}

/** Partitions grouped by topic, as the wire has them. */
export type PartitionsByTopic = ReadonlyMap<string, readonly number[]>;

/** Values by partition, without a key object or string per look-up. */
export class PartitionMap<T> {
  readonly #topics = new Map<string, Map<number, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(topic: string, partition: number): T | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  has(topic: string, partition: number): boolean {
    return this.#topics.get(topic)?.has(partition) ?? false;
  }

  set(topic: string, partition: number, value: T): void {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#topics.set(topic, partitions);
    }
    if (!partitions.has(partition)) this.#size++;
    partitions.set(partition, value);
  }

  delete(topic: string, partition: number): boolean {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined || !partitions.delete(partition)) return false;
    this.#size--;
    if (partitions.size === 0) this.#topics.delete(topic);
    return true;
  }

  clear(): void {
    this.#topics.clear();
    this.#size = 0;
  }

  *values(): Generator<T> {
    for (const partitions of this.#topics.values()) yield* partitions.values();
  }

  /** The topics that have a partition here. */
  topics(): Iterable<string> {
    return this.#topics.keys();
  }
}

/** Groups partitions by topic; topics in the order of their first partition. */
export function groupByTopic<T extends TopicPartition>(partitions: Iterable<T>): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const partition of partitions) {
    const group = groups.get(partition.topic);
    if (group === undefined) groups.set(partition.topic, [partition]);
    else group.push(partition);
  }
  return groups;
}

/** `orders-3`, as Kafka writes it. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** By topic, then by partition; strings by UTF-16 code units, as Java compares them. */
export function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}

/** `orders-0, orders-1 and 7 more`, for messages. */
export function namePartitions(partitions: readonly TopicPartition[], most = 10): string {
  const names = partitions.slice(0, most).map(partitionName).join(", ");
  return partitions.length > most ? `${names} and ${partitions.length - most} more` : names;
}
