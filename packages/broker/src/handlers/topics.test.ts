import { apis, errorCodes, type RequestInput, zeroUuid } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { dataDir, SimBroker } from "../../test/sim-broker.ts";

type NewTopic = RequestInput<typeof apis.createTopics>["topics"][number];

let sim: SimBroker;
let client: FrameClient;
beforeEach(async () => {
  sim = await SimBroker.start({ numPartitions: 2 });
  client = await sim.connect();
});
afterEach(() => sim.close());

function topic(name: string, options: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [], ...options };
}

async function create(topics: NewTopic[], options: { validateOnly?: boolean; version?: number } = {}) {
  const { validateOnly = false, version = 7 } = options;
  const answer = await sim.until(client.send(apis.createTopics, version, { topics, timeoutMs: 1000, validateOnly }));
  expect(answer.throttleTimeMs).toBe(0);
  return answer.topics;
}

async function creationError(asked: NewTopic): Promise<[string, string | null]> {
  const [result] = await create([asked]);
  const name = Object.entries(errorCodes).find(([, code]) => code === result!.errorCode)![0];
  return [name, result!.errorMessage];
}

const names = async () => {
  const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: null }));
  return topics.map((one) => one.name);
};

const assigned = (...brokers: number[][]) =>
  brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }));

describe("CreateTopics", () => {
  it("makes topics with the broker's defaults or as asked, and describes them", async () => {
    const configs = [{ name: "cleanup.policy", value: "compact" }];
    const results = await create([topic("a"), topic("b", { numPartitions: 6, replicationFactor: 1, configs })]);
    expect(
      results.map(({ errorCode, numPartitions, replicationFactor }) => [errorCode, numPartitions, replicationFactor]),
    ).toEqual([
      [0, 2, 1],
      [0, 6, 1],
    ]);
    expect(new Set(results.map(({ topicId }) => topicId)).size).toBe(2);
    expect(results[0]!.topicId).not.toBe(zeroUuid);
    expect(results[1]!.configs!.find(({ name }) => name === "cleanup.policy")).toMatchObject({
      value: "compact",
      configSource: 1,
    });
    expect(results[1]!.configs!.find(({ name }) => name === "min.insync.replicas")).toMatchObject({
      value: "1",
      configSource: 3,
    });
    expect(await names()).toEqual(["a", "b"]);
  });

  it("answers every version", async () => {
    for (let version = 2; version <= 7; version++) {
      const [made, refused] = await create(
        [topic(`v${version}`, { numPartitions: 1, replicationFactor: 1 }), topic("..")],
        { version },
      );
      expect(made).toMatchObject({ name: `v${version}`, errorCode: 0, errorMessage: null });
      expect(refused).toMatchObject({ errorCode: errorCodes.INVALID_TOPIC_EXCEPTION });
    }
  });

  it("only says what would be made when asked to validate", async () => {
    const [result] = await create([topic("a", { configs: [{ name: "retention.ms", value: "5" }] })], {
      validateOnly: true,
    });
    expect(result).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1, topicId: zeroUuid });
    expect(result!.configs!.find(({ name }) => name === "retention.ms")!.value).toBe("5");
    expect(await names()).toEqual([]);
  });

  it("refuses in Kafka's words", async () => {
    await create([topic("order-events"), topic("app.events")]);
    const invalid = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
    const long = "a".repeat(250);
    const cases: [NewTopic, string, string | null][] = [
      [topic("order-events"), "TOPIC_ALREADY_EXISTS", "Topic 'order-events' already exists."],
      [topic("app_events"), "INVALID_TOPIC_EXCEPTION", "Topic 'app_events' collides with existing topic: app.events"],
      [topic("bad/name"), "INVALID_TOPIC_EXCEPTION", `Topic name is invalid: 'bad/name' ${invalid}`],
      [topic("bad name"), "INVALID_TOPIC_EXCEPTION", `Topic name is invalid: 'bad name' ${invalid}`],
      [topic("."), "INVALID_TOPIC_EXCEPTION", "Topic name is invalid: '.' is not allowed"],
      [topic(""), "INVALID_TOPIC_EXCEPTION", "Topic name is invalid: the empty string is not allowed"],
      [
        topic(long),
        "INVALID_TOPIC_EXCEPTION",
        `Topic name is invalid: the length of '${long}' is longer than the max allowed length 249`,
      ],
      [
        topic("rf3", { replicationFactor: 3 }),
        "INVALID_REPLICATION_FACTOR",
        "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
      ],
      [
        topic("rf0", { replicationFactor: 0 }),
        "INVALID_REPLICATION_FACTOR",
        "Replication factor must be larger than 0, or -1 to use the default value.",
      ],
      [
        topic("p0", { numPartitions: 0 }),
        "INVALID_PARTITIONS",
        "Number of partitions was set to an invalid non-positive value.",
      ],
      [
        topic("many", { numPartitions: 10_001 }),
        "POLICY_VIOLATION",
        "Excessively large number of partitions per request.",
      ],
      [
        topic("assigned2", { assignments: assigned([1], [7]) }),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes broker 7, but no such broker is registered.",
      ],
      [
        topic("assigned3", { assignments: assigned([1, 1]) }),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes the broker 1 more than once.",
      ],
      [
        topic("assigned4", { assignments: assigned([]) }),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes an empty replica list.",
      ],
      [
        topic("assigned5", { assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
        "INVALID_REPLICA_ASSIGNMENT",
        "partitions should be a consecutive 0-based integer sequence",
      ],
      [
        topic("assigned6", { assignments: assigned([1]), numPartitions: 1 }),
        "INVALID_REQUEST",
        "A manual partition assignment was specified, but numPartitions was not set to -1.",
      ],
      [
        topic("c1", { configs: [{ name: "no.such.config", value: "1" }] }),
        "INVALID_CONFIG",
        "Unknown topic config name: no.such.config",
      ],
      [
        topic("c2", { configs: [{ name: "cleanup.policy", value: "shred" }] }),
        "INVALID_CONFIG",
        "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
      ],
      [
        topic("c3", { configs: [{ name: "retention.ms", value: "abc" }] }),
        "INVALID_CONFIG",
        "Invalid value abc for configuration retention.ms: Not a number of type LONG",
      ],
      [
        topic("c4", { configs: [{ name: "retention.ms", value: null }] }),
        "INVALID_CONFIG",
        "Null value not supported for topic configs: retention.ms",
      ],
      [topic("__cluster_metadata"), "TOPIC_AUTHORIZATION_FAILED", "Authorization failed."],
    ];
    for (const [asked, errorName, message] of cases) expect(await creationError(asked)).toEqual([errorName, message]);
    expect(await names()).toEqual(["order-events", "app.events"]);
  });

  it("makes the rest when some are refused or named twice", async () => {
    const results = await create([
      topic("a"),
      topic("a"),
      topic("b/"),
      topic("c", { assignments: assigned([1], [1], [1]) }),
    ]);
    const errors = Object.fromEntries(
      results.map(({ name, errorCode, errorMessage }) => [name, [errorCode, errorMessage]]),
    );
    expect(errors.a).toEqual([errorCodes.INVALID_REQUEST, "Duplicate topic name."]);
    expect(errors["b/"]![0]).toBe(errorCodes.INVALID_TOPIC_EXCEPTION);
    expect(errors.c).toEqual([0, null]);
    expect(await names()).toEqual(["c"]);
  });

  it("gives a name to one of two who ask at the same time", async () => {
    const other = await sim.connect();
    const ask = (who: FrameClient) => who.send(apis.createTopics, 7, { topics: [topic("a")] });
    const answers = await sim.until(Promise.all([ask(client), ask(other)]));
    expect(answers.map(({ topics }) => topics[0]!.errorCode)).toEqual([0, errorCodes.TOPIC_ALREADY_EXISTS]);
  });

  it("makes the topic of the groups as its settings say, whoever asks", async () => {
    const [result] = await create([topic("__consumer_offsets", { numPartitions: 3 })]);
    expect(result).toMatchObject({ errorCode: 0, numPartitions: 50 });
    const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: null }));
    expect(topics[0]).toMatchObject({ name: "__consumer_offsets", isInternal: true });
  });
});

