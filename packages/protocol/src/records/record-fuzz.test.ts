import { describe, expect, test } from "vitest";
import { golden, seededRandom } from "../../test/record-data.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { BatchView } from "./batch-view.ts";
import { BatchCursor } from "./batches.ts";
import { type Codec, codecs } from "./codecs.ts";
import { compress, decompress } from "./compression.ts";
import { CorruptBatchError } from "./errors.ts";
import { RecordIterator } from "./record-iterator.ts";

const limits = { maxDecompressedSize: 1024 * 1024 };

/** One change somewhere: a bit, a byte, an extreme number, bytes gone, doubled or added. */
function mutate(original: Buffer, random: () => number, start = 0): Buffer {
  const bytes = Buffer.from(original);
  const at = start + Math.floor(random() * (bytes.length - start));
  const size = Math.min(1 + Math.floor(random() * 8), bytes.length - at);
  switch (Math.floor(random() * 8)) {
    case 0:
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      return bytes;
    case 1:
      bytes[at] = random() * 256;
      return bytes;
    case 2:
      return bytes.fill(0xff, at, at + size);
    case 3:
      return bytes.fill(0, at, at + size);
    case 4:
      return bytes.fill(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), at, at + size);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + size), bytes.subarray(at)]);
    default:
      return bytes.subarray(0, at);
  }
}

/** A length that fits the bytes again, so that the mutation gets past the frame. */
function withLength(bytes: Buffer): Buffer {
  if (bytes.length >= 61) bytes.writeInt32BE(bytes.length - 12, 8);
  return bytes;
}

type Outcome = [offset: number, timestamp: number, key: string | null, value: string | null, headers: string][] | null;

/** Everything that a reader can do with bytes that should be batches; null if they are refused. */
function readBatches(bytes: Buffer, records: RecordIterator): Outcome {
  const found: NonNullable<Outcome> = [];
  try {
    const cursor = new BatchCursor(bytes);
    while (cursor.next()) {
      cursor.view.isCrcValid();
      records.reset(cursor.view);
      expect(records.bytes.length).toBeLessThanOrEqual(Math.max(bytes.length, limits.maxDecompressedSize));
      while (records.next()) {
        const headers = records.headers().map(({ key, value }) => [key, value?.toString("latin1") ?? null]);
        const [key, value] = [records.key(), records.value()];
        const text = (part: Buffer | null) => (part === null ? null : part.toString("latin1"));
        found.push([records.offset, records.timestamp, text(key), text(value), JSON.stringify(headers)]);
      }
    }
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error;
    return null;
  }
  return found;
}

const originals = [
  ...golden.batches.map(({ hex }) => Buffer.from(hex, "hex")),
  ...golden.sequences.filter(({ hex }) => hex.length > 0).map(({ hex }) => Buffer.from(hex, "hex")),
];

test("mutated batches are read or refused, never anything else", () => {
  const random = seededRandom(2024);
  const records = new RecordIterator(undefined, limits);
  let refused = 0;
  for (let n = 0; n < 20_000; n++) {
    let bytes: Buffer = originals[n % originals.length]!;
    for (let times = random() * 3; times > 0 && bytes.length > 0; times--) bytes = mutate(bytes, random);
    if (random() < 0.7) bytes = withLength(Buffer.from(bytes));
    if (readBatches(bytes, records) === null) refused++;
  }
  // Neither all nor nothing gets through: the mutations reach the inside.
  expect(refused).toBeGreaterThan(7000);
  expect(refused).toBeLessThan(18_000);
});

