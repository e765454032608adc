import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { adminConfig, adminSettings } from "./admin/admin-config.ts";
import { consumerConfig, consumerSettings } from "./consumer/consumer-config.ts";
import { producerConfig, producerSettings } from "./producer/settings.ts";

const packageDirectory = join(import.meta.dirname, "..");
const page = readFileSync(join(packageDirectory, "../../docs/CLIENT.md"), "utf8");
const kafka: Record<string, Record<string, string | null>> = JSON.parse(
  readFileSync(join(packageDirectory, "test-data/kafka-defaults.json"), "utf8"),
);
const required = { bootstrapServers: "localhost:9092" };

/** The settings of a section of the page, with their defaults. */
function documented(section: string): Map<string, string> {
  const text = page.split(/^## /m).find((part) => part.startsWith(section)) ?? "";
  return new Map([...text.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, name = "", value = ""]) => [name, value]));
}

/** `sessionTimeoutMs` as Kafka writes it. */
function dotted(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`);
}

const clients = [
  { kind: "producer", section: "Producer", table: producerSettings, defaults: producerConfig(required) },
  {
    kind: "consumer",
    section: "Consumer",
    table: consumerSettings,
    defaults: consumerConfig({ ...required, groupId: "g" }),
  },
  { kind: "admin", section: "Admin", table: adminSettings, defaults: adminConfig(required) },
];
const excused = documented("Where a name or a default is not Kafka's");

describe.each(clients)("docs/CLIENT.md on the $kind", ({ kind, section, table, defaults }) => {
  const rows = new Map([...documented("Settings that all have"), ...documented(section)]);
  const ours: Record<string, unknown> = { ...defaults };

  it("has every setting", () => {
    expect(Object.keys(table).filter((name) => !rows.has(name))).toEqual([]);
  });

  it("has the defaults that the code has", () => {
    const wrong = Object.keys(table).filter((name) => {
      const value = ours[name];
      const shown = rows.get(name)?.replaceAll(",", "").replaceAll('"', "");
      return (typeof value === "number" || typeof value === "boolean") && !shown?.startsWith(String(value));
    });
    expect(wrong).toEqual([]);
  });

  it("names every default that is not Kafka's", () => {
    const different = Object.keys(table).filter((name) => {
      const theirs = kafka[kind]?.[dotted(name)];
      const value = ours[name];
      if (theirs === undefined || theirs === null || typeof value === "object") return false;
      return String(value) !== theirs && !page.includes(`\`${name}\` of a ${kind}`) && !excused.has(name);
    });
    expect(different).toEqual([]);
  });
});
