import { describe, expect, test } from "vitest";
import { seededRandom } from "../../test/record-data.ts";
import { BatchBuilder, largestBatchSize, type RecordBytes, type RecordHeaderInput } from "./batch-builder.ts";
import { BatchView } from "./batch-view.ts";
import { BatchCursor } from "./batches.ts";
import { codecs } from "./codecs.ts";
import { RecordIterator } from "./record-iterator.ts";

interface Input {
  timestamp: number;
  key: RecordBytes;
  value: RecordBytes;
  headers: RecordHeaderInput[];
}

const alphabets = ["abcdefghij", "aéb", "漢字かな", "a😀é漢"];

function randomBytes(random: () => number, largest: number): RecordBytes {
  const kind = random();
  // Sizes around those where a length takes one byte more are what could go wrong.
  const edges = [0, 1, 21, 22, 24, 25, 31, 32, 63, 64, 65, 2730, 2731, 8191, 8192];
  const size = random() < 0.3 ? edges[Math.floor(random() * edges.length)]! : Math.floor(random() * largest);
  if (kind < 0.1) return null;
  if (kind < 0.4) return Buffer.alloc(size, Math.floor(random() * 256));
  if (kind < 0.5) return new Uint8Array(size).fill(random() * 256);
  const alphabet = [...alphabets[Math.floor(random() * alphabets.length)]!];
  let text = "";
  while (text.length < size) text += alphabet[Math.floor(random() * alphabet.length)];
  return text;
}

function randomInput(random: () => number): Input {
  const spread = 10 ** Math.floor(random() * 14);
  return {
    timestamp: Math.floor(1_700_000_000_000 + (random() - 0.5) * spread),
    key: randomBytes(random, 40),
    value: randomBytes(random, random() < 0.1 ? 20_000 : 200),
    headers: Array.from({ length: random() < 0.7 ? 0 : Math.floor(random() * 4) }, () => ({
      key: String(randomBytes(random, 30) ?? ""),
      value: randomBytes(random, 50),
    })),
  };
}

function hex(bytes: RecordBytes): string | null {
  return bytes === null ? null : Buffer.from(bytes as string).toString("hex");
}

function expectRecords(batch: Buffer, inputs: Input[]): void {
  const cursor = new BatchCursor(batch);
  expect(cursor.next()).toBe(true);
  expect(cursor.isAtEnd).toBe(true);
  expect(cursor.view.isCrcValid()).toBe(true);
  const records = new RecordIterator(cursor.view);
  const found: unknown[] = [];
  while (records.next()) {
    found.push({
      offset: records.offset,
      timestamp: records.timestamp,
      key: hex(records.key()),
      value: hex(records.value()),
      headers: records.headers().map((header) => [header.key, hex(header.value)]),
    });
  }
  const expected = inputs.map((input, offset) => ({
    offset,
    timestamp: input.timestamp,
    key: hex(input.key),
    value: hex(input.value),
    headers: input.headers.map((header) => [header.key, hex(header.value)]),
  }));
  expect(found).toEqual(expected);
}

describe.each(codecs)("with compression %s", (codec) => {
  test("what is built reads back the same", () => {
    const random = seededRandom(codec.length);
    for (let n = 0; n < 60; n++) {
      const builder = new BatchBuilder({ codec, initialSize: Math.floor(random() * 3000) });
      const inputs = Array.from({ length: 1 + Math.floor(random() * 20) }, () => randomInput(random));
      for (const { timestamp, key, value, headers } of inputs) {
        expect(builder.append(timestamp, key, value, headers)).toBeGreaterThan(0);
      }
      expect(builder.count).toBe(inputs.length);
      expect(builder.maxTimestamp).toBe(Math.max(...inputs.map((input) => input.timestamp)));
      const batch = builder.build();
      expect(new BatchView(batch).codec).toBe(codec);
      expectRecords(batch, inputs);
    }
  });
});

test("sizes are exact, and so is the bound told beforehand", () => {
  const random = seededRandom(11);
  for (let n = 0; n < 300; n++) {
    const { timestamp, key, value, headers } = randomInput(random);
    const builder = new BatchBuilder();
    const size = builder.append(timestamp, key, value, headers);
    expect(builder.uncompressedSize).toBe(61 + size);
    expect(builder.estimatedSize).toBe(61 + size);
    expect(builder.build()).toHaveLength(61 + size);
    expect(largestBatchSize(key, value, headers)).toBeGreaterThanOrEqual(61 + size);
  }
});

