import { array, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks for the producers that partitions remember (KIP-664). */
export const describeProducersRequest = message(
  "DescribeProducersRequest",
  { key: 61, versions: [0, 0], flexible: 0 },
  {
    topics: array({ name: string(), partitionIndexes: array(int32()) }),
  },
);
export type DescribeProducersRequest = Value<typeof describeProducersRequest>;

/** Active producers per partition, with their open transactions. */
export const describeProducersResponse = message(
  "DescribeProducersResponse",
  { key: 61, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        activeProducers: array({
          producerId: int64(),
          producerEpoch: int32(),
          lastSequence: int32({ default: -1 }),
          lastTimestamp: int64({ default: -1 }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ default: -1 }),
        }),
      }),
    }),
  },
);
export type DescribeProducersResponse = Value<typeof describeProducersResponse>;
