/**
 * Conversations with a coordinator of KIP-848 groups, held with Apache Kafka 4.3.1 itself: it must say what is recorded, since our broker is held to the record
 * (`test/group-conversations/`). `OTTLA_RECORD=1` records anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { conversations, coordinatorConfig, hold } from "../group-conversations/conversations.ts";
import { type ApacheKafka, hasApacheKafka, startApacheKafka } from "../support/apache-kafka.ts";
import { describeWith } from "../support/requires.ts";

const file = join(import.meta.dirname, "../group-conversations/recorded.json");
const records = process.env.OTTLA_RECORD === "1";

describeWith("Apache Kafka", hasApacheKafka(), "Apache Kafka's coordinator of KIP-848 groups", () => {
  let kafka: ApacheKafka;
  const heard: Record<string, string[]> = {};

  beforeAll(async () => {
    kafka = await startApacheKafka({ config: coordinatorConfig });
  });

  afterAll(async () => {
    await kafka.stop();
    if (records) writeFileSync(file, `${JSON.stringify(heard, null, 2)}\n`);
  });

  for (const name of Object.keys(conversations)) {
    it(`answers as recorded: ${name}`, async () => {
      heard[name] = await hold(name, kafka.bootstrapServers);
      if (!records) expect(heard[name]).toEqual(JSON.parse(readFileSync(file, "utf8"))[name]);
    });
  }
});
