import { errorCodes } from "@ottla/protocol";
import type { LiveBroker } from "../cluster/replication.ts";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import type { Partition } from "../log/partition.ts";

/** The partition with an index that this broker leads, or the error code to answer. */
export function ledPartition(topic: Topic | undefined, index: number, context: RequestContext): Partition | number {
  const partition = topic?.partitions[index];
  if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return context.cluster.isLeader(partition, context.node.id) ? partition : errorCodes.NOT_LEADER_OR_FOLLOWER;
}

/** The brokers that are up, as this connection's client reaches them: this one where it has found it. */
export function liveBrokers({ node, cluster, listener }: RequestContext): LiveBroker[] {
  const { replication } = cluster;
  const self = { id: node.id, host: listener.host, port: listener.port, rack: node.rack };
  if (replication.isSole) return [self];
  return replication.live(listener.name).map((broker) => (broker.id === node.id ? self : broker));
}

/** Who leads a partition, for a client with an old picture (KIP-951). */
export function currentLeader(partition: Partition, { cluster }: RequestContext) {
  return { leaderId: cluster.replication.of(partition).leader, leaderEpoch: partition.leaderEpoch };
}

/** Where the leaders that an answer names are. */
export function nodeEndpoints(leaderIds: ReadonlySet<number>, context: RequestContext) {
  return liveBrokers(context)
    .filter(({ id }) => leaderIds.has(id))
    .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack }));
}

/** Kafka's bit sets of what may be done to a topic and to the cluster: every operation that the resource knows, since all is allowed. */
export const allTopicOperations = 3576;
export const allClusterOperations = 8096;
