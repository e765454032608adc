import { describe, expect, it } from "vitest";
import { runCluster } from "./cluster-run.ts";

describe("a cluster whose brokers come and go", () => {
  it.each([1, 2, 3, 4, 5])("keeps order, loses and doubles nothing (seed %i)", async (seed) => {
    const { faults, failures, history } = await runCluster(seed);
    expect(failures).toBeGreaterThan(4);
    expect(faults).toEqual([]);
    expect(history.entries.some(({ type }) => type === "poll")).toBe(true);
  });

  it("does the same again with the same seed", async () => {
    const [one, other] = [await runCluster(7), await runCluster(7)];
    expect(other.world.history.lines.length).toBe(one.world.history.lines.length);
    expect(other.world.history.lines.at(-1)).toBe(one.world.history.lines.at(-1));
  });
});
