import { array, bytes, int16, int32, message, string, type Value } from "../schema.ts";

/** Waits for the assignment of a generation; the leader brings everybody's. */
export const syncGroupRequest = message(
  "SyncGroupRequest",
  { key: 14, versions: [0, 5], flexible: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
    protocolType: string({ since: 5, nullable: true, default: null, ignorable: true }),
    protocolName: string({ since: 5, nullable: true, default: null, ignorable: true }),
    assignments: array({ memberId: string(), assignment: bytes() }),
  },
);
export type SyncGroupRequest = Value<typeof syncGroupRequest>;

/** The member's own assignment, as bytes of its protocol. */
export const syncGroupResponse = message(
  "SyncGroupResponse",
  { key: 14, versions: [0, 5], flexible: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    protocolType: string({ since: 5, nullable: true, default: null, ignorable: true }),
    protocolName: string({ since: 5, nullable: true, default: null, ignorable: true }),
    assignment: bytes(),
  },
);
export type SyncGroupResponse = Value<typeof syncGroupResponse>;
