/** `kafka-topics` against the recorded runs of Kafka's own. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Directions, declareNames, playAll, Stage } from "./player.ts";
import { readRecorded } from "./recorded.ts";

/** Sections with three brokers: see `three-brokers.test.ts`. */
const threeBrokers = ["Three brokers", "One of three brokers down", "The broker is back"];

const all = readRecorded("topics.md");
const cases = all.filter(({ section }) => !threeBrokers.includes(section));

async function topicId(stage: Stage, name: string): Promise<string> {
  const [topic] = await stage.admin.describeTopics([name]);
  return topic?.topicId ?? "";
}

const directions: Directions = {
  "List / List with an internal topic": {
    before: ({ admin }) => admin.alterGroupOffsets("somebody", [{ topic: "plain", partition: 0, offset: 0 }]),
  },
  "Describe / Describe by --topic-id": {
    replaced: async (stage) => ({ "6hkNBXO0RB6KksJ09ajBNw": await topicId(stage, "plain") }),
  },
  "Arguments / Broker not reachable": {
    added: (it) => ["--command-config", it.file("client.properties", "default.api.timeout.ms = 300\n")],
  },
  "More arguments / Upper case sorts first": {
    before: async ({ admin }) => {
      await admin.deleteTopics(await admin.listTopics({ includeInternal: true }));
      await admin.createTopics([{ topic: "Orders" }, { topic: "orders-2" }]);
    },
  },
};

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 60_000);
afterAll(() => stage[Symbol.asyncDispose]());

describe("kafka-topics", () => {
  it("leaves out only sections that were recorded", () => {
    const sections = new Set(all.map(({ section }) => section));
    expect(threeBrokers.filter((section) => !sections.has(section))).toEqual([]);
  });
  declareNames(cases, { directions: Object.keys(directions) });
  playAll(cases, directions, () => stage);
});
