import { apis, errorCodes } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { batchOf, dataDir, SimBroker } from "../../test/sim-broker.ts";

let sim: SimBroker;
let client: FrameClient;
beforeEach(async () => {
  sim = await SimBroker.start({ dataDir });
  client = await sim.connect();
  await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "t" }] }));
  for (const timestampMs of [3000, 5000, 4000]) await produce(timestampMs);
});
afterEach(() => sim.close());

async function produce(timestampMs: number) {
  const topicData = [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a", "b"], { timestampMs }) }] }];
  await sim.until(client.send(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData }));
}

async function listOffset(version: number, timestamp: number, options: { epoch?: number; partition?: number } = {}) {
  const { epoch: currentLeaderEpoch = -1, partition: partitionIndex = 0 } = options;
  const partitions = [{ partitionIndex, timestamp, ...(version >= 4 ? { currentLeaderEpoch } : {}) }];
  const { topics } = await sim.until(
    client.send(apis.listOffsets, version, { replicaId: -1, topics: [{ name: "t", partitions }] }),
  );
  const { errorCode, offset, timestamp: found, leaderEpoch } = topics[0]!.partitions[0]!;
  return [errorCode, offset, found, leaderEpoch];
}

describe("ListOffsets", () => {
  it("finds the beginning, the end and a time in every version", async () => {
    for (let version = 1; version <= 11; version++) {
      const epoch = version >= 4 ? 0 : -1;
      expect(await listOffset(version, -2)).toEqual([0, 0, -1, epoch]);
      expect(await listOffset(version, -1)).toEqual([0, 6, -1, epoch]);
      expect(await listOffset(version, 3001)).toEqual([0, 2, 5000, epoch]);
      expect(await listOffset(version, 5001)).toEqual([0, -1, -1, -1]);
    }
  });

  it("knows each place from its version on", async () => {
    const unsupported = [errorCodes.UNSUPPORTED_VERSION, -1, -1, -1];
    const none = [0, -1, -1, -1];
    const cases: [timestamp: number, since: number, found: number[]][] = [
      [-3, 7, [0, 2, 5000, 0]],
      [-4, 8, [0, 0, -1, 0]],
      [-5, 9, none],
      [-6, 11, none],
      [-7, 99, none],
    ];
    for (const [timestamp, since, found] of cases) {
      for (let version = 4; version <= 11; version++) {
        expect(await listOffset(version, timestamp)).toEqual(version >= since ? found : unsupported);
      }
    }
  });

  it("says what is wrong", async () => {
    expect(await listOffset(4, -1, { epoch: 9 })).toEqual([errorCodes.UNKNOWN_LEADER_EPOCH, -1, -1, -1]);
    expect(await listOffset(4, -1, { partition: 9 })).toEqual([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1]);
    const twice = { partitionIndex: 0, timestamp: -1 };
    const { topics } = await sim.until(
      client.send(apis.listOffsets, 5, { replicaId: -1, topics: [{ name: "t", partitions: [twice, twice] }] }),
    );
    expect(topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([42, 42]);
  });
});

describe("OffsetForLeaderEpoch", () => {
  it("says where an epoch ended", async () => {
    await sim.close();
    await sim.startAgain();
    client = await sim.connect();
    await produce(6000);
    for (const version of [2, 3, 4]) {
      const ask = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
        const partitions = [{ partition: 0, leaderEpoch, currentLeaderEpoch }];
        const { topics } = await sim.until(
          client.send(apis.offsetForLeaderEpoch, version, { topics: [{ topic: "t", partitions }] }),
        );
        const found = topics[0]!.partitions[0]!;
        return [found.errorCode, found.leaderEpoch, found.endOffset];
      };
      expect(await ask(0)).toEqual([0, 0, 6]);
      expect(await ask(1)).toEqual([0, 1, 8]);
      expect(await ask(0, 0)).toEqual([errorCodes.FENCED_LEADER_EPOCH, -1, -1]);
      expect(await ask(5)).toEqual([0, -1, -1]);
    }
  });
});

describe("DeleteRecords", () => {
  it("moves the beginning, and keeps it over a restart", async () => {
    const remove = async (version: number, offset: number, name = "t", partitionIndex = 0) => {
      const { topics } = await sim.until(
        client.send(apis.deleteRecords, version, {
          topics: [{ name, partitions: [{ partitionIndex, offset }] }],
          timeoutMs: 1000,
        }),
      );
      const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
      return [errorCode, lowWatermark];
    };
    expect(await remove(0, 2)).toEqual([0, 2]);
    expect(await remove(1, 99)).toEqual([errorCodes.OFFSET_OUT_OF_RANGE, -1]);
    expect(await remove(2, 4, "nope")).toEqual([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, -1]);
    await sim.until(client.send(apis.findCoordinator, 1, { key: "g", keyType: 0 }));
    expect(await remove(2, 0, "__consumer_offsets")).toEqual([errorCodes.INVALID_TOPIC_EXCEPTION, -1]);
    await sim.close();
    await sim.startAgain();
    client = await sim.connect();
    expect((await listOffset(5, -2)).slice(0, 2)).toEqual([0, 2]);
    expect(await remove(2, -1)).toEqual([0, 6]);
  });
});

