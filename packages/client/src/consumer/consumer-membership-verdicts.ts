import { errorCodes, errorMessage, isRetriable } from "@ottla/protocol";
import type { ConsumerMembershipSettings, GroupSubscription } from "./consumer-membership-events.ts";
import type { Failure } from "./membership-events.ts";

/**
 * What an answer to ConsumerGroupHeartbeat means to a member:
 * - `good`
 * - `moved`: the coordinator is somewhere else, or away
 * - `later`: the same again after a pause
 * - `fenced`: the coordinator does not count this member in: what it has belongs to others
 * - `told`: the application has to hear of it, and the same again after a pause
 * - `fatal`: the application has to hear of it first
 */
export type HeartbeatVerdict = "good" | "moved" | "later" | "fenced" | "told" | "fatal";

/**
 * As Kafka's AbstractHeartbeatRequestManager and ConsumerHeartbeatRequestManager have it, but for a member whose group is gone: its session was over, and the group was
 * deleted or went over to the classic protocol, since nobody else was left. Java's gives up; joining anew makes the group again.
 */
export function heartbeatVerdict(errorCode: number, isJoining: boolean): HeartbeatVerdict {
  switch (errorCode) {
    case errorCodes.NONE:
      return "good";
    case errorCodes.NOT_COORDINATOR:
    case errorCodes.COORDINATOR_NOT_AVAILABLE:
      return "moved";
    case errorCodes.FENCED_MEMBER_EPOCH:
    case errorCodes.UNKNOWN_MEMBER_ID:
      return "fenced";
    case errorCodes.GROUP_ID_NOT_FOUND:
      return isJoining ? "fatal" : "fenced";
    // It may be given the right meanwhile.
    case errorCodes.TOPIC_AUTHORIZATION_FAILED:
      return "told";
    default:
      return isRetriable(errorCode) ? "later" : "fatal";
  }
}

/** What the coordinator said, and what to do about it where that can be said. */
export function heartbeatFailure(
  settings: ConsumerMembershipSettings,
  subscription: GroupSubscription,
  errorCode: number,
  serverMessage: string | null,
): Failure {
  const said = serverMessage === null || serverMessage === "" ? errorMessage(errorCode) : serverMessage;
  const advice = adviceOn(settings, subscription, errorCode);
  const message = advice === "" ? said : `${said.replace(/\.$/, "")}. ${advice}`;
  return { errorCode, message, retriable: false };
}

function adviceOn(settings: ConsumerMembershipSettings, subscription: GroupSubscription, errorCode: number): string {
  switch (errorCode) {
    case errorCodes.UNSUPPORTED_VERSION:
      return subscription.topicPattern === null ? noProtocol : `${noPatterns} ${noProtocol}`;
    case errorCodes.UNSUPPORTED_ASSIGNOR:
      return `The setting groupRemoteAssignor is ${JSON.stringify(settings.serverAssignor)}; a broker names its own in group.consumer.assignors ("uniform" and "range" by default)`;
    case errorCodes.INVALID_REGULAR_EXPRESSION:
      return `The server takes RE2's syntax, and ${JSON.stringify(subscription.topicPattern)} is not of it`;
    case errorCodes.UNRELEASED_INSTANCE_ID:
      return `Another consumer with groupInstanceId ${settings.groupInstanceId} is running, or was not closed and its session is not over yet`;
    case errorCodes.FENCED_INSTANCE_ID:
      return `Another consumer with groupInstanceId ${settings.groupInstanceId} has taken its place`;
    case errorCodes.GROUP_ID_NOT_FOUND:
      return 'The group is in use with the classic protocol and is not converted (group.consumer.migration.policy): set groupProtocol to "classic", or stop its members first';
    default:
      return "";
  }
}

const noProtocol =
  'Consumers with groupProtocol "consumer" (KIP-848) need brokers that have it: set groupProtocol to "classic", or use brokers of Kafka 4.0 or later with the feature group.version at 1';
const noPatterns =
  "A SubscriptionPattern is resolved by the server, which needs version 1 of ConsumerGroupHeartbeat (Kafka 4.0): names and a RegExp work without it.";
