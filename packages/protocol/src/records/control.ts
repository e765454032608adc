import { BatchBuilder, type BatchHeaderFields } from "./batch-builder.ts";
import { int32At } from "./int64.ts";
import type { RecordIterator } from "./record-iterator.ts";

/** What a control record says, by its number (Kafka's `ControlRecordType`). */
export const controlTypes = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const;

/** What a control record says; `unknown` for what a later Kafka may add, which readers skip. */
export type ControlType = keyof typeof controlTypes | "unknown";

const typeNames = Object.keys(controlTypes) as (keyof typeof controlTypes)[];

/** What the current record of a control batch says. Undefined if its key is not a control record's. */
export function controlTypeOf(records: RecordIterator): ControlType | undefined {
  const { bytes, keyStart, keyEnd } = records;
  // int16 version, int16 type; a later version may have more behind them.
  if (keyStart < 0 || keyEnd - keyStart < 4) return undefined;
  const version = (bytes[keyStart]! << 24) >> 16;
  if (version < 0) return undefined;
  return typeNames[int32At(bytes, keyStart) & 0xffff] ?? "unknown";
}

/** The coordinator epoch in the current record, an abort or a commit marker; undefined if its value is not a marker's. */
export function coordinatorEpochOf(records: RecordIterator): number | undefined {
  const { bytes, valueStart, valueEnd } = records;
  if (valueStart < 0 || valueEnd - valueStart < 6) return undefined;
  return int32At(bytes, valueStart + 2);
}

/** A batch with the one marker that ends a producer's transaction in a partition (Kafka's `EndTransactionMarker`). */
export function buildEndTransactionBatch(
  type: "abort" | "commit",
  timestampMs: number,
  coordinatorEpoch: number,
  fields: Pick<BatchHeaderFields, "baseOffset" | "partitionLeaderEpoch"> & {
    producerId: number;
    producerEpoch: number;
  },
): Buffer {
  const value = Buffer.alloc(6);
  value.writeInt32BE(coordinatorEpoch, 2);
  return buildControlBatch(type, timestampMs, value, { ...fields, isTransactional: true });
}

/** A batch with one control record of any type. `value` is the bytes of the type's message. */
export function buildControlBatch(
  type: keyof typeof controlTypes,
  timestampMs: number,
  value: Uint8Array,
  fields: BatchHeaderFields = {},
): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(controlTypes[type], 2);
  const builder = new BatchBuilder({ initialSize: 128 });
  builder.append(timestampMs, key, value);
  return builder.build({ ...fields, isControl: true });
}
