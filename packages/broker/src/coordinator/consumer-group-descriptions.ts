import { errorCodes } from "@ottla/protocol";
import type { Group } from "./group.ts";
import type { TopicIdPartitions } from "./group-events.ts";

/** Partitions of a topic that a member owns or is to own. */
export interface DescribedTopicPartitions extends TopicIdPartitions {
  readonly topicName: string;
}

export interface DescribedConsumerMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly memberEpoch: number;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
  readonly subscribedTopicRegex: string | null;
  readonly assignment: { readonly topicPartitions: readonly DescribedTopicPartitions[] };
  readonly targetAssignment: { readonly topicPartitions: readonly DescribedTopicPartitions[] };
  /** 0: it speaks the classic protocol, 1: KIP-848's. */
  readonly memberType: number;
}

/** A group as ConsumerGroupDescribe shows it. */
export interface DescribedConsumerGroup {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly groupId: string;
  readonly groupState: string;
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly assignorName: string;
  readonly members: readonly DescribedConsumerMember[];
}

/** ConsumerGroupDescribe knows groups of KIP-848 only. */
export function describeConsumerGroup(group: Group | undefined, groupId: string): DescribedConsumerGroup {
  const what = group === undefined ? "not found" : "is not a consumer group";
  return failedConsumerDescription(groupId, errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} ${what}.`);
}

/** ConsumerGroupDescribe's answer for a group that cannot be shown. */
export function failedConsumerDescription(
  groupId: string,
  errorCode: number,
  errorMessage: string | null,
): DescribedConsumerGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: "",
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: "",
    members: [],
  };
}
