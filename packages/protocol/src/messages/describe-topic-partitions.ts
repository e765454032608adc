import { array, bool, int16, int32, message, string, struct, uuid, type Value } from "../schema.ts";

const cursor = { topicName: string(), partitionIndex: int32() };

/** Asks for partitions of topics, page by page (KIP-966). */
export const describeTopicPartitionsRequest = message(
  "DescribeTopicPartitionsRequest",
  { key: 75, versions: [0, 0], flexible: 0 },
  {
    topics: array({ name: string() }),
    responsePartitionLimit: int32({ default: 2000 }),
    cursor: struct(cursor, { nullable: true, default: null }),
  },
);
export type DescribeTopicPartitionsRequest = Value<typeof describeTopicPartitionsRequest>;

/** Partitions of topics, and where the next page begins. */
export const describeTopicPartitionsResponse = message(
  "DescribeTopicPartitionsResponse",
  { key: 75, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: true }),
      topicId: uuid({ ignorable: true }),
      isInternal: bool({ default: false, ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ default: -1, ignorable: true }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        eligibleLeaderReplicas: array(int32(), { nullable: true, default: null }),
        lastKnownElr: array(int32(), { nullable: true, default: null }),
        offlineReplicas: array(int32(), { ignorable: true }),
      }),
      // The default says: not asked for.
      topicAuthorizedOperations: int32({ default: -2_147_483_648 }),
    }),
    nextCursor: struct(cursor, { nullable: true, default: null }),
  },
);
export type DescribeTopicPartitionsResponse = Value<typeof describeTopicPartitionsResponse>;
