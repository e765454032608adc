import { describe, expect, test } from "vitest";
import { type GoldenBatch, golden, goldenRecords } from "../../test/record-data.ts";
import { BatchBuilder, type BatchHeaderFields, type RecordBytes } from "./batch-builder.ts";
import type { BatchView } from "./batch-view.ts";
import { BatchCursor } from "./batches.ts";
import { CorruptBatchError, CorruptRecordError } from "./errors.ts";
import { RecordIterator } from "./record-iterator.ts";

function onlyBatch(hex: string): BatchView {
  const cursor = new BatchCursor(Buffer.from(hex, "hex"));
  expect(cursor.next()).toBe(true);
  expect(cursor.isAtEnd).toBe(true);
  return cursor.view;
}

test.each(golden.batches.map((batch) => [`${batch.name}, ${batch.codec}`, batch] as const))(
  "batch %s decodes to what Kafka wrote",
  (_name, batch) => {
    const view = onlyBatch(batch.hex);
    expect(view).toMatchObject({
      baseOffset: batch.baseOffset,
      size: batch.batchLength + 12,
      partitionLeaderEpoch: batch.partitionLeaderEpoch,
      magic: 2,
      crc: batch.crc,
      attributes: batch.attributes,
      codec: batch.codec,
      lastOffsetDelta: batch.lastOffsetDelta,
      lastOffset: batch.lastOffset,
      nextOffset: batch.lastOffset + 1,
      baseTimestamp: batch.baseTimestamp,
      maxTimestamp: batch.maxTimestamp,
      timestampType: batch.timestampType,
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      recordCount: batch.count,
      isTransactional: batch.isTransactional,
      isControl: batch.isControl,
      isCompressed: batch.codec !== "none",
      hasDeleteHorizon: batch.deleteHorizonMs !== undefined,
      deleteHorizonMs: batch.deleteHorizonMs ?? -1,
    });
    expect(view.computeCrc()).toBe(batch.crc);
    expect(view.isCrcValid()).toBe(true);
    expect(goldenRecords(view)).toEqual(batch.records);
  },
);

/** The records' own times, which a batch with the broker's time does not show. */
const ownTimestamps = [1700000000000, 1700000000005, 1700000000007];

function rebuild(batch: GoldenBatch, bytes: (base64: string) => RecordBytes, initialSize: number): Buffer {
  const builder = new BatchBuilder({ baseTimestamp: batch.baseTimestamp, initialSize });
  const isLogAppendTime = batch.timestampType === "LogAppendTime";
  batch.records.forEach((record, index) => {
    builder.appendAt(
      record.offset - batch.baseOffset,
      isLogAppendTime ? ownTimestamps[index]! : record.timestamp,
      record.key === null ? null : bytes(record.key),
      record.value === null ? null : bytes(record.value),
      record.headers.map(([key, value]) => ({ key, value: value === null ? null : Buffer.from(value, "base64") })),
    );
  });
  const fields: BatchHeaderFields = {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    hasDeleteHorizon: batch.deleteHorizonMs !== undefined,
    lastOffsetDelta: batch.lastOffsetDelta,
  };
  if (isLogAppendTime) fields.logAppendTimeMs = batch.maxTimestamp;
  // The records that set the largest timestamp may be gone.
  if (batch.records.length === 0) fields.maxTimestamp = batch.maxTimestamp;
  return builder.build(fields);
}

describe.each(golden.batches.filter((batch) => batch.exact).map((batch) => [batch.name, batch] as const))(
  "batch %s",
  (_name, batch) => {
    test("is built byte for byte from bytes", () => {
      const built = rebuild(batch, (text) => Buffer.from(text, "base64"), 4096);
      expect(built.toString("hex")).toBe(batch.hex);
    });

    test("is built byte for byte from text, in a buffer that has to grow all the time", () => {
      const asText = (base64: string) => {
        const bytes = Buffer.from(base64, "base64");
        return Buffer.from(bytes.toString()).equals(bytes) ? bytes.toString() : new Uint8Array(bytes);
      };
      expect(rebuild(batch, asText, 61).toString("hex")).toBe(batch.hex);
    });
  },
);

test.each(golden.sequences)("sequence $name is read up to its last whole batch", ({ hex, validBytes, batches }) => {
  const cursor = new BatchCursor(Buffer.from(hex, "hex"));
  const found: unknown[] = [];
  while (cursor.next()) {
    const { baseOffset, lastOffset, size, codec, recordCount } = cursor.view;
    found.push({ baseOffset, lastOffset, size, codec, count: recordCount });
    expect(goldenRecords(cursor.view)).toHaveLength(recordCount);
  }
  expect(found).toEqual(batches);
  expect(cursor.position).toBe(validBytes);
  expect(cursor.isAtEnd).toBe(validBytes === hex.length / 2);
  expect(cursor.next()).toBe(false);
});

