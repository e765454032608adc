import { type FetchedFrame, PartitionState } from "./partition-state.ts";
import {
  comparePartitions,
  PartitionMap,
  type PartitionsByTopic,
  type TopicPartition,
  type TopicPartitionOffset,
} from "./topic-partition.ts";

/**
 * The partitions that are assigned, where the consumer stands in each, and what the application has finished.
 *
 * A message (or batch) that the application has taken counts as unfinished until it asks for the next one, or commits it itself: `consumed` covers it, since whoever
 * commits vouches for it, `finished` does not. Only one is unfinished at a time.
 */
export class Offsets {
  /** Bytes of frames that hold something that is not yet taken. */
  queuedSize = 0;
  readonly #states = new PartitionMap<PartitionState>();
  #list: readonly PartitionState[] | null = null;
  #current: PartitionState | null = null;
  #currentOffset = -1;
  #currentLast = -1;
  #currentEpoch = -1;
  readonly #onFreed = (size: number) => {
    this.queuedSize -= size;
  };

  /** A frame has been taken apart: it counts for as long as partitions hold parts of it. */
  held(frame: FetchedFrame): void {
    this.queuedSize += frame.size;
    if (--frame.holders === 0) this.#onFreed(frame.size);
  }

  get(topic: string, partition: number): PartitionState | undefined {
    return this.#states.get(topic, partition);
  }

  /** All assigned partitions, by topic and number. */
  list(): readonly PartitionState[] {
    this.#list ??= [...this.#states.values()].sort(comparePartitions);
    return this.#list;
  }

  get size(): number {
    return this.#states.size;
  }

  /** Takes new partitions in and leaves the others as they are; returns the states of those that are new. */
  add(partitions: Iterable<TopicPartition>): PartitionState[] {
    const added: PartitionState[] = [];
    for (const place of partitions) {
      if (this.#states.has(place.topic, place.partition)) continue;
      const state = new PartitionState({ topic: place.topic, partition: place.partition }, this.#onFreed);
      this.#states.set(place.topic, place.partition, state);
      added.push(state);
    }
    this.#list = null;
    return added;
  }

  /** Forgets partitions and what was fetched of them. */
  remove(partitions: Iterable<TopicPartition>): void {
    for (const { topic, partition } of [...partitions]) {
      const state = this.#states.get(topic, partition);
      if (state === undefined) continue;
      state.isRevoked = true;
      state.version++;
      state.dropQueue();
      this.#states.delete(topic, partition);
      if (this.#current === state) this.#current = null;
    }
    this.#list = null;
  }

  /** The application has the records from `offset` to `lastOffset` from now on. */
  take(state: PartitionState, offset: number, lastOffset: number, leaderEpochBefore: number): void {
    this.#current = state;
    this.#currentOffset = offset;
    this.#currentLast = lastOffset;
    this.#currentEpoch = leaderEpochBefore;
  }

  /** The application has finished what it took: it asks for more, or vouches for it. */
  finish(): void {
    this.#current = null;
  }

  /**
   * The application gives up what it took without having finished it: the partition goes back to it. Returns the partition; null where all was finished.
   */
  abandon(): PartitionState | null {
    const state = this.#current;
    this.#current = null;
    // A seek has moved the position already.
    if (state === null || state.isRevoked || !state.hasPosition || state.position < this.#currentOffset) return null;
    state.moveTo(this.#currentOffset, this.#currentEpoch);
    return state;
  }

  /** The application has sought: what it took of the partition no longer decides where the partition stands. */
  sought(state: PartitionState): void {
    if (this.#current === state) this.#current = null;
  }

  /** Where each partition stands, what the application has at the moment included: what `commit()` covers. */
  consumed(): TopicPartitionOffset[] {
    return this.#committable(null);
  }

  /** Where each partition stands without what the application has not finished: what is committed for it. */
  finished(): TopicPartitionOffset[] {
    return this.#committable(this.#current);
  }

  /** By committing these the application says that it has finished what lies before them. */
  vouch(offsets: readonly TopicPartitionOffset[]): void {
    const state = this.#current;
    if (state === null) return;
    for (const { topic, partition, offset } of offsets) {
      if (topic !== state.topic || partition !== state.partition || offset <= this.#currentOffset) continue;
      if (offset > this.#currentLast) {
        this.finish();
        return;
      }
      this.#currentOffset = offset;
      this.#currentEpoch = state.positionEpoch;
    }
  }

  #committable(unfinished: PartitionState | null): TopicPartitionOffset[] {
    const offsets: TopicPartitionOffset[] = [];
    for (const state of this.list()) {
      if (!state.hasPosition || state.position < 0) continue;
      const { topic, partition } = state;
      if (state === unfinished) {
        offsets.push({ topic, partition, offset: this.#currentOffset, leaderEpoch: this.#currentEpoch });
      } else {
        offsets.push({ topic, partition, offset: state.position, leaderEpoch: state.positionEpoch });
      }
    }
    return offsets;
  }
}

/** The partitions of an assignment, one by one. */
export function* eachPartition(partitions: PartitionsByTopic): Generator<TopicPartition> {
  for (const [topic, numbers] of partitions) for (const partition of numbers) yield { topic, partition };
}

/** The other way round. */
export function byTopic(partitions: Iterable<TopicPartition>): Map<string, number[]> {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const numbers = topics.get(topic);
    if (numbers === undefined) topics.set(topic, [partition]);
    else numbers.push(partition);
  }
  return topics;
}
