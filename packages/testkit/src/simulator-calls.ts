import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  consumerProtocolAssignment,
  decode,
  errorName,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type JoinGroupRequest,
  type JoinGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from "@ottla/protocol";
import type { Call, PartitionKey } from "./history.ts";

/** What a call is about, beside when and where it was made. */
export type CallFacts = Omit<Call, "type" | "process" | "timeMs" | "arrivedAt" | "arrivedMs" | "connection">;

type TopicNames = ReadonlyMap<string, string>;

const nothing = {
  memberId: "",
  instanceId: null,
  generation: -1,
  error: "NONE",
  given: null,
  assigned: null,
  owned: null,
  offsets: null,
} as const;

/** Whom a request takes out of its group; null where it takes out nobody. */
export function leavingBy(api: string, request: object): { group: string; members: string[] } | null {
  if (api === "LEAVE_GROUP") {
    const { groupId: group, memberId, members } = request as LeaveGroupRequest;
    return { group, members: members.length === 0 ? [memberId] : members.map((member) => member.memberId) };
  }
  if (api !== "CONSUMER_GROUP_HEARTBEAT") return null;
  const { groupId: group, memberId, memberEpoch } = request as ConsumerGroupHeartbeatRequest;
  return memberEpoch < 0 ? { group, members: [memberId] } : null;
}

/** Who joins with a request, where it is somebody whose name or id is known. */
export function joiningBy(
  api: string,
  request: object,
): { group: string; memberId: string; instanceId: string | null } | null {
  if (api !== "JOIN_GROUP") return null;
  const { groupId: group, memberId, groupInstanceId: instanceId } = request as JoinGroupRequest;
  return memberId === "" && instanceId === null ? null : { group, memberId, instanceId };
}

/** What a request and its answer say, in the terms of a history; null for what is not about a group's members or offsets. */
export function callOf(api: string, request: object, answer: object, topicNames: TopicNames): CallFacts | null {
  switch (api) {
    case "JOIN_GROUP":
      return joinOf(request as JoinGroupRequest, answer as JoinGroupResponse);
    case "SYNC_GROUP":
      return syncOf(request as SyncGroupRequest, answer as SyncGroupResponse);
    case "HEARTBEAT": {
      const { groupId, memberId, groupInstanceId, generationId } = request as HeartbeatRequest;
      const error = errorName((answer as HeartbeatResponse).errorCode);
      return {
        ...nothing,
        api,
        group: groupId,
        memberId,
        instanceId: groupInstanceId,
        generation: generationId,
        error,
      };
    }
    case "LEAVE_GROUP":
      return leaveOf(request as LeaveGroupRequest, answer as LeaveGroupResponse);
    case "OFFSET_COMMIT":
      return commitOf(request as OffsetCommitRequest, answer as OffsetCommitResponse, topicNames);
    case "OFFSET_FETCH":
      return offsetsOf(request as OffsetFetchRequest, answer as OffsetFetchResponse, topicNames);
    case "CONSUMER_GROUP_HEARTBEAT":
      return beatOf(request as ConsumerGroupHeartbeatRequest, answer as ConsumerGroupHeartbeatResponse, topicNames);
    default:
      return null;
  }
}

function joinOf(request: JoinGroupRequest, answer: JoinGroupResponse): CallFacts {
  const { groupId: group, memberId, groupInstanceId: instanceId } = request;
  const given = { memberId: answer.memberId, generation: answer.generationId };
  return { ...nothing, api: "JOIN_GROUP", group, memberId, instanceId, error: errorName(answer.errorCode), given };
}

function syncOf(request: SyncGroupRequest, answer: SyncGroupResponse): CallFacts {
  const { groupId: group, memberId, groupInstanceId: instanceId, generationId: generation } = request;
  const error = errorName(answer.errorCode);
  const assigned = error === "NONE" ? partitionsOf(answer.assignment) : null;
  return { ...nothing, api: "SYNC_GROUP", group, memberId, instanceId, generation, error, assigned };
}

