import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, askedOf } from "../../test/fake-admin.ts";
import { AdminError } from "./admin-errors.ts";

/** Answers 100 for the start, 200 for the end, the time asked for otherwise; NOT_LEADER_OR_FOLLOWER where it does not lead. */
function serveOffsets(world: AdminWorld): void {
  world.on(apis.listOffsets, ({ body }, nodeId) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => {
        const partition = world.cluster.topics.get(name)?.partitions[partitionIndex];
        if (partition?.leaderId !== nodeId) return { partitionIndex, errorCode: 6 };
        if (timestamp < 0)
          return { partitionIndex, errorCode: 0, offset: timestamp === -1 ? 200 : 100, leaderEpoch: 3 };
        return { partitionIndex, errorCode: 0, offset: timestamp > 1000 ? -1 : 150, timestamp };
      }),
    })),
  }));
}

describe("listOffsets", () => {
  it("asks each leader once about all that it leads", async () => {
    const world = await adminWorld({ brokers: 2 });
    serveOffsets(world);
    world.cluster.createTopic("a", 4);
    const offsets = await world.until(
      world.admin.listOffsets([0, 1, 2, 3].map((partition) => ({ topic: "a", partition, at: "latest" }))),
    );
    expect(offsets).toEqual(
      [0, 1, 2, 3].map((partition) => ({ topic: "a", partition, offset: 200, timestamp: null, leaderEpoch: 3 })),
    );
    expect(askedOf(world, apis.listOffsets)).toEqual([1, 1]);
  });

  it("takes several questions about one partition", async () => {
    const world = await adminWorld();
    serveOffsets(world);
    world.cluster.createTopic("a", 1);
    const place = { topic: "a", partition: 0 };
    const offsets = await world.until(
      world.admin.listOffsets(
        [
          { ...place, at: "earliest" },
          { ...place, at: "latest" },
          { ...place, at: { timestamp: 500 } },
          { ...place, at: { timestamp: 5000 } },
        ],
        { isolationLevel: "read_committed" },
      ),
    );
    expect(offsets.map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
      [100, null],
      [200, null],
      [150, 500],
      [null, 5000],
    ]);
    expect(world.cluster.broker(1).of(apis.listOffsets)[0]?.body).toMatchObject({ replicaId: -1, isolationLevel: 1 });
  });

  it("follows a leader that has moved", async () => {
    const world = await adminWorld({ brokers: 2 });
    serveOffsets(world);
    const topic = world.cluster.createTopic("a", 2);
    const query = [{ topic: "a", partition: 0, at: "latest" as const }];
    await world.until(world.admin.listOffsets(query));
    topic.partitions[0]!.leaderId = 2;
    const [offset] = await world.until(world.admin.listOffsets(query));
    expect(offset?.offset).toBe(200);
    expect(askedOf(world, apis.listOffsets)).toEqual([2, 1]);
  });

  it("waits for a leader that is being elected", async () => {
    const world = await adminWorld();
    serveOffsets(world);
    const partition = world.cluster.createTopic("a", 1).partitions[0]!;
    partition.leaderId = -1;
    const offsets = world.admin.listOffsets([{ topic: "a", partition: 0, at: "earliest" }]);
    await world.cluster.world.clock.runFor(2_000);
    partition.leaderId = 1;
    expect((await world.until(offsets))[0]?.offset).toBe(100);
  });

  it("looks for a fresh topic for five seconds, and no longer", async () => {
    const world = await adminWorld();
    serveOffsets(world);
    const { clock } = world.cluster.client.runtime;
    const before = clock.monotonic();
    const error = await world.failure(world.admin.listOffsets([{ topic: "gone", partition: 0, at: "latest" }]));
    expect(error).toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    expect(clock.monotonic() - before).toBeGreaterThan(5_000);
    expect(clock.monotonic() - before).toBeLessThan(7_000);
    const query = [{ topic: "fresh", partition: 0, at: "latest" as const }];
    const offsets = world.admin.listOffsets(query);
    await world.cluster.world.clock.runFor(1_000);
    world.cluster.createTopic("fresh", 1);
    expect((await world.until(offsets))[0]?.offset).toBe(200);
  });

  it("does not ask a broker for what it does not know", async () => {
    const world = await adminWorld();
    serveOffsets(world);
    world.cluster.createTopic("a", 1);
    world.cluster.broker(1).limits.set(apis.listOffsets.key, [1, 6]);
    const ask = (at: "latest" | "maxTimestamp") => world.admin.listOffsets([{ topic: "a", partition: 0, at }]);
    await world.until(ask("latest"));
    expect(await world.failure(ask("maxTimestamp"))).toMatchObject({ code: "UNSUPPORTED_VERSION" });
  });
});

describe("deleteRecords", () => {
  it("says where each log begins now", async () => {
    const world = await adminWorld({ brokers: 2 });
    world.cluster.createTopic("a", 2);
    world.on(apis.deleteRecords, ({ body }) => ({
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) => ({
          ...{ partitionIndex, lowWatermark: offset < 0 ? 9 : offset, errorCode: offset > 9 ? 1 : 0 },
        })),
      })),
    }));
    const deleted = await world.until(
      world.admin.deleteRecords([
        { topic: "a", partition: 1, offset: -1 },
        { topic: "a", partition: 0, offset: 4 },
      ]),
    );
    expect(deleted).toEqual([
      { topic: "a", partition: 1, lowWatermark: 9 },
      { topic: "a", partition: 0, lowWatermark: 4 },
    ]);
    const error = await world.failure(world.admin.deleteRecords([{ topic: "a", partition: 0, offset: 10 }]));
    expect(error).toBeInstanceOf(AdminError);
    expect(error).toMatchObject({
      code: "OFFSET_OUT_OF_RANGE",
      message: expect.stringContaining("Could not delete records of a-0"),
    });
  });
});

describe("describeProducers", () => {
  it("asks the leader, or the broker that was named", async () => {
    const world = await adminWorld({ brokers: 2 });
    world.cluster.createTopic("a", 1);
    const producer = { producerId: 5, producerEpoch: 0, lastSequence: 3, lastTimestamp: 77, coordinatorEpoch: -1 };
    world.on(apis.describeProducers, (_, nodeId) => ({
      topics: [
        {
          name: "a",
          partitions: [
            nodeId === 1
              ? { partitionIndex: 0, errorCode: 0, activeProducers: [producer] }
              : { partitionIndex: 0, errorCode: 6, activeProducers: [] },
          ],
        },
      ],
    }));
    const partitions = [{ topic: "a", partition: 0 }];
    const [answer] = await world.until(world.admin.describeProducers(partitions));
    expect(answer?.producers).toEqual([{ ...producer, coordinatorEpoch: null, currentTransactionStartOffset: null }]);
    const error = await world.failure(world.admin.describeProducers(partitions, { brokerId: 2 }));
    expect(error).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    expect(askedOf(world, apis.describeProducers)).toEqual([1, 1]);
  });
});
