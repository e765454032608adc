import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { silence } from "../../test/fake-broker.ts";
import { failureOf, setUp } from "../../test/producer-setup.ts";
import { BufferExhaustedError } from "../errors.ts";

const kilobyte = "x".repeat(1_000);

describe("records that wait for memory", () => {
  it("flush waits for those that were there before it, not for those that come after", async () => {
    const { cluster, producer, clock } = await setUp({ bufferMemory: 4_000, batchSize: 2_000, lingerMs: 0 });
    let isOver = false;
    // There is always more than there is room for.
    const senders = Array.from({ length: 20 }, async () => {
      while (!isOver) await producer.send({ topic: "orders", value: kilobyte });
    });
    await clock.runFor(100);
    const before = producer.send({ topic: "orders", value: "before" });
    let beforeIsThere = false;
    void before.then(() => {
      beforeIsThere = true;
    });
    let isFlushed = false;
    void producer.flush().then(() => {
      isFlushed = true;
      expect(beforeIsThere).toBe(true);
    });
    await clock.runFor(2_000);
    expect(isFlushed).toBe(true);
    isOver = true;
    await cluster.until(Promise.all(senders));
    await cluster.until(producer.close());
  });

  it("are given up after maxBlockMs, although it was the topic that they waited for at first", async () => {
    const { cluster, producer, clock, partition } = await setUp({
      ...{ bufferMemory: 2_000, batchSize: 2_000, lingerMs: 0, maxBlockMs: 1_000 },
    });
    cluster.broker(1).on(apis.produce, () => silence);
    const began = clock.monotonic();
    const sends = [1, 2, 3, 4].map((n) => failureOf(producer.send({ topic: "orders", value: `${n}${kilobyte}` })));
    const last = await cluster.until(sends[3]!);
    expect(last).toBeInstanceOf(BufferExhaustedError);
    expect(clock.monotonic() - began).toBeLessThan(1_100);
    expect(partition.values).toEqual([]);
    await cluster.until(producer.close({ timeoutMs: 100 }));
  });
});
