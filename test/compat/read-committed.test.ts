/** Our consumer and other people's transactions, on Apache Kafka: what was aborted is left out, several times over, and what is open is waited for. */
import { Consumer, string } from "@ottla/client";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApacheKafka, hasApacheKafka, startApacheKafka } from "../support/apache-kafka.ts";
import { describeWith } from "../support/requires.ts";

describeWith("Apache Kafka 4.3.1", hasApacheKafka("4.3.1"), "read_committed on Apache Kafka 4.3.1", () => {
  let kafka: ApacheKafka;

  beforeAll(async () => {
    kafka = await startApacheKafka({ version: "4.3.1" });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  it("leaves out what was aborted", async () => {
    const { bootstrapServers } = kafka;
    const foreign = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING });
    const admin = foreign.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "t", numPartitions: 1 }] });
    const producer = foreign.producer({ transactionalId: "tx", maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transaction = async (values: string[]) => {
      const open = await producer.transaction();
      for (const value of values) await open.send({ topic: "t", messages: [{ key: "k", value }] });
      return open;
    };
    await (await transaction(["a"])).commit();
    await (await transaction(["b", "c"])).abort();
    await (await transaction(["d"])).abort();
    await (await transaction(["e", "f"])).commit();
    await (await transaction(["g"])).abort();
    const last = await transaction(["h"]);

    const read = async (isolationLevel: "read_committed" | "read_uncommitted", count: number) => {
      await using consumer = new Consumer({ bootstrapServers, isolationLevel, value: string });
      await consumer.assign([{ topic: "t", partition: 0 }]);
      consumer.seekToBeginning();
      const values: (string | null)[] = [];
      while (values.length < count) {
        const batch = await consumer.poll({ timeoutMs: 2_000 });
        if (batch === null) break;
        values.push(...batch.messages().map(({ value }) => value));
      }
      return { values, lag: (await consumer.lag())[0]?.lag };
    };
    expect((await read("read_uncommitted", 8)).values).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
    expect(await read("read_committed", 8)).toEqual({ values: ["a", "e", "f"], lag: 0 });
    await last.commit();
    expect((await read("read_committed", 4)).values).toEqual(["a", "e", "f", "h"]);
    await Promise.all([producer.disconnect(), admin.disconnect()]);
  });
});
