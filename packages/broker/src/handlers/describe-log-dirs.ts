import { apis, type DescribeLogDirsRequest, errorCodes } from "@ottla/protocol";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.describeLogDirs>;

/** DescribeLogDirs 1-5: the one log directory. Gap: the file system's own size and what is free are not known (-1). */
export const describeLogDirs = handler(apis.describeLogDirs, [1, 5], (request, context): Body => {
  if (!context.authorize("describe", "cluster", "kafka-cluster")) {
    // Before version 3 there is no place for the error: an empty answer says it.
    return { errorCode: errorCodes.CLUSTER_AUTHORIZATION_FAILED, results: [] };
  }
  const topics = askedTopics(request, context).filter(({ partitions }) => partitions.length > 0);
  return {
    errorCode: errorCodes.NONE,
    results: [{ errorCode: errorCodes.NONE, logDir: context.cluster.logs.describe().path, topics }],
  };
});

function askedTopics(request: DescribeLogDirsRequest, context: RequestContext) {
  if (request.topics === null) return [...context.cluster.topics()].map((topic) => sizes(topic, null, context));
  return request.topics.flatMap(({ topic: name, partitions }) => {
    const topic = context.cluster.topic(name);
    return topic === undefined ? [] : [sizes(topic, new Set(partitions), context)];
  });
}

function sizes(topic: Topic, wanted: ReadonlySet<number> | null, { cluster, node }: RequestContext) {
  const partitions = topic.partitions
    .filter(({ index }) => wanted === null || wanted.has(index))
    .filter((partition) => cluster.replication.of(partition).replicas.includes(node.id));
  return {
    name: topic.name,
    partitions: partitions.map((partition) => ({
      partitionIndex: partition.index,
      partitionSize: partition.sizeInBytes,
      offsetLag: 0,
      isFutureKey: false,
    })),
  };
}
