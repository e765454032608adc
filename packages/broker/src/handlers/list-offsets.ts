import { apis, errorCodes, type ListOffsetsRequest } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import type { Isolation, OffsetOutcome } from "../log/outcomes.ts";
import type { Partition } from "../log/partition.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { ledPartition } from "./partitions.ts";

type Body = ResponseBody<typeof apis.listOffsets>;
type AskedPartition = ListOffsetsRequest["topics"][number]["partitions"][number];

/** Times that stand for a place, and the first version that knows them. */
const places = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const;
const firstVersions: Readonly<Record<number, number>> = { [-1]: 1, [-2]: 1, [-3]: 7, [-4]: 8, [-5]: 9, [-6]: 11 };

const notFound = { timestamp: -1, offset: -1, leaderEpoch: -1 };

/** ListOffsets 1-11. There is no tiered storage: everything is local and nothing waits to be moved. */
export const listOffsets = handler(apis.listOffsets, [1, 11], (request, context): Body => {
  const duplicates = duplicatePartitions(request);
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => {
      const { partitionIndex } = asked;
      if (!context.authorize("describe", "topic", name)) {
        return { partitionIndex, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, ...notFound };
      }
      if (duplicates.has(`${name}-${partitionIndex}`)) {
        return { partitionIndex, errorCode: errorCodes.INVALID_REQUEST, ...notFound };
      }
      return { partitionIndex, ...find(name, asked, request, context) };
    }),
  }));
  return { topics };
});

function find(topic: string, asked: AskedPartition, request: ListOffsetsRequest, context: RequestContext) {
  const { apiVersion, cluster } = context;
  const firstVersion = asked.timestamp >= 0 ? 1 : firstVersions[asked.timestamp];
  if (firstVersion === undefined || apiVersion < firstVersion) {
    return { errorCode: errorCodes.UNSUPPORTED_VERSION, ...notFound };
  }
  const partition = ledPartition(cluster.topic(topic), asked.partitionIndex, context);
  if (typeof partition === "number") return { errorCode: partition, ...notFound };
  const wrongEpoch = partition.checkLeaderEpoch(asked.currentLeaderEpoch);
  if (wrongEpoch !== errorCodes.NONE) return { errorCode: wrongEpoch, ...notFound };
  const outcome = offsetAt(partition, asked.timestamp, request.isolationLevel === 1 ? "committed" : "uncommitted");
  // Before version 4 there is no place for the epoch.
  const leaderEpoch = apiVersion >= 4 ? outcome.leaderEpoch : -1;
  return { errorCode: outcome.errorCode, timestamp: outcome.timestampMs, offset: outcome.offset, leaderEpoch };
}

function offsetAt(partition: Partition, timestamp: number, isolation: Isolation): OffsetOutcome {
  switch (timestamp) {
    case places.latest:
      return partition.latestOffset(isolation);
    case places.earliest:
    case places.earliestLocal:
      return partition.earliestOffset();
    case places.maxTimestamp:
      return partition.maxTimestampOffset();
    case places.latestTiered:
    case places.earliestPendingUpload:
      return { errorCode: errorCodes.NONE, offset: -1, timestampMs: -1, leaderEpoch: -1 };
    default:
      return partition.offsetForTimestamp(timestamp, isolation);
  }
}

function duplicatePartitions(request: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}-${partitionIndex}`;
      if (seen.has(key)) duplicates.add(key);
      seen.add(key);
    }
  }
  return duplicates;
}
