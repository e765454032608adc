import { int16, int32, message, string, type Value } from "../schema.ts";

/** Tells the coordinator that a classic group's member is alive. */
export const heartbeatRequest = message(
  "HeartbeatRequest",
  { key: 12, versions: [0, 4], flexible: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
  },
);
export type HeartbeatRequest = Value<typeof heartbeatRequest>;

/** Whether the member may go on, or has to rejoin. */
export const heartbeatResponse = message(
  "HeartbeatResponse",
  { key: 12, versions: [0, 4], flexible: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
  },
);
export type HeartbeatResponse = Value<typeof heartbeatResponse>;
