/** What our coordinator of KIP-848 groups answers, against what Apache Kafka 4.3.1 has answered (`test/compat/group-heartbeats.test.ts` records it, and holds it true). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Broker } from "@ottla/broker";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conversations, coordinatorConfig, hold } from "./conversations.ts";

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "recorded.json"), "utf8")) as Record<
  string,
  string[]
>;

let broker: Broker;
beforeAll(async () => {
  broker = await Broker.start({ port: 0, config: coordinatorConfig });
});
afterAll(() => broker.close());

describe("a coordinator of KIP-848 groups answers as Apache Kafka does", () => {
  for (const name of Object.keys(conversations)) {
    it(name, async () => {
      expect(await hold(name, broker.bootstrapServers)).toEqual(recorded[name]);
    });
  }
});
