import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
  decodeFromMember,
  type ResponseValue,
} from "@ottla/protocol";
import type { Target } from "../broker-pool.ts";
import { comparePartitions, type TopicPartition } from "../consumer/topic-partition.ts";
import { type KafkaError, UnsupportedVersionError } from "../errors.ts";
import { answeredError } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { allBrokers, type ClusterNode, nodeOf } from "./cluster.ts";
import { drive } from "./drive.ts";
import { coordinatorRoute } from "./routes.ts";
import { authorizedOperations, type GroupState, type GroupType, groupState } from "./wire-names.ts";

/** A group, its state and its members. */
export interface GroupDescription {
  readonly groupId: string;
  readonly state: GroupState;
  readonly type: GroupType;
  /** `"consumer"`; empty for a group that only has committed offsets. */
  readonly protocolType: string;
  /** The assignor that the members have agreed on, or that the coordinator uses; empty where there is none. */
  readonly assignor: string;
  readonly coordinator: ClusterNode;
  readonly members: readonly MemberDescription[];
  /** Of KIP-848's groups: raised by every change of members and subscriptions; null for classic groups. */
  readonly groupEpoch: number | null;
  /** The group epoch that the target assignment was made for; null for classic groups. */
  readonly targetAssignmentEpoch: number | null;
  /** What the principal may do, by Kafka's names; null where it was not asked for. */
  readonly authorizedOperations: readonly string[] | null;
}

export interface MemberDescription {
  readonly memberId: string;
  /** Of a static member (KIP-345); null for the others. */
  readonly groupInstanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  /** As the broker sees it: `/127.0.0.1`. */
  readonly host: string;
  /** What it owns, by topic and partition. */
  readonly assignment: readonly TopicPartition[];
  /** What it is to own once it has let go of and taken over what it must; null for classic groups. */
  readonly targetAssignment: readonly TopicPartition[] | null;
  /** The topics that it has subscribed to by name; empty where they could not be read. */
  readonly subscribedTopics: readonly string[];
  /** Its subscription by pattern, of KIP-848's groups; null where it has none. */
  readonly subscribedTopicRegex: string | null;
  /** Null for classic groups. */
  readonly memberEpoch: number | null;
  /** In a group of KIP-848: whether the member speaks the new protocol (true) or the classic one (false); null where it cannot be told. */
  readonly upgraded: boolean | null;
}

export interface DescribeGroupsOptions extends CallOptions {
  /** Whether to say what the principal may do (KIP-430). Default false. */
  readonly includeAuthorizedOperations?: boolean | undefined;
}

type Described = Omit<GroupDescription, "coordinator">;

/** What of one call the requests to different coordinators share. */
interface Description {
  readonly call: Call;
  readonly includeAuthorizedOperations: boolean;
  /** Groups that have been found not to be KIP-848's, with what the broker said of that: it says more than what it says of a classic group that is not there. */
  readonly classic: Map<string, string | null>;
}

const groupIdNotFound = 69;
const unsupportedVersion = 35;

export async function describeGroups(
  context: AdminContext,
  groupIds: readonly string[],
  options: DescribeGroupsOptions,
): Promise<GroupDescription[]> {
  checkOptions("describeGroups", options, ["includeAuthorizedOperations"]);
  const call = new Call(context, "describeConsumerGroups", options);
  const { includeAuthorizedOperations = false } = options;
  const description: Description = { call, includeAuthorizedOperations, classic: new Map() };
  return drive<string, GroupDescription>(call, groupIds, {
    route: coordinatorRoute(call),
    api: "DESCRIBE_GROUPS",
    ask: async (target, some) => {
      const described = await describeAt(description, target, some);
      const coordinator = await coordinatorNode(call, target);
      const answers = new Map<string, GroupDescription | KafkaError>();
      for (const [groupId, group] of described)
        answers.set(groupId, "errorCode" in group ? group : { ...group, coordinator });
      return answers;
    },
  });
}

/** As KIP-848 has it first; what is no such group, or where the broker knows of none, as a classic one (Kafka's DescribeConsumerGroupsHandler). */
async function describeAt(
  description: Description,
  target: Target,
  groupIds: readonly string[],
): Promise<Map<string, Described | KafkaError>> {
  const { classic } = description;
  const modern = groupIds.filter((groupId) => !classic.has(groupId));
  const answers = modern.length === 0 ? new Map() : await describeModern(description, target, modern);
  for (const groupId of modern) if (!answers.has(groupId) && !classic.has(groupId)) classic.set(groupId, null);
  const rest = groupIds.filter((groupId) => classic.has(groupId));
  if (rest.length > 0)
    for (const [id, group] of await describeClassic(description, target, rest)) answers.set(id, group);
  return answers;
}

/** Leaves out what is no group of KIP-848. */
async function describeModern(
  { call, includeAuthorizedOperations, classic }: Description,
  target: Target,
  groupIds: readonly string[],
): Promise<Map<string, Described | KafkaError>> {
  const answers = new Map<string, Described | KafkaError>();
  try {
    const body = { groupIds, includeAuthorizedOperations };
    const { response } = await call.send(target, apis.consumerGroupDescribe, body);
    for (const group of response.groups) {
      const { errorCode, groupId } = group;
      if (errorCode === groupIdNotFound) classic.set(groupId, group.errorMessage);
      else if (errorCode === unsupportedVersion) classic.set(groupId, null);
      else answers.set(groupId, errorCode === 0 ? modernGroup(group) : refused(group));
    }
  } catch (error) {
    if (!(error instanceof UnsupportedVersionError)) throw error;
  }
  return answers;
}

