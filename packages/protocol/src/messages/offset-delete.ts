import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Deletes committed offsets of a group (KIP-496). */
export const offsetDeleteRequest = message(
  "OffsetDeleteRequest",
  { key: 47, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32() }) }),
  },
);
export type OffsetDeleteRequest = Value<typeof offsetDeleteRequest>;

/** The outcome per partition. */
export const offsetDeleteResponse = message(
  "OffsetDeleteResponse",
  { key: 47, versions: [0, 0], flexible: "none" },
  {
    errorCode: int16(),
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
);
export type OffsetDeleteResponse = Value<typeof offsetDeleteResponse>;
