import { apis, type ElectLeadersRequest, errorCodes } from "@ottla/protocol";
import type { Election } from "../cluster/replication.ts";
import type { RequestContext } from "../context.ts";
import type { Partition } from "../log/partition.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.electLeaders>;
type PartitionResult = Body["replicaElectionResults"][number]["partitionResult"][number];

const lastElectionType = 1;

/** ElectLeaders 0-2: preferred leaders, or any at all for partitions that have none (unclean). A broker that is alone leads everything already, or cannot. */
export const electLeaders = handler(apis.electLeaders, [0, 2], async (request, context): Promise<Body> => {
  const refused = (errorCode: number): Body => ({
    ...(context.apiVersion >= 1 ? { errorCode } : {}),
    replicaElectionResults: failAll(request, errorCode),
  });
  if (!context.authorize("alter", "cluster", "kafka-cluster")) return refused(errorCodes.CLUSTER_AUTHORIZATION_FAILED);
  if (request.electionType < 0 || request.electionType > lastElectionType) return refused(errorCodes.INVALID_REQUEST);
  const election = request.electionType === lastElectionType ? "unclean" : "preferred";
  const asked = request.topicPartitions ?? allPartitions(context);
  const elections = asked.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partitionId) => ({
      partitionId,
      before: check(topic, partitionId, election, context),
    })),
  }));
  const wanted = elections.flatMap(({ partitions }) => partitions.flatMap(({ before }) => before.partition ?? []));
  if (wanted.length > 0) await context.cluster.replication.elect(wanted, election);
  const results = elections.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map(({ partitionId, before }) => outcome(partitionId, before, election, context)),
  }));
  return { replicaElectionResults: request.topicPartitions === null ? results.flatMap(withoutUnneeded) : results };
});

function failAll(request: ElectLeadersRequest, errorCode: number) {
  return (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage: null })),
  }));
}

function allPartitions({ cluster }: RequestContext) {
  return Array.from(cluster.topics(), ({ name, partitions }) => ({
    topic: name,
    partitions: partitions.map(({ index }) => index),
  }));
}

/** Asked for all, Kafka leaves out those that need no election. */
function withoutUnneeded({ topic, partitionResult }: { topic: string; partitionResult: PartitionResult[] }) {
  const results = partitionResult.filter(({ errorCode }) => errorCode !== errorCodes.ELECTION_NOT_NEEDED);
  return results.length === 0 ? [] : [{ topic, partitionResult: results }];
}

/** What there is to say before the election: the partition that needs one, or why there is none. */
interface Candidate {
  readonly partition: Partition | null;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

function check(name: string, partitionId: number, election: Election, context: RequestContext): Candidate {
  const refused = (errorCode: number, errorMessage: string) => ({ partition: null, errorCode, errorMessage });
  const topic = context.cluster.topic(name);
  if (topic === undefined) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${name}`);
  const partition = topic.partitions[partitionId];
  if (partition === undefined) {
    return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${name}-${partitionId}`);
  }
  if (partition.offline !== null) {
    return refused(errorCodes.ELIGIBLE_LEADERS_NOT_AVAILABLE, partition.offline.message);
  }
  if (isElected(partition, election, context)) {
    return refused(errorCodes.ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.");
  }
  return { partition, errorCode: errorCodes.NONE, errorMessage: null };
}

function isElected(partition: Partition, election: Election, { cluster }: RequestContext): boolean {
  const { leader, replicas } = cluster.replication.of(partition);
  return election === "preferred" ? leader === replicas[0] : leader >= 0;
}

function outcome(partitionId: number, before: Candidate, election: Election, context: RequestContext): PartitionResult {
  const { partition, errorCode, errorMessage } = before;
  if (partition === null || isElected(partition, election, context)) return { partitionId, errorCode, errorMessage };
  const why =
    election === "preferred" ? errorCodes.PREFERRED_LEADER_NOT_AVAILABLE : errorCodes.ELIGIBLE_LEADERS_NOT_AVAILABLE;
  return { partitionId, errorCode: why, errorMessage: null };
}
