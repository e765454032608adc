import { describe, expect, it } from "vitest";
import { parseTarget, planReset } from "./reset-plan.ts";

const now = Date.UTC(2026, 0, 31, 12);

describe("where offsets are to go", () => {
  it.each([
    ["earliest", { kind: "earliest" }],
    ["latest", { kind: "latest" }],
    ["17", { kind: "offset", offset: 17 }],
    ["+3", { kind: "shift", by: 3 }],
    ["-3", { kind: "shift", by: -3 }],
    ["PT1H", { kind: "time", timestamp: now - 3_600_000 }],
    ["2026-01-30", { kind: "time", timestamp: Date.UTC(2026, 0, 30) }],
    ["2026-01-30 08:15", { kind: "time", timestamp: Date.UTC(2026, 0, 30, 8, 15) }],
    ["2026-01-30T08:15:30.5+01:00", { kind: "time", timestamp: Date.UTC(2026, 0, 30, 7, 15, 30, 500) }],
  ])("reads %s", (text, target) => {
    expect(parseTarget(text, now)).toEqual(target);
  });

  it.each(["", "yesterday", "1.5", "2026-02-30", "P1Y"])("refuses %j", (text) => {
    expect(() => parseTarget(text, now)).toThrow(`--to ${text} is none of`);
  });
});

describe("the plan of a reset", () => {
  const partition = { topic: "t", partition: 0, committed: 7, start: 5, end: 10, atTime: 8 };
  const planned = (to: string, changes: Partial<typeof partition> | { committed: null; atTime: null } = {}) =>
    planReset(parseTarget(to, now), [{ ...partition, ...changes }])[0];

  it("stays within the log", () => {
    expect(planned("earliest")).toEqual({ topic: "t", partition: 0, from: 7, to: 5 });
    expect(planned("latest")?.to).toBe(10);
    expect(planned("3")?.to).toBe(5);
    expect(planned("99")?.to).toBe(10);
    expect(planned("-1")?.to).toBe(6);
    expect(planned("+9")?.to).toBe(10);
  });

  it("takes the end where no record is that young", () => {
    expect(planned("PT1H")?.to).toBe(8);
    expect(planned("PT1H", { committed: null, atTime: null })).toMatchObject({ from: null, to: 10 });
  });

  it("cannot count from nothing", () => {
    expect(() => planned("+1", { committed: null, atTime: null })).toThrow("nothing is committed for t-0");
  });
});
