import { Kafka, logLevel, Partitioners } from "kafkajs";
import { expect, it } from "vitest";
import { Broker } from "./broker.ts";

/** A client that somebody else wrote, over real sockets: the whole way from a topic to a group's committed offsets. */
it("serves kafkajs: a topic, records, a group", async () => {
  await using broker = await Broker.start({ port: 0 });
  const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 3 }] });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const sent = Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, value: `v${index}` }));
  await producer.send({ topic: "orders", messages: sent });
  const consumer = kafka.consumer({ groupId: "g" });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  const received: string[] = [];
  await new Promise<void>((resolve, reject) => {
    consumer.on("consumer.crash", ({ payload }) => reject(payload.error));
    void consumer.run({
      eachMessage: async ({ message }) => {
        received.push(`${message.key}=${message.value}`);
        if (received.length === sent.length) resolve();
      },
    });
  });
  await consumer.stop();
  expect(received.sort()).toEqual(sent.map(({ key, value }) => `${key}=${value}`).sort());
  const [committed] = await admin.fetchOffsets({ groupId: "g", topics: ["orders"] });
  const total = committed!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  expect(total).toBe(sent.length);
  for (const client of [consumer, producer, admin]) await client.disconnect();
});
