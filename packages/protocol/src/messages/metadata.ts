import { array, bool, int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Asks for brokers, topics, partitions and their leaders; may create topics that are missing. */
export const metadataRequest = message(
  "MetadataRequest",
  { key: 3, versions: [0, 13], flexible: 9 },
  {
    topics: array({ topicId: uuid({ since: 10, ignorable: true }), name: string({ nullable: 10 }) }, { nullable: 1 }),
    allowAutoTopicCreation: bool({ since: 4, default: true }),
    includeClusterAuthorizedOperations: bool({ since: 8, until: 10 }),
    includeTopicAuthorizedOperations: bool({ since: 8 }),
  },
);
export type MetadataRequest = Value<typeof metadataRequest>;

/** Brokers, the controller, and the partitions of topics with leaders and replicas. */
export const metadataResponse = message(
  "MetadataResponse",
  { key: 3, versions: [0, 13], flexible: 9 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ since: 1, nullable: true, default: null, ignorable: true }),
    }),
    clusterId: string({ since: 2, nullable: true, default: null, ignorable: true }),
    controllerId: int32({ since: 1, default: -1, ignorable: true }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: 12 }),
      topicId: uuid({ since: 10, ignorable: true }),
      isInternal: bool({ since: 1, default: false, ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ since: 7, default: -1, ignorable: true }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array(int32(), { since: 5, ignorable: true }),
      }),
      // The default says: not asked for.
      topicAuthorizedOperations: int32({ since: 8, default: -2_147_483_648 }),
    }),
    // The default says: not asked for.
    clusterAuthorizedOperations: int32({ since: 8, until: 10, default: -2_147_483_648 }),
    errorCode: int16({ since: 13, ignorable: true }),
  },
);
export type MetadataResponse = Value<typeof metadataResponse>;
