import { apis, errorCodes } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { batchOf, dataDir, SimBroker } from "../../test/sim-broker.ts";

const [topicType, brokerType, groupType] = [2, 4, 32];
const sources: Record<number, string> = {
  1: "DYNAMIC_TOPIC_CONFIG",
  2: "DYNAMIC_BROKER_CONFIG",
  3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
  4: "STATIC_BROKER_CONFIG",
  5: "DEFAULT_CONFIG",
  8: "DYNAMIC_GROUP_CONFIG",
};

let sim: SimBroker;
let client: FrameClient;
beforeEach(async () => {
  sim = await SimBroker.start({ dataDir });
  client = await sim.connect();
  await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "order-events" }] }));
});
afterEach(() => sim.close());

async function restart() {
  await sim.close();
  await sim.startAgain();
  client = await sim.connect();
}

async function describeAll(resourceType: number, resourceName: string, configurationKeys: string[] | null = null) {
  const resources = [{ resourceType, resourceName, configurationKeys }];
  const { results } = await sim.until(
    client.send(apis.describeConfigs, 4, { resources, includeSynonyms: true, includeDocumentation: true }),
  );
  return results[0]!;
}

/** Settings in the form in which kafka-configs prints them. */
async function printed(resourceType: number, resourceName: string, isWanted: (source: number) => boolean = () => true) {
  const { configs } = await describeAll(resourceType, resourceName);
  return configs
    .filter(({ configSource }) => isWanted(configSource))
    .map(({ name, value, isSensitive, synonyms }) => {
      const all = synonyms.map((synonym) => `${sources[synonym.source]}:${synonym.name}=${synonym.value}`);
      return `${name}=${value} sensitive=${isSensitive} synonyms={${all.join(", ")}}`;
    });
}

const isOwn = (source: number) => source === 1 || source === 2 || source === 8;

const operations = { set: 0, delete: 1, append: 2, subtract: 3 };
async function alter(
  resourceType: number,
  resourceName: string,
  changes: [operation: keyof typeof operations, name: string, value?: string | null][],
  validateOnly = false,
): Promise<[number, string | null]> {
  const configs = changes.map(([operation, name, value = null]) => ({
    name,
    value,
    configOperation: operations[operation],
  }));
  const resources = [{ resourceType, resourceName, configs }];
  const { responses } = await sim.until(client.send(apis.incrementalAlterConfigs, 1, { resources, validateOnly }));
  expect(responses[0]).toMatchObject({ resourceType, resourceName });
  return [responses[0]!.errorCode, responses[0]!.errorMessage];
}

