import {
  consumerGroupCurrentMemberAssignmentKey as currentKey,
  consumerGroupCurrentMemberAssignmentValue as currentValue,
  decodeStored,
  decodeStoredKey,
  encodeStored,
  encodeStoredKey,
  consumerGroupMetadataKey as groupKey,
  consumerGroupMetadataValue as groupValue,
  consumerGroupMemberMetadataKey as memberKey,
  consumerGroupMemberMetadataValue as memberValue,
  consumerGroupPartitionMetadataKey as partitionMetadataKey,
  consumerGroupRegularExpressionKey as regexKey,
  consumerGroupRegularExpressionValue as regexValue,
  consumerGroupTargetAssignmentMetadataKey as targetKey,
  consumerGroupTargetAssignmentMemberKey as targetMemberKey,
  consumerGroupTargetAssignmentMemberValue as targetMemberValue,
  consumerGroupTargetAssignmentMetadataValue as targetValue,
} from "@ottla/protocol";
import type { TopicAssignment } from "./assignors/assignor.ts";
import {
  type ConsumerGroupRecord,
  type MemberState,
  memberStates,
  type StoredConsumerMember,
  type StoredCurrentAssignment,
} from "./consumer-group-records.ts";
import type { TopicIdPartitions } from "./group-events.ts";
import type { KeyValue } from "./group-records.ts";
import { type EpochedPartitions, nothingOwned, type OwnedPartitions, toEpoched, toRising } from "./owned-partitions.ts";

/** The one version of all values of consumer groups. */
const version = 0;

/** A record of a consumer group as Kafka writes it, byte for byte. */
export function encodeConsumerRecord(record: ConsumerGroupRecord): KeyValue {
  const { groupId } = record;
  switch (record.kind) {
    case "consumerGroup":
      return {
        key: encodeStoredKey(groupKey, { groupId }),
        value: record.value && encodeStored(version, groupValue, record.value),
      };
    case "consumerPartitionMetadata":
      return { key: encodeStoredKey(partitionMetadataKey, { groupId }), value: record.value?.bytes ?? null };
    case "consumerMember":
      return {
        key: encodeStoredKey(memberKey, { groupId, memberId: record.memberId }),
        value: record.value && encodeMember(record.value),
      };
    case "consumerTarget":
      return {
        key: encodeStoredKey(targetKey, { groupId }),
        value: record.value && encodeStored(version, targetValue, record.value),
      };
    case "consumerTargetMember":
      return {
        key: encodeStoredKey(targetMemberKey, { groupId, memberId: record.memberId }),
        value:
          record.value &&
          encodeStored(version, targetMemberValue, { topicPartitions: topicPartitionsOf(record.value) }),
      };
    case "consumerCurrentAssignment":
      return {
        key: encodeStoredKey(currentKey, { groupId, memberId: record.memberId }),
        value: record.value && encodeCurrent(record.value),
      };
    case "consumerRegularExpression": {
      const { regularExpression, value } = record;
      return {
        key: encodeStoredKey(regexKey, { groupId, regularExpression }),
        value: value && encodeStored(version, regexValue, { ...value, topics: [...value.topics] }),
      };
    }
  }
}

/** The record that a key of this type and its value are; null for types that are not of consumer groups. Throws a `DecodeError`. */
export function decodeConsumerRecord(
  type: number,
  key: Uint8Array,
  value: Uint8Array | null,
): ConsumerGroupRecord | null {
  switch (type) {
    case groupKey.key:
      return {
        kind: "consumerGroup",
        ...decodeStoredKey(groupKey, key),
        value: value && decodeStored(groupValue, value),
      };
    case partitionMetadataKey.key: {
      const kept = value === null ? null : { bytes: Buffer.from(value) };
      return { kind: "consumerPartitionMetadata", ...decodeStoredKey(partitionMetadataKey, key), value: kept };
    }
    case memberKey.key:
      return { kind: "consumerMember", ...decodeStoredKey(memberKey, key), value: value && decodeMember(value) };
    case targetKey.key:
      return {
        kind: "consumerTarget",
        ...decodeStoredKey(targetKey, key),
        value: value && decodeStored(targetValue, value),
      };
    case targetMemberKey.key:
      return {
        kind: "consumerTargetMember",
        ...decodeStoredKey(targetMemberKey, key),
        value: value && assignmentOf(decodeStored(targetMemberValue, value).topicPartitions),
      };
    case currentKey.key:
      return {
        kind: "consumerCurrentAssignment",
        ...decodeStoredKey(currentKey, key),
        value: value && decodeCurrent(value),
      };
    case regexKey.key:
      return {
        kind: "consumerRegularExpression",
        ...decodeStoredKey(regexKey, key),
        value: value && decodeStored(regexValue, value),
      };
    default:
      return null;
  }
}

