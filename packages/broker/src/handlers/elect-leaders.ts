import { apis, type ElectLeadersRequest, errorCodes } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.electLeaders>;
type PartitionResult = Body["replicaElectionResults"][number]["partitionResult"][number];

const lastElectionType = 1;

/** ElectLeaders 0-2: the one broker leads everything already, or cannot. */
export const electLeaders = handler(apis.electLeaders, [0, 2], (request, context): Body => {
  const refused = (errorCode: number): Body => ({
    ...(context.apiVersion >= 1 ? { errorCode } : {}),
    replicaElectionResults: failAll(request, errorCode),
  });
  if (!context.authorize("alter", "cluster", "kafka-cluster")) return refused(errorCodes.CLUSTER_AUTHORIZATION_FAILED);
  if (request.electionType < 0 || request.electionType > lastElectionType) return refused(errorCodes.INVALID_REQUEST);
  if (request.topicPartitions === null) return { replicaElectionResults: electAll(context) };
  return {
    replicaElectionResults: request.topicPartitions.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => elect(topic, partitionId, context)),
    })),
  };
});

function failAll(request: ElectLeadersRequest, errorCode: number) {
  return (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage: null })),
  }));
}

/** Asked for all, Kafka leaves out those that need no election. */
function electAll(context: RequestContext) {
  return [...context.cluster.topics()].flatMap(({ name, partitions }) => {
    const results = partitions
      .map(({ index }) => elect(name, index, context))
      .filter(({ errorCode }) => errorCode !== errorCodes.ELECTION_NOT_NEEDED);
    return results.length === 0 ? [] : [{ topic: name, partitionResult: results }];
  });
}

function elect(name: string, partitionId: number, context: RequestContext): PartitionResult {
  const result = (errorCode: number, errorMessage: string | null) => ({ partitionId, errorCode, errorMessage });
  const topic = context.cluster.topic(name);
  if (topic === undefined) return result(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${name}`);
  const partition = topic.partitions[partitionId];
  if (partition === undefined) {
    return result(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${name}-${partitionId}`);
  }
  if (partition.offline === null)
    return result(errorCodes.ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.");
  return result(errorCodes.ELIGIBLE_LEADERS_NOT_AVAILABLE, partition.offline.message);
}
