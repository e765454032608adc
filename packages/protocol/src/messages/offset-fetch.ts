import { array, bool, int16, int32, int64, message, string, uuid, type Value } from "../schema.ts";

/** Asks for committed offsets of one group, or of several from version 8 on (KIP-709). */
export const offsetFetchRequest = message(
  "OffsetFetchRequest",
  { key: 9, versions: [1, 10], flexible: 6 },
  {
    groupId: string({ until: 7 }),
    topics: array({ name: string(), partitionIndexes: array(int32()) }, { until: 7, nullable: 2 }),
    groups: array(
      {
        groupId: string(),
        memberId: string({ since: 9, nullable: true, default: null, ignorable: true }),
        memberEpoch: int32({ since: 9, default: -1, ignorable: true }),
        topics: array(
          {
            name: string({ until: 9, ignorable: true }),
            topicId: uuid({ since: 10, ignorable: true }),
            partitionIndexes: array(int32()),
          },
          { nullable: true },
        ),
      },
      { since: 8 },
    ),
    requireStable: bool({ since: 7, default: false }),
  },
);
export type OffsetFetchRequest = Value<typeof offsetFetchRequest>;

/** Committed offsets with their metadata; offset -1 where nothing is committed. */
export const offsetFetchResponse = message(
  "OffsetFetchResponse",
  { key: 9, versions: [1, 10], flexible: 6 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array(
      {
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ since: 5, default: -1, ignorable: true }),
          metadata: string({ nullable: true }),
          errorCode: int16(),
        }),
      },
      { until: 7 },
    ),
    errorCode: int16({ since: 2, until: 7, default: 0, ignorable: true }),
    groups: array(
      {
        groupId: string(),
        topics: array({
          name: string({ until: 9, ignorable: true }),
          topicId: uuid({ since: 10, ignorable: true }),
          partitions: array({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ default: -1, ignorable: true }),
            metadata: string({ nullable: true }),
            errorCode: int16(),
          }),
        }),
        errorCode: int16({ default: 0 }),
      },
      { since: 8 },
    ),
  },
);
export type OffsetFetchResponse = Value<typeof offsetFetchResponse>;
