import { describe, expect, it } from "vitest";
import { type DiskCase, diskCases } from "./disk-cases.ts";
import { runScenario, sweep } from "./disk-run.ts";

/** `npm run test:compat` goes through all the places. */
const stride = 31;

describe("a broker on a disk", () => {
  it("has nothing lost where nothing goes wrong, and does the same every time", async () => {
    const [first, second] = [await runScenario({ seed: 1, flush: "os" }), await runScenario({ seed: 1, flush: "os" })];
    expect(first.faults).toEqual([]);
    expect(second.world.history.fingerprint).toBe(first.world.history.fingerprint);
  });

  it.each<DiskCase>(diskCases)("$name: loses nothing that it must not lose", async ({ scenario }) => {
    const { runs, wrong } = await sweep(scenario, stride);
    expect(runs).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  });

  it("would be found out if it acknowledged what was not synced", async () => {
    const fault = { effect: "crashMachine" } as const;
    const { wrong } = await sweep({ flush: "os", fault, strict: true }, stride);
    expect(wrong.some((what) => what.includes("is lost"))).toBe(true);
  });
});
