import {
  BatchBuilder,
  type Codec,
  codecOfId,
  decodeStored,
  decodeStoredKey,
  EncodeError,
  encodeStored,
  encodeStoredKey,
  groupMetadataKey,
  groupMetadataValue,
  legacyOffsetCommitKey,
  offsetCommitKey,
  offsetCommitValue,
  storedKeyType,
} from "@ottla/protocol";
import { decodeConsumerRecord, encodeConsumerRecord } from "./consumer-record-codec.ts";
import type { GroupRecord, KeyValue, OffsetRecord, StoredOffset } from "./group-records.ts";

/** Newest version of GroupMetadataValue that Kafka 4.3 writes: it reads 4 (tagged fields) too. */
const groupValueVersion = 3;
/** The version of OffsetCommitValue that has a topic id. */
const offsetValueVersion = 4;
/** The one version of OffsetCommitValue that has an expiry. */
const expiringOffsetValueVersion = 1;

/** A record as Kafka writes it, byte for byte (Kafka's `GroupCoordinatorRecordHelpers`). */
export function encodeGroupRecord(record: GroupRecord): KeyValue {
  switch (record.kind) {
    case "classicGroup":
      return {
        key: encodeStoredKey(groupMetadataKey, { group: record.groupId }),
        value: record.value === null ? null : encodeStored(groupValueVersion, groupMetadataValue, record.value),
      };
    case "offset": {
      const { groupId: group, topic, partition } = record;
      return { key: encodeStoredKey(offsetCommitKey, { group, topic, partition }), value: encodeOffset(record.value) };
    }
    default:
      return encodeConsumerRecord(record);
  }
}

function encodeOffset(value: StoredOffset | null): Buffer | null {
  if (value === null) return null;
  const version = value.expireTimestamp === -1 ? offsetValueVersion : expiringOffsetValueVersion;
  return encodeStored(version, offsetCommitValue, value);
}

/**
 * The record that a key and a value of `__consumer_offsets` are; its bytes are slices of `value`. Null for types that are not known: groups of kinds
 * that this broker leaves alone (share, streams). Throws a `DecodeError` where a known type cannot be read.
 */
export function decodeGroupRecord(key: Uint8Array, value: Uint8Array | null): GroupRecord | null {
  const type = storedKeyType(key);
  switch (type) {
    case groupMetadataKey.key: {
      const { group: groupId } = decodeStoredKey(groupMetadataKey, key);
      return { kind: "classicGroup", groupId, value: value === null ? null : decodeStored(groupMetadataValue, value) };
    }
    case offsetCommitKey.key:
      return offsetRecord(decodeStoredKey(offsetCommitKey, key), value);
    case legacyOffsetCommitKey.key:
      return offsetRecord(decodeStoredKey(legacyOffsetCommitKey, key), value);
    default:
      return decodeConsumerRecord(type, key, value);
  }
}

function offsetRecord(
  key: { group: string; topic: string; partition: number },
  value: Uint8Array | null,
): OffsetRecord {
  const { group: groupId, topic, partition } = key;
  const decoded = value === null ? null : decodeStored(offsetCommitValue, value);
  return { kind: "offset", groupId, topic, partition, value: decoded };
}

/** A record batch, and how many of the records are in it. */
export interface GroupBatch {
  readonly bytes: Buffer;
  readonly recordCount: number;
}

/** The records as batches of at most `maxSize` bytes each (a record that is larger by itself has one for itself); one batch where `maxSize` is missing. */
export function buildGroupBatches(
  records: readonly GroupRecord[],
  timestamp: number,
  codec: Codec,
  maxSize?: number,
): GroupBatch[] {
  const options = maxSize === undefined ? { codec } : { codec, maxSize };
  const batches: GroupBatch[] = [];
  let builder = new BatchBuilder(options);
  let recordCount = 0;
  for (const record of records) {
    const { key, value } = encodeGroupRecord(record);
    if (builder.append(timestamp, key, value) === 0) {
      batches.push({ bytes: builder.build(), recordCount });
      builder = new BatchBuilder(options);
      builder.append(timestamp, key, value);
      recordCount = 0;
    }
    recordCount++;
  }
  batches.push({ bytes: builder.build(), recordCount });
  return batches;
}

/** Likewise; null where not all of them can be stored: one of several batches is too large, or the format has no room for a name (whose bytes were none of UTF-8's, each of which takes three). */
export function storableBatches(
  records: readonly GroupRecord[],
  timestamp: number,
  codec: Codec,
  maxSize?: number,
): GroupBatch[] | null {
  try {
    const batches = buildGroupBatches(records, timestamp, codec, maxSize);
    const isTooLarge = maxSize !== undefined && batches.some(({ bytes }) => bytes.length > maxSize);
    return isTooLarge ? null : batches;
  } catch (error) {
    if (error instanceof EncodeError) return null;
    throw error;
  }
}

/** The codec of that number in Kafka's settings (`offsets.topic.compression.codec`); `none` where there is none. */
export function codecOfSetting(id: number): Codec {
  return codecOfId(id) ?? "none";
}
