import { errorCodes } from "@ottla/protocol";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import type { Partition } from "../log/partition.ts";

/** The partition with an index that this broker leads, or the error code to answer. */
export function ledPartition(topic: Topic | undefined, index: number, context: RequestContext): Partition | number {
  const partition = topic?.partitions[index];
  if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return context.cluster.isLeader(partition, context.node.id) ? partition : errorCodes.NOT_LEADER_OR_FOLLOWER;
}

/** Kafka's bit sets of what may be done to a topic and to the cluster: every operation that the resource knows, since all is allowed. */
export const allTopicOperations = 3576;
export const allClusterOperations = 8096;
