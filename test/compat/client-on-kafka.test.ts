/** Our client against Apache Kafka: every codec both ways, groups shared with Java members, admin, errors; on 4.3 and 3.9. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admin, Consumer, json, Producer, SubscriptionPattern, string } from "@ottla/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type ApacheKafka,
  hasApacheKafka,
  type KafkaVersion,
  runJava,
  startApacheKafka,
} from "../support/apache-kafka.ts";
import { Program } from "../support/processes.ts";
import { describeWith } from "../support/requires.ts";

const versions: readonly KafkaVersion[] = ["4.3.1", "3.9.2"];
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

for (const version of versions) {
  describeWith(`Apache Kafka ${version}`, hasApacheKafka(version), `our client on Apache Kafka ${version}`, () => {
    let kafka: ApacheKafka;
    let directory: string;
    const at = () => ({ bootstrapServers: kafka.bootstrapServers });

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), "client-on-kafka-"));
      kafka = await startApacheKafka({ version });
    });

    afterAll(async () => {
      await kafka.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    /** Reads `count` values of a topic from its beginning. */
    async function readAll(topic: string, count: number): Promise<(string | null)[]> {
      await using consumer = new Consumer({
        ...at(),
        groupId: `${topic}-reader`,
        key: string,
        value: string,
        autoOffsetReset: "earliest",
      });
      await consumer.subscribe([topic]);
      const values: (string | null)[] = [];
      for await (const message of consumer) {
        values.push(message.value);
        if (values.length === count) break;
      }
      return values;
    }

    it.each(codecs)("writes %s so that the Java consumer reads it", async (compression) => {
      const topic = `to-java-${compression}`;
      await using producer = new Producer({ ...at(), key: string, value: string, compression });
      const values = Array.from({ length: 300 }, (_, i) => `${compression}-${i}-${"ä".repeat(50)}`);
      const sent = await Promise.all(
        values.map((value, i) => producer.send({ topic, key: `key-${i}`, value, headers: { n: String(i) } })),
      );
      expect(sent.map(({ offset }) => offset)).toEqual(values.map((_, i) => i));
      const read = await runJava(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        [
          "--bootstrap-server",
          kafka.bootstrapServers,
          "--topic",
          topic,
          "--from-beginning",
          "--max-messages",
          "300",
          "--timeout-ms",
          "20000",
        ],
        version,
      );
      expect(read.stdout.trimEnd().split("\n")).toEqual(values);
    });

    it.each(codecs)("reads %s that the Java producer wrote", async (compression) => {
      const topic = `from-java-${compression}`;
      const properties = join(directory, `${compression}.properties`);
      writeFileSync(properties, `compression.type=${compression}\nlinger.ms=50\n`);
      const values = Array.from({ length: 300 }, (_, i) => `${compression}-${i}-${"ä".repeat(50)}`);
      const written = await runJava(
        version === "3.9.2" ? "kafka.tools.ConsoleProducer" : "org.apache.kafka.tools.ConsoleProducer",
        ["--bootstrap-server", kafka.bootstrapServers, "--topic", topic, "--producer.config", properties],
        version,
        `${values.join("\n")}\n`,
      );
      expect(written.code, written.stderr).toBe(0);
      expect(await readAll(topic, 300)).toEqual(values);
    });

    it("shares a group with a Java member, and takes over when it leaves", async () => {
      const admin = new Admin(at());
      await admin.createTopics([{ topic: "shared", partitions: 6, replicationFactor: 1 }]);
      const java = new Program("java", [
        "-cp",
        classPath(version),
        "org.apache.kafka.tools.VerifiableConsumer",
        "--bootstrap-server",
        kafka.bootstrapServers,
        "--topic",
        "shared",
        "--group-id",
        "shared-group",
        "--assignment-strategy",
        "org.apache.kafka.clients.consumer.RangeAssignor",
        "--session-timeout",
        "6000",
      ]);
      await java.line(/partitions_assigned/);
      const consumer = new Consumer({
        ...at(),
        groupId: "shared-group",
        key: string,
        value: string,
        heartbeatIntervalMs: 300,
        autoOffsetReset: "earliest",
      });
      const assignments: number[][] = [];
      const both = Promise.withResolvers<void>();
      const alone = Promise.withResolvers<void>();
      await consumer.subscribe(["shared"], {
        async onPartitionsAssigned() {
          const mine = consumer
            .assignment()
            .map(({ partition }) => partition)
            .sort();
          assignments.push(mine);
          if (mine.length === 3) both.resolve();
          if (mine.length === 6) alone.resolve();
        },
      });
      const reading = (async () => {
        for await (const _message of consumer);
      })();
      await both.promise;
      await java.until(
        () =>
          java.lines
            .filter((line) => line.includes("partitions_assigned"))
            .at(-1)
            ?.match(/"partition":/g)?.length === 3 || undefined,
        "three partitions for the Java member",
      );
      const [described] = await admin.describeGroups(["shared-group"]);
      expect(described).toMatchObject({ state: "Stable" });
      expect(described?.members).toHaveLength(2);
      await java.stop("SIGTERM");
      await alone.promise;
      await consumer.close();
      await reading;
      await admin.deleteGroups(["shared-group"]);
      await admin.close();
    });

    if (version === "3.9.2") {
      it("says what to do where brokers do not have KIP-848", async () => {
        await using consumer = new Consumer({ ...at(), groupId: "too-new", groupProtocol: "consumer" });
        await consumer.subscribe(["too-new"]);
        const refused = consumer.poll({ timeoutMs: 30_000 });
        await expect(refused).rejects.toThrow(/set groupProtocol to "classic", or use brokers of Kafka 4.0 or later/);
      });
    } else {
      it("subscribes to a pattern that the coordinator resolves (KIP-848)", async () => {
        await using admin = new Admin(at());
        await admin.createTopics(["pattern-1", "pattern-2", "another"].map((topic) => ({ topic, partitions: 1 })));
        await using producer = new Producer({ ...at(), value: string });
        await producer.sendAll(["pattern-1", "pattern-2"].map((topic) => ({ topic, value: topic })));
        const options = { ...at(), groupProtocol: "consumer", value: string, autoOffsetReset: "earliest" } as const;
        await using consumer = new Consumer({ ...options, groupId: "pattern" });
        await consumer.subscribe(new SubscriptionPattern("pattern-.*"));
        const read: (string | null)[] = [];
        for await (const message of consumer) {
          read.push(message.value);
          if (read.length === 2) break;
        }
        expect(read.toSorted()).toEqual(["pattern-1", "pattern-2"]);
        await using wrong = new Consumer({ ...options, groupId: "wrong-pattern" });
        await wrong.subscribe(new SubscriptionPattern("["));
        await expect(wrong.poll({ timeoutMs: 30_000 })).rejects.toMatchObject({ code: "INVALID_REGULAR_EXPRESSION" });
      });
    }

    it("administers topics, settings, groups and records", async () => {
      await using admin = new Admin(at());
      await admin.createTopics([
        { topic: "admin", partitions: 2, replicationFactor: 1, configs: { "retention.ms": "100000" } },
      ]);
      await expect(admin.createTopics([{ topic: "admin", partitions: 2 }])).rejects.toMatchObject({
        code: "TOPIC_ALREADY_EXISTS",
      });
      await admin.createPartitions([{ topic: "admin", count: 4 }]);
      const [topic] = await admin.describeTopics(["admin"]);
      expect(topic?.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
      await using producer = new Producer({ ...at(), key: string, value: json<number>() });
      for (let i = 0; i < 10; i++) await producer.send({ topic: "admin", partition: 0, key: "k", value: i });
      await admin.deleteRecords([{ topic: "admin", partition: 0, offset: 4 }]);
      await using consumer = new Consumer({ ...at(), groupId: "admin-group", key: string, value: json<number>() });
      const first = { topic: "admin", partition: 0 };
      expect((await consumer.beginningOffsets([first])).map(({ offset }) => offset)).toEqual([4]);
      expect((await consumer.endOffsets([first])).map(({ offset }) => offset)).toEqual([10]);
      await expect(producer.send({ topic: "admin", partition: 99, key: "k", value: 1 })).rejects.toThrow(
        /partition 99/,
      );
      await admin.deleteTopics(["admin"]);
      expect(await admin.listTopics()).not.toContain("admin");
    });
  });
}

function classPath(version: KafkaVersion): string {
  return join(import.meta.dirname, `../../.foreign/kafka-${version}/*`);
}
