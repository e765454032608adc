import { array, int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Deletes start offsets of an empty share group (KIP-932). */
export const deleteShareGroupOffsetsRequest = message(
  "DeleteShareGroupOffsetsRequest",
  { key: 92, versions: [0, 0], flexible: 0 },
  {
    groupId: string(),
    topics: array({ topicName: string() }),
  },
);
export type DeleteShareGroupOffsetsRequest = Value<typeof deleteShareGroupOffsetsRequest>;

/** The outcome per topic. */
export const deleteShareGroupOffsetsResponse = message(
  "DeleteShareGroupOffsetsResponse",
  { key: 92, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
);
export type DeleteShareGroupOffsetsResponse = Value<typeof deleteShareGroupOffsetsResponse>;
