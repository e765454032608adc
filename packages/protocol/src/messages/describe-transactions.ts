import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks for the state of transactional ids (KIP-664). */
export const describeTransactionsRequest = message(
  "DescribeTransactionsRequest",
  { key: 65, versions: [0, 0], flexible: 0 },
  {
    transactionalIds: array(string()),
  },
);
export type DescribeTransactionsRequest = Value<typeof describeTransactionsRequest>;

/** State, producer and partitions per transactional id. */
export const describeTransactionsResponse = message(
  "DescribeTransactionsResponse",
  { key: 65, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    transactionStates: array({
      errorCode: int16(),
      transactionalId: string(),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64(),
      producerId: int64(),
      producerEpoch: int16(),
      topics: array({ topic: string(), partitions: array(int32()) }),
    }),
  },
);
export type DescribeTransactionsResponse = Value<typeof describeTransactionsResponse>;