function encodeMember(value: StoredConsumerMember): Buffer {
  const { classicMemberMetadata: classic } = value;
  return encodeStored(version, memberValue, {
    ...value,
    subscribedTopicNames: [...value.subscribedTopicNames],
    classicMemberMetadata: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({
        name,
        metadata: asBuffer(metadata),
      })),
    },
  });
}

function decodeMember(bytes: Uint8Array): StoredConsumerMember {
  const value = decodeStored(memberValue, bytes);
  const classic = value.classicMemberMetadata;
  return {
    ...value,
    subscribedTopicNames: sortedNames(value.subscribedTopicNames),
    classicMemberMetadata: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({
        name,
        metadata: Buffer.from(metadata),
      })),
    },
  };
}

function encodeCurrent(value: StoredCurrentAssignment): Buffer {
  const { memberEpoch, previousMemberEpoch, state } = value;
  return encodeStored(version, currentValue, {
    memberEpoch,
    previousMemberEpoch,
    state,
    assignedPartitions: epochedTopics(value.assigned),
    partitionsPendingRevocation: epochedTopics(value.pendingRevocation),
  });
}

function decodeCurrent(bytes: Uint8Array): StoredCurrentAssignment {
  const value = decodeStored(currentValue, bytes);
  const { memberEpoch, previousMemberEpoch } = value;
  return {
    memberEpoch,
    previousMemberEpoch,
    state: stateOf(value.state),
    assigned: ownedPartitions(value.assignedPartitions, memberEpoch),
    pendingRevocation: ownedPartitions(value.partitionsPendingRevocation, memberEpoch),
  };
}

function stateOf(stored: number): MemberState {
  for (const state of Object.values(memberStates)) if (state === stored) return state;
  return memberStates.unknown;
}

function epochedTopics(owned: OwnedPartitions) {
  return Array.from(owned, ([topicId, { partitions, epochs }]) => ({
    topicId,
    partitions: [...partitions],
    assignmentEpochs: [...epochs],
  }));
}

function ownedPartitions(
  topics: readonly { topicId: string; partitions: readonly number[]; assignmentEpochs: readonly number[] | null }[],
  memberEpoch: number,
): OwnedPartitions {
  if (topics.length === 0) return nothingOwned;
  const owned = new Map<string, EpochedPartitions>();
  for (const { topicId, partitions, assignmentEpochs } of topics) {
    // What a broker before 4.3 has written has no epochs: the member's counts.
    if (partitions.length > 0) owned.set(topicId, toEpoched(partitions, assignmentEpochs, memberEpoch));
  }
  return owned;
}

/** An assignment as messages have it. */
export function topicPartitionsOf(assignment: TopicAssignment): { topicId: string; partitions: number[] }[] {
  return Array.from(assignment, ([topicId, partitions]) => ({ topicId, partitions: [...partitions] }));
}

/** What messages say of an assignment, made what it has to be here. */
export function assignmentOf(topics: readonly TopicIdPartitions[]): TopicAssignment {
  const assignment = new Map<string, readonly number[]>();
  for (const { topicId, partitions } of topics) {
    if (partitions.length > 0) assignment.set(topicId, toRising(partitions));
  }
  return assignment;
}

/** Names sorted as Java sorts strings, each once. */
export function sortedNames(names: readonly string[]): readonly string[] {
  return names.length < 2 ? names : [...new Set(names)].sort();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
