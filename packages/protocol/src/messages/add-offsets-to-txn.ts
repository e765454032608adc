import { int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Adds a group's offsets to a transaction. */
export const addOffsetsToTxnRequest = message(
  "AddOffsetsToTxnRequest",
  { key: 25, versions: [0, 4], flexible: 3 },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
);
export type AddOffsetsToTxnRequest = Value<typeof addOffsetsToTxnRequest>;

/** Whether the group was added. */
export const addOffsetsToTxnResponse = message(
  "AddOffsetsToTxnResponse",
  { key: 25, versions: [0, 4], flexible: 3 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
  },
);
export type AddOffsetsToTxnResponse = Value<typeof addOffsetsToTxnResponse>;
