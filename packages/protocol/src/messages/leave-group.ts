import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Leaves a classic group at once; from version 3 on several members can be removed together (KIP-345). */
export const leaveGroupRequest = message(
  "LeaveGroupRequest",
  { key: 13, versions: [0, 5], flexible: 4 },
  {
    groupId: string(),
    memberId: string({ until: 2 }),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: true, default: null }),
        reason: string({ since: 5, nullable: true, default: null, ignorable: true }),
      },
      { since: 3 },
    ),
  },
);
export type LeaveGroupRequest = Value<typeof leaveGroupRequest>;

/** Whether the members were removed. */
export const leaveGroupResponse = message(
  "LeaveGroupResponse",
  { key: 13, versions: [0, 5], flexible: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    members: array(
      { memberId: string(), groupInstanceId: string({ nullable: true }), errorCode: int16() },
      { since: 3 },
    ),
  },
);
export type LeaveGroupResponse = Value<typeof leaveGroupResponse>;
