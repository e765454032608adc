import { array, bool, int16, int32, int64, message, string, type Value } from "../schema.ts";

const topic = { name: string(), partitions: array(int32()) };
const partitionResult = { partitionIndex: int32(), partitionErrorCode: int16() };
const topicResult = { name: string(), resultsByPartition: array(partitionResult) };

/** Adds partitions to a transaction; in batches, for brokers that verify, from version 4 on (KIP-890). */
export const addPartitionsToTxnRequest = message(
  "AddPartitionsToTxnRequest",
  { key: 24, versions: [0, 5], flexible: 3 },
  {
    transactions: array(
      {
        transactionalId: string(),
        producerId: int64(),
        producerEpoch: int16(),
        verifyOnly: bool({ default: false }),
        topics: array(topic),
      },
      { since: 4 },
    ),
    v3AndBelowTransactionalId: string({ until: 3 }),
    v3AndBelowProducerId: int64({ until: 3 }),
    v3AndBelowProducerEpoch: int16({ until: 3 }),
    v3AndBelowTopics: array(topic, { until: 3 }),
  },
);
export type AddPartitionsToTxnRequest = Value<typeof addPartitionsToTxnRequest>;

/** The outcome per partition. */
export const addPartitionsToTxnResponse = message(
  "AddPartitionsToTxnResponse",
  { key: 24, versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 4, ignorable: true }),
    resultsByTransaction: array({ transactionalId: string(), topicResults: array(topicResult) }, { since: 4 }),
    resultsByTopicV3AndBelow: array(topicResult, { until: 3 }),
  },
);
export type AddPartitionsToTxnResponse = Value<typeof addPartitionsToTxnResponse>;