test("a batch takes what fits its size, its first record in any case, and is unharmed by what does not fit", () => {
  const random = seededRandom(13);
  for (let n = 0; n < 200; n++) {
    const maxSize = 100 + Math.floor(random() * 1500);
    const builder = new BatchBuilder({ maxSize, initialSize: 64 });
    const taken: Input[] = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      const input = randomInput(random);
      const before = builder.uncompressedSize;
      const size = builder.append(input.timestamp, input.key, input.value, input.headers);
      if (size > 0) {
        taken.push(input);
        expect(builder.uncompressedSize).toBe(before + size);
        if (taken.length > 1) expect(builder.uncompressedSize).toBeLessThanOrEqual(maxSize);
      } else {
        expect(builder.uncompressedSize).toBe(before);
        expect(builder.count).toBe(taken.length);
      }
    }
    expectRecords(builder.build(), taken);
  }
});

test("memory stays within the batch's size as long as the records do", () => {
  const builder = new BatchBuilder({ maxSize: 16_384 });
  const sizes = new Set<number>();
  while (builder.append(1, "some key", "x".repeat(100)) > 0) sizes.add(builder.capacity);
  expect([...sizes]).toEqual([1024, 4096, 16_384]);
  expect(builder.uncompressedSize).toBeGreaterThan(16_200);
});

test("a buffer that is given is used, and what is built lies in it", () => {
  const buffer = Buffer.alloc(500, 0xff);
  const builder = new BatchBuilder({ buffer });
  builder.append(1, null, "x");
  const batch = builder.build();
  expect(batch.buffer).toBe(buffer.buffer);
  expectRecords(batch, [{ timestamp: 1, key: null, value: "x", headers: [] }]);
});

test("the expected ratio of compression makes room", () => {
  const counts = [1, 0.5].map((expectedRatio) => {
    const builder = new BatchBuilder({ codec: "gzip", maxSize: 10_000, expectedRatio });
    while (builder.append(1, null, "x".repeat(100)) > 0);
    expect(builder.estimatedSize).toBeLessThanOrEqual(10_000);
    expect(builder.estimatedSize).toBeGreaterThan(9_700);
    return builder.count;
  });
  expect(counts[1]! / counts[0]!).toBeCloseTo(2, 1);
});

test("timestamps at the ends of what a number holds come back exactly, what does not fit is refused", () => {
  const largest = Number.MAX_SAFE_INTEGER;
  for (const [base, timestamp] of [
    [0, largest],
    [0, -largest],
    [largest, 0],
    [-1, largest - 1],
    [1, 2 ** 31],
    [2 ** 31, 1],
    [0, 2 ** 30],
    [0, -(2 ** 30)],
    [0, 2 ** 30 - 1],
  ] as const) {
    const builder = new BatchBuilder();
    builder.append(base, null, null);
    builder.append(timestamp, null, null);
    expectRecords(
      builder.build(),
      [base, timestamp].map((time) => ({ timestamp: time, key: null, value: null, headers: [] })),
    );
  }
  for (const timestamp of [1.5, Number.NaN, 2 ** 53, -(2 ** 53)]) {
    expect(() => new BatchBuilder().append(timestamp, null, null)).toThrow(RangeError);
  }
  const builder = new BatchBuilder();
  builder.append(largest, null, null);
  expect(() => builder.append(-largest, null, null)).toThrow(RangeError);
});

test("records are copied from another batch without being decoded, as compaction does", () => {
  const source = new BatchBuilder({ codec: "zstd" });
  const headers = [{ key: "h", value: "v" }];
  for (let n = 0; n < 10; n++) source.append(1_700_000_000_000 + n * 1000, `key ${n}`, "v".repeat(n * 30), headers);
  const view = new BatchView(source.build({ baseOffset: 100 }));
  const records = new RecordIterator(view);
  const copy = new BatchBuilder({ baseTimestamp: 1_800_000_000_000, initialSize: 61 });
  while (records.next()) if (records.index % 3 === 1) copy.appendCopy(records, view.baseOffset);
  const built = new BatchView(copy.build({ baseOffset: 100, lastOffsetDelta: 9, hasDeleteHorizon: true }));
  expect(built).toMatchObject({ lastOffset: 109, recordCount: 3, deleteHorizonMs: 1_800_000_000_000 });
  expect(built.isCrcValid()).toBe(true);
  records.reset(built);
  const found: unknown[] = [];
  while (records.next()) found.push([records.offset, records.timestamp, records.keyText(), records.value()?.length]);
  expect(found).toEqual([1, 4, 7].map((n) => [100 + n, 1_700_000_000_000 + n * 1000, `key ${n}`, n * 30]));
  expect(records.headers()).toEqual([{ key: "h", value: Buffer.from("v") }]);
});

test("a batch is built once, and its offsets grow", () => {
  const builder = new BatchBuilder();
  builder.appendAt(5, 1, null, "x");
  expect(() => builder.appendAt(5, 1, null, "x")).toThrow(/offsets within a batch grow/);
  builder.build();
  expect(() => builder.build()).toThrow(/built once/);
  expect(() => builder.append(1, null, "x")).toThrow(/already built/);
});
