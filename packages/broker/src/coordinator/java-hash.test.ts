import { expect, test } from "vitest";
import { javaStringHash, partitionForGroup } from "./java-hash.ts";

test("is Java's", () => {
  expect(javaStringHash("")).toBe(0);
  expect(javaStringHash("range")).toBe(108_280_125);
  expect(javaStringHash("roundrobin")).toBe(-128_548_644);
  // A text whose hash is the smallest int, which has no absolute value.
  expect(javaStringHash("polygenelubricants")).toBe(-0x80000000);
  expect(partitionForGroup("polygenelubricants", 50)).toBe(0);
  expect(partitionForGroup("roundrobin", 50)).toBe(44);
});
