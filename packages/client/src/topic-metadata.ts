import { type MetadataResponse, zeroUuid } from "@ottla/protocol";

export interface PartitionMetadata {
  readonly index: number;
  /** -1 while there is none. */
  readonly leaderId: number;
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly offlineReplicas: readonly number[];
  /** Kafka's code; 0 where all is well. */
  readonly errorCode: number;
}

export interface TopicMetadata {
  readonly name: string;
  /** Kafka's base64url form; null where the broker does not say (before Kafka 2.8). */
  readonly topicId: string | null;
  readonly isInternal: boolean;
  /** By index; always 0, 1, 2, ... without a hole. */
  readonly partitions: readonly PartitionMetadata[];
}

/** Where a partition is led, and since which epoch (-1 where the broker does not say). */
export interface Leader {
  readonly nodeId: number;
  readonly epoch: number;
}

/** What lies above no cluster has: a bound on what a broken answer can make us keep. */
const maxPartitionIndex = 1_000_000;

/** A topic of a Metadata answer. */
export function topicOf(topic: MetadataResponse["topics"][number], name: string): TopicMetadata {
  const partitions: PartitionMetadata[] = [];
  for (const one of topic.partitions) {
    if (one.partitionIndex < 0 || one.partitionIndex > maxPartitionIndex) continue;
    while (partitions.length < one.partitionIndex) partitions.push(leaderless(partitions.length));
    partitions[one.partitionIndex] = {
      index: one.partitionIndex,
      leaderId: one.leaderId,
      leaderEpoch: one.leaderEpoch,
      replicas: one.replicaNodes,
      isr: one.isrNodes,
      offlineReplicas: one.offlineReplicas,
      errorCode: one.errorCode,
    };
  }
  const topicId = topic.topicId === zeroUuid ? null : topic.topicId;
  return { name, topicId, isInternal: topic.isInternal, partitions };
}

/** Stands for a partition that a broker left out. */
function leaderless(index: number): PartitionMetadata {
  return { index, leaderId: -1, leaderEpoch: -1, replicas: [], isr: [], offlineReplicas: [], errorCode: 5 };
}
