import { stripVTControlCharacters, styleText } from "node:util";
import { expect, it } from "vitest";
import { tableLines, wrapped } from "./text-table.ts";

it("aligns texts to the left, numbers to the right, and does not count colours", () => {
  const red = styleText("red", "b", { validateStream: false });
  const lines = tableLines(
    ["name", "count", styleText("red", "of", { validateStream: false })],
    [
      ["a long one", 5, null],
      [red, 1234, "x"],
    ],
  );
  expect(lines.map(stripVTControlCharacters)).toEqual([
    "name         count   of",
    "a long one       5   -",
    "b             1234   x",
  ]);
});

it("breaks sentences between words", () => {
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrapped("one wordthatistoolong", 7)).toEqual(["one", "wordthatistoolong"]);
  expect(wrapped("one", 7)).toEqual(["one"]);
});
