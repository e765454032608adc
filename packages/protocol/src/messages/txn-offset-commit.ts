import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Commits a group's offsets as part of a transaction. */
export const txnOffsetCommitRequest = message(
  "TxnOffsetCommitRequest",
  { key: 28, versions: [0, 5], flexible: 3 },
  {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32({ since: 3, default: -1 }),
    memberId: string({ since: 3, default: "" }),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 2, default: -1, ignorable: true }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
);
export type TxnOffsetCommitRequest = Value<typeof txnOffsetCommitRequest>;

/** The outcome per partition. */
export const txnOffsetCommitResponse = message(
  "TxnOffsetCommitResponse",
  { key: 28, versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: int32({ default: 0 }),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
);
export type TxnOffsetCommitResponse = Value<typeof txnOffsetCommitResponse>;