describe("DeleteTopics", () => {
  const remove = async (version: number, request: Partial<RequestInput<typeof apis.deleteTopics>>) => {
    const answer = await sim.until(client.send(apis.deleteTopics, version, { timeoutMs: 1000, ...request }));
    return answer.responses.map(({ name, errorCode }) => [name, errorCode]);
  };

  it("deletes by name in every version that has names, and a new topic may take the name", async () => {
    for (let version = 1; version <= 5; version++) {
      await create([topic("a")]);
      expect(await remove(version, { topicNames: ["a", "nope"] })).toEqual([
        ["nope", errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
        ["a", 0],
      ]);
      expect(await names()).toEqual([]);
    }
  });

  it("deletes by id, and each topic must be named once", async () => {
    const made = await create([topic("a"), topic("b"), topic("c")]);
    const [a, b, c] = made.map(({ topicId }) => topicId);
    const unknown = "AAAAAAAAAAAAAAAAAAAAFQ";
    const results = await remove(6, {
      topics: [
        { name: null, topicId: a! },
        { name: "b", topicId: b! },
        { name: null, topicId: zeroUuid },
        { name: null, topicId: unknown },
        { name: "nope", topicId: zeroUuid },
        { name: null, topicId: c! },
        { name: "c", topicId: zeroUuid },
      ],
    });
    expect(results).toEqual([
      ["b", errorCodes.INVALID_REQUEST],
      [null, errorCodes.INVALID_REQUEST],
      [null, errorCodes.UNKNOWN_TOPIC_ID],
      ["nope", errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      ["c", errorCodes.INVALID_REQUEST],
      ["a", 0],
    ]);
    expect(await names()).toEqual(["b", "c"]);
  });

  it("can be switched off", async () => {
    await sim.close();
    await sim.startAgain({ deleteTopicEnable: false });
    client = await sim.connect();
    await create([topic("a")]);
    expect(await remove(5, { topicNames: ["a"] })).toEqual([["a", errorCodes.TOPIC_DELETION_DISABLED]]);
    expect(await remove(2, { topicNames: ["a"] })).toEqual([["a", errorCodes.INVALID_REQUEST]]);
  });
});

describe("CreatePartitions", () => {
  const grow = async (name: string, count: number, assignments: number[][] | null = null, validateOnly = false) => {
    const topics = [{ name, count, assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null }];
    const { results } = await sim.until(
      client.send(apis.createPartitions, 3, { topics, timeoutMs: 1000, validateOnly }),
    );
    return [results[0]!.errorCode, results[0]!.errorMessage];
  };

  it("adds partitions, and refuses in Kafka's words", async () => {
    await create([topic("order-events", { numPartitions: 6 })]);
    expect(await grow("order-events", 8, null, true)).toEqual([0, null]);
    expect(await grow("order-events", 8)).toEqual([0, null]);
    expect(await grow("order-events", 9, [[1]])).toEqual([0, null]);
    expect(await grow("order-events", 2)).toEqual([
      errorCodes.INVALID_PARTITIONS,
      "The topic order-events currently has 9 partition(s); 2 would not be an increase.",
    ]);
    expect(await grow("order-events", 9)).toEqual([errorCodes.INVALID_PARTITIONS, "Topic already has 9 partition(s)."]);
    expect(await grow("order-events", 11, [])).toEqual([
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      "Attempted to add 2 additional partition(s), but only 0 assignment(s) were specified.",
    ]);
    expect(await grow("order-events", 10, [[7]])).toEqual([
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      "The manual partition assignment includes broker 7, but no such broker is registered.",
    ]);
    expect(await grow("nope", 10)).toEqual([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, null]);
    const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: null }));
    expect(topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("refuses a topic that is named twice, and the topic of the groups", async () => {
    await create([topic("a"), topic("__consumer_offsets")]);
    const twice = { name: "a", count: 4, assignments: null };
    const { results } = await sim.until(
      client.send(apis.createPartitions, 0, { topics: [twice, twice], timeoutMs: 1, validateOnly: false }),
    );
    expect(results).toEqual([
      { name: "a", errorCode: errorCodes.INVALID_REQUEST, errorMessage: "Duplicate topic name." },
    ]);
    expect((await grow("__consumer_offsets", 51))[0]).toBe(errorCodes.INVALID_PARTITIONS);
  });
});

it("refuses every change once the metadata log cannot be written, and serves what there is", async () => {
  await sim.close();
  sim = await SimBroker.start({ dataDir });
  client = await sim.connect();
  await create([topic("a")]);
  sim.machine.disk.plan({ operation: "sync", path: /metadata\.log$/, effect: "fail" });
  const message = "the broker's metadata log cannot be written";
  expect(await creationError(topic("b"))).toEqual(["KAFKA_STORAGE_ERROR", message]);
  expect(await creationError(topic("c"))).toEqual(["KAFKA_STORAGE_ERROR", message]);
  const removal = await sim.until(client.send(apis.deleteTopics, 5, { topicNames: ["a"], timeoutMs: 1 }));
  expect(removal.responses[0]).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR, errorMessage: message });
  const initialized = await sim.until(
    client.send(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 }),
  );
  expect(initialized.errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE);
  expect(await names()).toEqual(["a"]);
  expect(sim.logger.messages("error")[0]).toContain("nothing can be changed until the broker is restarted");
  await sim.close();
  await sim.startAgain();
  client = await sim.connect();
  expect(await creationError(topic("d"))).toEqual(["NONE", null]);
});
