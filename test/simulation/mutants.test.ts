import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hunt, mutants } from "./mutants/hunt.ts";
import { mutate } from "./mutants/mutant.ts";

const root = join(import.meta.dirname, "../..");

describe("mutants", () => {
  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))("%s fits the sources", (_, { edits }) => {
    for (const { file } of edits) {
      const source = readFileSync(join(root, file), "utf8");
      const mine = edits.filter((edit) => edit.file === file);
      expect(mutate(source, mine, file)).not.toBe(source);
    }
  });

  it("are many, and are made on both sides", () => {
    expect(mutants.length).toBeGreaterThanOrEqual(20);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    const rooms = new Set(mutants.flatMap(({ edits }) => edits.map(({ file }) => file.split("/")[1])));
    expect([...rooms].sort()).toEqual(["broker", "client"]);
  });

  it("are found: one that shows soon; test/compat/simulation-mutants.test.ts hunts for all", async () => {
    const mutant = mutants.find(({ name }) => name === "commit-ahead-of-processing")!;
    expect(await hunt(mutant, 20)).toMatchObject({ kinds: expect.arrayContaining(["commitAhead"]) });
  });

  it("fail loudly where they fit no more", async () => {
    const mutant = { ...mutants[0]!, edits: [{ ...mutants[0]!.edits[0]!, find: "what is not there" }] };
    await expect(hunt(mutant, 1)).rejects.toThrow("does not fit any more");
  });
});
