import { apis, type ResponseInput } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, askedOf, coordinate } from "../../test/fake-admin.ts";
import { AdminError } from "./admin-errors.ts";

type Committed = NonNullable<ResponseInput<typeof apis.offsetFetch>["topics"]>[number]["partitions"];

/** Answers in either form of OffsetFetch. */
function serveCommitted(world: AdminWorld, partitions: (round: number) => Committed, errorCode = 0): void {
  let round = 0;
  world.on(apis.offsetFetch, ({ version }) => {
    const topics = [{ name: "orders", partitions: partitions(round++) }];
    return version >= 8 ? { groups: [{ groupId: "g", topics, errorCode }] } : { topics, errorCode };
  });
}

const committed: Committed = [
  { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 2, metadata: "note", errorCode: 0 },
  { partitionIndex: 0, committedOffset: 5, metadata: null, errorCode: 0 },
  { partitionIndex: 2, committedOffset: -1, metadata: "", errorCode: 0 },
  { partitionIndex: 3, committedOffset: -1, metadata: "", errorCode: 3 },
];

async function groupWorld(brokers = 1): Promise<AdminWorld> {
  const world = await adminWorld({ brokers });
  coordinate(world, () => 1);
  return world;
}

describe("listGroupOffsets", () => {
  it.each([9, 7, 2])("lists what is committed, in version %i", async (version) => {
    const world = await groupWorld();
    serveCommitted(world, () => committed);
    world.cluster.broker(1).limits.set(apis.offsetFetch.key, [1, version]);
    expect(await world.until(world.admin.listGroupOffsets("g"))).toEqual([
      { topic: "orders", partition: 0, offset: 5, leaderEpoch: null, metadata: "" },
      { topic: "orders", partition: 1, offset: 7, leaderEpoch: version >= 5 ? 2 : null, metadata: "note" },
    ]);
    const { body } = world.cluster.broker(1).of(apis.offsetFetch)[0]!;
    expect(version >= 8 ? body.groups[0]?.topics : body.topics).toBeNull();
  });

  it("never speaks the version that has ids for names", async () => {
    const world = await groupWorld();
    serveCommitted(world, () => committed);
    await world.until(world.admin.listGroupOffsets("g", [{ topic: "orders", partition: 0 }]));
    const [request] = world.cluster.broker(1).of(apis.offsetFetch);
    expect(request?.version).toBe(9);
    expect(request?.body.groups[0]?.topics).toMatchObject([{ name: "orders", partitionIndexes: [0] }]);
  });

  it("waits for open transactions where it is told to", async () => {
    const world = await groupWorld();
    const pending: Committed = [{ partitionIndex: 0, committedOffset: -1, metadata: "", errorCode: 88 }];
    serveCommitted(world, (round) => (round === 0 ? pending : committed));
    const offsets = await world.until(world.admin.listGroupOffsets("g", undefined, { requireStable: true }));
    expect(offsets).toHaveLength(2);
    expect(
      world.cluster
        .broker(1)
        .of(apis.offsetFetch)
        .map(({ body }) => body.requireStable),
    ).toEqual([true, true]);
  });

  it("asks nobody about no partitions", async () => {
    const world = await groupWorld();
    expect(await world.until(world.admin.listGroupOffsets("g", []))).toEqual([]);
  });
});

/** Answers each partition with the code of its index. */
function serveCommits(world: AdminWorld, codeOf: (partition: number, round: number) => number): void {
  let round = 0;
  world.on(apis.offsetCommit, ({ body }) => {
    const now = round++;
    return {
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          ...{ partitionIndex, errorCode: codeOf(partitionIndex, now) },
        })),
      })),
    };
  });
}

const offsets = [
  { topic: "orders", partition: 0, offset: 5, metadata: "m", leaderEpoch: 3 },
  { topic: "orders", partition: 1, offset: 6 },
];

