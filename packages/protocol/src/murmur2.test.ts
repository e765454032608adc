import { expect, test } from "vitest";
import { testData } from "../test/record-data.ts";
import { murmur2, partitionForKey } from "./murmur2.ts";

interface GoldenKeys {
  partitionCounts: number[];
  keys: { key: string; murmur2: number; partitions: number[] }[];
}

test("hashes and partitions are Java's", () => {
  const { partitionCounts, keys } = testData<GoldenKeys>("golden/murmur2.json");
  expect(keys).toHaveLength(300);
  for (const golden of keys) {
    const key = Buffer.from(golden.key, "hex");
    expect(murmur2(key), golden.key).toBe(golden.murmur2);
    expect(partitionCounts.map((count) => partitionForKey(key, count))).toEqual(golden.partitions);
  }
});