describe("a topic's settings", () => {
  it("are shown with their sources as kafka-configs shows them", async () => {
    await alter(topicType, "order-events", [
      ["set", "retention.ms", "86400000"],
      ["set", "cleanup.policy", "compact,delete"],
    ]);
    const all = await printed(topicType, "order-events");
    const expected = [
      "cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}",
      "delete.retention.ms=86400000 sensitive=false synonyms={DEFAULT_CONFIG:log.cleaner.delete.retention.ms=86400000}",
      "flush.messages=9223372036854775807 sensitive=false synonyms={DEFAULT_CONFIG:log.flush.interval.messages=9223372036854775807}",
      "flush.ms=9223372036854775807 sensitive=false synonyms={}",
      "follower.replication.throttled.replicas= sensitive=false synonyms={}",
      "min.cleanable.dirty.ratio=0.5 sensitive=false synonyms={DEFAULT_CONFIG:log.cleaner.min.cleanable.ratio=0.5}",
      "min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1, DEFAULT_CONFIG:min.insync.replicas=1}",
      "preallocate=false sensitive=false synonyms={DEFAULT_CONFIG:log.preallocate=false}",
      "remote.storage.enable=false sensitive=false synonyms={}",
      "retention.bytes=-1 sensitive=false synonyms={DEFAULT_CONFIG:log.retention.bytes=-1}",
      "retention.ms=86400000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=86400000}",
      "segment.bytes=1073741824 sensitive=false synonyms={DEFAULT_CONFIG:log.segment.bytes=1073741824}",
      "segment.jitter.ms=0 sensitive=false synonyms={}",
      "segment.ms=604800000 sensitive=false synonyms={}",
    ];
    for (const line of expected) expect(all).toContain(line);
    expect(all).toHaveLength(33);
    const { configs } = await describeAll(topicType, "order-events", ["retention.ms"]);
    expect(configs).toHaveLength(1);
    expect(configs[0]).toMatchObject({
      configType: 5,
      readOnly: false,
      documentation: "How long records are kept; -1: for ever.",
    });
  });

  it("are set, removed, added to and taken from, and survive a restart", async () => {
    expect(await alter(topicType, "order-events", [["append", "cleanup.policy", "compact"]])).toEqual([0, null]);
    expect(await alter(topicType, "order-events", [["set", "segment.ms", " 0600000 "]])).toEqual([0, null]);
    expect(await alter(topicType, "order-events", [["delete", "no.such"]])).toEqual([0, null]);
    await restart();
    expect(await printed(topicType, "order-events", isOwn)).toEqual([
      "cleanup.policy=delete,compact sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=delete,compact, DEFAULT_CONFIG:log.cleanup.policy=delete}",
      "segment.ms=600000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:segment.ms=600000}",
    ]);
    await alter(topicType, "order-events", [
      ["subtract", "cleanup.policy", "delete"],
      ["delete", "segment.ms"],
    ]);
    const left = await printed(topicType, "order-events", isOwn);
    expect(left.map((line) => line.split(" ")[0])).toEqual(["cleanup.policy=compact"]);
  });

  it("are refused in Kafka's words, and then nothing is changed", async () => {
    const cases: [Parameters<typeof alter>[2], number, string][] = [
      [[["set", "no.such", "1"]], errorCodes.INVALID_CONFIG, "Unknown topic config name: no.such"],
      [
        [["set", "retention.ms", "abc"]],
        errorCodes.INVALID_CONFIG,
        "Invalid value abc for configuration retention.ms: Not a number of type LONG",
      ],
      [
        [["set", "retention.ms", ""]],
        errorCodes.INVALID_CONFIG,
        "Invalid value  for configuration retention.ms: Not a number of type LONG",
      ],
      [
        [["set", "segment.bytes", "1"]],
        errorCodes.INVALID_CONFIG,
        "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576",
      ],
      [
        [
          ["set", "min.compaction.lag.ms", "10"],
          ["set", "max.compaction.lag.ms", "5"],
        ],
        errorCodes.INVALID_CONFIG,
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
      ],
      [
        [["append", "retention.ms", "1"]],
        errorCodes.INVALID_CONFIG,
        "Can't APPEND to key retention.ms because its type is not LIST.",
      ],
      [[["set", "retention.ms", null]], errorCodes.INVALID_REQUEST, "Null value not supported for : retention.ms"],
      [
        [
          ["set", "retention.ms", "1"],
          ["delete", "retention.ms"],
        ],
        errorCodes.INVALID_REQUEST,
        "Error due to duplicate config keys",
      ],
    ];
    for (const [changes, code, message] of cases) {
      expect(await alter(topicType, "order-events", changes)).toEqual([code, message]);
    }
    expect(await printed(topicType, "order-events", isOwn)).toEqual([]);
    expect(await alter(topicType, "nope", [["set", "retention.ms", "1"]])).toEqual([
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      "The topic 'nope' does not exist.",
    ]);
    expect((await alter(topicType, "", [["set", "retention.ms", "1"]]))[0]).toBe(errorCodes.INVALID_REQUEST);
    expect((await describeAll(topicType, "nope")).errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    expect((await describeAll(topicType, "bad/name")).errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION);
  });

  it("are only checked when asked to", async () => {
    expect(await alter(topicType, "order-events", [["set", "retention.ms", "5"]], true)).toEqual([0, null]);
    expect(await printed(topicType, "order-events", isOwn)).toEqual([]);
  });

  it("hold for the next append", async () => {
    await alter(topicType, "order-events", [["set", "max.message.bytes", "100"]]);
    const topicData = [{ name: "order-events", partitionData: [{ index: 0, records: batchOf(["x".repeat(200)]) }] }];
    const { responses } = await sim.until(client.send(apis.produce, 9, { acks: 1, timeoutMs: 1, topicData }));
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
  });

  it("go back to their defaults with AlterConfigs unless they are named", async () => {
    await alter(topicType, "order-events", [
      ["set", "retention.ms", "5"],
      ["set", "segment.ms", "5"],
    ]);
    for (const version of [0, 1, 2]) {
      const configs = [{ name: "retention.ms", value: `${version}` }];
      const resources = [{ resourceType: topicType, resourceName: "order-events", configs }];
      const { responses } = await sim.until(
        client.send(apis.alterConfigs, version, { resources, validateOnly: false }),
      );
      expect(responses).toMatchObject([{ errorCode: 0, errorMessage: null }]);
      expect((await printed(topicType, "order-events", isOwn)).map((line) => line.split(" ")[0])).toEqual([
        `retention.ms=${version}`,
      ]);
    }
  });

  it("go with their topic", async () => {
    await alter(topicType, "order-events", [["set", "retention.ms", "5"]]);
    await sim.until(client.send(apis.deleteTopics, 5, { topicNames: ["order-events"], timeoutMs: 1 }));
    await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "order-events" }] }));
    expect(await printed(topicType, "order-events", isOwn)).toEqual([]);
  });
});

