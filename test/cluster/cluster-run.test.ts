import { cooperativeSticky } from "@ottla/client";
import { describe, expect, it } from "vitest";
import { runCluster } from "./cluster-run.ts";

describe("a cluster whose brokers come and go", () => {
  it.each([
    ["eager", 1, {}],
    ["eager", 2, {}],
    ["cooperative", 3, { partitionAssignmentStrategy: [cooperativeSticky] }],
    ["cooperative", 4, { partitionAssignmentStrategy: [cooperativeSticky] }],
    ["consumer", 5, { groupProtocol: "consumer" }],
    ["consumer", 6, { groupProtocol: "consumer" }],
  ] as const)("keeps order, loses and doubles nothing (%s, seed %i)", async (_kind, seed, settings) => {
    const { faults, failures, history } = await runCluster(seed, settings);
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