describe("alterGroupOffsets", () => {
  it("commits for a group without members", async () => {
    const world = await groupWorld();
    serveCommits(world, () => 0);
    await world.until(world.admin.alterGroupOffsets("g", offsets));
    expect(world.cluster.broker(1).of(apis.offsetCommit)[0]).toMatchObject({
      version: 9,
      body: {
        ...{ groupId: "g", generationIdOrMemberEpoch: -1, memberId: "" },
        topics: [
          {
            name: "orders",
            partitions: [
              { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 3, committedMetadata: "m" },
              { partitionIndex: 1, committedOffset: 6, committedLeaderEpoch: -1, committedMetadata: "" },
            ],
          },
        ],
      },
    });
  });

  it("says which partition failed", async () => {
    const world = await groupWorld();
    serveCommits(world, (partition) => (partition === 1 ? 3 : 0));
    const error = await world.failure(world.admin.alterGroupOffsets("g", offsets));
    expect(error).toBeInstanceOf(AdminError);
    expect(error).toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION", message: expect.stringContaining("orders-1") });
  });

  it.each([14, 16, 27])("tries again after code %i", async (code) => {
    const world = await groupWorld();
    serveCommits(world, (_, round) => (round === 0 ? code : 0));
    await world.until(world.admin.alterGroupOffsets("g", offsets));
    expect(askedOf(world, apis.offsetCommit)).toEqual([2]);
  });

  it("rejects as a whole where the group may not be touched", async () => {
    const world = await groupWorld();
    serveCommits(world, () => 30);
    const error = await world.failure(world.admin.alterGroupOffsets("g", offsets));
    expect(error).not.toBeInstanceOf(AdminError);
    expect(error).toMatchObject({ code: "GROUP_AUTHORIZATION_FAILED" });
  });
});

describe("deleteGroupOffsets", () => {
  it("tells a failure of the group from one of a partition", async () => {
    const world = await groupWorld();
    world.on(apis.offsetDelete, ({ body }) => ({
      errorCode: 0,
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode: partitionIndex === 0 ? 86 : 0,
        })),
      })),
    }));
    const error = await world.failure(world.admin.deleteGroupOffsets("g", offsets));
    expect(error).toBeInstanceOf(AdminError);
    expect(error).toMatchObject({
      code: "GROUP_SUBSCRIBED_TO_TOPIC",
      serverMessage: "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.",
      results: [{ error: { code: "GROUP_SUBSCRIBED_TO_TOPIC" } }, { error: null }],
    });
    world.on(apis.offsetDelete, () => ({ errorCode: 69, topics: [] }));
    const whole = await world.failure(world.admin.deleteGroupOffsets("g", offsets.slice(0, 1)));
    expect(whole).not.toBeInstanceOf(AdminError);
    expect(whole).toMatchObject({ code: "GROUP_ID_NOT_FOUND", serverMessage: "The group id does not exist." });
  });
});

describe("groupLag", () => {
  it("puts together what is committed, who owns it and where it ends", async () => {
    const world = await groupWorld(2);
    const owner = { topicId: "b3R0bGEtdGVzdC1jbHVzdA", topicName: "orders", partitions: [1, 4] };
    const assignment = { topicPartitions: [owner] };
    const member = {
      ...{ memberId: "x", memberEpoch: 1, clientId: "app", clientHost: "/10.0.0.9", subscribedTopicNames: [] },
      ...{ assignment, targetAssignment: assignment },
    };
    world.on(apis.consumerGroupDescribe, () => ({
      groups: [
        {
          ...{ errorCode: 0, groupId: "g", groupState: "Stable", groupEpoch: 1, assignmentEpoch: 1 },
          ...{ assignorName: "uniform", members: [member] },
        },
      ],
    }));
    const place = { committedLeaderEpoch: -1, metadata: "", errorCode: 0 };
    serveCommitted(world, () => [
      { ...place, partitionIndex: 0, committedOffset: 5 },
      { ...place, partitionIndex: 1, committedOffset: 7 },
      { ...place, partitionIndex: 2, committedOffset: 1 },
    ]);
    world.cluster.createTopic("orders", 5).partitions[2]!.leaderId = -1;
    world.on(apis.listOffsets, ({ body }) => ({
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0, offset: 10 })),
      })),
    }));
    const x = { memberId: "x", groupInstanceId: null, clientId: "app", host: "/10.0.0.9" };
    const row = { topic: "orders", leaderEpoch: null, metadata: "" };
    expect(await world.until(world.admin.groupLag("g"))).toEqual([
      { ...row, partition: 0, committedOffset: 5, endOffset: 10, lag: 5, member: null },
      { ...row, partition: 1, committedOffset: 7, endOffset: 10, lag: 3, member: x },
      { ...row, partition: 2, committedOffset: 1, endOffset: null, lag: null, member: null },
      { ...row, partition: 4, committedOffset: null, endOffset: 10, lag: null, member: x },
    ]);
  });
});
