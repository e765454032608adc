/** Real processes, really killed: see test/crash. */
import { expect, it } from "vitest";
import { runCrashTest } from "../crash/crash-run.ts";

it("a broker that is killed 50 times loses and doubles nothing, and no commit goes back", async () => {
  const { faults, ...summary } = await runCrashTest({ times: 50, seed: Number(process.env.OTTLA_SEED ?? 1) });
  console.log(summary);
  expect(faults).toEqual([]);
  expect(summary.commitsBetweenKills).toBeGreaterThan(50);
  expect(summary.sent).toBeGreaterThan(1000);
});
