/** kafkajs and @platformatic/kafka against our broker: topics, all that they can compress, groups, commits, idempotence, errors. */
import {
  Admin as PAdmin,
  Consumer as PConsumer,
  Producer as PProducer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Subject, startSubject, subjectIsOttla } from "../support/subject.ts";

let broker: Subject;

beforeAll(async () => {
  broker = await startSubject();
});

afterAll(async () => {
  await broker.stop();
});

/** Resolves once the callback that it hands out has been called `count` times. */
function countdown(count: number): { readonly done: Promise<void>; hit(): void } {
  let left = count;
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    done: promise,
    hit() {
      left -= 1;
      if (left === 0) resolve();
    },
  };
}

describe("kafkajs", () => {
  const kafka = () =>
    new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING, retry: { retries: 3 } });

  it("creates, describes, configures and deletes topics", async () => {
    const admin = kafka().admin();
    await admin.connect();
    expect(await admin.createTopics({ topics: [{ topic: "js-admin", numPartitions: 3 }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic: "js-admin", numPartitions: 3 }] })).toBe(false);
    await admin.createPartitions({ topicPartitions: [{ topic: "js-admin", count: 5 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: ["js-admin"] });
    expect(topics[0]?.partitions.map((partition) => partition.partitionId).sort()).toEqual([0, 1, 2, 3, 4]);
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: "js-admin",
          configEntries: [{ name: "retention.ms", value: "12345" }],
        },
      ],
    });
    const configs = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: "js-admin", configNames: ["retention.ms"] }],
    });
    expect(configs.resources[0]?.configEntries[0]).toMatchObject({ configName: "retention.ms", configValue: "12345" });
    await admin.deleteTopics({ topics: ["js-admin"] });
    expect(await admin.listTopics()).not.toContain("js-admin");
    await admin.disconnect();
  });

  it.each([CompressionTypes.None, CompressionTypes.GZIP])(
    "produces and consumes with codec %i",
    async (compression) => {
      const topic = `js-codec-${compression}`;
      const producer = kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const messages = Array.from({ length: 100 }, (_, i) => ({
        key: `key-${i % 7}`,
        value: `value-${i}`,
        headers: { n: String(i) },
      }));
      await producer.send({ topic, messages, compression });
      await producer.disconnect();
      const consumer = kafka().consumer({ groupId: `${topic}-group` });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      const seen: string[] = [];
      const all = countdown(100);
      await consumer.run({
        async eachMessage({ message }) {
          seen.push(`${message.value}/${message.headers?.n}`);
          all.hit();
        },
      });
      await all.done;
      await consumer.disconnect();
      expect(seen).toEqual(messages.map((message) => `${message.value}/${message.headers.n}`));
      const admin = kafka().admin();
      await admin.connect();
      const [offsets] = await admin.fetchOffsets({ groupId: `${topic}-group`, topics: [topic] });
      expect(offsets?.partitions[0]?.offset).toBe("100");
      await admin.disconnect();
    },
  );

  it("shares six partitions between two members, and all go to the one that stays", async () => {
    const admin = kafka().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "js-group", numPartitions: 6 }] });
    const member = async () => {
      const consumer = kafka().consumer({ groupId: "js-group", sessionTimeout: 10_000, heartbeatInterval: 200 });
      const sizes: number[] = [];
      const waiting = new Set<() => void>();
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        sizes.push(payload.memberAssignment["js-group"]?.length ?? 0);
        for (const wake of waiting) wake();
      });
      await consumer.connect();
      await consumer.subscribe({ topics: ["js-group"] });
      await consumer.run({ eachMessage: async () => {} });
      const owns = (size: number) =>
        new Promise<void>((resolve) => {
          const check = () => {
            if (sizes.at(-1) !== size) return;
            waiting.delete(check);
            resolve();
          };
          waiting.add(check);
          check();
        });
      return { consumer, owns };
    };
    const first = await member();
    await first.owns(6);
    const second = await member();
    await Promise.all([first.owns(3), second.owns(3)]);
    await first.consumer.disconnect();
    await second.owns(6);
    await second.consumer.disconnect();
    const { groups } = await admin.describeGroups(["js-group"]);
    expect(groups[0]).toMatchObject({ groupId: "js-group", state: "Empty", members: [] });
    await admin.deleteGroups(["js-group"]);
    await admin.disconnect();
  });

  it.runIf(subjectIsOttla)("fails a transaction at once, with a clear error", async () => {
    const producer = kafka().producer({ transactionalId: "js-transaction", maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    // kafkajs keeps the broker's reason to itself; what counts is that it gives up without a retry.
    await expect(producer.transaction()).rejects.toMatchObject({ retriable: false });
    await producer.disconnect();
  });
});

describe("@platformatic/kafka", () => {
  const base = () => ({ clientId: "platformatic", bootstrapBrokers: [broker.bootstrapServers], retries: 3 });

  it.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)("produces and consumes with %s", async (compression) => {
    const topic = `pf-${compression}`;
    const admin = new PAdmin(base());
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
    const producer = new PProducer({ ...base(), serializers: stringSerializers, compression, idempotent: true });
    const messages = Array.from({ length: 100 }, (_, i) => ({
      topic,
      key: `key-${i}`,
      value: `value-${i}`.repeat(10),
    }));
    await producer.send({ messages, acks: -1 });
    await producer.close();
    const consumer = new PConsumer({ ...base(), groupId: `${topic}-group`, deserializers: stringDeserializers });
    const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
    const seen: string[] = [];
    for await (const message of stream) {
      seen.push(message.value);
      await message.commit();
      if (seen.length === 100) break;
    }
    await consumer.close(true);
    expect(seen).toEqual(messages.map((message) => message.value));
    const groups = await admin.describeGroups({ groups: [`${topic}-group`] });
    expect(groups.get(`${topic}-group`)?.state).toBe("EMPTY");
    await admin.close();
  });
});
