import { array, bigint64, bytes, int8, int32, int64, message, string, struct, uuid, type Value } from "../schema.ts";

const topicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
  assignmentEpochs: array(int32(), { nullable: true, tag: 0 }),
};

/** Key of a group's epoch (record type 3). */
export const consumerGroupMetadataKey = message(
  "ConsumerGroupMetadataKey",
  { key: 3, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
  },
);
export type ConsumerGroupMetadataKey = Value<typeof consumerGroupMetadataKey>;

/** A group's epoch. */
export const consumerGroupMetadataValue = message(
  "ConsumerGroupMetadataValue",
  { key: 3, versions: [0, 0], flexible: 0 },
  {
    epoch: int32(),
    metadataHash: bigint64({ tag: 0, default: 0n }),
  },
);
export type ConsumerGroupMetadataValue = Value<typeof consumerGroupMetadataValue>;

/** Key of what a group knew of its topics (record type 4). Written by brokers before 4.1 only. */
export const consumerGroupPartitionMetadataKey = message(
  "ConsumerGroupPartitionMetadataKey",
  { key: 4, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
  },
);
export type ConsumerGroupPartitionMetadataKey = Value<typeof consumerGroupPartitionMetadataKey>;

/** Topics a group is subscribed to, with their partitions and racks. */
export const consumerGroupPartitionMetadataValue = message(
  "ConsumerGroupPartitionMetadataValue",
  { key: 4, versions: [0, 0], flexible: 0 },
  {
    topics: array({
      topicId: uuid(),
      topicName: string(),
      numPartitions: int32(),
      partitionMetadata: array({ partition: int32(), racks: array(string()) }),
    }),
  },
);
export type ConsumerGroupPartitionMetadataValue = Value<typeof consumerGroupPartitionMetadataValue>;

/** Key of a member (record type 5). */
export const consumerGroupMemberMetadataKey = message(
  "ConsumerGroupMemberMetadataKey",
  { key: 5, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
    memberId: string(),
  },
);
export type ConsumerGroupMemberMetadataKey = Value<typeof consumerGroupMemberMetadataKey>;

/** A member's subscription, and where it came from. */
export const consumerGroupMemberMetadataValue = message(
  "ConsumerGroupMemberMetadataValue",
  { key: 5, versions: [0, 0], flexible: 0 },
  {
    instanceId: string({ nullable: true }),
    rackId: string({ nullable: true }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: true }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: true }),
    classicMemberMetadata: struct(
      { sessionTimeoutMs: int32(), supportedProtocols: array({ name: string(), metadata: bytes() }) },
      { nullable: true, tag: 0 },
    ),
  },
);
export type ConsumerGroupMemberMetadataValue = Value<typeof consumerGroupMemberMetadataValue>;

/** Key of the target assignment's epoch (record type 6). */
export const consumerGroupTargetAssignmentMetadataKey = message(
  "ConsumerGroupTargetAssignmentMetadataKey",
  { key: 6, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
  },
);
export type ConsumerGroupTargetAssignmentMetadataKey = Value<typeof consumerGroupTargetAssignmentMetadataKey>;

/** Epoch of the target assignment. */
export const consumerGroupTargetAssignmentMetadataValue = message(
  "ConsumerGroupTargetAssignmentMetadataValue",
  { key: 6, versions: [0, 0], flexible: 0 },
  {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0, default: 0, ignorable: true }),
  },
);
export type ConsumerGroupTargetAssignmentMetadataValue = Value<typeof consumerGroupTargetAssignmentMetadataValue>;

/** Key of a member's target assignment (record type 7). */
export const consumerGroupTargetAssignmentMemberKey = message(
  "ConsumerGroupTargetAssignmentMemberKey",
  { key: 7, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
    memberId: string(),
  },
);
export type ConsumerGroupTargetAssignmentMemberKey = Value<typeof consumerGroupTargetAssignmentMemberKey>;

/** The partitions that a member shall own. */
export const consumerGroupTargetAssignmentMemberValue = message(
  "ConsumerGroupTargetAssignmentMemberValue",
  { key: 7, versions: [0, 0], flexible: 0 },
  {
    topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }),
  },
);
export type ConsumerGroupTargetAssignmentMemberValue = Value<typeof consumerGroupTargetAssignmentMemberValue>;

/** Key of a member's current assignment (record type 8). */
export const consumerGroupCurrentMemberAssignmentKey = message(
  "ConsumerGroupCurrentMemberAssignmentKey",
  { key: 8, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
    memberId: string(),
  },
);
export type ConsumerGroupCurrentMemberAssignmentKey = Value<typeof consumerGroupCurrentMemberAssignmentKey>;

/** The partitions that a member owns or still has to give up. */
export const consumerGroupCurrentMemberAssignmentValue = message(
  "ConsumerGroupCurrentMemberAssignmentValue",
  { key: 8, versions: [0, 0], flexible: 0 },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(topicPartitions),
    partitionsPendingRevocation: array(topicPartitions),
  },
);
export type ConsumerGroupCurrentMemberAssignmentValue = Value<typeof consumerGroupCurrentMemberAssignmentValue>;

/** Key of a resolved regular expression (record type 16). */
export const consumerGroupRegularExpressionKey = message(
  "ConsumerGroupRegularExpressionKey",
  { key: 16, versions: [0, 0], flexible: "none" },
  {
    groupId: string(),
    regularExpression: string(),
  },
);
export type ConsumerGroupRegularExpressionKey = Value<typeof consumerGroupRegularExpressionKey>;

/** The topics that a regular expression matched. */
export const consumerGroupRegularExpressionValue = message(
  "ConsumerGroupRegularExpressionValue",
  { key: 16, versions: [0, 0], flexible: 0 },
  {
    topics: array(string()),
    version: int64(),
    timestamp: int64(),
  },
);
export type ConsumerGroupRegularExpressionValue = Value<typeof consumerGroupRegularExpressionValue>;