describe("what a cluster of one has little to say about", () => {
  it("DescribeLogDirs gives sizes", async () => {
    for (const version of [1, 2, 3, 4, 5]) {
      const { results, errorCode } = await sim.until(client.send(apis.describeLogDirs, version, { topics: null }));
      expect([errorCode, results.length, results[0]!.logDir]).toEqual([0, 1, "/data/log"]);
      expect(results[0]!.topics[0]!.name).toBe("t");
      expect(results[0]!.topics[0]!.partitions[0]!.partitionSize).toBeGreaterThan(100);
      expect(results[0]!.totalBytes).toBe(-1);
    }
    const some = await sim.until(
      client.send(apis.describeLogDirs, 4, { topics: [{ topic: "nope", partitions: [0] }] }),
    );
    expect(some.results[0]!.topics).toEqual([]);
  });

  it("ElectLeaders needs none", async () => {
    for (const version of [0, 1, 2]) {
      const asked = [
        { topic: "t", partitions: [0, 9] },
        { topic: "nope", partitions: [0] },
      ];
      const answer = await sim.until(client.send(apis.electLeaders, version, { topicPartitions: asked }));
      expect(answer.errorCode).toBe(0);
      const codes = answer.replicaElectionResults.map(({ partitionResult }) =>
        partitionResult.map((one) => one.errorCode),
      );
      expect(codes).toEqual([
        [errorCodes.ELECTION_NOT_NEEDED, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
        [errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      ]);
    }
    expect(
      (await sim.until(client.send(apis.electLeaders, 2, { topicPartitions: null }))).replicaElectionResults,
    ).toEqual([]);
    const odd = await sim.until(client.send(apis.electLeaders, 1, { electionType: 9, topicPartitions: [] }));
    expect(odd.errorCode).toBe(errorCodes.INVALID_REQUEST);
  });

  it("ListPartitionReassignments has none", async () => {
    const answer = await sim.until(client.send(apis.listPartitionReassignments, 0, {}));
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: null, topics: [] });
  });

  it("FindCoordinator finds this broker, in every version, and makes the topic of the groups", async () => {
    for (let version = 0; version <= 6; version++) {
      const body = version >= 4 ? { coordinatorKeys: ["a", "b"] } : { key: "a" };
      const answer = await sim.until(client.send(apis.findCoordinator, version, body));
      const found = version >= 4 ? answer.coordinators : [answer];
      expect(found.map(({ errorCode, nodeId, host, port }) => [errorCode, nodeId, host, port])).toEqual(
        found.map(() => [0, 1, "server", 9092]),
      );
    }
    const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "__consumer_offsets" }] }));
    expect([topics[0]!.isInternal, topics[0]!.partitions.length]).toEqual([true, 50]);
    const share = await sim.until(client.send(apis.findCoordinator, 6, { keyType: 2, coordinatorKeys: ["a"] }));
    expect(share.coordinators[0]!.errorCode).toBe(errorCodes.INVALID_REQUEST);
  });
});

it("makes the topic of the groups again when somebody has deleted it", async () => {
  const commit = async (committedOffset: number) => {
    const topics = [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: "" }] }];
    const answer = await sim.until(
      client.send(apis.offsetCommit, 5, { groupId: "g", generationIdOrMemberEpoch: -1, memberId: "", topics }),
    );
    return answer.topics[0]!.partitions[0]!.errorCode;
  };
  const fetchOffset = async () => {
    const answer = await sim.until(
      client.send(apis.offsetFetch, 5, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] }),
    );
    return [answer.errorCode, answer.topics[0]?.partitions[0]?.committedOffset];
  };
  expect(await commit(3)).toBe(0);
  expect(await fetchOffset()).toEqual([0, 3]);
  await sim.until(client.send(apis.deleteTopics, 5, { topicNames: ["__consumer_offsets"], timeoutMs: 1000 }));
  // The group's coordinator has to notice first.
  for (let tries = 0; (await commit(4)) !== 0; tries++) {
    expect(tries).toBeLessThan(20);
    await sim.run(500);
  }
  expect(await fetchOffset()).toEqual([0, 4]);
});
