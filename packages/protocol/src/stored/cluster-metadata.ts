import { array, int8, int32, int64, message, string, uuid } from "../schema.ts";

/**
 * Records of the broker's own metadata log: what Apache Kafka keeps in `__cluster_metadata`, in Ottla's form. The key is the record's type; it stands as an int16 before
 * the body, with the version, an int16, behind it.
 */

/** The first record of every log: whose data this is. */
export const clusterRecord = message(
  "ClusterRecord",
  { key: 0, versions: [0, 0], flexible: 0 },
  { clusterId: uuid(), nodeId: int32() },
);

/** The leader epoch that partitions have from here on; raised at each start. */
export const leaderEpochRecord = message(
  "LeaderEpochRecord",
  { key: 1, versions: [0, 0], flexible: 0 },
  { leaderEpoch: int32() },
);

/** A topic was made. */
export const topicRecord = message(
  "TopicRecord",
  { key: 2, versions: [0, 0], flexible: 0 },
  { topicId: uuid(), name: string(), partitionCount: int32() },
);

/** A topic has more partitions. */
export const partitionCountRecord = message(
  "PartitionCountRecord",
  { key: 3, versions: [0, 0], flexible: 0 },
  { topicId: uuid(), partitionCount: int32() },
);

/** A topic was deleted, and its settings with it. */
export const topicRemovedRecord = message(
  "TopicRemovedRecord",
  { key: 4, versions: [0, 0], flexible: 0 },
  { topicId: uuid() },
);

/** A setting was changed; null removes it. The resource types are those of DescribeConfigs. */
export const configRecord = message(
  "ConfigRecord",
  { key: 5, versions: [0, 0], flexible: 0 },
  { resourceType: int8(), resourceName: string(), name: string(), value: string({ nullable: true }) },
);

/** Producer ids below this one may have been given out. */
export const producerIdsRecord = message(
  "ProducerIdsRecord",
  { key: 6, versions: [0, 0], flexible: 0 },
  { nextProducerId: int64() },
);

/** Which brokers hold partitions of a topic, from one on; the first of each leads if it can. Only clusters of several brokers have it. */
export const replicasRecord = message(
  "ReplicasRecord",
  { key: 7, versions: [0, 0], flexible: 0 },
  { topicId: uuid(), firstPartition: int32(), partitions: array({ brokerIds: array(int32()) }) },
);
