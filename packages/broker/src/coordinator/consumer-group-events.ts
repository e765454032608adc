import { errorCodes } from "@ottla/protocol";
import type { ConsumerHeartbeatEvent, ConsumerHeartbeatReply, Effects } from "./group-events.ts";
import { consumerHeartbeatError } from "./group-events.ts";

/** What a request is told that breaks a rule of its group: Kafka's error code and words. */
export interface Refusal {
  readonly errorCode: number;
  readonly message: string;
}

export function isRefusal(value: object): value is Refusal {
  return "errorCode" in value && "message" in value;
}

export function refuseHeartbeat(event: ConsumerHeartbeatEvent, refusal: Refusal, effects: Effects): void {
  const body = consumerHeartbeatError(refusal.errorCode, refusal.message);
  effects.replies.push({ kind: "consumerHeartbeat", ticket: event.ticket, body });
}

export function answerHeartbeat(event: ConsumerHeartbeatEvent, body: ConsumerHeartbeatReply, effects: Effects): void {
  effects.replies.push({ kind: "consumerHeartbeat", ticket: event.ticket, body });
}

export function unknownMember(memberId: string, groupId: string): Refusal {
  return {
    errorCode: errorCodes.UNKNOWN_MEMBER_ID,
    message: `Member ${memberId} is not a member of group ${groupId}.`,
  };
}

export function groupNotFound(message: string): Refusal {
  return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, message };
}

/** What is wrong with a ConsumerGroupHeartbeat whatever its group (Kafka's `GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid`); null for nothing. */
export function checkHeartbeat(
  event: Omit<ConsumerHeartbeatEvent, "type" | "ticket" | "apiVersion" | "clientId" | "clientHost" | "uuid">,
  apiVersion: number,
  assignors: readonly string[],
): Refusal | null {
  const { memberEpoch, serverAssignor } = event;
  if ((apiVersion >= 1 || memberEpoch > 0 || memberEpoch === -1) && isBlank(event.memberId)) {
    return invalid("MemberId can't be empty.");
  }
  if (isBlank(event.groupId)) return invalid("GroupId can't be empty.");
  if (isBlank(event.instanceId)) return invalid("InstanceId can't be empty.");
  if (isBlank(event.rackId)) return invalid("RackId can't be empty.");
  if (memberEpoch === 0) {
    if (event.rebalanceTimeoutMs === -1) return invalid("RebalanceTimeoutMs must be provided in first request.");
    if (event.topicPartitions === null || event.topicPartitions.length > 0) {
      return invalid("TopicPartitions must be empty when (re-)joining.");
    }
    if (event.subscribedTopicNames === null && event.subscribedTopicRegex === null) {
      return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
    }
  } else if (memberEpoch === -2) {
    if (event.instanceId === null) return invalid("InstanceId can't be null.");
  } else if (memberEpoch < -2) {
    return invalid("MemberEpoch is invalid.");
  }
  if (serverAssignor === null || assignors.includes(serverAssignor)) return null;
  const message = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(", ")}.`;
  return { errorCode: errorCodes.UNSUPPORTED_ASSIGNOR, message };
}

function invalid(message: string): Refusal {
  return { errorCode: errorCodes.INVALID_REQUEST, message };
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === "";
}
