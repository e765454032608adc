/** One round of one client, as its users would write it for speed. Argument: a `ClientRound` as JSON; prints `{"rate": records per second}`. */
import { Consumer, Producer, string } from "@ottla/client";
import {
  Consumer as PConsumer,
  Producer as PProducer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import { Kafka, logLevel } from "kafkajs";
import type { ClientRound } from "./clients.ts";

const round: ClientRound = JSON.parse(process.argv[2] ?? "{}");
const { bootstrapServers, topic, records } = round;
const value = "x".repeat(100);
const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);
const keyOf = (i: number) => keys[i % 1000] ?? "";
const arraySize = 100;

interface Sender {
  /** One record; resolves when it is acknowledged. */
  single(key: string): Promise<unknown>;
  /** Records together; resolves when all are acknowledged. */
  array(keys: readonly string[]): Promise<unknown>;
  close(): Promise<unknown>;
}

/** A reader counts what it has decoded: key and value of every record. */
type Reader = (count: (key: string | null, value: string | null) => boolean) => Promise<void>;

async function sender(): Promise<Sender> {
  if (round.client === "ottla") {
    const producer = new Producer({ bootstrapServers, key: string, value: string });
    return {
      single: (key) => producer.send({ topic, key, value }),
      array: (batch) => producer.sendAll(batch.map((key) => ({ topic, key, value }))),
      close: () => producer.close(),
    };
  }
  if (round.client === "platformatic") {
    const producer = new PProducer({
      clientId: "bench",
      bootstrapBrokers: [bootstrapServers],
      serializers: stringSerializers,
    });
    const send = (batch: readonly string[]) =>
      producer.send({ messages: batch.map((key) => ({ topic, key, value })), acks: -1 });
    return { single: (key) => send([key]), array: send, close: () => producer.close() };
  }
  const producer = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const send = (batch: readonly string[]) =>
    producer.send({ topic, acks: -1, messages: batch.map((key) => ({ key, value })) });
  return { single: (key) => send([key]), array: send, close: () => producer.disconnect() };
}

function reader(): Reader {
  const groupId = `bench-${process.pid}-${round.client}-${round.work}`;
  if (round.client === "ottla") return ottlaReader(groupId);
  if (round.client === "platformatic") {
    return async (count) => {
      const consumer = new PConsumer({
        clientId: "bench",
        bootstrapBrokers: [bootstrapServers],
        groupId,
        deserializers: stringDeserializers,
        maxBytes: 50_000_000,
      });
      const stream = await consumer.consume({
        topics: [topic],
        mode: "earliest",
        autocommit: false,
        highWaterMark: 10_000,
      });
      for await (const message of stream) if (count(message.key, message.value)) break;
      await consumer.close(true);
    };
  }
  return async (count) => {
    const consumer = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING }).consumer({
      groupId,
      maxBytes: 50_000_000,
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve) => {
      consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages)
            if (count(message.key?.toString() ?? null, message.value?.toString() ?? null)) resolve();
        },
      });
    });
    await consumer.disconnect();
  };
}

function ottlaReader(groupId: string): Reader {
  return async (count) => {
    const consumer = new Consumer({
      bootstrapServers,
      groupId,
      key: string,
      value: string,
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
    });
    await consumer.subscribe([topic]);
    let done = false;
    if (round.work === "messages") {
      for await (const message of consumer) if (count(message.key, message.value)) break;
    } else {
      for await (const batch of consumer.batches()) {
        for (const message of batch) done = count(message.key, message.value);
        if (done) break;
      }
    }
    await consumer.close();
  };
}

/** Keeps `inFlight` calls going until `total` have been made and all are done. */
async function keepInFlight(total: number, inFlight: number, call: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < total) await call(next++);
    }),
  );
}

async function produce(): Promise<number> {
  const client = await sender();
  const singles = async (total: number) => keepInFlight(total, 1000, (i) => client.single(keyOf(i)));
  const arrays = async (total: number) =>
    keepInFlight(total / arraySize, 20, (i) =>
      client.array(Array.from({ length: arraySize }, (_, j) => keyOf(i * arraySize + j))),
    );
  const work = round.work === "singles" ? singles : arrays;
  await work(Math.ceil(records / 20 / arraySize) * arraySize);
  const started = performance.now();
  await work(records);
  const seconds = (performance.now() - started) / 1000;
  await client.close();
  return records / seconds;
}

/** The clock runs from the first record on, so that forming the group is not counted; the first tenth warms up. */
async function consume(): Promise<number> {
  let seen = 0;
  let size = 0;
  let started = 0;
  let ended = 0;
  const warmUp = records / 10;
  await reader()((key, text) => {
    seen += 1;
    size += (key?.length ?? 0) + (text?.length ?? 0);
    if (seen === warmUp) started = performance.now();
    if (seen === records) ended = performance.now();
    return seen >= records;
  });
  if (size < records * 100) throw new Error(`${size} characters in ${records} records`);
  return (records - warmUp) / ((ended - started) / 1000);
}

const rate = round.work === "singles" || round.work === "arrays" ? await produce() : await consume();
console.log(JSON.stringify({ rate }));
process.exit(0);
