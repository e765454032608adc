import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Deletes the records below an offset, per partition (KIP-107). */
export const deleteRecordsRequest = message(
  "DeleteRecordsRequest",
  { key: 21, versions: [0, 2], flexible: 2 },
  {
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), offset: int64() }) }),
    timeoutMs: int32(),
  },
);
export type DeleteRecordsRequest = Value<typeof deleteRecordsRequest>;

/** The new first offset, per partition. */
export const deleteRecordsResponse = message(
  "DeleteRecordsResponse",
  { key: 21, versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    topics: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), lowWatermark: int64(), errorCode: int16() }),
    }),
  },
);
export type DeleteRecordsResponse = Value<typeof deleteRecordsResponse>;
