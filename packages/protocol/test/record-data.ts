import { readFileSync } from "node:fs";
import type { BatchView } from "../src/records/batch-view.ts";
import { RecordIterator, type RecordLimits } from "../src/records/record-iterator.ts";

/** A record as the golden data has it: bytes in base64. */
export interface GoldenRecord {
  offset: number;
  timestamp: number;
  key: string | null;
  value: string | null;
  headers: [string, string | null][];
}

export interface GoldenBatch {
  name: string;
  codec: string;
  exact: boolean;
  hex: string;
  baseOffset: number;
  batchLength: number;
  magic: number;
  partitionLeaderEpoch: number;
  crc: number;
  attributes: number;
  lastOffsetDelta: number;
  baseTimestamp: number;
  maxTimestamp: number;
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  count: number;
  lastSequence: number;
  isTransactional: boolean;
  isControl: boolean;
  deleteHorizonMs?: number;
  timestampType: string;
  lastOffset: number;
  records: GoldenRecord[];
}

export interface DamagedBatch {
  name: string;
  about: string;
  hex: string;
  iterate: { stage?: string; exception: string | null; batches: number; recordsBefore: number };
  produce: { storedHex?: string };
}

interface GoldenFile {
  batches: GoldenBatch[];
  sequences: {
    name: string;
    hex: string;
    validBytes: number;
    batches: { baseOffset: number; lastOffset: number; size: number; codec: string; count: number }[];
  }[];
  damaged: DamagedBatch[];
  oldFormats: { name: string; magic: number; hex: string }[];
}

export function testData<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../test-data/${path}`, import.meta.url), "utf8")) as T;
}

/** Batches that Apache Kafka's own classes wrote. */
export const golden = testData<GoldenFile>("golden/record-batches.json");

/** All records of a batch in the form of the golden data. */
export function goldenRecords(view: BatchView, limits?: RecordLimits): GoldenRecord[] {
  const records = new RecordIterator(view, limits);
  const found: GoldenRecord[] = [];
  while (records.next()) {
    found.push({
      offset: records.offset,
      timestamp: records.timestamp,
      key: base64(records.key()),
      value: base64(records.value()),
      headers: records.headers().map(({ key, value }) => [key, base64(value)]),
    });
  }
  return found;
}

function base64(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString("base64");
}

/** A small generator of numbers from 0 up to, not including, 1: the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
