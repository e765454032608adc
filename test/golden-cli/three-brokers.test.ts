/** `kafka-topics` and `kafka-consumer-groups` against what was recorded with three brokers, of which one died and came back. */
import { Cluster } from "@ottla/testkit";
import { afterAll, beforeAll, describe } from "vitest";
import { config, type Direction, declareNames, keyOf, playAll, Stage } from "./player.ts";
import { readRecorded } from "./recorded.ts";

const sections = ["Three brokers", "One of three brokers down", "The broker is back"];
const topicCases = readRecorded("topics.md").filter(({ section }) => sections.includes(section));
const groupCases = readRecorded("consumer-groups.md").filter(({ section }) => sections.includes(section));
/** Tools that are not ours. */
const others = ["One of three brokers down / Producer with acks=all below min.insync.replicas"];

let cluster: Cluster;
let stage: Stage;

/** Kafka places the replicas of some topics where it likes: ours stand in for those that were recorded. */
function placedBy(topics: readonly string[]): (stdout: string) => string {
  return (stdout) => {
    let text = stdout;
    for (const topic of topics) {
      const { replicas, leader, isr } = cluster.partition(topic, 0)!;
      const row = new RegExp(`(\tTopic: ${topic}\tPartition: 0\tLeader: )\\S+(\tReplicas: )\\S+(\tIsr: )\\S+`);
      text = text.replace(row, `$1${leader}$2${replicas.join(",")}$3${isr.join(",")}`);
    }
    return text;
  };
}

/** As it had come about when it was recorded. */
async function placeAgain(): Promise<void> {
  await stage.admin.deleteTopics(["placed"]);
  const replicaAssignments = [
    [3, 1, 2],
    [1, 2, 3],
    [2, 3, 1],
  ];
  await stage.admin.createTopics([{ topic: "placed", replicaAssignments }]);
}

const directions: Readonly<Record<string, Direction>> = {
  "Three brokers / Describe the placed one": { before: placeAgain },
  "One of three brokers down / Describe": {
    before: async ({ admin }) => {
      const offsets = [0, 1].map((partition) => ({ topic: "single", partition, offset: 0 }));
      await admin.alterGroupOffsets("g", offsets);
      await cluster.broker(3).kill();
    },
  },
  "One of three brokers down / --under-replicated-partitions": { expected: placedBy(["__consumer_offsets"]) },
  "One of three brokers down / ... describe": { expected: placedBy(["late"]) },
  "The broker is back / Describe": { before: () => cluster.broker(3).start() },
  "The broker is back / Describe after the election": { before: ({ admin }) => admin.electLeaders("preferred", "all") },
};

beforeAll(async () => {
  stage = await Stage.open(async () => {
    cluster = await Cluster.start({ brokers: 3, config });
    return { bootstrapServers: cluster.bootstrapServers, stop: () => cluster.close() };
  });
}, 60_000);
afterAll(() => stage[Symbol.asyncDispose]());

describe("three brokers", () => {
  const isBack = ({ section }: { section: string }) => section === "The broker is back";
  const cases = [...topicCases.filter((it) => !isBack(it)), ...groupCases, ...topicCases.filter(isBack)];
  declareNames(cases, { directions: Object.keys(directions), others });
  playAll(
    cases.filter((it) => !others.includes(keyOf(it))),
    directions,
    () => stage,
  );
});
