import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks for the transactions that a broker coordinates (KIP-664). */
export const listTransactionsRequest = message(
  "ListTransactionsRequest",
  { key: 66, versions: [0, 2], flexible: 0 },
  {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ since: 1, default: -1 }),
    transactionalIdPattern: string({ since: 2, nullable: true, default: null }),
  },
);
export type ListTransactionsRequest = Value<typeof listTransactionsRequest>;

/** Transactional ids with producer and state. */
export const listTransactionsResponse = message(
  "ListTransactionsResponse",
  { key: 66, versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({ transactionalId: string(), producerId: int64(), transactionState: string() }),
  },
);
export type ListTransactionsResponse = Value<typeof listTransactionsResponse>;
