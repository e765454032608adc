import { describe, expect, it } from "vitest";
import { brokerDocumentation } from "./config/broker-documentation.ts";
import { ConfigError } from "./config/definition.ts";
import { brokerDefinitions } from "./config/settings.ts";
import { type BrokerOptions, readOptions } from "./config.ts";

function refused(options: object): string {
  try {
    readOptions(options as BrokerOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("was not refused");
}

describe("the broker's options", () => {
  it("have Kafka's defaults, and our own where the docs say so", () => {
    const { settings, nodeId, withoutEffect } = readOptions({});
    expect(nodeId).toBeNull();
    expect(withoutEffect).toEqual([]);
    expect(settings.number("num.partitions")).toBe(1);
    expect(settings.number("message.max.bytes")).toBe(1_048_588);
    expect(settings.number("group.initial.rebalance.delay.ms")).toBe(0);
    expect(settings.number("log.flush.interval.messages")).toBe(Number.POSITIVE_INFINITY);
    expect(settings.boolean("auto.create.topics.enable")).toBe(true);
    expect(settings.retentionMs).toBe(604_800_000);
    expect(settings.text("flush")).toBe("os");
  });

  it("take names in camelCase and with dots, the first before the second", () => {
    const { settings } = readOptions({
      numPartitions: 6,
      autoCreateTopicsEnable: false,
      logCleanupPolicy: ["compact", "delete"],
      logRetentionMs: -1,
      flush: "always",
      config: { "num.partitions": 3, "log.segment.bytes": "2097152" },
    });
    expect(settings.number("num.partitions")).toBe(6);
    expect(settings.boolean("auto.create.topics.enable")).toBe(false);
    expect(settings.list("log.cleanup.policy")).toEqual(["compact", "delete"]);
    expect(settings.retentionMs).toBe(-1);
    expect(settings.number("log.segment.bytes")).toBe(2_097_152);
  });

  it("are refused with the nearest name when they are unknown", () => {
    expect(refused({ config: { "num.partition": 1 } })).toBe(
      "Unknown broker setting num.partition; did you mean num.partitions?",
    );
    expect(refused({ config: { "something.else.entirely": 1 } })).toBe(
      "Unknown broker setting something.else.entirely",
    );
    expect(refused({ numPartition: 1 })).toBe("Unknown option numPartition; did you mean numPartitions?");
  });

  it("are refused in Kafka's words when a value is wrong", () => {
    expect(refused({ numPartitions: 0 })).toBe(
      "Invalid value 0 for configuration num.partitions: Value must be at least 1",
    );
    expect(refused({ config: { "num.partitions": "x" } })).toBe(
      "Invalid value x for configuration num.partitions: Not a number of type INT",
    );
    expect(refused({ config: { "num.partitions": 2 ** 31 } })).toContain("Not a number of type INT");
    expect(refused({ config: { "auto.create.topics.enable": "yes" } })).toBe(
      "Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false",
    );
    expect(refused({ flush: "sometimes" })).toBe(
      "Invalid value sometimes for configuration flush: String must be one of: os, interval, always",
    );
    expect(refused({ config: { "log.cleaner.min.cleanable.ratio": "1.5" } })).toBe(
      "Invalid value 1.5 for configuration log.cleaner.min.cleanable.ratio: Value must be no more than 1",
    );
    expect(refused({ config: { "compression.gzip.level": "10" } })).toBe(
      "Invalid value 10 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
    );
    expect(refused({ config: { "log.cleanup.policy": "shred" } })).toContain("String must be one of: compact, delete");
    expect(refused({ config: { "log.cleanup.policy": "delete,delete" } })).toContain("values must not be duplicated");
  });

  it("are refused where no group could ever be served", () => {
    expect(refused({ offsetsTopicSegmentBytes: 100_000 })).toBe(
      "Invalid value 100000 for configuration offsets.topic.segment.bytes: Value must be at least 1048576, the least segment.bytes of a topic",
    );
  });

  it("name what has no effect here", () => {
    const { withoutEffect } = readOptions({
      config: {
        "process.roles": "broker,controller",
        "controller.quorum.voters": "1@localhost:9093",
        "num.io.threads": "8",
        "num.partitions": "2",
        "listener.name.plaintext.connections.max.reauth.ms": "1",
      },
    });
    expect(withoutEffect).toEqual([
      "process.roles",
      "controller.quorum.voters",
      "num.io.threads",
      "listener.name.plaintext.connections.max.reauth.ms",
    ]);
  });

  it("take broker.id for node.id, unless both are given and differ", () => {
    expect(readOptions({ config: { "broker.id": 7 } }).nodeId).toBe(7);
    expect(refused({ config: { "broker.id": 7, "node.id": 8 } })).toContain("differ");
  });

  it("document every setting that they have an effect for, and no other", () => {
    for (const name of Object.keys(brokerDocumentation)) expect(brokerDefinitions.get(name)).toBeDefined();
  });
});

describe("the listeners", () => {
  const listenersOf = (config: Record<string, string>) => readOptions({ config }).listeners;

  it("default to both loopback families on 9092", () => {
    expect(readOptions({}).listeners).toEqual([{ name: "PLAINTEXT", host: "localhost", port: 9092, advertised: null }]);
    expect(readOptions({ port: 0 }).listeners[0]).toMatchObject({ host: "localhost", port: 0 });
    expect(readOptions({ host: "::1", port: 1 }).listeners[0]).toMatchObject({ host: "::1", port: 1 });
  });

  it("may be several, each with what clients are told", () => {
    expect(
      listenersOf({
        listeners: "INSIDE://:9092,OUTSIDE://[::]:9093,CONTROLLER://:9094",
        "advertised.listeners": "OUTSIDE://kafka.example.org:19093",
        "listener.security.protocol.map": "inside:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
      }),
    ).toEqual([
      { name: "INSIDE", host: "", port: 9092, advertised: null },
      { name: "OUTSIDE", host: "::", port: 9093, advertised: { host: "kafka.example.org", port: 19093 } },
    ]);
  });

  it("are refused when they make no sense", () => {
    const message = (config: Record<string, string>) => refused({ config });
    expect(message({ listeners: "localhost:9092" })).toContain("expected NAME://host:port");
    expect(message({ listeners: "PLAINTEXT://localhost:99999" })).toContain("expected NAME://host:port");
    expect(message({ listeners: "PLAINTEXT://a:1,PLAINTEXT://b:2" })).toContain("the name PLAINTEXT twice");
    expect(message({ listeners: "SSL://localhost:9092" })).toContain("only PLAINTEXT is served yet");
    expect(message({ listeners: "INSIDE://localhost:9092" })).toContain("has no protocol");
    expect(message({ "advertised.listeners": "OTHER://x:1" })).toContain("which listeners does not have");
    expect(message({ "advertised.listeners": "PLAINTEXT://0.0.0.0:1" })).toContain("clients can connect to");
    expect(refused({ port: 1, listeners: "PLAINTEXT://x:2" })).toContain("give one or the other");
    expect(refused({ port: 70000 })).toContain("from 0 to 65535");
  });
});

describe("settings that change while the broker runs", () => {
  it("take precedence, and are listed in order with what they cover", () => {
    const { settings } = readOptions({ config: { "log.cleanup.policy": "compact" } });
    settings.setDynamic(
      new Map([["log.cleanup.policy", "compact,delete"]]),
      new Map([["log.cleanup.policy", "delete"]]),
    );
    expect(settings.text("log.cleanup.policy")).toBe("delete");
    expect(settings.synonyms("log.cleanup.policy").map(({ source, value }) => [source, value])).toEqual([
      [2, "delete"],
      [3, "compact,delete"],
      [4, "compact"],
      [5, "delete"],
    ]);
  });

  it("leave out what only a coarser name says, as Kafka does", () => {
    const { settings } = readOptions({ config: { "log.retention.hours": "1" } });
    expect(settings.retentionMs).toBe(3_600_000);
    expect(settings.synonyms("log.retention.ms")).toEqual([]);
    settings.setDynamic(new Map([["log.retention.ms", "5"]]), new Map());
    expect(settings.retentionMs).toBe(5);
    expect(settings.synonyms("log.retention.ms").map(({ name }) => name)).toEqual([
      "log.retention.ms",
      "log.retention.hours",
      "log.retention.hours",
    ]);
  });
});
