import { array, bool, int8, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Writes commit or abort markers into partitions; sent by coordinators, and by an admin to abort (KIP-664). */
export const writeTxnMarkersRequest = message(
  "WriteTxnMarkersRequest",
  { key: 27, versions: [1, 2], flexible: 1 },
  {
    markers: array({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array({ name: string(), partitionIndexes: array(int32()) }),
      coordinatorEpoch: int32(),
      transactionVersion: int8({ since: 2, default: 0, ignorable: true }),
    }),
  },
);
export type WriteTxnMarkersRequest = Value<typeof writeTxnMarkersRequest>;

/** The outcome per marker and partition. */
export const writeTxnMarkersResponse = message(
  "WriteTxnMarkersResponse",
  { key: 27, versions: [1, 2], flexible: 1 },
  {
    markers: array({
      producerId: int64(),
      topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
);
export type WriteTxnMarkersResponse = Value<typeof writeTxnMarkersResponse>;
