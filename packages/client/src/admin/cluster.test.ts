import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { adminWorld, askedOf } from "../../test/fake-admin.ts";

describe("describeCluster", () => {
  it("lists the brokers", async () => {
    const world = await adminWorld();
    world.on(apis.describeCluster, () => ({
      ...{ errorCode: 0, clusterId: "c", controllerId: 1, clusterAuthorizedOperations: 1 << 5 },
      brokers: [
        { brokerId: 2, host: "two", port: 2, isFenced: true },
        { brokerId: 1, host: "one", port: 1, rack: "r" },
      ],
    }));
    const options = { includeFencedBrokers: true, includeAuthorizedOperations: true };
    expect(await world.until(world.admin.describeCluster(options))).toEqual({
      clusterId: "c",
      controller: { nodeId: 1, host: "one", port: 1, rack: "r" },
      brokers: [
        { nodeId: 1, host: "one", port: 1, rack: "r", isFenced: false },
        { nodeId: 2, host: "two", port: 2, rack: null, isFenced: true },
      ],
      authorizedOperations: ["CREATE"],
    });
  });

  it("reads it from metadata where the broker says it there", async () => {
    const world = await adminWorld({ brokers: 2 });
    const { clusterId, controller, brokers } = await world.until(world.admin.describeCluster());
    expect([clusterId, controller?.nodeId, brokers.length]).toEqual(["fake", 1, 2]);
  });
});

it("describes log directories, all brokers' or some", async () => {
  const world = await adminWorld({ brokers: 2 });
  world.on(apis.describeLogDirs, (_, nodeId) => ({
    errorCode: 0,
    results: [
      {
        ...{ errorCode: nodeId === 2 ? 56 : 0, logDir: `/data${nodeId}`, totalBytes: 10 },
        topics: [
          { name: "a", partitions: [{ partitionIndex: 1, partitionSize: 5, offsetLag: 0, isFutureKey: false }] },
        ],
      },
    ],
  }));
  const all = await world.until(world.admin.describeLogDirs());
  expect(all[0]).toEqual({
    brokerId: 1,
    logDirs: [
      {
        ...{ path: "/data1", error: null, totalBytes: 10, usableBytes: null, isCordoned: false },
        replicas: [{ topic: "a", partition: 1, size: 5, offsetLag: 0, isFuture: false }],
      },
    ],
  });
  expect(all[1]?.logDirs[0]?.error).toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
  await world.until(world.admin.describeLogDirs([2]));
  expect(askedOf(world, apis.describeLogDirs)).toEqual([1, 2]);
});

describe("electLeaders", () => {
  it("counts a leader that is there already as no failure", async () => {
    const world = await adminWorld();
    world.on(apis.electLeaders, () => ({
      errorCode: 0,
      replicaElectionResults: [
        {
          topic: "a",
          partitionResult: [
            { partitionId: 1, errorCode: 84, errorMessage: null },
            { partitionId: 0, errorCode: 0, errorMessage: null },
          ],
        },
      ],
    }));
    const partitions = [0, 1].map((partition) => ({ topic: "a", partition }));
    expect(await world.until(world.admin.electLeaders("preferred", partitions))).toEqual([
      { topic: "a", partition: 0, elected: true },
      { topic: "a", partition: 1, elected: false },
    ]);
    world.cluster.broker(1).limits.set(apis.electLeaders.key, [0, 0]);
    world.cluster.broker(1).dropConnections();
    expect(await world.failure(world.admin.electLeaders("unclean", "all"))).toMatchObject({
      code: "UNSUPPORTED_VERSION",
    });
  });
});

it("lists moves of partitions", async () => {
  const world = await adminWorld();
  world.on(apis.listPartitionReassignments, () => ({
    ...{ errorCode: 0, errorMessage: null },
    topics: [
      {
        name: "a",
        partitions: [{ partitionIndex: 0, replicas: [1, 2], addingReplicas: [2], removingReplicas: [1] }],
      },
    ],
  }));
  expect(await world.until(world.admin.listPartitionReassignments())).toEqual([
    { topic: "a", partition: 0, replicas: [1, 2], addingReplicas: [2], removingReplicas: [1] },
  ]);
  expect(world.cluster.broker(1).of(apis.listPartitionReassignments)[0]?.body.topics).toBeNull();
});
