import { simulate, workloads } from "@ottla/testkit";
import { describe, expect, it } from "vitest";

/** More of what test/simulation/groups.test.ts has a few of; `npm run simulate` runs any number. */
const seeds = { from: 10, count: 100 };

describe("simulated groups", () => {
  it.each(workloads.map(({ name }) => name))(
    "keep Kafka's promises (%s)",
    async (workload) => {
      for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
        const { faults } = await simulate({ workload, seed });
        expect(faults, `npm run simulate -- --workload ${workload} --seed ${seed} --history`).toEqual([]);
      }
    },
    600_000,
  );
});
