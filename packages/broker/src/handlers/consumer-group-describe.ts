import { apis, errorCodes } from "@ottla/protocol";
import { servesConsumerProtocol } from "../config/group-configs.ts";
import type { RequestContext } from "../context.ts";
import { type DescribedConsumerGroup, failedConsumerDescription } from "../coordinator/consumer-group-descriptions.ts";
import { allowedGroupOperations, splitByPermission } from "./group-operations.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.consumerGroupDescribe>;

/**
 * ConsumerGroupDescribe 0-1: groups of KIP-848 with their epochs, and their members with what they have and what they are to have. A group of another kind is GROUP_ID_NOT_FOUND.
 * Who may not describe one of the topics that are assigned is not shown the group.
 */
export const consumerGroupDescribe = handler(
  apis.consumerGroupDescribe,
  [0, 1],
  async (request, context): Promise<Body> => {
    const failed = (groupId: string, errorCode: number) => failedConsumerDescription(groupId, errorCode, null);
    if (!servesConsumerProtocol(context.node.settings)) {
      return { groups: request.groupIds.map((groupId) => failed(groupId, errorCodes.UNSUPPORTED_VERSION)) };
    }
    const { allowed, refused } = splitByPermission(request.groupIds, "describe", context);
    const described = await context.groups.describeConsumerGroups(allowed.filter((groupId) => groupId !== ""));
    return {
      groups: [
        ...refused.map((groupId) => failed(groupId, errorCodes.GROUP_AUTHORIZATION_FAILED)),
        ...allowed.filter((groupId) => groupId === "").map((groupId) => failed(groupId, errorCodes.INVALID_GROUP_ID)),
        ...described.map((group) => {
          const shown = mayBeShown(group, context) ? group : withoutTopics(group.groupId);
          if (!request.includeAuthorizedOperations || shown.errorCode !== 0) return shown;
          return { ...shown, authorizedOperations: allowedGroupOperations(group.groupId, context) };
        }),
      ],
    };
  },
);

function mayBeShown(group: DescribedConsumerGroup, context: RequestContext): boolean {
  const topics = new Set<string>();
  for (const { assignment, targetAssignment } of group.members) {
    for (const { topicName } of assignment.topicPartitions) topics.add(topicName);
    for (const { topicName } of targetAssignment.topicPartitions) topics.add(topicName);
  }
  return [...topics].every((name) => context.authorize("describe", "topic", name));
}

function withoutTopics(groupId: string): DescribedConsumerGroup {
  const message = "The group has described topic(s) that the client is not authorized to describe.";
  return failedConsumerDescription(groupId, errorCodes.TOPIC_AUTHORIZATION_FAILED, message);
}
