/**
 * One group, members in several languages: ours, Kafka's Java client, librdkafka. On our broker and on Apache Kafka: every assignor, both protocols, and the way from one
 * to the other by restarts, member by member, while the group goes on.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Admin, Producer, string } from "@ottla/client";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { hasApacheKafka, startApacheKafka } from "../support/apache-kafka.ts";
import { type MemberHost, Members } from "../support/members.ts";
import { startOttlaBroker } from "../support/ottla.ts";
import { describeWith } from "../support/requires.ts";

const partitionCount = 6;
const installed = hasApacheKafka() && existsSync(join(import.meta.dirname, "../../.foreign/venv"));
const subjects = { "our broker": startOttlaBroker, "Apache Kafka": startApacheKafka } as const;
const quick = { "heartbeat.interval.ms": 300, "metadata.max.age.ms": 5000 };

for (const [subject, start] of Object.entries(subjects)) {
  describeWith("Apache Kafka or confluent-kafka", installed, `groups of several clients on ${subject}`, () => {
    let broker: { bootstrapServers: string; stop(): Promise<unknown> };
    let members: Members;
    let ours: MemberHost;
    let java: MemberHost;
    let librdkafka: MemberHost;
    let topic: string;
    let count = 0;
    const partitions = () => Array.from({ length: partitionCount }, (_, partition) => `${topic}-${partition}`);

    beforeAll(async () => {
      const interval = "300";
      broker = await start({
        config: {
          "group.consumer.min.heartbeat.interval.ms": interval,
          "group.consumer.heartbeat.interval.ms": interval,
        },
      });
      members = new Members(broker.bootstrapServers);
      [ours, java, librdkafka] = await Promise.all([
        members.host("ottla"),
        members.host("java"),
        members.host("librdkafka"),
      ]);
    });

    afterAll(async () => {
      await members?.close();
      await broker?.stop();
    });

    async function openGroup(): Promise<void> {
      topic = `shared${++count}`;
      const bootstrapServers = broker.bootstrapServers;
      await using admin = new Admin({ bootstrapServers });
      await admin.createTopics([{ topic, partitions: partitionCount, replicationFactor: 1 }]);
      await using producer = new Producer({ bootstrapServers, value: string });
      await producer.sendAll(partitions().map((_, partition) => ({ topic, partition, value: `in ${partition}` })));
    }

    afterEach(() => members.stopAll());

    /** Every partition has one owner, who has read of it, and the members own as many as `counts` says, in any order. */
    function flowing(...counts: number[]): Promise<void> {
      const settled = () => {
        const owned = members.counts.toSorted();
        return members.isFlowing(partitions()) && counts.every((value, index) => owned[index] === value);
      };
      return members.until(settled, `${counts} partitions on ${subject}`);
    }

    const settings = (strategy: string) => ({
      ...quick,
      "group.id": topic,
      "session.timeout.ms": 6000,
      "partition.assignment.strategy": strategy,
    });

    it.each(["range", "roundrobin", "cooperative-sticky"])("shares a topic by %s", async (strategy) => {
      await openGroup();
      java.start("java", topic, settings(strategy));
      await flowing(6);
      ours.start("ours", topic, settings(strategy));
      await flowing(3, 3);
      librdkafka.start("librdkafka", topic, settings(strategy));
      await flowing(2, 2, 2);
      await java.stop("java");
      await flowing(3, 3);
      await ours.stop("ours");
      await flowing(6);
    });

    it("shares a topic by sticky, which librdkafka does not have", async () => {
      await openGroup();
      for (const [host, name] of [
        [java, "java-1"],
        [ours, "ours-1"],
        [java, "java-2"],
        [ours, "ours-2"],
      ] as const) {
        host.start(name, topic, settings("sticky"));
        await members.until(() => members.isFlowing(partitions()), `${name} joins`);
      }
      await flowing(1, 1, 2, 2);
      await java.stop("java-1");
      await flowing(2, 2, 2);
    });

    it("goes from range to cooperative-sticky by two restarts of each member (KIP-429)", async () => {
      // Without librdkafka, which refuses to be given both.
      await openGroup();
      const hosts = { "java-1": java, ours, "java-2": java } as const;
      for (const [name, host] of Object.entries(hosts)) {
        host.start(name, topic, settings("range"));
        await members.until(() => members.isFlowing(partitions()), `${name} joins`);
      }
      await flowing(2, 2, 2);
      for (const strategy of ["cooperative-sticky,range", "cooperative-sticky"]) {
        for (const [name, host] of Object.entries(hosts)) {
          await host.stop(name);
          await flowing(3, 3);
          host.start(name, topic, settings(strategy));
          await flowing(2, 2, 2);
        }
      }
      const before = members.events.length;
      await java.stop("java-1");
      await flowing(3, 3);
      // Cooperative now: nobody lets go of anything when one leaves.
      const others = members.events.slice(before).filter(({ member }) => member !== "java-1");
      expect(others.filter(({ what, partitions: gone }) => what === "revoked" && gone.length > 0)).toEqual([]);
    });

    it("shares a topic by the consumer protocol (KIP-848)", async () => {
      await openGroup();
      const consumer = { "group.id": topic, "group.protocol": "consumer" };
      java.start("java", topic, consumer);
      await flowing(6);
      ours.start("ours", topic, consumer);
      await flowing(3, 3);
      librdkafka.start("librdkafka", topic, consumer);
      await flowing(2, 2, 2);
      await java.stop("java");
      await flowing(3, 3);
      await librdkafka.stop("librdkafka");
      await flowing(6);
    });

    it("changes from the classic protocol to the consumer protocol and back while it goes on", async () => {
      await openGroup();
      const consumer = { "group.id": topic, "group.protocol": "consumer" };
      const classic = settings("cooperative-sticky,range");
      java.start("java", topic, classic);
      ours.start("ours", topic, classic);
      await flowing(3, 3);
      for (const next of [consumer, classic]) {
        await java.stop("java");
        await flowing(6);
        java.start("java", topic, next);
        await flowing(3, 3);
        await ours.stop("ours");
        await flowing(6);
        ours.start("ours", topic, next);
        await flowing(3, 3);
      }
    });
  });
}
