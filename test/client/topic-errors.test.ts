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
});