/** A reader of one uncompressed batch that is simple instead of fast, to compare with. Null if it is refused. */
function readSimply(bytes: Buffer): Outcome {
  let at = 61;
  const varint = (end: number, largestSize: number): bigint => {
    let raw = 0n;
    for (let n = 0; n < largestSize; n++) {
      if (at >= end) throw new Error("cut");
      const byte = bytes[at++]!;
      raw |= BigInt(byte & 0x7f) << BigInt(7 * n);
      if (byte < 0x80) {
        raw &= largestSize === 5 ? 0xffffffffn : 0xffffffffffffffffn;
        return (raw >> 1n) ^ -(raw & 1n);
      }
    }
    throw new Error("too long");
  };
  const part = (end: number, mayBeNull: boolean): string | null => {
    const size = Number(varint(end, 5));
    if (size < 0 && mayBeNull) return null;
    if (size < 0 || at + size > end) throw new Error("size");
    at += size;
    return bytes.toString("latin1", at - size, at);
  };
  const found: NonNullable<Outcome> = [];
  const [base, baseTimestamp] = [bytes.readBigInt64BE(0), bytes.readBigInt64BE(27)];
  const count = bytes.readInt32BE(57);
  try {
    if (count < 0) return null;
    for (let n = 0; n < count; n++) {
      const size = Number(varint(bytes.length, 5));
      const end = at + size;
      if (size < 0 || end > bytes.length) return null;
      if (at++ >= end) return null;
      const timestamp = baseTimestamp + varint(end, 10);
      if (!Number.isSafeInteger(Number(timestamp))) return null;
      const offset = base + varint(end, 5);
      const [key, value] = [part(end, true), part(end, true)];
      const headerCount = Number(varint(end, 5));
      if (headerCount < 0) return null;
      const headers: (string | null)[][] = [];
      for (let h = 0; h < headerCount; h++) {
        const name = Buffer.from(part(end, false)!, "latin1").toString();
        headers.push([name, part(end, true)]);
      }
      if (at !== end) return null;
      found.push([Number(offset), Number(timestamp), key, value, JSON.stringify(headers)]);
    }
    return count > 0 && at !== bytes.length ? null : found;
  } catch {
    return null;
  }
}

test("what the iterator makes of mutated records is what a simple reader makes of them", () => {
  const random = seededRandom(77);
  const builder = new BatchBuilder();
  const headers = [
    { key: "héader", value: "some" },
    { key: "", value: null },
  ];
  for (let n = 0; n < 12; n++) {
    const timestamp = 1_700_000_000_000 + n * 7 ** n;
    builder.append(timestamp, n % 3 === 0 ? null : `key ${n}`, "v".repeat(n ** 2), n % 4 === 1 ? headers : undefined);
  }
  const original = builder.build();
  const records = new RecordIterator();
  let accepted = 0;
  for (let n = 0; n < 20_000; n++) {
    let bytes: Buffer = mutate(original, random, 61);
    if (random() < 0.3 && bytes.length > 61) bytes = mutate(bytes, random, 61);
    if (bytes.length < 61) continue;
    withLength(bytes);
    const expected = readSimply(bytes);
    expect(readBatches(bytes, records)).toEqual(expected);
    if (expected !== null) accepted++;
  }
  expect(accepted).toBeGreaterThan(5000);
});

describe.each(codecs.filter((codec): codec is Exclude<Codec, "none"> => codec !== "none"))("%s", (codec) => {
  test("mutated compressed bytes are decompressed within the bound, or refused", () => {
    const random = seededRandom(codec.length);
    const text = Buffer.from(Array.from({ length: 400 }, (_, n) => `some ${n % 7} text ${n * n} `).join(""));
    const original = compress(codec, text);
    let refused = 0;
    for (let n = 0; n < 4000; n++) {
      const bytes = n % 2 === 0 ? mutate(original, random) : mutate(mutate(original, random).subarray(0), random);
      try {
        expect(decompress(codec, bytes, limits).length).toBeLessThanOrEqual(limits.maxDecompressedSize);
      } catch (error) {
        if (!(error instanceof CorruptBatchError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

test("an error is repeated, not followed by nonsense", () => {
  const builder = new BatchBuilder();
  // Each takes 15 bytes.
  for (let n = 0; n < 5; n++) builder.append(1, "key", "value");
  const bytes = builder.build();
  bytes[61 + 15 + 1]! ^= 0x40; // the attributes of the second record: without meaning, so nothing happens
  bytes[61 + 15 * 2] = 0x7f; // the third record's size
  const records = new RecordIterator(new BatchView(bytes));
  expect(records.next()).toBe(true);
  expect(records.next()).toBe(true);
  for (let n = 0; n < 3; n++) expect(() => records.next()).toThrow(CorruptBatchError);
  expect(records.next()).toBe(false);
});

test("the number of headers is bounded", () => {
  const header = { key: "", value: null };
  const build = (count: number) => {
    const builder = new BatchBuilder();
    builder.append(1, null, null, Array(count).fill(header));
    return new BatchView(builder.build());
  };
  const records = new RecordIterator(build(32_768));
  expect(records.next()).toBe(true);
  expect(records.headers()).toHaveLength(32_768);
  records.reset(build(32_769));
  expect(() => records.next()).toThrow(/number of headers, 32769, is above the limit of 32768/);
  const strict = new RecordIterator(build(3), { maxHeaderCount: 2 });
  expect(() => strict.next()).toThrow(/above the limit of 2/);
});
