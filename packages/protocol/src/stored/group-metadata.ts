import { array, bytes, int32, int64, message, string, type Value } from "../schema.ts";

/** Key of a classic group (record type 2). */
export const groupMetadataKey = message(
  "GroupMetadataKey",
  { key: 2, versions: [0, 0], flexible: "none" },
  {
    group: string(),
  },
);
export type GroupMetadataKey = Value<typeof groupMetadataKey>;

/** A classic group's generation and members. */
export const groupMetadataValue = message(
  "GroupMetadataValue",
  { key: 2, versions: [0, 4], flexible: 4 },
  {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: true }),
    leader: string({ nullable: true }),
    currentStateTimestamp: int64({ since: 2, default: -1, ignorable: true }),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 3, nullable: true, default: null, ignorable: true }),
      clientId: string(),
      clientHost: string(),
      rebalanceTimeout: int32({ since: 1, default: -1, ignorable: true }),
      sessionTimeout: int32(),
      subscription: bytes(),
      assignment: bytes(),
    }),
  },
);
export type GroupMetadataValue = Value<typeof groupMetadataValue>;
