import { bool, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Commits or aborts a transaction. */
export const endTxnRequest = message(
  "EndTxnRequest",
  { key: 26, versions: [0, 5], flexible: 3 },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool(),
  },
);
export type EndTxnRequest = Value<typeof endTxnRequest>;

/** The outcome; from version 5 on (KIP-890) also the id and epoch to go on with. */
export const endTxnResponse = message(
  "EndTxnResponse",
  { key: 26, versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: int64({ since: 5, default: -1, ignorable: true }),
    producerEpoch: int16({ since: 5, default: -1, ignorable: true }),
  },
);
export type EndTxnResponse = Value<typeof endTxnResponse>;
