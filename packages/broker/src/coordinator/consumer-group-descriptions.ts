import { errorCodes } from "@ottla/protocol";
import { ConsumerGroup } from "./consumer-group.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { Group } from "./group.ts";
import type { TopicIdPartitions } from "./group-events.ts";
import { mergeEpoched, ownedOf } from "./owned-partitions.ts";
import type { TopicImage } from "./topic-image.ts";

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
export function describeConsumerGroup(
  group: Group | undefined,
  groupId: string,
  topics: TopicImage,
  defaultAssignor: string,
): DescribedConsumerGroup {
  if (!(group instanceof ConsumerGroup)) {
    const what = group === undefined ? "not found" : "is not a consumer group";
    return failedConsumerDescription(groupId, errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} ${what}.`);
  }
  return {
    errorCode: 0,
    errorMessage: null,
    groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: group.preferredAssignor() ?? defaultAssignor,
    members: Array.from(group.members.values(), (member) => describeMember(group, member, topics)),
  };
}

function describeMember(group: ConsumerGroup, member: ConsumerMember, topics: TopicImage): DescribedConsumerMember {
  const { memberId, metadata, current } = member;
  const { instanceId, rackId, clientId, clientHost, subscribedTopicNames, subscribedTopicRegex } = metadata;
  const { assigned, pendingRevocation } = current;
  // What a member has not let go of yet is its own.
  const owned = Array.from(new Set([...assigned.keys(), ...pendingRevocation.keys()]), (topicId) => ({
    topicId,
    partitions: mergeEpoched(ownedOf(assigned, topicId), ownedOf(pendingRevocation, topicId)).partitions,
  }));
  const target = Array.from(group.target(memberId), ([topicId, partitions]) => ({ topicId, partitions }));
  return {
    memberId,
    instanceId,
    rackId,
    memberEpoch: current.memberEpoch,
    clientId,
    clientHost,
    subscribedTopicNames,
    subscribedTopicRegex,
    assignment: { topicPartitions: withNames(owned, topics) },
    targetAssignment: { topicPartitions: withNames(target, topics) },
    memberType: member.usesClassicProtocol ? 0 : 1,
  };
}

/** Topics that are gone have no name and are left out. */
function withNames(partitions: readonly TopicIdPartitions[], topics: TopicImage): DescribedTopicPartitions[] {
  return partitions.flatMap((one) => {
    const topicName = topics.topicById(one.topicId)?.name;
    return topicName === undefined ? [] : [{ ...one, topicName }];
  });
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