/** The newest version of the consumer protocol that is known; later ones only add to it. */
const newestAssignment = 3;

/** What an assignment of a classic group holds. Empty bytes are an empty one. */
function partitionsOf(assignment: Uint8Array): PartitionKey[] {
  if (assignment.length < 2) return [];
  const bytes = Buffer.from(assignment);
  const version = Math.min(bytes.readInt16BE(0), newestAssignment);
  const { assignedPartitions } = decode(consumerProtocolAssignment, version, bytes.subarray(2));
  return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`));
}

function leaveOf(request: LeaveGroupRequest, answer: LeaveGroupResponse): CallFacts {
  const { groupId: group, memberId } = request;
  return { ...nothing, api: "LEAVE_GROUP", group, memberId, error: errorName(answer.errorCode) };
}

function commitOf(request: OffsetCommitRequest, answer: OffsetCommitResponse, topicNames: TopicNames): CallFacts {
  const { groupId: group, memberId, groupInstanceId: instanceId, generationIdOrMemberEpoch: generation } = request;
  const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  const error = errorName(codes.find((code) => code !== 0) ?? 0);
  const offsets: Record<PartitionKey, number> = {};
  for (const { name, topicId, partitions } of request.topics) {
    const topic = nameOf(name, topicId, topicNames);
    const outcome =
      error === "NONE" ? null : answer.topics.find((other) => other.name === name && other.topicId === topicId);
    for (const { partitionIndex, committedOffset } of partitions) {
      const found = outcome?.partitions.find((other) => other.partitionIndex === partitionIndex);
      // Each partition has an outcome of its own; those that were refused are left out.
      if (error === "NONE" || found?.errorCode === 0) offsets[`${topic}-${partitionIndex}`] = committedOffset;
    }
  }
  return { ...nothing, api: "OFFSET_COMMIT", group, memberId, instanceId, generation, error, offsets };
}

function offsetsOf(request: OffsetFetchRequest, answer: OffsetFetchResponse, topicNames: TopicNames): CallFacts | null {
  const asked = request.groups[0];
  const group = asked?.groupId ?? request.groupId;
  const found = request.groups.length > 0 ? answer.groups[0] : answer;
  if (found === undefined) return null;
  const offsets: Record<PartitionKey, number> = {};
  for (const row of found.topics) {
    const topic = nameOf(row.name, "topicId" in row ? row.topicId : "", topicNames);
    for (const { partitionIndex, committedOffset, errorCode } of row.partitions) {
      if (errorCode === 0) offsets[`${topic}-${partitionIndex}`] = committedOffset;
    }
  }
  const memberId = asked?.memberId ?? "";
  const generation = asked?.memberEpoch ?? -1;
  return { ...nothing, api: "OFFSET_FETCH", group, memberId, generation, error: errorName(found.errorCode), offsets };
}

function beatOf(
  request: ConsumerGroupHeartbeatRequest,
  answer: ConsumerGroupHeartbeatResponse,
  topicNames: TopicNames,
): CallFacts {
  const { groupId: group, memberId, instanceId, memberEpoch: generation } = request;
  const error = errorName(answer.errorCode);
  const given = error === "NONE" ? { memberId: answer.memberId ?? memberId, generation: answer.memberEpoch } : null;
  const assigned = answer.assignment === null ? null : byId(answer.assignment.topicPartitions, topicNames);
  const owned = request.topicPartitions === null ? null : byId(request.topicPartitions, topicNames);
  const api = "CONSUMER_GROUP_HEARTBEAT";
  return { ...nothing, api, group, memberId, instanceId, generation, error, given, assigned, owned };
}

function byId(
  topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
  topicNames: TopicNames,
): PartitionKey[] {
  return topics.flatMap(({ topicId, partitions }) =>
    partitions.map((partition) => `${nameOf("", topicId, topicNames)}-${partition}`),
  );
}

function nameOf(name: string, topicId: string, topicNames: TopicNames): string {
  return name !== "" ? name : (topicNames.get(topicId) ?? topicId);
}
