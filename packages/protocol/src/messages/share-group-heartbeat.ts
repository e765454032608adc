import { array, int16, int32, message, string, struct, uuid, type Value } from "../schema.ts";

/** Joins, stays in or leaves a share group (KIP-932). */
export const shareGroupHeartbeatRequest = message(
  "ShareGroupHeartbeatRequest",
  { key: 76, versions: [1, 1], flexible: 1 },
  {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    rackId: string({ nullable: true, default: null }),
    subscribedTopicNames: array(string(), { nullable: true, default: null }),
  },
);
export type ShareGroupHeartbeatRequest = Value<typeof shareGroupHeartbeatRequest>;

/** The member's epoch and assignment. */
export const shareGroupHeartbeatResponse = message(
  "ShareGroupHeartbeatResponse",
  { key: 76, versions: [1, 1], flexible: 1 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct(
      { topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }) },
      { nullable: true, default: null },
    ),
  },
);
export type ShareGroupHeartbeatResponse = Value<typeof shareGroupHeartbeatResponse>;
