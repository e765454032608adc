import { array, int16, int32, int64, message, string, uuid, type Value } from "../schema.ts";

/** Asks for start offsets of share groups (KIP-932). */
export const describeShareGroupOffsetsRequest = message(
  "DescribeShareGroupOffsetsRequest",
  { key: 90, versions: [0, 1], flexible: 0 },
  {
    groups: array({
      groupId: string(),
      topics: array({ topicName: string(), partitions: array(int32()) }, { nullable: true }),
    }),
  },
);
export type DescribeShareGroupOffsetsRequest = Value<typeof describeShareGroupOffsetsRequest>;

/** Start offsets per partition. */
export const describeShareGroupOffsetsResponse = message(
  "DescribeShareGroupOffsetsResponse",
  { key: 90, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    groups: array({
      groupId: string(),
      topics: array({
        topicName: string(),
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
          startOffset: int64(),
          leaderEpoch: int32(),
          lag: int64({ since: 1, default: -1, ignorable: true }),
          errorCode: int16(),
          errorMessage: string({ nullable: true, default: null }),
        }),
      }),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
);
export type DescribeShareGroupOffsetsResponse = Value<typeof describeShareGroupOffsetsResponse>;
