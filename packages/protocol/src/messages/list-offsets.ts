import { array, int8, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks for an offset per partition: by timestamp, or -1 latest, -2 earliest, -3 of the largest timestamp (KIP-734). */
export const listOffsetsRequest = message(
  "ListOffsetsRequest",
  { key: 2, versions: [1, 11], flexible: 6 },
  {
    replicaId: int32(),
    isolationLevel: int8({ since: 2 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ since: 4, default: -1, ignorable: true }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32({ since: 10, ignorable: true }),
  },
);
export type ListOffsetsRequest = Value<typeof listOffsetsRequest>;

/** The offset found per partition; -1 when no record is that late. */
export const listOffsetsResponse = message(
  "ListOffsetsResponse",
  { key: 2, versions: [1, 11], flexible: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1 }),
        offset: int64({ default: -1 }),
        leaderEpoch: int32({ since: 4, default: -1 }),
      }),
    }),
  },
);
export type ListOffsetsResponse = Value<typeof listOffsetsResponse>;
