/** The proof of test/simulation/disk.test.ts at every place: minutes of computing, and nothing foreign. */
import { describe, expect, it } from "vitest";
import { type DiskCase, diskCases } from "../simulation/disk-cases.ts";
import { sweep } from "../simulation/disk-run.ts";

describe("a broker on a disk, at every write, sync, rename and removal", () => {
  it.each<DiskCase>(diskCases)("$name: loses nothing that it must not lose", async ({ scenario }) => {
    const { wrong } = await sweep(scenario, 1);
    expect(wrong).toEqual([]);
  });
});
