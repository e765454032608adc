import { array, bool, int8, int16, int32, int64, message, string, struct, uuid, type Value } from "../schema.ts";

/** Accepts, releases or rejects acquired records (KIP-932). */
export const shareAcknowledgeRequest = message(
  "ShareAcknowledgeRequest",
  { key: 79, versions: [1, 2], flexible: 1 },
  {
    groupId: string({ nullable: true, default: null }),
    memberId: string({ nullable: true }),
    shareSessionEpoch: int32(),
    isRenewAck: bool({ since: 2, default: false }),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        acknowledgementBatches: array({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
      }),
    }),
  },
);
export type ShareAcknowledgeRequest = Value<typeof shareAcknowledgeRequest>;

/** The outcome per partition. */
export const shareAcknowledgeResponse = message(
  "ShareAcknowledgeResponse",
  { key: 79, versions: [1, 2], flexible: 1 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    acquisitionLockTimeoutMs: int32({ since: 2, ignorable: true }),
    responses: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }),
  },
);
export type ShareAcknowledgeResponse = Value<typeof shareAcknowledgeResponse>;
