import { simulate } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { hunt, mutants } from "../simulation/mutants/hunt.ts";

/** Within so many seeds each has to be found. */
const seeds = 200;

describe("the simulator's checkers", () => {
  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    "find %s",
    async (name, mutant) => {
      const found = await hunt(mutant, seeds);
      if (found === null) expect.fail(`${name} was not found in ${seeds} seeds of ${mutant.workload}`);
      console.log(`${name}: seed ${found.seed} of ${mutant.workload}: ${found.kinds.join(", ")}`);
      // It is the mutant that was found: without it there is nothing to find in this seed.
      expect((await simulate({ workload: mutant.workload, seed: found.seed })).faults).toEqual([]);
    },
    600_000,
  );
});
