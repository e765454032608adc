import { describe, expect, it } from "vitest";
import { parseDateTime, parseDuration } from "./java-time.ts";

describe("durations", () => {
  it.each([
    ["PT0S", 0],
    ["PT1H", 3_600_000],
    ["P1D", 86_400_000],
    ["P2DT3H4M5.5S", ((2 * 24 + 3) * 3600 + 4 * 60 + 5.5) * 1000],
    ["-PT1M", -60_000],
    ["PT-1.5S", -1500],
    ["pt2m", 120_000],
    ["+PT1S", 1000],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text) + 0).toBe(ms);
  });

  it.each(["1h", "P", "PT", "P1DT", "P1Y", "P1M", "PT1S2M", ""])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow("Text cannot be parsed to a Duration");
  });
});

describe("dates with times", () => {
  it.each([
    ["2020-01-01T00:00:00.000", Date.UTC(2020, 0, 1)],
    ["2020-01-01T00:00:00.000Z", Date.UTC(2020, 0, 1)],
    ["2020-01-01T00:00:00.000+02:00", Date.UTC(2019, 11, 31, 22)],
    ["2020-01-01T00:00:00.000-0130", Date.UTC(2020, 0, 1, 1, 30)],
    ["2020-01-01T00:00:00.000+02", Date.UTC(2019, 11, 31, 22)],
    ["2024-02-29T23:59:59.999", Date.UTC(2024, 1, 29, 23, 59, 59, 999)],
  ])("reads %s", (text, ms) => {
    expect(parseDateTime(text)).toBe(ms);
  });

  it("says what is wrong as Java does", () => {
    expect(() => parseDateTime("yesterday")).toThrow("It does not contain a 'T' according to ISO8601 format");
    expect(() => parseDateTime("2020-01-01T00:00:00")).toThrow('Unparseable date: "2020-01-01T00:00:00Z"');
    expect(() => parseDateTime("2023-02-29T00:00:00.000")).toThrow("Unparseable date");
    expect(() => parseDateTime("2020-13-01T00:00:00.000")).toThrow("Unparseable date");
  });
});
