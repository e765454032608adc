import type { GroupProtocol } from "./group-protocol.ts";
import type { GroupRecord } from "./group-records.ts";

/** The time of an event: wall-clock for what is stored, monotonic for deadlines. Both in ms. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** Who sends a JoinGroup or a ConsumerGroupHeartbeat. */
export interface Joiner {
  readonly apiVersion: number;
  readonly clientId: string;
  /** As Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string;
}

/** JoinGroup, in the request's words. `rebalanceTimeoutMs` is the session timeout where version 0 has none. */
export interface JoinEvent {
  readonly type: "join";
  /** Who waits for the reply. */
  readonly ticket: number;
  readonly apiVersion: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** A random UUID, in case the member needs an id: as classic groups have it, */
  readonly uuid: string;
  /** and as groups of the consumer protocol have it (Kafka's base64url form). */
  readonly shortUuid: string;
  readonly groupId: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  /** In the member's order of preference. */
  readonly protocols: readonly GroupProtocol[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly reason: string | null;
}

/** SyncGroup. */
export interface SyncEvent {
  readonly type: "sync";
  readonly ticket: number;
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** Empty but from the leader. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

/** Heartbeat. */
export interface Heartbeat {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface LeavingMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly reason: string | null;
}

/** LeaveGroup, in the form of version 3 and later. */
export interface LeaveEvent {
  readonly type: "leave";
  readonly ticket: number;
  readonly groupId: string;
  readonly members: readonly LeavingMember[];
}

export interface CommittedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly committedMetadata: string | null;
}

export interface CommittedTopic {
  readonly name: string;
  /** The zero uuid where it is not known. */
  readonly topicId: string;
  readonly partitions: readonly CommittedPartition[];
}

/** OffsetCommit, after the topics were checked. */
export interface CommitEvent {
  readonly type: "commit";
  readonly ticket: number;
  readonly apiVersion: number;
  readonly groupId: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationOrEpoch: number;
  /** -1: the broker's retention decides. */
  readonly retentionTimeMs: number;
  readonly topics: readonly CommittedTopic[];
}

export interface TopicPartitions {
  readonly name: string;
  readonly partitions: readonly number[];
}

/** OffsetDelete, after the topics were checked. */
export interface DeleteOffsetsEvent {
  readonly type: "deleteOffsets";
  readonly ticket: number;
  readonly groupId: string;
  readonly topics: readonly TopicPartitions[];
}

/** DeleteGroups. */
export interface DeleteGroupsEvent {
  readonly type: "deleteGroups";
  readonly ticket: number;
  readonly groupIds: readonly string[];
}

/** Topics are gone, and the offsets committed in them with them. */
export interface TopicsDeletedEvent {
  readonly type: "topicsDeleted";
  readonly topics: readonly { readonly name: string; readonly id: string }[];
}

/** What follows once the records of a leader's SyncGroup have been applied: its event again. */
export interface AssignmentStoredEvent {
  readonly type: "assignmentStored";
  readonly groupId: string;
  readonly generationId: number;
}

/** What follows once the records of a member of a consumer group have been applied: its timers. */
export interface ConsumerMemberStoredEvent {
  readonly type: "consumerMemberStored";
  readonly groupId: string;
  readonly memberId: string;
}

/** What follows once the records of a JoinGroup to a consumer group have been applied: its timers. */
export interface ClassicMemberStoredEvent {
  readonly type: "classicMemberStored";
  readonly groupId: string;
  readonly memberId: string;
  readonly joined: JoinEvent;
}

/** What follows once the records that make a consumer group a classic one have been applied. */
export interface DowngradedEvent {
  readonly type: "downgraded";
  readonly groupId: string;
  /** Why it begins with a rebalance; null where it does not. */
  readonly reason: string | null;
}

/** What follows once a group's regular expressions have been resolved and stored. */
export interface RegexesStoredEvent {
  readonly type: "regexesStored";
  readonly groupId: string;
  readonly topicsVersion: number;
}

/** Topics were made, deleted or have grown. */
export interface TopicsChangedEvent {
  readonly type: "topicsChanged";
  readonly names: readonly string[];
}

/** What follows once a static member's new id has been applied. */
export interface StaticMemberStoredEvent {
  readonly type: "staticMemberStored";
  readonly join: JoinEvent;
  readonly oldLeader: string;
  readonly newMemberId: string;
}

/** A topic's partitions, by the topic's id. */
export interface TopicIdPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

/** ConsumerGroupHeartbeat, in the request's words (KIP-848). */
export interface ConsumerHeartbeatEvent {
  readonly type: "consumerHeartbeat";
  readonly ticket: number;
  readonly apiVersion: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** A random UUID, in case the member needs an id (version 0 only). */
  readonly uuid: string;
  readonly groupId: string;
  readonly memberId: string;
  /** 0: it joins; -1: it leaves; -2: it leaves and, being static, comes back. */
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  /** -1: as before. */
  readonly rebalanceTimeoutMs: number;
  /** Null: as before. */
  readonly subscribedTopicNames: readonly string[] | null;
  /** Null: as before; empty: none. */
  readonly subscribedTopicRegex: string | null;
  /** Null: as before. */
  readonly serverAssignor: string | null;
  /** What it owns; null: as before. */
  readonly topicPartitions: readonly TopicIdPartitions[] | null;
}

export type GroupEvent =
  | JoinEvent
  | ConsumerHeartbeatEvent
  | SyncEvent
  | LeaveEvent
  | CommitEvent
  | DeleteOffsetsEvent
  | DeleteGroupsEvent
  | TopicsDeletedEvent
  | TopicsChangedEvent
  | ConsumerMemberStoredEvent
  | ClassicMemberStoredEvent
  | DowngradedEvent
  | RegexesStoredEvent
  | AssignmentStoredEvent
  | StaticMemberStoredEvent
  /** A deadline has passed: at most one is handled per event, so this comes again while `deadline()` is in the past. */
  | { readonly type: "timer" }
  /** The partition has been replayed: sessions begin anew. */
  | { readonly type: "loaded" }
  /** Time to look for offsets that have outlived their retention. */
  | { readonly type: "expireOffsets" }
  /** The records of this event were refused (they are too large), and nothing of them was applied. */
  | { readonly type: "rejected"; readonly event: GroupEvent; readonly errorCode: number };

export interface JoinReply {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Uint8Array;
  }[];
}

export interface SyncReply {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export interface LeaveReply {
  readonly errorCode: number;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly errorCode: number;
  }[];
}

export interface PartitionResult {
  readonly partitionIndex: number;
  readonly errorCode: number;
}

export interface CommitReply {
  readonly topics: readonly {
    readonly name: string;
    readonly topicId: string;
    readonly partitions: readonly PartitionResult[];
  }[];
}

export interface DeleteOffsetsReply {
  readonly errorCode: number;
  readonly topics: readonly { readonly name: string; readonly partitions: readonly PartitionResult[] }[];
}

export interface DeleteGroupsReply {
  readonly results: readonly { readonly groupId: string; readonly errorCode: number }[];
}

/** ConsumerGroupHeartbeat's answer. */
export interface ConsumerHeartbeatReply {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null: as before. */
  readonly assignment: { readonly topicPartitions: readonly TopicIdPartitions[] } | null;
}

/** An answer to who holds the ticket. */
export type Reply =
  | { readonly kind: "join"; readonly ticket: number; readonly body: JoinReply }
  | { readonly kind: "consumerHeartbeat"; readonly ticket: number; readonly body: ConsumerHeartbeatReply }
  | { readonly kind: "sync"; readonly ticket: number; readonly body: SyncReply }
  | { readonly kind: "leave"; readonly ticket: number; readonly body: LeaveReply }
  | { readonly kind: "commit"; readonly ticket: number; readonly body: CommitReply }
  | { readonly kind: "deleteOffsets"; readonly ticket: number; readonly body: DeleteOffsetsReply }
  | { readonly kind: "deleteGroups"; readonly ticket: number; readonly body: DeleteGroupsReply };

export type ReplyKind = Reply["kind"];
export type ReplyBody<K extends ReplyKind> = Extract<Reply, { kind: K }>["body"];

/** What the machine wants done. */
export interface Effects {
  /** To append, as one batch, and then to apply, before anything else happens. */
  readonly records: GroupRecord[];
  /** To send once all that has been appended so far is below the high watermark. */
  readonly replies: Reply[];
  /** To handle next, once the records have been applied. */
  next: GroupEvent | null;
  /** Whether the records may be spread over several batches (tombstones that do not depend on each other). */
  divisible: boolean;
}

export function noEffects(): Effects {
  return { records: [], replies: [], next: null, divisible: false };
}

/** A JoinGroup's refusal. */
export function joinError(memberId: string, errorCode: number): JoinReply {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: "",
    skipAssignment: false,
    memberId,
    members: [],
  };
}

export const noBytes: Buffer = Buffer.alloc(0);

/** A SyncGroup's refusal. */
export function syncError(errorCode: number): SyncReply {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}

/** A ConsumerGroupHeartbeat's refusal. */
export function consumerHeartbeatError(errorCode: number, errorMessage: string | null = null): ConsumerHeartbeatReply {
  return { errorCode, errorMessage, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}
