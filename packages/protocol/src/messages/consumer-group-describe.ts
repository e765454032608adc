import { array, bool, int8, int16, int32, message, string, struct, uuid, type Value } from "../schema.ts";

const topicPartitions = { topicId: uuid(), topicName: string(), partitions: array(int32()) };

const assignment = { topicPartitions: array(topicPartitions) };

/** Asks for state and members of KIP-848 groups. */
export const consumerGroupDescribeRequest = message(
  "ConsumerGroupDescribeRequest",
  { key: 69, versions: [0, 1], flexible: 0 },
  {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
);
export type ConsumerGroupDescribeRequest = Value<typeof consumerGroupDescribeRequest>;

/** Members with their current and target assignments. */
export const consumerGroupDescribeResponse = message(
  "ConsumerGroupDescribeResponse",
  { key: 69, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        instanceId: string({ nullable: true, default: null }),
        rackId: string({ nullable: true, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: string({ nullable: true, default: null }),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        memberType: int8({ since: 1, default: -1, ignorable: true }),
      }),
      // The default says: not asked for.
      authorizedOperations: int32({ default: -2_147_483_648 }),
    }),
  },
);
export type ConsumerGroupDescribeResponse = Value<typeof consumerGroupDescribeResponse>;
