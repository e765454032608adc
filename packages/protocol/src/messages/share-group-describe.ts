import { array, bool, int16, int32, message, string, struct, uuid, type Value } from "../schema.ts";

/** Asks for state and members of share groups (KIP-932). */
export const shareGroupDescribeRequest = message(
  "ShareGroupDescribeRequest",
  { key: 77, versions: [1, 1], flexible: 1 },
  {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
);
export type ShareGroupDescribeRequest = Value<typeof shareGroupDescribeRequest>;

/** Members of share groups with their assignments. */
export const shareGroupDescribeResponse = message(
  "ShareGroupDescribeResponse",
  { key: 77, versions: [1, 1], flexible: 1 },
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
        rackId: string({ nullable: true, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        assignment: struct({
          topicPartitions: array({ topicId: uuid(), topicName: string(), partitions: array(int32()) }),
        }),
      }),
      // The default says: not asked for.
      authorizedOperations: int32({ default: -2_147_483_648 }),
    }),
  },
);
export type ShareGroupDescribeResponse = Value<typeof shareGroupDescribeResponse>;
