import { apis, errorCodes, type MetadataRequest, zeroUuid } from "@ottla/protocol";
import { checkTopicName } from "../cluster/topic-rules.ts";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import type { Partition } from "../log/partition.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { allClusterOperations, allTopicOperations, liveBrokers } from "./partitions.ts";

type Body = ResponseBody<typeof apis.metadata>;
type TopicBody = Body["topics"][number];
type AskedTopic = NonNullable<MetadataRequest["topics"]>[number];

/** First version in which a topic may be asked for by its id. */
const firstIdVersion = 12;

/** Metadata 0-13. A topic that is made because somebody asked for it is there in the answer already; Kafka lets the client ask again. */
export const metadata = handler(apis.metadata, [0, 13], async (request, context): Promise<Body> => {
  const { cluster, apiVersion } = context;
  const isAll = request.topics === null || (apiVersion === 0 && request.topics.length === 0);
  const topics = isAll ? allTopics(context) : await askedTopics(request, context);
  const operations = request.includeTopicAuthorizedOperations ? { topicAuthorizedOperations: allTopicOperations } : {};
  return {
    brokers: liveBrokers(context).map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId: cluster.clusterId,
    controllerId: cluster.replication.controllerId,
    topics: topics.map((topic) => (topic.errorCode === errorCodes.NONE ? { ...topic, ...operations } : topic)),
    ...(request.includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: allClusterOperations } : {}),
  };
});

/** A partition as clients see it; one whose log is offline has no leader, as in Kafka. */
export function describePartition(partition: Partition, context: RequestContext) {
  const { replication } = context.cluster;
  const { replicas, isr, leader } = replication.of(partition);
  const isOnline = partition.offline === null;
  const leaderId = isOnline ? leader : -1;
  return {
    errorCode: leaderId >= 0 ? errorCodes.NONE : errorCodes.LEADER_NOT_AVAILABLE,
    partitionIndex: partition.index,
    leaderId,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: isOnline ? replicas.filter((id) => !replication.isUp(id)) : replicas,
  };
}

function allTopics(context: RequestContext): TopicBody[] {
  const visible = [...context.cluster.topics()].filter(({ name }) => context.authorize("describe", "topic", name));
  return visible.map((topic) => found(topic, context));
}

async function askedTopics(request: MetadataRequest, context: RequestContext): Promise<TopicBody[]> {
  const topics: TopicBody[] = [];
  const seen = new Set<string>();
  for (const asked of request.topics ?? []) {
    const key = `${asked.topicId}:${asked.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    topics.push(await askedTopic(asked, request, context));
  }
  return topics;
}

async function askedTopic(asked: AskedTopic, request: MetadataRequest, context: RequestContext): Promise<TopicBody> {
  const { name, topicId } = asked;
  if (name === null || topicId !== zeroUuid) return topicById(asked, context);
  if (!context.authorize("describe", "topic", name)) return missing(errorCodes.TOPIC_AUTHORIZATION_FAILED, name);
  const topic = context.cluster.topic(name);
  if (topic !== undefined) return found(topic, context);
  if (checkTopicName(name) !== null) return missing(errorCodes.INVALID_TOPIC_EXCEPTION, name);
  if (!request.allowAutoTopicCreation || !context.node.settings.boolean("auto.create.topics.enable")) {
    return missing(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, name);
  }
  if (!context.authorize("create", "cluster", "kafka-cluster") && !context.authorize("create", "topic", name)) {
    return missing(errorCodes.TOPIC_AUTHORIZATION_FAILED, name);
  }
  const outcome = await context.cluster.ensureTopic({ name });
  return outcome.topic === null ? missing(outcome.errorCode, name) : found(outcome.topic, context);
}

function topicById({ name, topicId }: AskedTopic, context: RequestContext): TopicBody {
  if (context.apiVersion < firstIdVersion || topicId === zeroUuid) {
    return missing(errorCodes.INVALID_REQUEST, name ?? "", topicId);
  }
  const topic = context.cluster.topicById(topicId);
  if (topic === undefined) return missing(errorCodes.UNKNOWN_TOPIC_ID, null, topicId);
  if (context.authorize("describe", "topic", topic.name)) return found(topic, context);
  return missing(errorCodes.UNKNOWN_TOPIC_ID, null, topicId);
}

function found(topic: Topic, context: RequestContext): TopicBody {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map((partition) => describePartition(partition, context)),
  };
}

function missing(errorCode: number, name: string | null, topicId = zeroUuid): TopicBody {
  return { errorCode, name, topicId, partitions: [] };
}
