/** A cluster of three brokers of ours under clients and tools that know Apache Kafka's clusters: leaders and coordinators move, and they follow. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Admin, Producer, string } from "@ottla/client";
import { Cluster } from "@ottla/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hasApacheKafka, runJava } from "../support/apache-kafka.ts";
import { type MemberHost, Members } from "../support/members.ts";
import { describeWith } from "../support/requires.ts";

const installed = hasApacheKafka() && existsSync(join(import.meta.dirname, "../../.foreign/venv"));

describeWith("Apache Kafka or confluent-kafka", installed, "a cluster of three brokers", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start({
      brokers: 3,
      // Who leaves in the moment in which there is no coordinator leaves without a word.
      config: {
        "group.consumer.min.heartbeat.interval.ms": "300",
        "group.consumer.heartbeat.interval.ms": "300",
        "group.consumer.min.session.timeout.ms": "6000",
        "group.consumer.session.timeout.ms": "6000",
      },
    });
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  const at = () => ["--bootstrap-server", cluster.bootstrapServers];
  const topics = "org.apache.kafka.tools.TopicCommand";

  it("shows Kafka's tools its leaders, replicas and in-sync replicas", async () => {
    const create = [...at(), "--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "3"];
    expect((await runJava(topics, create)).stdout).toContain("Created topic orders.");
    const stopped = cluster.leader("orders", 0)!;
    await stopped.stop();
    const underReplicated = await runJava(topics, [...at(), "--describe", "--under-replicated-partitions"]);
    const lines = underReplicated.stdout.split("\n").filter((line) => line.includes("Topic: orders"));
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(/Leader: (\d+)/.exec(line)?.[1]).not.toBe(String(stopped.id));
      expect(/Isr: (\S+)/.exec(line)?.[1]?.split(",")).not.toContain(String(stopped.id));
    }
    await stopped.start();
    const elect = ["--election-type", "preferred", "--all-topic-partitions"];
    const elected = await runJava("org.apache.kafka.tools.LeaderElectionCommand", [...at(), ...elect]);
    expect(elected).toMatchObject({ code: 0 });
    expect(cluster.leader("orders", 0)!.id).toBe(stopped.id);
    const after = await runJava(topics, [...at(), "--describe", "--under-replicated-partitions"]);
    expect(after.stdout).not.toContain("Topic: orders");
  });

  it.each([
    [
      "classic",
      {
        "partition.assignment.strategy": "cooperative-sticky",
        "heartbeat.interval.ms": 300,
        "session.timeout.ms": 6000,
      },
    ],
    ["consumer", { "group.protocol": "consumer" }],
  ])(
    "keeps a %s group of Java, librdkafka and our members going while its coordinator moves",
    async (name, settings) => {
      const topic = `moving-${name}`;
      const partitions = Array.from({ length: 6 }, (_, partition) => `${topic}-${partition}`);
      const { bootstrapServers } = cluster;
      {
        await using admin = new Admin({ bootstrapServers });
        await admin.createTopics([{ topic, partitions: 6, replicationFactor: 3 }]);
        await using producer = new Producer({ bootstrapServers, value: string });
        await producer.sendAll(partitions.map((_, partition) => ({ topic, partition, value: "one" })));
      }
      const members = new Members(bootstrapServers);
      try {
        const hosts = await Promise.all((["ottla", "java", "librdkafka"] as const).map((kind) => members.host(kind)));
        const join = (host: MemberHost, member: string) =>
          host.start(member, topic, { "group.id": topic, ...settings });
        const shared = (count: number) =>
          members.until(
            () => members.counts.every((owned) => owned === 6 / count) && members.isFlowing(partitions),
            `${count} members share ${topic}`,
          );
        for (const host of hosts) join(host, host.kind);
        await shared(3);
        const first = cluster.coordinator(topic)!;
        await first.stop();
        expect(cluster.coordinator(topic)!.id).not.toBe(first.id);
        await hosts[1]!.stop("java");
        await shared(2);
        await first.start();
        await cluster.moveCoordinator(topic, first);
        join(hosts[1]!, "java-again");
        await shared(3);
      } finally {
        await members.close();
      }
    },
  );
});
