import { int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks for a producer id and epoch; with a transactional id also fences older producers (KIP-98). Version 6 is not stable in Apache Kafka 4.3 and is left out. */
export const initProducerIdRequest = message(
  "InitProducerIdRequest",
  { key: 22, versions: [0, 5], flexible: 2 },
  {
    transactionalId: string({ nullable: true }),
    transactionTimeoutMs: int32(),
    producerId: int64({ since: 3, default: -1 }),
    producerEpoch: int16({ since: 3, default: -1 }),
  },
);
export type InitProducerIdRequest = Value<typeof initProducerIdRequest>;

/** The producer id and epoch. */
export const initProducerIdResponse = message(
  "InitProducerIdResponse",
  { key: 22, versions: [0, 5], flexible: 2 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
  },
);
export type InitProducerIdResponse = Value<typeof initProducerIdResponse>;
