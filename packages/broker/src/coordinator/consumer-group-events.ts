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
