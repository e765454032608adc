import { expect, test } from "vitest";
import { golden, goldenRecords } from "../../test/record-data.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { addToSequence, BatchView } from "./batch-view.ts";
import { BatchCursor } from "./batches.ts";

function twoRecords(): BatchView {
  const builder = new BatchBuilder();
  builder.append(1000, "k", "v");
  builder.append(1500, null, "w");
  // Not at the buffer's start, so that every access has to add the position.
  return new BatchView(
    Buffer.concat([Buffer.alloc(7, 0xee), builder.build({ producerId: 5, producerEpoch: 1, baseSequence: 8 })]),
    7,
  );
}

test("offset and epoch are patched in place, outside of the CRC", () => {
  const view = twoRecords();
  const crc = view.crc;
  view.setBaseOffset(Number.MAX_SAFE_INTEGER - 1);
  view.setPartitionLeaderEpoch(2147483647);
  expect(view).toMatchObject({ baseOffset: Number.MAX_SAFE_INTEGER - 1, lastOffset: Number.MAX_SAFE_INTEGER, crc });
  expect(view.partitionLeaderEpoch).toBe(2147483647);
  expect(view.isCrcValid()).toBe(true);
  view.setLastOffset(101);
  expect(view).toMatchObject({ baseOffset: 100, lastOffset: 101, nextOffset: 102 });
  expect(goldenRecords(view).map((record) => record.offset)).toEqual([100, 101]);
  expect(view.buffer.subarray(0, 7)).toEqual(Buffer.alloc(7, 0xee));
});

test("the broker's time goes to all records, with a new CRC", () => {
  const view = twoRecords();
  view.setLogAppendTime(1_700_000_000_123);
  expect(view).toMatchObject({ timestampType: "LogAppendTime", maxTimestamp: 1_700_000_000_123, baseTimestamp: 1000 });
  expect(view.isCrcValid()).toBe(true);
  expect(goldenRecords(view).map((record) => record.timestamp)).toEqual([1_700_000_000_123, 1_700_000_000_123]);
  view.setMaxTimestamp(1500);
  expect(view).toMatchObject({ timestampType: "CreateTime", maxTimestamp: 1500 });
  expect(view.isCrcValid()).toBe(true);
  expect(goldenRecords(view).map((record) => record.timestamp)).toEqual([1000, 1500]);
});

test("the golden batch with the broker's time comes out of the one without", () => {
  const [plain, stamped] = ["three-with-nulls-and-headers", "log-append-time"].map((name) => {
    const { hex } = golden.batches.find((batch) => batch.name === name && batch.exact)!;
    return Buffer.from(hex, "hex");
  });
  const view = new BatchView(plain!);
  view.setBaseOffset(7);
  view.setPartitionLeaderEpoch(0);
  view.setLogAppendTime(1_700_000_000_999);
  expect(view.bytes().toString("hex")).toBe(stamped!.toString("hex"));
});

test("a batch can be given to another producer state", () => {
  const view = twoRecords();
  view.setProducerState(Number.MAX_SAFE_INTEGER, 32767, 2147483647);
  expect(view).toMatchObject({ producerId: Number.MAX_SAFE_INTEGER, producerEpoch: 32767, baseSequence: 2147483647 });
  expect(view.lastSequence).toBe(0);
  view.setProducerState(-1, -1, -1);
  expect(view).toMatchObject({ producerId: -1, producerEpoch: -1, baseSequence: -1, lastSequence: -1 });
  expect(view.isCrcValid()).toBe(true);
});

test("64-bit fields are written and read exactly, and nothing that is not exact is written", () => {
  const view = twoRecords();
  for (const offset of [
    0,
    1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 52 + 1,
    2 ** 53 - 1,
    -1,
    -(2 ** 53) + 1,
  ]) {
    view.setBaseOffset(offset);
    expect(view.baseOffset).toBe(offset);
    expect(view.buffer.readBigInt64BE(view.position)).toBe(BigInt(offset));
  }
  for (const offset of [2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => view.setBaseOffset(offset)).toThrow(RangeError);
  }
});

test("a flipped bit anywhere behind the CRC is found", () => {
  const view = twoRecords();
  for (let at = 21; at < view.size; at++) {
    view.buffer[view.position + at]! ^= 0x10;
    expect(view.isCrcValid(), `byte ${at}`).toBe(false);
    view.buffer[view.position + at]! ^= 0x10;
  }
  expect(view.isCrcValid()).toBe(true);
});

test("sequences go from 2^31 - 1 to 0", () => {
  expect(addToSequence(5, 3)).toBe(8);
  expect(addToSequence(2147483646, 1)).toBe(2147483647);
  expect(addToSequence(2147483647, 1)).toBe(0);
  expect(addToSequence(2147483647, 2147483647)).toBe(2147483646);
});

test("a cursor refuses 64-bit fields that a number cannot hold", () => {
  for (const [field, at] of [
    ["base offset", 0],
    ["base timestamp", 27],
    ["max timestamp", 35],
    ["producer id", 43],
  ] as const) {
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      const bytes = twoRecords().bytes();
      bytes.writeBigInt64BE(value, at);
      expect(() => new BatchCursor(bytes).next()).toThrow(
        expect.objectContaining({ kind: "range", reason: `the ${field} ${value} is beyond 2^53 - 1` }),
      );
    }
    for (const value of [2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
      const bytes = twoRecords().bytes();
      bytes.writeBigInt64BE(value, at);
      expect(new BatchCursor(bytes).next()).toBe(true);
    }
  }
});

test("a cursor walks over a part of a buffer and can be given another", () => {
  const batch = twoRecords().bytes();
  const cursor = new BatchCursor(
    Buffer.concat([Buffer.alloc(3), batch, batch, Buffer.alloc(9)]),
    3,
    3 + 2 * batch.length,
  );
  const positions: number[] = [];
  while (cursor.next()) positions.push(cursor.view.position);
  expect(positions).toEqual([3, 3 + batch.length]);
  expect(cursor.isAtEnd).toBe(true);
  cursor.reset(batch);
  expect(cursor.next()).toBe(true);
  expect(cursor.next()).toBe(false);
});

test("an error tells the batch's place in the buffer", () => {
  const batch = twoRecords().bytes();
  const second = Buffer.from(batch);
  second[16] = 1;
  const cursor = new BatchCursor(Buffer.concat([batch, second]));
  expect(cursor.next()).toBe(true);
  expect(() => cursor.next()).toThrow(expect.objectContaining({ kind: "oldFormat", position: batch.length }));
});
