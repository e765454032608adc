import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for the groups that a broker coordinates, by state (KIP-518) and type (KIP-848). */
export const listGroupsRequest = message(
  "ListGroupsRequest",
  { key: 16, versions: [0, 5], flexible: 3 },
  {
    statesFilter: array(string(), { since: 4 }),
    typesFilter: array(string(), { since: 5 }),
  },
);
export type ListGroupsRequest = Value<typeof listGroupsRequest>;

/** Ids, states and types of groups. */
export const listGroupsResponse = message(
  "ListGroupsResponse",
  { key: 16, versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string({ since: 4, ignorable: true }),
      groupType: string({ since: 5, ignorable: true }),
    }),
  },
);
export type ListGroupsResponse = Value<typeof listGroupsResponse>;
