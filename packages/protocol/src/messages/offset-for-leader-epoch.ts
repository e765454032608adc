import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks where leader epochs end, to find out whether a log was truncated (KIP-320). */
export const offsetForLeaderEpochRequest = message(
  "OffsetForLeaderEpochRequest",
  { key: 23, versions: [2, 4], flexible: 4 },
  {
    replicaId: int32({ since: 3, default: -2, ignorable: true }),
    topics: array({
      topic: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ default: -1, ignorable: true }),
        leaderEpoch: int32(),
      }),
    }),
  },
);
export type OffsetForLeaderEpochRequest = Value<typeof offsetForLeaderEpochRequest>;

/** The end offset of each asked epoch. */
export const offsetForLeaderEpochResponse = message(
  "OffsetForLeaderEpochResponse",
  { key: 23, versions: [2, 4], flexible: 4 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      topic: string(),
      partitions: array({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ default: -1, ignorable: true }),
        endOffset: int64({ default: -1 }),
      }),
    }),
  },
);
export type OffsetForLeaderEpochResponse = Value<typeof offsetForLeaderEpochResponse>;
