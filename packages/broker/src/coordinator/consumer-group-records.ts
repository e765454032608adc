import type { TopicAssignment } from "./assignors/assignor.ts";
import type { GroupProtocol } from "./group-protocol.ts";
import type { OwnedPartitions } from "./owned-partitions.ts";

/** The epoch of a member that leaves, and in memory of one that is about to be deleted. */
export const leaveEpoch = -1;
/** The epoch of a static member that leaves and will be back. */
export const leaveStaticEpoch = -2;

/** How far a member is on its way to its target (Kafka's `MemberState`); the numbers are what is stored. */
export const memberStates = {
  /** It owns what it should own, as of its epoch. */
  stable: 0,
  /** It has been told to give up partitions and has not said yet that it did. */
  unrevoked: 1,
  /** It waits for partitions that others still own. */
  unreleased: 2,
  /** A newer broker has written a state that this one does not know. */
  unknown: 127,
} as const;
export type MemberState = (typeof memberStates)[keyof typeof memberStates];

/** What a member of a consumer group that speaks the classic protocol said in its last JoinGroup. */
export interface ClassicMemberMetadata {
  readonly sessionTimeoutMs: number;
  /** Owned bytes. */
  readonly supportedProtocols: readonly GroupProtocol[];
}

/** Who a member is and what it subscribes to (ConsumerGroupMemberMetadataValue). Never changed once made. */
export interface StoredConsumerMember {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Sorted, each once. Equal subscriptions mostly are the same array. */
  readonly subscribedTopicNames: readonly string[];
  /** Empty or null where there is none. */
  readonly subscribedTopicRegex: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
  /** Null where the member speaks KIP-848's protocol. */
  readonly classicMemberMetadata: ClassicMemberMetadata | null;
}

/** What a member owns and where it is on its way (ConsumerGroupCurrentMemberAssignmentValue). Never changed once made. */
export interface StoredCurrentAssignment {
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: OwnedPartitions;
  /** What it has been told to give up and may still be reading. */
  readonly pendingRevocation: OwnedPartitions;
}

/** A group's epoch, and what its topics looked like then (ConsumerGroupMetadataValue). */
export interface StoredConsumerGroup {
  readonly epoch: number;
  readonly metadataHash: bigint;
}

/** The epoch of the target assignment (ConsumerGroupTargetAssignmentMetadataValue). */
export interface StoredTargetMetadata {
  readonly assignmentEpoch: number;
  /** When it was computed, wall-clock ms; 0 where the record does not say. */
  readonly assignmentTimestamp: number;
}

/** What a regular expression matched (ConsumerGroupRegularExpressionValue). */
export interface StoredRegularExpression {
  readonly topics: readonly string[];
  /** Kafka's version of the metadata; here a count of changes. */
  readonly version: number;
  /** Wall-clock ms. */
  readonly timestamp: number;
}

/** A record of a consumer group; a null value is a tombstone. */
export type ConsumerGroupRecord =
  | { readonly kind: "consumerGroup"; readonly groupId: string; readonly value: StoredConsumerGroup | null }
  /** What brokers before 4.1 knew of the topics: only its tombstone is written. */
  | { readonly kind: "consumerPartitionMetadata"; readonly groupId: string; readonly value: LegacyValue | null }
  | {
      readonly kind: "consumerMember";
      readonly groupId: string;
      readonly memberId: string;
      readonly value: StoredConsumerMember | null;
    }
  | { readonly kind: "consumerTarget"; readonly groupId: string; readonly value: StoredTargetMetadata | null }
  | {
      readonly kind: "consumerTargetMember";
      readonly groupId: string;
      readonly memberId: string;
      readonly value: TopicAssignment | null;
    }
  | {
      readonly kind: "consumerCurrentAssignment";
      readonly groupId: string;
      readonly memberId: string;
      readonly value: StoredCurrentAssignment | null;
    }
  | {
      readonly kind: "consumerRegularExpression";
      readonly groupId: string;
      readonly regularExpression: string;
      readonly value: StoredRegularExpression | null;
    };

/** Something that is only known to be there. */
export interface LegacyValue {
  /** The value as it is in the log; owned bytes. */
  readonly bytes: Buffer;
}
