import { array, int16, int32, int64, message, string, uuid, type Value } from "../schema.ts";

/** Commits offsets of a group's partitions. */
export const offsetCommitRequest = message(
  "OffsetCommitRequest",
  { key: 8, versions: [2, 10], flexible: 8 },
  {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ default: -1, ignorable: true }),
    memberId: string({ ignorable: true }),
    groupInstanceId: string({ since: 7, nullable: true, default: null }),
    retentionTimeMs: int64({ until: 4, default: -1, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 6, default: -1, ignorable: true }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
);
export type OffsetCommitRequest = Value<typeof offsetCommitRequest>;

/** The outcome of a commit, per partition. */
export const offsetCommitResponse = message(
  "OffsetCommitResponse",
  { key: 8, versions: [2, 10], flexible: 8 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({ partitionIndex: int32(), errorCode: int16() }),
    }),
  },
);
export type OffsetCommitResponse = Value<typeof offsetCommitResponse>;
