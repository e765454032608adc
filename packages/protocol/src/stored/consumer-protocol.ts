import { array, bytes, int32, message, string, type Value } from "../schema.ts";

const topicPartition = { topic: string(), partitions: array(int32()) };

/** A member's subscription: what it brings to JoinGroup. */
export const consumerProtocolSubscription = message(
  "ConsumerProtocolSubscription",
  { versions: [0, 3], flexible: "none" },
  {
    topics: array(string()),
    userData: bytes({ nullable: true, default: null }),
    ownedPartitions: array(topicPartition, { since: 1, ignorable: true }),
    generationId: int32({ since: 2, default: -1, ignorable: true }),
    rackId: string({ since: 3, nullable: true, default: null, ignorable: true }),
  },
);
export type ConsumerProtocolSubscription = Value<typeof consumerProtocolSubscription>;

/** A member's assignment: what SyncGroup brings it. */
export const consumerProtocolAssignment = message(
  "ConsumerProtocolAssignment",
  { versions: [0, 3], flexible: "none" },
  {
    assignedPartitions: array(topicPartition),
    userData: bytes({ nullable: true, default: null }),
  },
);
export type ConsumerProtocolAssignment = Value<typeof consumerProtocolAssignment>;
