import { apis, errorCodes, type RequestInput, zeroUuid } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { batchOf, dataDir, SimBroker } from "../../test/sim-broker.ts";

let sim: SimBroker;
let client: FrameClient;
beforeEach(async () => {
  sim = await SimBroker.start({ numPartitions: 2, brokerRack: "r1" });
  client = await sim.connect();
});
afterEach(() => sim.close());

type Asked = RequestInput<typeof apis.metadata>["topics"];

async function metadata(version: number, topics: Asked, options: Partial<RequestInput<typeof apis.metadata>> = {}) {
  return sim.until(client.send(apis.metadata, version, { topics, ...options }));
}

async function createTopics(...topics: string[]) {
  const rest = { numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] };
  const answer = await sim.until(
    client.send(apis.createTopics, 7, { topics: topics.map((name) => ({ name, ...rest })) }),
  );
  return answer.topics.map(({ topicId }) => topicId);
}

describe("Metadata", () => {
  it("describes the cluster and its topics in every version", async () => {
    const [topicId] = await createTopics("a");
    for (let version = 0; version <= 13; version++) {
      const answer = await metadata(version, version === 0 ? [] : null);
      expect(answer.brokers).toEqual([{ nodeId: 1, host: "server", port: 9092, rack: version >= 1 ? "r1" : null }]);
      expect(answer.controllerId).toBe(version >= 1 ? 1 : -1);
      expect(answer.clusterId).toBe(version >= 2 ? sim.broker.clusterId : null);
      expect(answer.topics).toHaveLength(1);
      expect(answer.topics[0]).toMatchObject({ errorCode: 0, name: "a", topicId: version >= 10 ? topicId : zeroUuid });
      expect(
        answer.topics[0]!.partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => [
          partitionIndex,
          leaderId,
          replicaNodes,
          isrNodes,
        ]),
      ).toEqual([
        [0, 1, [1], [1]],
        [1, 1, [1], [1]],
      ]);
    }
  });

  it("asks for none with an empty list, and for none twice", async () => {
    await createTopics("a", "b");
    expect((await metadata(1, [])).topics).toEqual([]);
    const { topics } = await metadata(9, [{ name: "b" }, { name: "b" }, { name: "a" }]);
    expect(topics.map(({ name }) => name)).toEqual(["b", "a"]);
  });

  it("makes a topic that is asked for, if the client and the settings allow it, in time for the answer", async () => {
    const { topics } = await metadata(4, [{ name: "new" }], { allowAutoTopicCreation: true });
    expect(topics[0]).toMatchObject({ errorCode: 0, name: "new" });
    expect(topics[0]!.partitions).toHaveLength(2);
    const refused = await metadata(4, [{ name: "other" }, { name: "bad/name" }], { allowAutoTopicCreation: false });
    expect(refused.topics.map(({ errorCode }) => errorCode)).toEqual([
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      errorCodes.INVALID_TOPIC_EXCEPTION,
    ]);
    await sim.close();
    await sim.startAgain({ autoCreateTopicsEnable: false });
    client = await sim.connect();
    const answer = await metadata(4, [{ name: "new" }], { allowAutoTopicCreation: true });
    expect(answer.topics[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it("makes a topic once when many ask for it", async () => {
    const clients = [await sim.connect(), await sim.connect(), await sim.connect()];
    const answers = await sim.until(
      Promise.all(clients.map((one) => one.send(apis.metadata, 12, { topics: [{ name: "new" }] }))),
    );
    expect(new Set(answers.map(({ topics }) => topics[0]!.topicId)).size).toBe(1);
    expect(answers.map(({ topics }) => topics[0]!.errorCode)).toEqual([0, 0, 0]);
  });

  it("finds topics by id from version 12 on", async () => {
    const [topicId] = await createTopics("a");
    const unknown = "AAAAAAAAAAAAAAAAAAAAFQ";
    const { topics } = await metadata(12, [
      { name: null, topicId: topicId! },
      { name: null, topicId: unknown },
    ]);
    expect(topics.map(({ errorCode, name }) => [errorCode, name])).toEqual([
      [0, "a"],
      [errorCodes.UNKNOWN_TOPIC_ID, null],
    ]);
    const early = await metadata(10, [{ name: null, topicId: topicId! }]);
    expect(early.topics[0]!.errorCode).toBe(errorCodes.INVALID_REQUEST);
  });

  it("says what may be done, when asked", async () => {
    await createTopics("a");
    const asked = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true };
    const answer = await metadata(8, null, asked);
    expect([answer.clusterAuthorizedOperations, answer.topics[0]!.topicAuthorizedOperations]).toEqual([8096, 3576]);
    expect((await metadata(8, null)).topics[0]!.topicAuthorizedOperations).toBe(-2_147_483_648);
  });

  it("gives each listener's clients the address that is theirs", async () => {
    await sim.close();
    await sim.startAgain({
      host: undefined,
      port: undefined,
      listeners: "INSIDE://server:9092,OUTSIDE://:9093,ELSEWHERE://server:9094",
      advertisedListeners: "ELSEWHERE://kafka.example.org:19094",
      listenerSecurityProtocolMap: "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,ELSEWHERE:PLAINTEXT",
    });
    const told: string[] = [];
    for (const port of [9092, 9093, 9094]) {
      client = await sim.connect(port);
      const { brokers } = await metadata(9, []);
      told.push(`${brokers[0]!.host}:${brokers[0]!.port}`);
    }
    expect(told).toEqual(["server:9092", `${sim.machine.address}:9093`, "kafka.example.org:19094"]);
    expect(sim.broker.listeners.map(({ name }) => name)).toEqual(["INSIDE", "OUTSIDE", "ELSEWHERE"]);
  });

  it("shows a partition whose log is damaged as one without a leader, and serves the rest", async () => {
    await sim.close();
    sim = await SimBroker.start({ dataDir, numPartitions: 2 });
    client = await sim.connect();
    await createTopics("a");
    sim.machine.disk.plan({ operation: "change", path: /a-1\/.*\.log$/, effect: "fail" });
    const partitionData = [0, 1].map((index) => ({ index, records: batchOf(["x"]) }));
    const produced = await sim.until(
      client.send(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData: [{ name: "a", partitionData }] }),
    );
    expect(produced.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([
      0,
      errorCodes.KAFKA_STORAGE_ERROR,
    ]);
    const { topics } = await metadata(9, [{ name: "a" }]);
    expect(topics[0]!.partitions).toMatchObject([
      { errorCode: 0, leaderId: 1, offlineReplicas: [] },
      { errorCode: errorCodes.LEADER_NOT_AVAILABLE, leaderId: -1, offlineReplicas: [1] },
    ]);
  });
});

describe("DescribeCluster", () => {
  it("describes the one broker, and refuses to be taken for a controller", async () => {
    for (const version of [0, 1, 2]) {
      const answer = await sim.until(
        client.send(apis.describeCluster, version, { includeClusterAuthorizedOperations: true }),
      );
      expect(answer).toMatchObject({ errorCode: 0, clusterId: sim.broker.clusterId, controllerId: 1 });
      expect(answer.brokers).toEqual([{ brokerId: 1, host: "server", port: 9092, rack: "r1", isFenced: false }]);
      expect(answer.clusterAuthorizedOperations).toBe(8096);
    }
    for (const [endpointType, errorCode] of [
      [2, errorCodes.MISMATCHED_ENDPOINT_TYPE],
      [3, errorCodes.UNSUPPORTED_ENDPOINT_TYPE],
    ] as const) {
      const answer = await sim.until(
        client.send(apis.describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType }),
      );
      expect(answer.errorCode).toBe(errorCode);
    }
  });
});

describe("DescribeTopicPartitions", () => {
  const describePage = (
    topics: string[],
    cursor: { topicName: string; partitionIndex: number } | null,
    limit: number,
  ) =>
    sim.until(
      client.send(apis.describeTopicPartitions, 0, {
        topics: topics.map((name) => ({ name })),
        cursor,
        responsePartitionLimit: limit,
      }),
    );

  it("gives a page at a time, by name", async () => {
    await createTopics("b", "a", "c");
    const seen: string[] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    let pages = 0;
    do {
      const page: Awaited<ReturnType<typeof describePage>> = await describePage([], cursor, 3);
      for (const { name, partitions } of page.topics) {
        for (const { partitionIndex, eligibleLeaderReplicas, lastKnownElr } of partitions) {
          seen.push(`${name}-${partitionIndex}`);
          expect([eligibleLeaderReplicas, lastKnownElr]).toEqual([[], []]);
        }
      }
      cursor = page.nextCursor;
      pages++;
    } while (cursor !== null);
    expect(seen).toEqual(["a-0", "a-1", "b-0", "b-1", "c-0", "c-1"]);
    expect(pages).toBe(2);
  });

  it("says what is not there", async () => {
    await createTopics("a");
    const { topics } = await describePage(["a", "nope", "bad/name"], null, 2000);
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["a", 0],
      ["bad/name", errorCodes.INVALID_TOPIC_EXCEPTION],
      ["nope", errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
  });
});
