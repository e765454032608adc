import { int32, int64, message, string, uuid, type Value } from "../schema.ts";

/** Key of a committed offset, as very old brokers wrote it (record type 0). Read, never written. */
export const legacyOffsetCommitKey = message(
  "LegacyOffsetCommitKey",
  { key: 0, versions: [0, 0], flexible: "none" },
  {
    group: string(),
    topic: string(),
    partition: int32(),
  },
);
export type LegacyOffsetCommitKey = Value<typeof legacyOffsetCommitKey>;

/** Value of a committed offset under a legacy key. */
export const legacyOffsetCommitValue = message(
  "LegacyOffsetCommitValue",
  { key: 0, versions: [0, 0], flexible: "none" },
  {
    offset: int64(),
    metadata: string(),
    commitTimestamp: int64(),
  },
);
export type LegacyOffsetCommitValue = Value<typeof legacyOffsetCommitValue>;

/** Key of a committed offset (record type 1). */
export const offsetCommitKey = message(
  "OffsetCommitKey",
  { key: 1, versions: [0, 0], flexible: "none" },
  {
    group: string(),
    topic: string(),
    partition: int32(),
  },
);
export type OffsetCommitKey = Value<typeof offsetCommitKey>;

/** A committed offset with its metadata. */
export const offsetCommitValue = message(
  "OffsetCommitValue",
  { key: 1, versions: [0, 4], flexible: 4 },
  {
    offset: int64(),
    leaderEpoch: int32({ since: 3, default: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ since: 1, until: 1, default: -1, ignorable: true }),
    topicId: uuid({ since: 4, tag: 0, ignorable: true }),
  },
);
export type OffsetCommitValue = Value<typeof offsetCommitValue>;
