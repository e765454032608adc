import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it.each(["rebalance.test.ts", "billing.ts"])("shows %s in the guide as it is run", (name) => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/TESTING.md"), "utf8");
  expect(guide).toContain(readFileSync(join(import.meta.dirname, name), "utf8"));
});