async function describeClassic(
  { call, includeAuthorizedOperations, classic }: Description,
  target: Target,
  groupIds: readonly string[],
): Promise<Map<string, Described | KafkaError>> {
  const body = (version: number) => ({
    groups: groupIds,
    ...(version >= 3 ? { includeAuthorizedOperations } : {}),
  });
  const { response } = await call.send(target, apis.describeGroups, body);
  return new Map(
    response.groups.map((group): [string, Described | KafkaError] => {
      const { groupId, errorCode } = group;
      if (errorCode === 0) return [groupId, classicGroup(group)];
      const said = errorCode === groupIdNotFound ? classic.get(groupId) : null;
      return [groupId, refused(said ? { ...group, errorMessage: said } : group)];
    }),
  );
}

function refused(group: { errorCode: number; errorMessage: string | null; groupId: string }): KafkaError {
  return answeredError(group.errorCode, `Could not describe group ${group.groupId}`, group.errorMessage);
}

type ClassicGroup = ResponseValue<typeof apis.describeGroups>["groups"][number];
type ModernGroup = ResponseValue<typeof apis.consumerGroupDescribe>["groups"][number];

function classicGroup(group: ClassicGroup): Described {
  const { groupId, protocolType } = group;
  // Before version 6 (KIP-1043) a group that does not exist is described as dead.
  return {
    groupId,
    state: groupState(group.groupState),
    type: "Classic",
    protocolType,
    assignor: group.protocolData,
    members: group.members.map((member) => classicMember(member, protocolType)),
    groupEpoch: null,
    targetAssignmentEpoch: null,
    authorizedOperations: authorizedOperations(group.authorizedOperations),
  };
}

function classicMember(member: ClassicGroup["members"][number], protocolType: string): MemberDescription {
  const { memberId, groupInstanceId, clientId, clientHost: host } = member;
  const isConsumer = protocolType === "consumer";
  const assigned = isConsumer ? readMember(consumerProtocolAssignment, member.memberAssignment) : null;
  const subscribed = isConsumer ? readMember(consumerProtocolSubscription, member.memberMetadata) : null;
  return {
    ...{ memberId, groupInstanceId, clientId, host, rackId: subscribed?.rackId || null },
    assignment: partitionsOf(assigned?.assignedPartitions ?? []),
    targetAssignment: null,
    subscribedTopics: subscribed?.topics.toSorted() ?? [],
    subscribedTopicRegex: null,
    memberEpoch: null,
    upgraded: null,
  };
}

/** What a member has sent, or null: bytes that are not the consumer protocol's are the members' own business. */
function readMember<M extends typeof consumerProtocolAssignment | typeof consumerProtocolSubscription>(
  message: M,
  bytes: Buffer,
): ReturnType<typeof decodeFromMember<M>> | null {
  if (bytes.length === 0) return null;
  try {
    return decodeFromMember(message, bytes);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function modernGroup(group: ModernGroup): Described {
  return {
    groupId: group.groupId,
    state: groupState(group.groupState),
    type: "Consumer",
    protocolType: "consumer",
    assignor: group.assignorName,
    members: group.members.map(modernMember),
    groupEpoch: group.groupEpoch,
    targetAssignmentEpoch: group.assignmentEpoch,
    authorizedOperations: authorizedOperations(group.authorizedOperations),
  };
}

/** Kafka's member types: 0 classic, 1 consumer; -1 where the broker does not say. */
const classicMemberType = 0;

function modernMember(member: ModernGroup["members"][number]): MemberDescription {
  const { memberId, instanceId, rackId, clientId, clientHost: host, memberEpoch, memberType } = member;
  return {
    ...{ memberId, groupInstanceId: instanceId, rackId, clientId, host, memberEpoch },
    assignment: partitionsOf(member.assignment.topicPartitions),
    targetAssignment: partitionsOf(member.targetAssignment.topicPartitions),
    subscribedTopics: member.subscribedTopicNames,
    subscribedTopicRegex: member.subscribedTopicRegex || null,
    upgraded: memberType < 0 ? null : memberType !== classicMemberType,
  };
}

function partitionsOf(
  topics: readonly { readonly topic?: string; readonly topicName?: string; readonly partitions: readonly number[] }[],
): TopicPartition[] {
  return topics
    .flatMap(({ topic, topicName, partitions }) =>
      partitions.map((partition) => ({ topic: topic ?? topicName ?? "", partition })),
    )
    .sort(comparePartitions);
}

async function coordinatorNode(call: Call, target: Target): Promise<ClusterNode> {
  const isIt = ({ nodeId }: ClusterNode) => nodeId === target;
  const known = call.core.metadata.brokers.find(isIt) ?? (await allBrokers(call)).find(isIt);
  return known === undefined ? { nodeId: Number(target), host: "", port: -1, rack: null } : nodeOf(known);
}
