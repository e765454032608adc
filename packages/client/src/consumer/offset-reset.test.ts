import { expect, test } from "vitest";
import { parseAutoOffsetReset, parseDuration, resetTimestamp } from "./offset-reset.ts";

test.each([
  ["PT0S", 0],
  ["PT1.5S", 1_500],
  ["P1D", 86_400_000],
  ["P2DT3H4M5S", 183_845_000],
  ["pt1h", 3_600_000],
  ["P", null],
  ["PT", null],
  ["P1DT", null],
  ["P1Y", null],
  ["-PT1S", null],
  ["PT-1S", null],
  ["1h", null],
  ["P99999999999999999D", null],
])("the duration %s is %s ms", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test("autoOffsetReset", () => {
  expect(parseAutoOffsetReset("earliest")).toEqual({ kind: "earliest" });
  expect(parseAutoOffsetReset("none")).toEqual({ kind: "none" });
  expect(parseAutoOffsetReset("by_duration:PT1H")).toEqual({ kind: "duration", durationMs: 3_600_000 });
  for (const wrong of ["by_duration:", "by_duration:1h", "smallest", "", null, 1])
    expect(parseAutoOffsetReset(wrong)).toBeNull();
  expect(resetTimestamp({ kind: "duration", durationMs: 5 }, 100)).toBe(95);
  expect(resetTimestamp({ kind: "earliest" }, 100)).toBe(-2);
  expect(resetTimestamp({ kind: "latest" }, 100)).toBe(-1);
});
