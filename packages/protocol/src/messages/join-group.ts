import { array, bool, bytes, int16, int32, message, string, type Value } from "../schema.ts";

/** Joins a classic group, or rejoins it in a rebalance. Answered when the members are known. */
export const joinGroupRequest = message(
  "JoinGroupRequest",
  { key: 11, versions: [0, 9], flexible: 6 },
  {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ since: 1, default: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ since: 5, nullable: true, default: null }),
    protocolType: string(),
    protocols: array({ name: string(), metadata: bytes() }),
    reason: string({ since: 8, nullable: true, default: null, ignorable: true }),
  },
);
export type JoinGroupRequest = Value<typeof joinGroupRequest>;

/** The new generation; its leader also gets every member's subscription, to assign partitions. */
export const joinGroupResponse = message(
  "JoinGroupResponse",
  { key: 11, versions: [0, 9], flexible: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ since: 7, nullable: true, default: null, ignorable: true }),
    protocolName: string({ nullable: 7 }),
    leader: string(),
    skipAssignment: bool({ since: 9, default: false }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 5, nullable: true, default: null, ignorable: true }),
      metadata: bytes(),
    }),
  },
);
export type JoinGroupResponse = Value<typeof joinGroupResponse>;
