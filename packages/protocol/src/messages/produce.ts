import { array, int16, int32, int64, message, records, string, struct, uuid, type Value } from "../schema.ts";

/** Appends record batches to partitions (KIP-13, KIP-98). With acks 0 no response is sent. */
export const produceRequest = message(
  "ProduceRequest",
  { key: 0, versions: [3, 13], flexible: 9 },
  {
    transactionalId: string({ nullable: true, default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionData: array({ index: int32(), records: records() }),
    }),
  },
);
export type ProduceRequest = Value<typeof produceRequest>;

/** Where the batches of each partition were appended, or why not; names batches' bad records (KIP-467). */
export const produceResponse = message(
  "ProduceResponse",
  { key: 0, versions: [3, 13], flexible: 9 },
  {
    responses: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1, ignorable: true }),
        logStartOffset: int64({ since: 5, default: -1, ignorable: true }),
        recordErrors: array(
          { batchIndex: int32(), batchIndexErrorMessage: string({ nullable: true, default: null }) },
          { since: 8, ignorable: true },
        ),
        errorMessage: string({ since: 8, nullable: true, default: null, ignorable: true }),
        currentLeader: struct(
          { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) },
          { since: 10, tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      },
      { since: 10, tag: 0 },
    ),
  },
);
export type ProduceResponse = Value<typeof produceResponse>;