describe("the broker's settings", () => {
  it("are shown with what they were started with", async () => {
    await sim.close();
    await sim.startAgain({ numPartitions: 3, config: { "ssl.keystore.password": "secret" } });
    client = await sim.connect();
    const all = await printed(brokerType, "1");
    expect(all).toContain(
      "num.partitions=3 sensitive=false synonyms={STATIC_BROKER_CONFIG:num.partitions=3, DEFAULT_CONFIG:num.partitions=1}",
    );
    expect(all).toContain("log.cleaner.threads=1 sensitive=false synonyms={DEFAULT_CONFIG:log.cleaner.threads=1}");
    expect(all).toContain("alter.config.policy.class.name=null sensitive=false synonyms={}");
    expect(all.filter((line) => line.includes("=secret"))).toEqual([]);
    expect(all).toContain(
      "ssl.keystore.password=null sensitive=true synonyms={STATIC_BROKER_CONFIG:ssl.keystore.password=null}",
    );
    const { configs } = await describeAll(brokerType, "1", ["num.partitions", "log.cleaner.threads"]);
    expect(configs.map(({ name, readOnly }) => [name, readOnly])).toEqual([
      ["log.cleaner.threads", false],
      ["num.partitions", true],
    ]);
    expect(sim.logger.messages("warn")).toContain("settings without effect here: ssl.keystore.password");
  });

  it("change while it runs, for one broker or for all, and survive a restart", async () => {
    expect(await alter(brokerType, "1", [["set", "log.cleaner.threads", "2"]])).toEqual([0, null]);
    expect(await alter(brokerType, "", [["set", "log.retention.ms", "604800000"]])).toEqual([0, null]);
    await restart();
    expect(await printed(brokerType, "1", isOwn)).toEqual([
      "log.cleaner.threads=2 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.cleaner.threads=2, DEFAULT_CONFIG:log.cleaner.threads=1}",
    ]);
    expect(await printed(brokerType, "")).toEqual([
      "min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1}",
      "log.retention.ms=604800000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=604800000}",
    ]);
    const retention = (await printed(topicType, "order-events")).find((line) => line.startsWith("retention.ms"));
    expect(retention).toContain(
      "synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=604800000, DEFAULT_CONFIG:log.retention.hours=168}",
    );
    expect(await alter(brokerType, "1", [["delete", "log.cleaner.threads"]])).toEqual([0, null]);
    expect(await printed(brokerType, "1", isOwn)).toEqual([]);
  });

  it("take effect on connections and topics at once", async () => {
    await alter(brokerType, "", [
      ["set", "max.connections", "1"],
      ["set", "message.max.bytes", "100"],
    ]);
    const refused = await sim.connect();
    await sim.until(refused.closed);
    const topicData = [{ name: "order-events", partitionData: [{ index: 0, records: batchOf(["x".repeat(200)]) }] }];
    const { responses } = await sim.until(client.send(apis.produce, 9, { acks: 1, timeoutMs: 1, topicData }));
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
  });

  it("are refused in Kafka's words", async () => {
    const invalid = errorCodes.INVALID_REQUEST;
    expect(await alter(brokerType, "1", [["set", "log.dirs", "/data"]])).toEqual([
      invalid,
      "Cannot update these configs dynamically: [log.dirs]",
    ]);
    expect(await alter(brokerType, "1", [["set", "log.cleaner.threads", "x"]])).toEqual([
      invalid,
      "Invalid value x for configuration log.cleaner.threads: Not a number of type INT",
    ]);
    expect(await alter(brokerType, "9", [["set", "log.cleaner.threads", "2"]])).toEqual([
      invalid,
      "Unexpected broker id, expected 1, but received 9",
    ]);
    expect(await alter(brokerType, "one", [["set", "log.cleaner.threads", "2"]])).toEqual([
      invalid,
      "Node id must be an integer, but it is: one",
    ]);
    expect(await describeAll(brokerType, "9")).toMatchObject({
      errorCode: invalid,
      errorMessage: "Unexpected broker id, expected 1 or empty string, but received 9",
    });
  });
});

