import { array, int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Deletes topics by name, or by id from version 6 on (KIP-516). */
export const deleteTopicsRequest = message(
  "DeleteTopicsRequest",
  { key: 20, versions: [1, 6], flexible: 4 },
  {
    topics: array({ name: string({ nullable: true, default: null }), topicId: uuid() }, { since: 6 }),
    topicNames: array(string(), { until: 5, ignorable: true }),
    timeoutMs: int32(),
  },
);
export type DeleteTopicsRequest = Value<typeof deleteTopicsRequest>;

/** The outcome per topic. */
export const deleteTopicsResponse = message(
  "DeleteTopicsResponse",
  { key: 20, versions: [1, 6], flexible: 4 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    responses: array({
      name: string({ nullable: 6 }),
      topicId: uuid({ since: 6, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ since: 5, nullable: true, default: null, ignorable: true }),
    }),
  },
);
export type DeleteTopicsResponse = Value<typeof deleteTopicsResponse>;
