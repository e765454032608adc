import { array, int16, int32, message, string, struct, uuid, type Value } from "../schema.ts";

const topicPartitions = { topicId: uuid(), partitions: array(int32()) };

/** The one request of a member of a KIP-848 group: joins, stays, acknowledges its assignment, leaves. */
export const consumerGroupHeartbeatRequest = message(
  "ConsumerGroupHeartbeatRequest",
  { key: 68, versions: [0, 1], flexible: 0 },
  {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: array(string(), { nullable: true, default: null }),
    subscribedTopicRegex: string({ since: 1, nullable: true, default: null }),
    serverAssignor: string({ nullable: true, default: null }),
    topicPartitions: array(topicPartitions, { nullable: true, default: null }),
  },
);
export type ConsumerGroupHeartbeatRequest = Value<typeof consumerGroupHeartbeatRequest>;

/** The member's epoch, and its assignment when that has changed. */
export const consumerGroupHeartbeatResponse = message(
  "ConsumerGroupHeartbeatResponse",
  { key: 68, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct({ topicPartitions: array(topicPartitions) }, { nullable: true, default: null }),
  },
);
export type ConsumerGroupHeartbeatResponse = Value<typeof consumerGroupHeartbeatResponse>;
