import { array, bool, bytes, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for state and members of classic groups. */
export const describeGroupsRequest = message(
  "DescribeGroupsRequest",
  { key: 15, versions: [0, 6], flexible: 5 },
  {
    groups: array(string()),
    includeAuthorizedOperations: bool({ since: 3 }),
  },
);
export type DescribeGroupsRequest = Value<typeof describeGroupsRequest>;

/** State, protocol and members of each group. */
export const describeGroupsResponse = message(
  "DescribeGroupsResponse",
  { key: 15, versions: [0, 6], flexible: 5 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ since: 6, nullable: true, default: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ since: 4, nullable: true, default: null, ignorable: true }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      // The default says: not asked for.
      authorizedOperations: int32({ since: 3, default: -2_147_483_648 }),
    }),
  },
);
export type DescribeGroupsResponse = Value<typeof describeGroupsResponse>;
