import { ConfigError, KafkaError } from "../errors.ts";
import { groupByTopic, type TopicPartition, type TopicPartitionOffset } from "./topic-partition.ts";

/** Copies what a caller handed in, checked: topics are names, partitions whole numbers from 0 on. Throws a `KafkaError`. */
export function checkPartitions(what: string, partitions: readonly TopicPartition[]): TopicPartition[] {
  if (!Array.isArray(partitions)) throw invalid(`${what} takes an array of { topic, partition }`);
  return partitions.map(({ topic, partition }) => {
    checkTopic(what, topic);
    if (!Number.isInteger(partition) || partition < 0 || partition > 0x7fffffff) {
      throw invalid(`${what}: ${String(partition)} is not a partition of ${topic}`);
    }
    return { topic, partition };
  });
}

/** The same with offsets. */
export function checkOffsets(what: string, offsets: readonly TopicPartitionOffset[]): TopicPartitionOffset[] {
  const partitions = checkPartitions(what, offsets);
  return offsets.map(({ offset, leaderEpoch = -1, metadata = "" }, n) => {
    const place = partitions[n]!;
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw invalid(`${what}: ${String(offset)} is not an offset of ${place.topic}-${place.partition}`);
    }
    return { ...place, offset, leaderEpoch, metadata };
  });
}

export function checkTopic(what: string, topic: unknown): void {
  if (typeof topic !== "string" || topic === "") throw invalid(`${what}: ${JSON.stringify(topic)} is not a topic`);
}

/** Each partition once. */
export function withoutRepeats(partitions: readonly TopicPartition[]): TopicPartition[] {
  const distinct: TopicPartition[] = [];
  for (const [topic, list] of groupByTopic(partitions)) {
    for (const partition of new Set(list.map((one) => one.partition))) distinct.push({ topic, partition });
  }
  return distinct;
}

function invalid(message: string): KafkaError {
  return new KafkaError(message, { code: "INVALID_ARGUMENT" });
}

export function needsGroup(what: string): ConfigError {
  return new ConfigError(`${what} needs a group: set groupId`, "groupId");
}
