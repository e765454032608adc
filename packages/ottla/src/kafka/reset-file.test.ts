import { describe, expect, it } from "vitest";
import { parseResetCsv, resetCsv } from "./reset-file.ts";

const row = (group: string, topic: string, partition: number, offset: number) => ({ group, topic, partition, offset });

describe("the CSV of offsets", () => {
  it("goes without the group where there is one", () => {
    const rows = [row("g", "orders", 0, 1), row("g", "orders", 11, 999)];
    expect(resetCsv(["g"], rows)).toBe("orders,0,1\norders,11,999\n");
    expect(parseResetCsv("orders,0,1\norders,11,999\n", ["g"])).toEqual(rows);
  });

  it("has the group first where there are several", () => {
    const rows = [row("g", "orders", 0, 1), row("h, i", "orders", 1, 2)];
    const text = 'g,orders,0,1\n"h, i",orders,1,2\n';
    expect(resetCsv(["g", "h, i"], rows)).toBe(text);
    expect(parseResetCsv(text, ["g", "h, i"])).toEqual(rows);
    expect(parseResetCsv("g,orders,0,1", ["g"])).toEqual([row("g", "orders", 0, 1)]);
  });

  it("takes a short line's missing numbers for 0, as Kafka does", () => {
    expect(parseResetCsv("orders;0;1", ["g"])).toEqual([row("g", "orders;0;1", 0, 0)]);
  });

  it("refuses what is no number", () => {
    expect(() => parseResetCsv("orders,0,1\norders,x,2", ["g"])).toThrow("Line 2 of the CSV file");
    expect(() => parseResetCsv("g,orders,zero,1", ["g", "h"])).toThrow("Line 1 of the CSV file");
  });
});
