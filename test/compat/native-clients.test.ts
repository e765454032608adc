/** librdkafka (kcat, confluent-kafka) and Apache Kafka's Java client and tools against our broker. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Finished, finished, hasApacheKafka, runJava, spawnJava } from "../support/apache-kafka.ts";
import { storedCodecs } from "../support/raw-fetch.ts";
import { canRun, describeWith } from "../support/requires.ts";
import { type Subject, startSubject, subjectIsOttla } from "../support/subject.ts";

const foreign = join(import.meta.dirname, "foreign");
const python = join(import.meta.dirname, "../../.foreign/venv/bin/python");
const transactions = subjectIsOttla ? "none" : "transactions";
let broker: Subject;

beforeAll(async () => {
  broker = await startSubject();
});

afterAll(async () => {
  await broker.stop();
});

function run(command: string, args: string[], input = ""): Promise<Finished> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  return finished(child);
}

describeWith("kcat", canRun("kcat", "-V"), "kcat", () => {
  const kcat = (args: string[], input?: string) => run("kcat", ["-b", broker.bootstrapServers, ...args], input);

  it.each(["none", "gzip", "snappy", "lz4", "zstd"])(
    "produces and consumes with %s, and the codec is stored",
    async (codec) => {
      const topic = `kcat-${codec}`;
      const lines = Array.from({ length: 50 }, (_, i) => `key-${i}:value-${i}-${"x".repeat(40)}`);
      const produced = await kcat(
        ["-P", "-t", topic, "-K", ":", "-z", codec, "-X", "acks=all"],
        `${lines.join("\n")}\n`,
      );
      expect(produced).toMatchObject({ code: 0, stderr: "" });
      const consumed = await kcat(["-C", "-t", topic, "-K", ":", "-o", "beginning", "-e", "-q"]);
      expect(consumed.stdout.trimEnd().split("\n")).toEqual(lines);
      expect(await storedCodecs(broker.bootstrapServers, topic)).toEqual([codec]);
    },
  );

  it("lists brokers, topics and partitions", async () => {
    const { code, stdout } = await kcat(["-L", "-J"]);
    expect(code).toBe(0);
    const metadata = JSON.parse(stdout);
    expect(metadata.brokers).toHaveLength(1);
    expect(metadata.topics.map((topic: { topic: string }) => topic.topic)).toContain("kcat-none");
  });

  it("asks for offsets by time", async () => {
    const { stdout } = await kcat(["-Q", "-t", "kcat-none:0:-1"]);
    expect(stdout).toContain("offset 50");
  });
});

describeWith("confluent-kafka", existsSync(python), "confluent-kafka (librdkafka in Python)", () => {
  it("passes its check", async () => {
    const result = await run(python, [join(foreign, "confluent_check.py"), broker.bootstrapServers, transactions]);
    expect(result).toMatchObject({ code: 0, stdout: "OK\n" });
  });
});

describeWith("Apache Kafka's artifacts", hasApacheKafka(), "Apache Kafka's Java client and tools", () => {
  const at = () => ["--bootstrap-server", broker.bootstrapServers];

  it("passes the Java client's check", async () => {
    const result = await runJava(join(foreign, "JavaCheck.java"), [broker.bootstrapServers, transactions]);
    expect(result).toMatchObject({ code: 0, stdout: "OK\n" });
  });

  it("serves TopicCommand", async () => {
    const tool = "org.apache.kafka.tools.TopicCommand";
    expect(
      (
        await runJava(tool, [
          ...at(),
          "--create",
          "--topic",
          "tool",
          "--partitions",
          "3",
          "--config",
          "retention.ms=1000",
        ])
      ).stdout,
    ).toBe("Created topic tool.\n");
    const described = await runJava(tool, [...at(), "--describe", "--topic", "tool"]);
    expect(described.stdout).toMatch(
      /^Topic: tool\tTopicId: \S{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: \S*retention.ms=1000/,
    );
    expect((await runJava(tool, [...at(), "--alter", "--topic", "tool", "--partitions", "5"])).code).toBe(0);
    expect((await runJava(tool, [...at(), "--delete", "--topic", "tool"])).code).toBe(0);
  });

  it("serves VerifiableProducer, VerifiableConsumer and ConsumerGroupCommand", async () => {
    const produced = await runJava("org.apache.kafka.tools.VerifiableProducer", [
      ...at(),
      "--topic",
      "verify",
      "--max-messages",
      "1000",
      "--acks",
      "-1",
    ]);
    expect(produced.stdout).toContain('"sent":1000,"acked":1000');
    const consumed = await runJava("org.apache.kafka.tools.VerifiableConsumer", [
      ...at(),
      "--topic",
      "verify",
      "--group-id",
      "verify",
      "--max-messages",
      "1000",
      "--reset-policy",
      "earliest",
    ]);
    const total = [
      ...consumed.stdout.matchAll(/"name":"records_consumed","count":(\d+)|"count":(\d+),"name":"records_consumed"/g),
    ];
    const counted = total.length > 0 ? total : [...consumed.stdout.matchAll(/records_consumed.*?"count":(\d+)/g)];
    expect(counted.reduce((sum, match) => sum + Number(match[1] ?? match[2]), 0)).toBe(1000);
    const described = await runJava("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", [
      ...at(),
      "--describe",
      "--group",
      "verify",
    ]);
    expect(described.stdout).toMatch(/verify +verify +0 +1000 +1000 +0/);
  });

  it("serves ProducerPerformance and ConsumerPerformance", async () => {
    const produced = await runJava("org.apache.kafka.tools.ProducerPerformance", [
      "--topic",
      "perf",
      "--num-records",
      "5000",
      "--record-size",
      "1000",
      "--throughput",
      "-1",
      "--producer-props",
      `bootstrap.servers=${broker.bootstrapServers}`,
      "acks=all",
    ]);
    expect(produced.stdout).toMatch(/5000 records sent/);
    const consumed = await runJava("org.apache.kafka.tools.ConsumerPerformance", [
      ...at(),
      "--topic",
      "perf",
      "--messages",
      "5000",
      "--timeout",
      "20000",
    ]);
    expect(consumed).toMatchObject({ code: 0 });
    expect(consumed.stdout).toMatch(/, 5000, /);
  });

  it("keeps the console consumer and producer going", async () => {
    const producer = spawnJava("org.apache.kafka.tools.ConsoleProducer", [
      ...at(),
      "--topic",
      "console",
      "--property",
      "parse.key=true",
      "--property",
      "key.separator=:",
    ]);
    producer.stdin?.end("a:1\nb:2\n");
    expect((await finished(producer)).code).toBe(0);
    const consumed = await runJava("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...at(),
      "--topic",
      "console",
      "--from-beginning",
      "--max-messages",
      "2",
      "--timeout-ms",
      "20000",
    ]);
    expect(consumed.stdout).toBe("1\n2\n");
  });
});
