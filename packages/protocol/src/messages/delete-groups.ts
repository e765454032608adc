import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Deletes empty groups. */
export const deleteGroupsRequest = message(
  "DeleteGroupsRequest",
  { key: 42, versions: [0, 2], flexible: 2 },
  {
    groupsNames: array(string()),
  },
);
export type DeleteGroupsRequest = Value<typeof deleteGroupsRequest>;

/** The outcome per group. */
export const deleteGroupsResponse = message(
  "DeleteGroupsResponse",
  { key: 42, versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({ groupId: string(), errorCode: int16() }),
  },
);
export type DeleteGroupsResponse = Value<typeof deleteGroupsResponse>;
