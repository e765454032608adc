import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { brokerDocumentation } from "./config/broker-documentation.ts";
import { brokerDefinitions } from "./config/settings.ts";
import { handlers } from "./handlers/table.ts";

const docs = (name: string) => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8");

it("docs/BROKER.md has every setting with an effect, and its default", () => {
  const rows = new Map(
    [...docs("BROKER.md").matchAll(/^\| `([a-z0-9.]+)` \| ?`?([^|`]*?)`? ?\|/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  for (const name of Object.keys(brokerDocumentation)) {
    expect([name, rows.get(name)]).toEqual([name, brokerDefinitions.get(name)!.defaultText ?? ""]);
  }
});

it("docs/PROTOCOL.md has every API that is served, with its versions", () => {
  const rows = [...docs("PROTOCOL.md").matchAll(/^\| (\d+) \| (\w+) \| ([\d-]+) \|/gm)].map(
    ([, key, , versions]) => `${key}: ${versions}`,
  );
  const served = handlers.map(
    ({ api, versions: [first, last] }) => `${api.key}: ${first === last ? first : `${first}-${last}`}`,
  );
  expect(rows.sort()).toEqual(served.sort());
});
