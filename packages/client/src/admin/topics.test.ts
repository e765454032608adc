import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { adminWorld, askedOf } from "../../test/fake-admin.ts";
import { hangUp } from "../../test/fake-broker.ts";
import { AdminError, settle } from "./admin-errors.ts";

const ok = { errorCode: 0, errorMessage: null };
const zero = "AAAAAAAAAAAAAAAAAAAAAA";

describe("createTopics", () => {
  it("asks the controller, and says what was created", async () => {
    const world = await adminWorld({ brokers: 3 });
    world.on(apis.createTopics, ({ body }) => ({
      topics: body.topics.map(({ name, numPartitions, replicationFactor }) => ({
        ...{ name, ...ok, topicId: "b3R0bGEtdGVzdC1jbHVzdA", numPartitions, replicationFactor },
        configs: [{ name: "retention.ms", value: "5", readOnly: false, configSource: 1, isSensitive: false }],
      })),
    }));
    const topics = [
      { topic: "a", partitions: 3, replicationFactor: 1, configs: { "retention.ms": "5" } },
      { topic: "b", replicaAssignments: [[1], [2, 1]] },
    ];
    const [a] = await world.until(world.admin.createTopics(topics, { validateOnly: true }));
    expect(a).toMatchObject({ topic: "a", topicId: "b3R0bGEtdGVzdC1jbHVzdA", partitions: 3, replicationFactor: 1 });
    expect(a?.configs).toMatchObject([
      { name: "retention.ms", value: "5", source: "DYNAMIC_TOPIC_CONFIG", isDefault: false },
    ]);
    expect(askedOf(world, apis.createTopics)).toEqual([1, 0, 0]);
    expect(world.cluster.broker(1).of(apis.createTopics)[0]?.body).toMatchObject({
      topics: [
        { name: "a", numPartitions: 3, replicationFactor: 1, configs: [{ name: "retention.ms", value: "5" }] },
        {
          ...{ name: "b", numPartitions: -1, replicationFactor: -1 },
          assignments: [
            { partitionIndex: 0, brokerIds: [1] },
            { partitionIndex: 1, brokerIds: [2, 1] },
          ],
        },
      ],
      timeoutMs: 30_000,
      validateOnly: true,
    });
  });

  it("rejects with the first failure and has the outcome of each", async () => {
    const world = await adminWorld();
    world.on(apis.createTopics, ({ body }) => ({
      topics: body.topics.map(({ name }) => ({
        ...{ name, numPartitions: 1, replicationFactor: 1, configs: null },
        ...(name === "new" ? ok : { errorCode: 36, errorMessage: `Topic '${name}' already exists.` }),
      })),
    }));
    const topics = ["new", "old", "older"].map((topic) => ({ topic }));
    const error = await world.failure(world.admin.createTopics(topics));
    expect(error).toBeInstanceOf(AdminError);
    expect(error).toMatchObject({
      code: "TOPIC_ALREADY_EXISTS",
      errorCode: 36,
      retriable: false,
      serverMessage: "Topic 'old' already exists.",
      message: "Could not create topic old: Topic 'old' already exists. (TOPIC_ALREADY_EXISTS) (and 1 of 3 failed too)",
    });
    expect((error as AdminError).errors).toHaveLength(2);
    const outcomes = await world.until(settle(topics, world.admin.createTopics(topics)));
    expect(outcomes.map(({ item, error: failed }) => [item.topic, failed?.code])).toEqual([
      ["new", undefined],
      ["old", "TOPIC_ALREADY_EXISTS"],
      ["older", "TOPIC_ALREADY_EXISTS"],
    ]);
  });

  it("looks for the controller again, for the topics that it did not take", async () => {
    const world = await adminWorld({ brokers: 2 });
    let refusals = 0;
    world.on(apis.createTopics, ({ body }) => ({
      topics: body.topics.map(({ name }) =>
        name === "b" && ++refusals <= 2 ? { name, errorCode: 41, errorMessage: null } : { name, ...ok },
      ),
    }));
    await world.until(world.admin.createTopics([{ topic: "a" }, { topic: "b" }]));
    const heard = world.cluster
      .broker(1)
      .of(apis.createTopics)
      .map(({ body }) => body.topics.map(({ name }) => name));
    expect(heard).toEqual([["a", "b"], ["b"], ["b"]]);
    expect(askedOf(world, apis.metadata).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(3);
  });

  it("tries again where a quota is used up, unless told not to", async () => {
    const world = await adminWorld();
    let left = 1;
    world.on(apis.createTopics, () => ({
      topics: [{ name: "a", errorCode: left-- > 0 ? 89 : 0, errorMessage: null }],
    }));
    await world.until(world.admin.createTopics([{ topic: "a" }]));
    left = 1;
    const error = await world.failure(world.admin.createTopics([{ topic: "a" }], { retryOnQuotaViolation: false }));
    expect(error).toMatchObject({ code: "THROTTLING_QUOTA_EXCEEDED" });
  });

  it("does not repeat what the controller may still be doing", async () => {
    const world = await adminWorld();
    world.on(apis.createTopics, () => ({ topics: [{ name: "a", errorCode: 7, errorMessage: null }] }));
    expect(await world.failure(world.admin.createTopics([{ topic: "a" }]))).toMatchObject({
      code: "REQUEST_TIMED_OUT",
    });
    expect(askedOf(world, apis.createTopics)).toEqual([1]);
  });

  it("asks again after a broken connection", async () => {
    const world = await adminWorld();
    const broker = world.cluster.broker(1);
    broker.on(apis.createTopics, () => ({ topics: [{ name: "a", ...ok }] })).once(apis.createTopics, () => hangUp);
    await world.until(world.admin.createTopics([{ topic: "a" }]));
    expect(askedOf(world, apis.createTopics)).toEqual([2]);
  });

  it("needs a broker that chooses the counts where they are left out", async () => {
    const world = await adminWorld();
    world.on(apis.createTopics, () => ({ topics: [{ name: "a", ...ok }] }));
    world.cluster.broker(1).limits.set(apis.createTopics.key, [2, 3]);
    const error = await world.failure(world.admin.createTopics([{ topic: "a", partitions: 1 }]));
    expect(error).toMatchObject({ code: "UNSUPPORTED_VERSION" });
    expect(error).not.toBeInstanceOf(AdminError);
    const [a] = await world.until(world.admin.createTopics([{ topic: "a", partitions: 1, replicationFactor: 1 }]));
    expect(a).toEqual({ topic: "a", topicId: null, partitions: null, replicationFactor: null, configs: null });
  });

  it("says so when an answer leaves a topic out", async () => {
    const world = await adminWorld();
    world.on(apis.createTopics, () => ({ topics: [] }));
    expect(await world.failure(world.admin.createTopics([{ topic: "a" }]))).toMatchObject({ code: "INVALID_RESPONSE" });
  });
});

describe("deleteTopics", () => {
  it("takes names and ids", async () => {
    const world = await adminWorld();
    const id = "b3R0bGEtdGVzdC1jbHVzdA";
    world.on(apis.deleteTopics, ({ body }) => ({
      responses: body.topics.map(({ name, topicId }) =>
        name === null
          ? { name: "byId", topicId, ...ok }
          : { name, topicId: id.replace("b", "c"), errorCode: 3, errorMessage: null },
      ),
    }));
    const error = await world.failure(world.admin.deleteTopics(["gone", { topicId: id }]));
    expect(error).toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
      serverMessage: "This server does not host this topic-partition.",
    });
    expect((error as AdminError).results.map((result) => result.error?.code)).toEqual([
      "UNKNOWN_TOPIC_OR_PARTITION",
      undefined,
    ]);
  });

  it("speaks with brokers that know names only", async () => {
    const world = await adminWorld();
    world.on(apis.deleteTopics, ({ body }) => ({ responses: body.topicNames.map((name) => ({ name, errorCode: 0 })) }));
    world.cluster.broker(1).limits.set(apis.deleteTopics.key, [1, 5]);
    await world.until(world.admin.deleteTopics(["a"]));
    const error = await world.failure(world.admin.deleteTopics([{ topicId: zero }]));
    expect(error).toMatchObject({ code: "UNSUPPORTED_VERSION" });
  });
});

it("adds partitions", async () => {
  const world = await adminWorld();
  world.on(apis.createPartitions, ({ body }) => ({
    results: body.topics.map(({ name, count }) => ({
      name,
      ...(count > 2 ? ok : { errorCode: 37, errorMessage: "Topic already has 2 partition(s)." }),
    })),
  }));
  const topics = [
    { topic: "a", count: 4, assignments: [[1], [1]] },
    { topic: "b", count: 2 },
  ];
  const error = await world.failure(world.admin.createPartitions(topics));
  expect(error).toMatchObject({ code: "INVALID_PARTITIONS", serverMessage: "Topic already has 2 partition(s)." });
  expect(world.cluster.broker(1).of(apis.createPartitions)[0]?.body.topics).toEqual([
    { name: "a", count: 4, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] },
    { name: "b", count: 2, assignments: null },
  ]);
});
