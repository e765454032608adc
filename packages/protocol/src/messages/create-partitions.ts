import { array, bool, int16, int32, message, string, type Value } from "../schema.ts";

/** Adds partitions to topics (KIP-195). */
export const createPartitionsRequest = message(
  "CreatePartitionsRequest",
  { key: 37, versions: [0, 3], flexible: 2 },
  {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array({ brokerIds: array(int32()) }, { nullable: true }),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
);
export type CreatePartitionsRequest = Value<typeof createPartitionsRequest>;

/** The outcome per topic. */
export const createPartitionsResponse = message(
  "CreatePartitionsResponse",
  { key: 37, versions: [0, 3], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({ name: string(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
  },
);
export type CreatePartitionsResponse = Value<typeof createPartitionsResponse>;
