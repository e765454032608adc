import { apis, type ConsumerGroupHeartbeatRequest, errorCodes } from "@ottla/protocol";
import { servesConsumerProtocol } from "../config/group-configs.ts";
import type { RequestContext } from "../context.ts";
import { leaveEpoch, leaveStaticEpoch } from "../coordinator/consumer-group-records.ts";
import { type ConsumerHeartbeatReply, consumerHeartbeatError } from "../coordinator/group-events.ts";
import { handler } from "./handler.ts";

/** From this version on members choose their ids themselves (KIP-1082). */
const firstVersionWithOwnId = 1;

/** ConsumerGroupHeartbeat 0-1: the one request of the members of KIP-848 groups. Refused where `group.coordinator.rebalance.protocols` does not name `consumer`. */
export const consumerGroupHeartbeat = handler(apis.consumerGroupHeartbeat, [0, 1], (request, context) => {
  const refusal = refused(request, context);
  if (refusal !== null) return refusal;
  const { apiVersion, clientId, clientHost } = context;
  return context.groups.consumerGroupHeartbeat(request, { apiVersion, clientId, clientHost });
});

/** What is to be said against a request before anybody looks at its group (Kafka's `KafkaApis` and `GroupCoordinatorService`). */
function refused(request: ConsumerGroupHeartbeatRequest, context: RequestContext): ConsumerHeartbeatReply | null {
  const { settings } = context.node;
  if (!servesConsumerProtocol(settings)) return consumerHeartbeatError(errorCodes.UNSUPPORTED_VERSION);
  if (!context.authorize("read", "group", request.groupId)) {
    return consumerHeartbeatError(errorCodes.GROUP_AUTHORIZATION_FAILED);
  }
  const names = request.subscribedTopicNames ?? [];
  if (!names.every((name) => context.authorize("describe", "topic", name))) {
    return consumerHeartbeatError(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  }
  const complaint = whatIsWrong(request, context.apiVersion);
  if (complaint !== null) return consumerHeartbeatError(errorCodes.INVALID_REQUEST, complaint);
  const { serverAssignor } = request;
  if (serverAssignor === null) return null;
  const assignors = settings.list("group.consumer.assignors");
  if (assignors.includes(serverAssignor)) return null;
  // Kafka's list comes out of a set: `uniform` stands first however they are configured.
  const supported = assignors.toSorted().reverse().join(", ");
  return consumerHeartbeatError(
    errorCodes.UNSUPPORTED_ASSIGNOR,
    `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported}.`,
  );
}

/** In Kafka's words and order. */
function whatIsWrong(request: ConsumerGroupHeartbeatRequest, apiVersion: number): string | null {
  const { memberEpoch } = request;
  const needsId = apiVersion >= firstVersionWithOwnId || memberEpoch > 0 || memberEpoch === leaveEpoch;
  if (needsId && request.memberId === "") return "MemberId can't be empty.";
  if (request.groupId === "") return "GroupId can't be empty.";
  if (request.instanceId === "") return "InstanceId can't be empty.";
  if (request.rackId === "") return "RackId can't be empty.";
  if (memberEpoch === 0) {
    if (request.rebalanceTimeoutMs === -1) return "RebalanceTimeoutMs must be provided in first request.";
    if (request.topicPartitions?.length !== 0) return "TopicPartitions must be empty when (re-)joining.";
    if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
      return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.";
    }
  }
  if (memberEpoch === leaveStaticEpoch && request.instanceId === null) return "InstanceId can't be null.";
  return memberEpoch < leaveStaticEpoch ? "MemberEpoch is invalid." : null;
}