/** What is wrong, in our words, for what Kafka's reader refuses. */
const expectedKinds: Record<string, { stage: "batch" | "crc" | "records"; kind?: string; reason?: RegExp }> = {
  "bad-crc": { stage: "crc" },
  "wrong-magic": { stage: "batch", kind: "magic", reason: /unknown message format 3/ },
  "negative-magic": { stage: "batch", kind: "magic", reason: /unknown message format -1/ },
  "negative-length": { stage: "batch", kind: "size", reason: /-5/ },
  "length-too-small": { stage: "batch", kind: "size", reason: /size 32 is below the 61/ },
  "count-too-high": { stage: "records", kind: "record", reason: /record 3 .*the batch of 4 records ends before it/ },
  "count-too-low": { stage: "records", kind: "record", reason: /follow after the last of 2 records/ },
  "count-negative": { stage: "records", kind: "record", reason: /number of records is -1/ },
  "count-huge": { stage: "records", kind: "record", reason: /the batch of 2147483647 records ends before it/ },
  "record-length-too-long": { stage: "records", kind: "record", reason: /record 0 .*44 bytes are left over/ },
  "record-length-negative": { stage: "records", kind: "record", reason: /record 0 .*size is -1/ },
  "key-length-too-long": { stage: "records", kind: "record", reason: /record 0 .*the key's size is 63/ },
  "unknown-codec": { stage: "records", kind: "codec", reason: /unknown compression type 5/ },
  "compressed-garbage": { stage: "records", kind: "compression", reason: /broken gzip data/ },
  "compressed-cut": { stage: "records", kind: "compression", reason: /broken gzip data/ },
  "compressed-count-too-high": { stage: "records", kind: "record", reason: /the batch of 4 records ends before it/ },
  "compressed-count-too-low": { stage: "records", kind: "record", reason: /follow after the last of 2 records/ },
};

/** Reads everything, as a careful consumer does; tells where it stopped. */
function readAll(bytes: Buffer): { stage: string; batches: number; error: CorruptBatchError | null } {
  const cursor = new BatchCursor(bytes);
  let batches = 0;
  let stage = "batch";
  try {
    while (cursor.next()) {
      batches++;
      stage = "crc";
      if (!cursor.view.isCrcValid()) return { stage, batches, error: null };
      stage = "records";
      goldenRecords(cursor.view);
      stage = "batch";
    }
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptBatchError);
    return { stage, batches, error: error as CorruptBatchError };
  }
  return { stage: "end", batches, error: null };
}

test.each(golden.damaged)("damaged batch $name: $about", ({ name, hex, iterate }) => {
  const result = readAll(Buffer.from(hex, "hex"));
  const expected = expectedKinds[name];
  if (expected === undefined) {
    expect(iterate.exception, "Kafka refuses it").toBe(null);
    expect(result).toEqual({ stage: "end", batches: iterate.batches, error: null });
    return;
  }
  expect(iterate.exception, "Kafka reads it").not.toBe(null);
  expect(result.stage).toBe(expected.stage);
  expect(result.error?.kind).toBe(expected.kind);
  if (expected.reason !== undefined) expect(result.error?.reason).toMatch(expected.reason);
  expect(result.error?.position ?? 0).toBe(0);
  expect(result.error instanceof CorruptRecordError).toBe(expected.kind === "record" && name !== "count-negative");
});

test.each(golden.damaged.filter(({ iterate }) => iterate.stage === "records"))(
  "as many records of $name are read before the error as Kafka reads",
  ({ hex, iterate }) => {
    const view = onlyBatch(hex);
    let before = 0;
    try {
      before = countUntilError(view);
    } catch {}
    // Kafka reads a compressed batch entirely before it hands out the first record; here it comes one by one.
    if (view.isCompressed) expect(before).toBeGreaterThanOrEqual(iterate.recordsBefore);
    else expect(before).toBe(iterate.recordsBefore);
  },
);

function countUntilError(view: BatchView): number {
  let count = 0;
  const records = new RecordIterator(view);
  try {
    while (records.next()) count++;
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptRecordError);
  }
  return count;
}

test.each(golden.damaged.filter(({ produce }) => produce.storedHex !== undefined))(
  "$name is patched in place to what Kafka stores",
  ({ hex, produce }) => {
    const view = onlyBatch(hex);
    view.setBaseOffset(50);
    view.setPartitionLeaderEpoch(5);
    expect(view.bytes().toString("hex")).toBe(produce.storedHex);
    expect(view.isCrcValid()).toBe(true);
  },
);

test.each(golden.oldFormats)("old format $name is recognised", ({ hex, magic }) => {
  const cursor = new BatchCursor(Buffer.from(hex, "hex"));
  expect(() => cursor.next()).toThrow(
    expect.objectContaining({ kind: "oldFormat", reason: expect.stringContaining(`message format ${magic}`) }),
  );
});
