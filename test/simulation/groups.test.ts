import { simulate, workloads } from "@ottla/testkit";
import { describe, expect, it } from "vitest";

const seeds = [1, 2, 3, 4];

describe.each(workloads.map(({ name }) => name))("simulated groups (%s)", (workload) => {
  it("keep Kafka's promises whatever goes wrong", async () => {
    for (const seed of seeds) {
      const { faults, history } = await simulate({ workload, seed });
      expect(faults, `npm run simulate -- --workload ${workload} --seed ${seed} --history`).toEqual([]);
      expect(history.of("poll").length).toBeGreaterThan(5);
      expect(history.of("call").length).toBeGreaterThan(50);
    }
  });

  it("have one history for one seed, whether it is written down or not", async () => {
    const [first, second, unwritten] = [
      await simulate({ workload, seed: 5, recording: true }),
      await simulate({ workload, seed: 5, recording: true }),
      await simulate({ workload, seed: 5 }),
    ];
    expect(second.world.history.fingerprint).toBe(first.world.history.fingerprint);
    expect(second.world.history.lines).toEqual(first.world.history.lines);
    expect(second.history.entries).toEqual(first.history.entries);
    expect(unwritten.history.entries).toEqual(first.history.entries);
    const other = await simulate({ workload, seed: 6, recording: true });
    expect(other.world.history.fingerprint).not.toBe(first.world.history.fingerprint);
  });
});

describe("simulate", () => {
  it("says which workloads there are", async () => {
    await expect(simulate({ workload: "nonsense", seed: 1 })).rejects.toThrow("there are classic-eager");
  });
});
