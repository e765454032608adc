import { array, int8, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Key of a transactional id (record type 0). */
export const transactionLogKey = message(
  "TransactionLogKey",
  { key: 0, versions: [0, 0], flexible: "none" },
  {
    transactionalId: string(),
  },
);
export type TransactionLogKey = Value<typeof transactionLogKey>;

/** State of a transactional id. */
export const transactionLogValue = message(
  "TransactionLogValue",
  { key: 0, versions: [0, 1], flexible: 1 },
  {
    producerId: int64(),
    previousProducerId: int64({ since: 1, tag: 0, default: -1 }),
    nextProducerId: int64({ since: 1, tag: 1, default: -1 }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ since: 1, tag: 3, default: -1 }),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: array({ topic: string(), partitionIds: array(int32()) }, { nullable: true }),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ since: 1, tag: 2, default: 0 }),
  },
);
export type TransactionLogValue = Value<typeof transactionLogValue>;
