import { array, int16, int32, int64, message, string, uuid, type Value } from "../schema.ts";

/** Sets start offsets of an empty share group (KIP-932). */
export const alterShareGroupOffsetsRequest = message(
  "AlterShareGroupOffsetsRequest",
  { key: 91, versions: [0, 0], flexible: 0 },
  {
    groupId: string(),
    topics: array({ topicName: string(), partitions: array({ partitionIndex: int32(), startOffset: int64() }) }),
  },
);
export type AlterShareGroupOffsetsRequest = Value<typeof alterShareGroupOffsetsRequest>;

/** The outcome per partition. */
export const alterShareGroupOffsetsResponse = message(
  "AlterShareGroupOffsetsResponse",
  { key: 91, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    }),
  },
);
export type AlterShareGroupOffsetsResponse = Value<typeof alterShareGroupOffsetsResponse>;
