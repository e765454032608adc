/** What a loop over messages owes the event loop, and what it owes the messages behind it. */
import { Broker } from "@ottla/broker";
import { Consumer, json, Producer, type RecordDeserializationError } from "@ottla/client";
import { describe, expect, it } from "vitest";

describe("a loop by message", () => {
  it("lets heartbeats out although its handler never waits", async () => {
    await using broker = await Broker.start({ port: 0 });
    const { bootstrapServers } = broker;
    await using producer = new Producer({ bootstrapServers });
    await producer.sendAll(Array.from({ length: 100 }, (_, n) => ({ topic: "t", value: `${n}` })));
    const consumer = new Consumer({
      bootstrapServers,
      groupId: "g",
      autoOffsetReset: "earliest",
      maxPollIntervalMs: 1_000,
    });
    const events: string[] = [];
    for (const event of ["pollTimedOut", "lost", "commitFailed"] as const) consumer.on(event, () => events.push(event));
    await consumer.subscribe(["t"]);
    for await (const { offset } of consumer) {
      const end = performance.now() + 20;
      while (performance.now() < end);
      if (offset < 99) continue;
      await consumer.commit();
      break;
    }
    expect(events).toEqual([]);
    expect(await consumer.committed()).toMatchObject([{ offset: 100 }]);
    await consumer.close();
  });

  it("has finished the message before one that cannot be deserialised", async () => {
    await using broker = await Broker.start({ port: 0 });
    const { bootstrapServers } = broker;
    await using producer = new Producer({ bootstrapServers });
    await producer.sendAll(["1", "2", "{", "4"].map((value) => ({ topic: "t", value })));
    const options = { bootstrapServers, groupId: "g", autoOffsetReset: "earliest", value: json<number>() } as const;
    const consumer = new Consumer(options);
    await consumer.subscribe(["t"]);
    const values: (number | null)[] = [];
    const readAll = async () => {
      for await (const { value } of consumer) values.push(value);
    };
    const error: RecordDeserializationError = await readAll().catch((reason) => reason);
    expect(error).toMatchObject({ name: "RecordDeserializationError", offset: 2 });
    await consumer.close();
    expect(values).toEqual([1, 2]);
    await using next = new Consumer(options);
    expect(await next.committed([error])).toMatchObject([{ offset: 2 }]);
  });
});