describe("a group's settings", () => {
  it("are kept and shown", async () => {
    expect(await alter(groupType, "g", [["set", "consumer.session.timeout.ms", "50000"]])).toEqual([0, null]);
    await restart();
    expect(await printed(groupType, "g", isOwn)).toEqual([
      "consumer.session.timeout.ms=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000, DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000}",
    ]);
    expect(await printed(groupType, "g")).toContain(
      "share.auto.offset.reset=latest sensitive=false synonyms={DEFAULT_CONFIG:share.auto.offset.reset=latest}",
    );
    expect(await alter(groupType, "g", [["set", "no.such", "1"]])).toEqual([
      errorCodes.INVALID_CONFIG,
      "Unknown group config name: no.such",
    ]);
  });
});

it("refuses resources that are named twice or do not exist, and answers the rest", async () => {
  const one = { resourceType: topicType, resourceName: "order-events", configs: [] };
  const resources = [
    one,
    one,
    { ...one, resourceType: brokerType, resourceName: "" },
    { ...one, resourceType: 99 },
    { ...one, resourceType: 8 },
  ];
  const { responses } = await sim.until(
    client.send(apis.incrementalAlterConfigs, 0, { resources, validateOnly: false }),
  );
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([42, 42, 0, 42, 42]);
  const described = await sim.until(
    client.send(apis.describeConfigs, 1, {
      resources: [{ resourceType: 99, resourceName: "x", configurationKeys: null }],
    }),
  );
  expect(described.results[0]!.errorCode).toBe(errorCodes.INVALID_REQUEST);
});

it("lists the resources that may have settings, and groups that have some", async () => {
  await alter(groupType, "g", [["set", "consumer.session.timeout.ms", "50000"]]);
  const list = async (resourceTypes: number[] | null) => {
    const [version, body] = resourceTypes === null ? [0, {}] : [1, { resourceTypes }];
    const answer = await sim.until(client.send(apis.listConfigResources, version as number, body));
    return answer.errorCode === 0 ? answer.configResources : answer.errorCode;
  };
  const group = { resourceName: "g", resourceType: groupType };
  const broker = { resourceName: "1", resourceType: brokerType };
  const topic = { resourceName: "order-events", resourceType: topicType };
  expect(await list([])).toEqual([group, { ...broker, resourceType: 8 }, broker, topic]);
  expect(await list([groupType])).toEqual([group]);
  expect(await list([16])).toEqual([]);
  expect(await list([3])).toBe(errorCodes.UNSUPPORTED_VERSION);
  expect(await list(null)).toEqual([]);
});
