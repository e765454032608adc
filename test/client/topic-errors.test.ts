/** What keeps a topic from being read for good has to be heard of; what may pass is waited for. */
import { describe, expect, it } from "vitest";
import { GroupSetup } from "./group-setup.ts";

describe("a subscription to a topic that cannot be", () => {
  it("rejects the loop with the topic's error, and goes on with the rest", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(2, [0]);
    const consumer = setup.consumer();
    await consumer.subscribe(["t", "not a name"]);
    const offsets: number[] = [];
    const read = async () => {
      for await (const { offset } of consumer) if (offsets.push(offset) === 2) break;
    };
    const error = await setup.until(read().catch((reason: unknown) => reason));
    expect(error).toMatchObject({ code: "INVALID_TOPIC_EXCEPTION", message: expect.stringContaining("not a name") });
    if (offsets.length < 2) await setup.until(read());
    expect(offsets).toEqual([0, 1]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("says once that a topic is missing, and reads it when it has come", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => warnings.push(message), error() {} };
    const consumer = setup.consumer({ allowAutoCreateTopics: false, logger });
    await consumer.subscribe(["late"]);
    const first = consumer[Symbol.asyncIterator]().next();
    await setup.pass(20_000);
    expect(warnings.filter((message) => message.includes("Could not find topic late"))).toHaveLength(1);
    await setup.until(setup.admin.createTopics([{ topic: "late", partitions: 1, replicationFactor: 1 }]));
    await setup.send(1, [0], "late");
    expect(await setup.until(first)).toMatchObject({ value: { topic: "late", offset: 0 } });
    await setup.until(consumer.close());
    await setup.end();
  });
});

describe("questions that contradict themselves", () => {
  it("a partition may be asked about twice, at different times too", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const begun = setup.sim.world.clock.now();
    await setup.send(2, [0]);
    await setup.pass(1_000);
    await setup.send(1, [0]);
    const consumer = setup.consumer({ groupId: null });
    const place = { topic: "t", partition: 0 };
    const at = (timestamp: number) => ({ ...place, timestamp });
    const times = [at(begun), at(begun + 900), at(begun), at(begun + 60_000), at(begun + 900)];
    const found = await setup.until(consumer.offsetsForTimes(times));
    expect(found.map(({ offset }) => offset)).toEqual([0, 2, 0, null, 2]);
    const ends = await setup.until(consumer.endOffsets([place, place]));
    expect(ends.map(({ offset }) => offset)).toEqual([3, 3]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("a poll without a time-out is refused, not waited for", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const consumer = setup.consumer();
    await consumer.subscribe(["t"]);
    for (const options of [undefined, {}, { timeoutMs: "1" as never }, { timeoutMs: Number.NaN }, { timeoutMs: -1 }]) {
      await expect(consumer.poll(options as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await setup.until(consumer.close());
    await setup.end();
  });
});
