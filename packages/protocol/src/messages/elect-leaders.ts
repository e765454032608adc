import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Elects preferred or unclean leaders (KIP-460). */
export const electLeadersRequest = message(
  "ElectLeadersRequest",
  { key: 43, versions: [0, 2], flexible: 2 },
  {
    electionType: int8({ since: 1 }),
    topicPartitions: array({ topic: string(), partitions: array(int32()) }, { nullable: true }),
    timeoutMs: int32({ default: 60000 }),
  },
);
export type ElectLeadersRequest = Value<typeof electLeadersRequest>;

/** The outcome per partition. */
export const electLeadersResponse = message(
  "ElectLeadersResponse",
  { key: 43, versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 1 }),
    replicaElectionResults: array({
      topic: string(),
      partitionResult: array({ partitionId: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
);
export type ElectLeadersResponse = Value<typeof electLeadersResponse>;
