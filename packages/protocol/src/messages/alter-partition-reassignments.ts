import { array, bool, int16, int32, message, string, type Value } from "../schema.ts";

/** Begins or cancels moves of replicas between brokers (KIP-455). */
export const alterPartitionReassignmentsRequest = message(
  "AlterPartitionReassignmentsRequest",
  { key: 45, versions: [0, 1], flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool({ since: 1, default: true }),
    topics: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), replicas: array(int32(), { nullable: true, default: null }) }),
    }),
  },
);
export type AlterPartitionReassignmentsRequest = Value<typeof alterPartitionReassignmentsRequest>;

/** The outcome per partition. */
export const alterPartitionReassignmentsResponse = message(
  "AlterPartitionReassignmentsResponse",
  { key: 45, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    allowReplicationFactorChange: bool({ since: 1, default: true, ignorable: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    responses: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
);
export type AlterPartitionReassignmentsResponse = Value<typeof alterPartitionReassignmentsResponse>;
