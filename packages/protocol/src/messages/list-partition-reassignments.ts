import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for moves of replicas that are going on. */
export const listPartitionReassignmentsRequest = message(
  "ListPartitionReassignmentsRequest",
  { key: 46, versions: [0, 0], flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    topics: array({ name: string(), partitionIndexes: array(int32()) }, { nullable: true, default: null }),
  },
);
export type ListPartitionReassignmentsRequest = Value<typeof listPartitionReassignmentsRequest>;

/** Moves that are going on, with replicas added and removed. */
export const listPartitionReassignmentsResponse = message(
  "ListPartitionReassignmentsResponse",
  { key: 46, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: array(int32()),
        addingReplicas: array(int32()),
        removingReplicas: array(int32()),
      }),
    }),
  },
);
export type ListPartitionReassignmentsResponse = Value<typeof listPartitionReassignmentsResponse>;
