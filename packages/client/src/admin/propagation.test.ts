import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, askedOf } from "../../test/fake-admin.ts";
import { silence } from "../../test/fake-broker.ts";

/** A controller that answers at once and a cluster that hears of it `delayMs` later. */
async function slowWorld(delayMs: number): Promise<AdminWorld> {
  const world = await adminWorld({ brokers: 2 });
  const { clock } = world.cluster.client.runtime;
  world.on(apis.createTopics, ({ body }) => {
    for (const { name, numPartitions } of body.topics)
      clock.setTimer(delayMs, () => world.cluster.createTopic(name, numPartitions));
    return {
      topics: body.topics.map(({ name }) => ({ name, errorCode: name === "bad" ? 17 : 0, errorMessage: null })),
    };
  });
  world.on(apis.createPartitions, ({ body }) => {
    for (const { name, count } of body.topics) clock.setTimer(delayMs, () => world.cluster.createTopic(name, count));
    return { results: body.topics.map(({ name }) => ({ name, errorCode: 0 })) };
  });
  world.on(apis.deleteTopics, ({ body }) => {
    for (const { name } of body.topics) clock.setTimer(delayMs, () => world.cluster.topics.delete(name ?? ""));
    return { responses: body.topics.map(({ name }) => ({ name, errorCode: 0 })) };
  });
  return world;
}

const topics = [{ topic: "orders", partitions: 3, replicationFactor: 1 }];

describe("a change", () => {
  it("is known when the call resolves", async () => {
    const world = await slowWorld(300);
    await world.until(world.admin.createTopics(topics));
    const [created] = await world.until(world.admin.describeTopics(["orders"]));
    expect(created?.partitions).toHaveLength(3);
    await world.until(world.admin.createPartitions([{ topic: "orders", count: 5 }]));
    const [grown] = await world.until(world.admin.describeTopics(["orders"]));
    expect(grown?.partitions).toHaveLength(5);
    await world.until(world.admin.deleteTopics(["orders"]));
    expect(await world.until(world.admin.listTopics())).toEqual([]);
  });

  it("is waited for where another one of the call failed, too", async () => {
    const world = await slowWorld(300);
    const error = await world.failure(world.admin.createTopics([...topics, { topic: "bad" }]));
    expect(error).toMatchObject({ code: "INVALID_TOPIC_EXCEPTION" });
    expect(world.cluster.topics.has("orders")).toBe(true);
  });

  it("is waited for no longer than five seconds", async () => {
    const world = await slowWorld(60_000);
    const { clock } = world.cluster.client.runtime;
    const before = clock.monotonic();
    await world.until(world.admin.createTopics(topics));
    expect(clock.monotonic() - before).toBeGreaterThan(4_500);
    expect(clock.monotonic() - before).toBeLessThan(5_500);
    world.cluster.broker(1).on(apis.metadata, () => silence);
    await world.until(world.admin.createTopics(topics));
    expect(clock.monotonic() - before).toBeLessThan(11_000);
  });

  it("is not waited for where nobody wants it, or where it was not made", async () => {
    const world = await slowWorld(60_000);
    await world.until(world.admin.describeCluster());
    await world.until(world.admin.createTopics(topics, { waitUntilKnown: false }));
    await world.until(world.admin.createTopics(topics, { validateOnly: true }));
    expect(world.cluster.client.runtime.clock.monotonic()).toBeLessThan(1_000);
    expect(askedOf(world, apis.createTopics)).toEqual([2, 0]);
  });
});
