import { apis, type RequestValue, type ResponseInput } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../../test/fake-admin.ts";

/** Pages as Kafka does: topics in the order of their names, the limit counts partitions. */
function servePages(world: AdminWorld): void {
  world.on(apis.describeTopicPartitions, ({ body }) => page(world, body));
}

type PageRequest = RequestValue<typeof apis.describeTopicPartitions>;

function page(world: AdminWorld, body: PageRequest): ResponseInput<typeof apis.describeTopicPartitions> {
  const { topics, responsePartitionLimit, cursor } = body;
  const answer = [];
  let left = responsePartitionLimit;
  for (const { name } of topics) {
    if (cursor !== null && name < cursor.topicName) continue;
    const topic = world.cluster.topics.get(name);
    if (topic === undefined) {
      answer.push({ name, errorCode: 3, partitions: [] });
      continue;
    }
    const first = cursor?.topicName === name ? cursor.partitionIndex : 0;
    const indexes = topic.partitions.map((_, index) => index).slice(first, first + left);
    left -= indexes.length;
    const partitions = indexes.map((partitionIndex) => ({
      ...{ errorCode: 0, partitionIndex, leaderId: topic.partitions[partitionIndex]!.leaderId, leaderEpoch: 7 },
      ...{ replicaNodes: [1, 2], isrNodes: [1], eligibleLeaderReplicas: [2], offlineReplicas: [2] },
    }));
    const { topicId } = topic;
    answer.push({ name, topicId, errorCode: 0, partitions, topicAuthorizedOperations: 1 << 3 });
    const next = first + indexes.length;
    if (next < topic.partitions.length)
      return { topics: answer, nextCursor: { topicName: name, partitionIndex: next } };
  }
  return { topics: answer };
}

describe("describeTopics", () => {
  it("puts pages together", async () => {
    const world = await adminWorld();
    servePages(world);
    for (const [name, count] of [
      ["a", 5],
      ["b", 1],
      ["c", 4],
    ] as const)
      world.cluster.createTopic(name, count);
    const options = { partitionSizeLimitPerResponse: 3, includeAuthorizedOperations: true };
    const described = await world.until(world.admin.describeTopics(["c", "a", "b", "a"], options));
    expect(described.map(({ topic, partitions }) => [topic, partitions.map(({ partition }) => partition)])).toEqual([
      ["c", [0, 1, 2, 3]],
      ["a", [0, 1, 2, 3, 4]],
      ["b", [0]],
      ["a", [0, 1, 2, 3, 4]],
    ]);
    expect(described[0]).toMatchObject({ topicId: expect.stringMatching(/^.{22}$/), authorizedOperations: ["READ"] });
    expect(described[0]?.partitions[0]).toEqual({
      ...{ partition: 0, leader: 1, leaderEpoch: 7, replicas: [1, 2], isr: [1] },
      ...{ elr: [2], lastKnownElr: null, offlineReplicas: [2] },
    });
    const requests = world.cluster.broker(1).of(apis.describeTopicPartitions);
    const cursors = requests.map(({ body: { cursor } }) => cursor && `${cursor.topicName}-${cursor.partitionIndex}`);
    expect(cursors).toEqual([null, "a-3", "c-0", "c-3"]);
  });

  it("does not follow a cursor that stands still", async () => {
    const world = await adminWorld();
    world.on(apis.describeTopicPartitions, ({ body }) => ({
      topics: [{ name: "a", errorCode: 0, partitions: [] }],
      nextCursor: { topicName: "a", partitionIndex: body.cursor === null ? 1 : body.cursor.partitionIndex },
    }));
    await world.until(world.admin.describeTopics(["a"]));
    expect(world.cluster.broker(1).of(apis.describeTopicPartitions)).toHaveLength(2);
  });

  it("asks for metadata where the broker cannot page, and never creates a topic", async () => {
    const world = await adminWorld();
    world.cluster.autoCreate = false;
    world.cluster.createTopic("a", 2).partitions[1]!.leaderId = -1;
    const [a] = await world.until(world.admin.describeTopics(["a"]));
    expect(a).toMatchObject({ topic: "a", isInternal: false, authorizedOperations: null });
    expect(a?.partitions).toMatchObject([
      { leader: 1, elr: null },
      { leader: null, elr: null },
    ]);
    expect(world.cluster.broker(1).of(apis.metadata)[0]?.body.allowAutoTopicCreation).toBe(false);
  });

  it("names what is not there", async () => {
    const world = await adminWorld();
    servePages(world);
    world.cluster.createTopic("a", 1);
    const error = await world.failure(world.admin.describeTopics(["a", "b"]));
    expect(error).toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
      message: expect.stringContaining("Could not describe topic b"),
      results: [{ error: null }, { item: "b" }],
    });
  });

  it("finds topics by id", async () => {
    const world = await adminWorld();
    const { topicId } = world.cluster.createTopic("a", 1);
    world.on(apis.metadata, ({ body }) => ({
      brokers: [{ nodeId: 1, host: "broker1", port: 9092 }],
      topics: (body.topics ?? []).map((asked) =>
        asked.topicId === topicId
          ? { name: "a", topicId, errorCode: 0, partitions: [] }
          : { name: null, topicId: asked.topicId, errorCode: 100, partitions: [] },
      ),
    }));
    const [a] = await world.until(world.admin.describeTopics([{ topicId }]));
    expect(a).toMatchObject({ topic: "a", topicId });
    const other = { topicId: "b3R0bGEtdGVzdC1jbHVzdA" };
    expect(await world.failure(world.admin.describeTopics([other]))).toMatchObject({ code: "UNKNOWN_TOPIC_ID" });
  });
});

describe("listTopics", () => {
  it("leaves Kafka's own topics out unless they are asked for", async () => {
    const world = await adminWorld();
    const topics = ["b", "__consumer_offsets", "a"].map((name) => ({
      ...{ name, errorCode: 0, isInternal: name.startsWith("__"), partitions: [] },
    }));
    world.on(apis.metadata, () => ({ brokers: [], topics }));
    expect(await world.until(world.admin.listTopics())).toEqual(["a", "b"]);
    const all = await world.until(world.admin.listTopicListings({ includeInternal: true }));
    expect(all).toEqual([
      { topic: "__consumer_offsets", topicId: null, isInternal: true },
      { topic: "a", topicId: null, isInternal: false },
      { topic: "b", topicId: null, isInternal: false },
    ]);
  });

  it("asks the oldest brokers for no names at all", async () => {
    const world = await adminWorld();
    world.cluster.createTopic("a", 1);
    world.cluster.broker(1).limits.set(apis.metadata.key, [0, 0]);
    expect(await world.until(world.admin.listTopics())).toEqual(["a"]);
  });
});
