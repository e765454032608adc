/** `kafka-topics` against the recorded runs of Kafka's own. */
import { afterAll, beforeAll, describe } from "vitest";
import { type Directions, declareNames, playAll, Stage } from "./player.ts";
import { readRecorded } from "./recorded.ts";

/** What needs three brokers, which one process does not have yet. */
const threeBrokers = ["Three brokers", "One of three brokers down", "The broker is back"];

const cases = readRecorded("topics.md").filter(({ section }) => !threeBrokers.includes(section));

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
});
afterAll(() => stage[Symbol.asyncDispose]());

describe("kafka-topics", () => {
  declareNames(cases, { directions: Object.keys(directions) });
  playAll(cases, directions, () => stage);
});
