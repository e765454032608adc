import { array, int16, int32, message, string, type Value } from "../schema.ts";

/** Moves replicas between a broker's log directories (KIP-113). */
export const alterReplicaLogDirsRequest = message(
  "AlterReplicaLogDirsRequest",
  { key: 34, versions: [1, 2], flexible: 2 },
  {
    dirs: array({ path: string(), topics: array({ name: string(), partitions: array(int32()) }) }),
  },
);
export type AlterReplicaLogDirsRequest = Value<typeof alterReplicaLogDirsRequest>;

/** The outcome per partition. */
export const alterReplicaLogDirsResponse = message(
  "AlterReplicaLogDirsResponse",
  { key: 34, versions: [1, 2], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({ topicName: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
);
export type AlterReplicaLogDirsResponse = Value<typeof alterReplicaLogDirsResponse>;
