import { array, int16, int32, int64, message, string, uint16, uuid, type Value } from "../schema.ts";

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid({ since: 2 }),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ since: 1, default: -1, ignorable: true }),
  lastCaughtUpTimestamp: int64({ since: 1, default: -1, ignorable: true }),
};

/** Asks for the state of the controllers' quorum (KIP-595, KIP-836). */
export const describeQuorumRequest = message(
  "DescribeQuorumRequest",
  { key: 55, versions: [0, 2], flexible: 0 },
  {
    topics: array({ topicName: string(), partitions: array({ partitionIndex: int32() }) }),
  },
);
export type DescribeQuorumRequest = Value<typeof describeQuorumRequest>;

/** Leader, epoch and how far each voter and observer has got. */
export const describeQuorumResponse = message(
  "DescribeQuorumResponse",
  { key: 55, versions: [0, 2], flexible: 0 },
  {
    errorCode: int16(),
    errorMessage: string({ since: 2, nullable: true, ignorable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ since: 2, nullable: true, ignorable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array(
      { nodeId: int32(), listeners: array({ name: string(), host: string(), port: uint16() }) },
      { since: 2 },
    ),
  },
);
export type DescribeQuorumResponse = Value<typeof describeQuorumResponse>;
