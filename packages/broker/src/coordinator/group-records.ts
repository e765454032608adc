import type { ConsumerGroupRecord } from "./consumer-group-records.ts";

/**
 * What the coordinator stores, as data. The fields are those of Kafka's stored messages (`protocol/stored/`), so that encoding takes them as they are;
 * `group-record-codec.ts` turns them into keys and values of `__consumer_offsets` and back.
 */

/** A member of a classic group as stored. The bytes may be borrowed: whoever applies a record copies what it keeps. */
export interface StoredMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** In ms; -1 in records of old brokers. */
  readonly rebalanceTimeout: number;
  /** In ms. */
  readonly sessionTimeout: number;
  /** The metadata that the member gave for the group's protocol. */
  readonly subscription: Uint8Array;
  readonly assignment: Uint8Array;
}

/** A classic group as of its last completed rebalance (GroupMetadataValue). */
export interface StoredClassicGroup {
  /** Empty where the group has never had a member. */
  readonly protocolType: string;
  readonly generation: number;
  readonly protocol: string | null;
  readonly leader: string | null;
  /** Wall-clock ms since 1970, -1 where unknown. */
  readonly currentStateTimestamp: number;
  readonly members: readonly StoredMember[];
}

/** A committed offset (OffsetCommitValue). */
export interface StoredOffset {
  readonly offset: number;
  /** -1 where the client did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall-clock ms since 1970. */
  readonly commitTimestamp: number;
  /** Wall-clock ms since 1970; -1: the broker's retention decides. */
  readonly expireTimestamp: number;
  /** Kafka's base64url form; the zero uuid where unknown. */
  readonly topicId: string;
}

/** A null value is a tombstone. */
export interface ClassicGroupRecord {
  readonly kind: "classicGroup";
  readonly groupId: string;
  readonly value: StoredClassicGroup | null;
}

/** A null value is a tombstone. */
export interface OffsetRecord {
  readonly kind: "offset";
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly value: StoredOffset | null;
}

/** One record of `__consumer_offsets`. */
export type GroupRecord = ClassicGroupRecord | OffsetRecord | ConsumerGroupRecord;

/** Where a record stands in the log and who wrote it; producer id -1 for all but offsets committed in a transaction. */
export interface RecordOrigin {
  readonly offset: number;
  readonly producerId: number;
}

/** The record that takes a committed offset away. */
export function offsetTombstone(groupId: string, topic: string, partition: number): OffsetRecord {
  return { kind: "offset", groupId, topic, partition, value: null };
}

/** Key and value of a record of `__consumer_offsets`. */
export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer | null;
}
