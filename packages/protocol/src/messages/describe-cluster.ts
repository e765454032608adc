import { array, bool, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for the cluster's id, controller and brokers (KIP-700). */
export const describeClusterRequest = message(
  "DescribeClusterRequest",
  { key: 60, versions: [0, 2], flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8({ since: 1, default: 1 }),
    includeFencedBrokers: bool({ since: 2 }),
  },
);
export type DescribeClusterRequest = Value<typeof describeClusterRequest>;

/** The cluster's id, controller and brokers. */
export const describeClusterResponse = message(
  "DescribeClusterResponse",
  { key: 60, versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    endpointType: int8({ since: 1, default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
      isFenced: bool({ since: 2 }),
    }),
    // The default says: not asked for.
    clusterAuthorizedOperations: int32({ default: -2_147_483_648 }),
  },
);
export type DescribeClusterResponse = Value<typeof describeClusterResponse>;
