import type { TopicAssignment } from "./assignors/assignor.ts";

/** Partitions of one topic in rising order, each with the epoch of the member at which it was given to it (KIP-1251). Never changed once made. */
export interface EpochedPartitions {
  readonly partitions: readonly number[];
  /** As many as partitions. */
  readonly epochs: readonly number[];
}

/** What a member owns, by topic id; no topic without partitions. Never changed once made. */
export type OwnedPartitions = ReadonlyMap<string, EpochedPartitions>;

export const nothingOwned: OwnedPartitions = new Map();
export const nothingAssigned: TopicAssignment = new Map();

const noPartitions: EpochedPartitions = { partitions: [], epochs: [] };

/** The partitions of a topic; an empty list where there are none. */
export function ownedOf(owned: OwnedPartitions, topicId: string): EpochedPartitions {
  return owned.get(topicId) ?? noPartitions;
}

/** The epoch at which a partition was given to its owner; -1 where it is not among these. */
export function epochOf(owned: OwnedPartitions, topicId: string, partition: number): number {
  const topic = owned.get(topicId);
  if (topic === undefined) return -1;
  const at = indexIn(topic.partitions, partition);
  return at === -1 ? -1 : topic.epochs[at]!;
}

/** The place of a number in a rising list, or -1. */
export function indexIn(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle]!;
    if (value === wanted) return middle;
    if (value < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export function equalNumbers(one: readonly number[], other: readonly number[]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let n = 0; n < one.length; n++) if (one[n] !== other[n]) return false;
  return true;
}

/** Whether two members would own the same, given at the same epochs. */
export function equalOwned(one: OwnedPartitions, other: OwnedPartitions): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const [topicId, { partitions, epochs }] of one) {
    const topic = other.get(topicId);
    if (topic === undefined || !equalNumbers(partitions, topic.partitions) || !equalNumbers(epochs, topic.epochs)) {
      return false;
    }
  }
  return true;
}

export function equalAssignments(one: TopicAssignment, other: TopicAssignment): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const [topicId, partitions] of one) {
    const topic = other.get(topicId);
    if (topic === undefined || !equalNumbers(partitions, topic)) return false;
  }
  return true;
}

/** Both of two lists of partitions of a topic, which have none in common. */
export function mergeEpoched(one: EpochedPartitions, other: EpochedPartitions): EpochedPartitions {
  if (one.partitions.length === 0) return other;
  if (other.partitions.length === 0) return one;
  const partitions: number[] = [];
  const epochs: number[] = [];
  let a = 0;
  let b = 0;
  while (a < one.partitions.length || b < other.partitions.length) {
    const isFirst =
      b === other.partitions.length || (a < one.partitions.length && one.partitions[a]! < other.partitions[b]!);
    const from = isFirst ? one : other;
    const at = isFirst ? a++ : b++;
    partitions.push(from.partitions[at]!);
    epochs.push(from.epochs[at]!);
  }
  return { partitions, epochs };
}

/** Partitions as somebody else wrote them, in any order, made what they have to be here. Epochs that are missing are `epoch`. */
export function toEpoched(
  partitions: readonly number[],
  epochs: readonly number[] | null,
  epoch: number,
): EpochedPartitions {
  const own = epochs !== null && epochs.length === partitions.length ? epochs : partitions.map(() => epoch);
  if (isRising(partitions)) return { partitions: [...partitions], epochs: [...own] };
  const byPartition = new Map<number, number>();
  for (const [n, partition] of partitions.entries()) byPartition.set(partition, own[n]!);
  const sorted = [...byPartition].sort((one, other) => one[0] - other[0]);
  return { partitions: sorted.map(([partition]) => partition), epochs: sorted.map(([, given]) => given) };
}

/** The same numbers in rising order, each once. */
export function toRising(numbers: readonly number[]): readonly number[] {
  return isRising(numbers) ? [...numbers] : [...new Set(numbers)].sort((one, other) => one - other);
}

function isRising(numbers: readonly number[]): boolean {
  for (let n = 1; n < numbers.length; n++) if (numbers[n - 1]! >= numbers[n]!) return false;
  return true;
}
