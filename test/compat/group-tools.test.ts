/** Apache Kafka's own tools against a group of KIP-848 on our broker, whose members are Java's console consumer and librdkafka. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Admin, Producer, string } from "@ottla/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hasApacheKafka, runJava, spawnJava } from "../support/apache-kafka.ts";
import { describeWith } from "../support/requires.ts";
import { type Subject, startSubject } from "../support/subject.ts";

const python = join(import.meta.dirname, "../../.foreign/venv/bin/python");
const installed = hasApacheKafka() && existsSync(python);
const topic = "order-events";
const group = "billing";

/** A member by confluent-kafka that subscribes with a pattern for the broker. */
const librdkafkaMember = `
import sys
from confluent_kafka import Consumer
member = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2], "group.protocol": "consumer",
    "client.id": "librdkafka", "group.instance.id": "fixed", "auto.offset.reset": "earliest"})
member.subscribe(["^order-.*"])
while True: member.poll(0.2)
`;

describeWith("Apache Kafka or confluent-kafka", installed, "Kafka's tools and a group of KIP-848", () => {
  let broker: Subject;
  const members: ChildProcess[] = [];

  beforeAll(async () => {
    broker = await startSubject();
    const { bootstrapServers } = broker;
    await using admin = new Admin({ bootstrapServers });
    await admin.createTopics([{ topic, partitions: 4, replicationFactor: 1 }]);
    await using producer = new Producer({ bootstrapServers, value: string });
    await producer.sendAll(Array.from({ length: 8 }, (_, n) => ({ topic, partition: n % 4, value: `event ${n}` })));
    const consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    const properties = ["group.protocol=consumer", "client.id=java", "auto.commit.interval.ms=200"];
    const options = properties.flatMap((property) => ["--command-property", property]);
    const java = ["--bootstrap-server", bootstrapServers, "--topic", topic, "--group", group, "--from-beginning"];
    members.push(spawnJava(consumer, [...java, ...options]));
    members.push(spawn(python, ["-c", librdkafkaMember, bootstrapServers, group]));
    // Each look takes the tool a second.
    const withTwo = async () => (await tool("--members")).match(/^billing .* 2$/gm)?.length ?? 0;
    for (let look = 0; look < 60 && (await withTwo()) < 2; look++);
  });

  afterAll(async () => {
    for (const member of members) member.kill("SIGKILL");
    await broker.stop();
  });

  /** A table of kafka-consumer-groups without its spaces, ids as `<id>`. */
  async function tool(...options: string[]): Promise<string> {
    const command = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    const where = ["--bootstrap-server", broker.bootstrapServers];
    const about = options.includes("--list") ? [] : ["--describe", "--group", group];
    const { stdout } = await runJava(command, [...where, ...about, ...options]);
    return stdout
      .replace(/(localhost|127\.0\.0\.1):\d+/g, "<broker>")
      .replace(/(?<= )[\w+/-]{22}(?= )/g, "<id>")
      .replace(/ +/g, " ")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .sort()
      .join("\n");
  }

  it("kafka-consumer-groups shows its state and epochs, members, assignments and offsets", async () => {
    const [state, assignments, offsets, list] = await Promise.all([
      tool("--state", "--verbose"),
      tool("--members", "--verbose"),
      tool("--offsets"),
      tool("--list", "--state", "--type", "consumer"),
    ]);
    expect(state).toMatch(/^billing <broker> \(1\) uniform Stable (\d+) \1 2$/m);
    expect(assignments.match(/^billing .*$/gm)).toEqual([
      expect.stringMatching(/^billing <id> \/127\.0\.0\.1 java 2 (\d+) order-events:\d,\d \1 order-events:\d,\d$/),
      expect.stringMatching(
        /^billing <id> fixed \/127\.0\.0\.1 librdkafka 2 (\d+) order-events:\d,\d \1 order-events:\d,\d$/,
      ),
    ]);
    expect(offsets.match(/^billing order-events \d (-|\d) 2 (-|\d) <id> .*(java|librdkafka)$/gm)).toHaveLength(4);
    expect(list).toMatch(/^billing Consumer Stable$/m);
  });

  it("kafka-configs sets what holds for it", async () => {
    const command = "kafka.admin.ConfigCommand";
    const where = ["--bootstrap-server", broker.bootstrapServers, "--entity-type", "groups"];
    const set = (config: string) =>
      runJava(command, [...where, "--entity-name", group, "--alter", "--add-config", config]);
    const [refused, done] = await Promise.all([
      set("consumer.session.timeout.ms=1000"),
      set("consumer.heartbeat.interval.ms=6000"),
    ]);
    expect(refused.stderr + refused.stdout).toContain(
      "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
    );
    expect(done.stdout).toContain("Completed updating config for group billing.");
    const described = await runJava(command, [...where, "--describe"]);
    expect(described.stdout.trim().split("\n")).toEqual([
      "Dynamic configs for group billing are:",
      "  consumer.heartbeat.interval.ms=6000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.heartbeat.interval.ms=6000, DEFAULT_CONFIG:group.consumer.heartbeat.interval.ms=5000}",
    ]);
  });

  it("kafka-features and kafka-groups know of it", async () => {
    const where = ["--bootstrap-server", broker.bootstrapServers];
    const [features, groups] = await Promise.all([
      runJava("org.apache.kafka.tools.FeatureCommand", [...where, "describe"]),
      runJava("org.apache.kafka.tools.GroupsCommand", [...where, "--list"]),
    ]);
    expect(features.stdout).toMatch(
      /group\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 1\s+FinalizedVersionLevel: 1/,
    );
    expect(groups.stdout).toMatch(/^billing +Consumer +consumer/m);
  });
});
