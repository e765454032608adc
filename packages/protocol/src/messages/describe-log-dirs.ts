import { array, bool, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks what lies in a broker's log directories (KIP-113). */
export const describeLogDirsRequest = message(
  "DescribeLogDirsRequest",
  { key: 35, versions: [1, 5], flexible: 2 },
  {
    topics: array({ topic: string(), partitions: array(int32()) }, { nullable: true }),
  },
);
export type DescribeLogDirsRequest = Value<typeof describeLogDirsRequest>;

/** Log directories with the sizes of their replicas. */
export const describeLogDirsResponse = message(
  "DescribeLogDirsResponse",
  { key: 35, versions: [1, 5], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 3, ignorable: true }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: bool(),
        }),
      }),
      totalBytes: int64({ since: 4, default: -1, ignorable: true }),
      usableBytes: int64({ since: 4, default: -1, ignorable: true }),
      isCordoned: bool({ since: 5, default: false, ignorable: true }),
    }),
  },
);
export type DescribeLogDirsResponse = Value<typeof describeLogDirsResponse>;
