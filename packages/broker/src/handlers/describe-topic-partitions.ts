import { apis, type DescribeTopicPartitionsRequest, errorCodes } from "@ottla/protocol";
import { checkTopicName } from "../cluster/topic-rules.ts";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { describePartition } from "./metadata.ts";
import { allTopicOperations } from "./partitions.ts";

type Body = ResponseBody<typeof apis.describeTopicPartitions>;
type TopicBody = Body["topics"][number];

/** DescribeTopicPartitions 0 (KIP-966): topics by name, a page of partitions at a time. */
export const describeTopicPartitions = handler(apis.describeTopicPartitions, [0, 0], (request, context): Body => {
  const limit = Math.min(
    request.responsePartitionLimit > 0 ? request.responsePartitionLimit : Number.POSITIVE_INFINITY,
    context.node.settings.number("max.request.partition.size.limit"),
  );
  const topics: TopicBody[] = [];
  const { cursor } = request;
  let left = limit;
  for (const name of askedNames(request, context)) {
    if (cursor !== null && name < cursor.topicName) continue;
    const topic = context.authorize("describe", "topic", name) ? context.cluster.topic(name) : undefined;
    if (topic === undefined) {
      // Of all topics, one that has gone meanwhile is not missed.
      if (request.topics.length > 0 || cursor?.topicName === name) topics.push(missing(name, context));
      continue;
    }
    const first = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
    const page = topic.partitions.slice(first, first + left);
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: first } };
    topics.push(found(topic, page, context));
    left -= page.length;
    const next = first + page.length;
    if (next < topic.partitions.length) return { topics, nextCursor: { topicName: name, partitionIndex: next } };
  }
  return { topics, nextCursor: null };
});

function askedNames(request: DescribeTopicPartitionsRequest, context: RequestContext): string[] {
  const names =
    request.topics.length > 0
      ? request.topics.map(({ name }) => name)
      : [...context.cluster.topics()].map(({ name }) => name);
  return [...new Set(names)].sort();
}

function found(topic: Topic, partitions: Topic["partitions"], context: RequestContext): TopicBody {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: partitions.map((partition) => ({
      ...describePartition(partition, context),
      ...eligibleReplicas(partition, context),
    })),
    topicAuthorizedOperations: allTopicOperations,
  };
}

/** Replicas that may lead once there is nobody in the ISR. */
function eligibleReplicas(partition: Topic["partitions"][number], { cluster }: RequestContext) {
  const { elr, lastKnownElr } = cluster.replication.of(partition);
  return { eligibleLeaderReplicas: elr, lastKnownElr };
}

function missing(name: string, context: RequestContext): TopicBody {
  const isAllowed = context.authorize("describe", "topic", name);
  const known =
    checkTopicName(name) === null ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.INVALID_TOPIC_EXCEPTION;
  return { errorCode: isAllowed ? known : errorCodes.TOPIC_AUTHORIZATION_FAILED, name, partitions: [] };
}
