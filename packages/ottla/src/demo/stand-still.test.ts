import { expect, it } from "vitest";
import { longestGap, moved, timeline } from "./stand-still.ts";
import { shares } from "./weighted.ts";

const span = { from: 100, to: 200 };

it("finds the longest time without anything, at the ends too", () => {
  expect(longestGap([90, 110, 120, 170, 190, 260], span)).toBe(50);
  expect(longestGap([110, 120, 130], span)).toBe(70);
  expect(longestGap([180, 190], span)).toBe(80);
  expect(longestGap([], span)).toBe(100);
});

it("draws what happened when", () => {
  expect(timeline([99, 100, 139, 160, 199, 200], span, 5)).toBe("██·██");
});

it("knows what moved", () => {
  expect(moved([[0, 1, 2], [3, 4, 5]], [[0, 1], [2, 3], [4, 5]])).toEqual([2, 4, 5]); // biome-ignore format: as a table
});

it("shares out by weight", () => {
  expect(shares(6, [3, 2, 1])).toEqual([3, 2, 1]);
  expect(shares(6, [1, 1, 1, 1])).toEqual([2, 1, 2, 1]);
  expect(shares(2, [1, 1, 1])).toEqual([1, 0, 1]);
});
