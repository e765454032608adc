import { describe, expect, it } from "vitest";
import { clientSettings, nearestName, parseAddress, validate } from "./config.ts";
import { ConfigError } from "./errors.ts";

const bootstrapServers = "localhost:9092";
const check = (options: object) => validate("Test", clientSettings, options as { bootstrapServers: string });

describe("settings", () => {
  it("have Kafka's defaults", () => {
    expect(check({ bootstrapServers })).toMatchObject({
      bootstrapServers: [{ host: "localhost", port: 9092 }],
      clientId: "",
      connectionsMaxIdleMs: 540_000,
      metadataMaxAgeMs: 300_000,
      metadataRecoveryStrategy: "rebootstrap",
      metadataRecoveryRebootstrapTriggerMs: 300_000,
      reconnectBackoffMs: 50,
      reconnectBackoffMaxMs: 1_000,
      requestTimeoutMs: 30_000,
      retryBackoffMs: 100,
      retryBackoffMaxMs: 1_000,
      socketConnectionSetupTimeoutMs: 10_000,
      socketConnectionSetupTimeoutMaxMs: 30_000,
      securityProtocol: "PLAINTEXT",
    });
  });

  it.each([
    [{}, "Test needs the setting bootstrapServers: it must be host:port"],
    [{ bootstrapServers: "localhost" }, 'Test setting bootstrapServers is "localhost", but must be host:port'],
    [{ bootstrapServers: [] }, "Test setting bootstrapServers is []"],
    [
      { bootstrapServers, requestTimeoutMs: -1 },
      "Test setting requestTimeoutMs is -1, but must be a whole number, 0 or more",
    ],
    [{ bootstrapServers, requestTimeoutMs: 1.5 }, "requestTimeoutMs is 1.5"],
    [{ bootstrapServers, requestTimeoutMs: "30000" }, 'requestTimeoutMs is "30000"'],
    [{ bootstrapServers, requestTimeoutMs: 2 ** 31 }, "(at most 2147483647)"],
    [{ bootstrapServers, retryBackoffMs: Number.NaN }, "retryBackoffMs is null"],
    [{ bootstrapServers, clientId: 7 }, "clientId is 7, but must be a string"],
    [{ bootstrapServers, metadataRecoveryStrategy: "hope" }, 'must be one of "rebootstrap", "none"'],
    [{ bootstrapServers, logger: {} }, "must be a Logger"],
    [{ bootstrapServers, requestTimeOut: 1 }, "Test has no setting requestTimeOut: did you mean requestTimeoutMs?"],
    [{ bootstrapServers, "request.timeout.ms": 1 }, "did you mean requestTimeoutMs?"],
    [{ bootstrapServers, reconectBackofMs: 1 }, "did you mean reconnectBackoffMs?"],
    [{ bootstrapServers, colour: "red" }, "it knows bootstrapServers, clientId"],
    [{ bootstrapServers, saslMechanism: "PLAIN" }, "Ottla has no TLS and no SASL yet"],
  ])("refuses %j", (options, message) => {
    expect(() => check(options)).toThrow(ConfigError);
    expect(() => check(options)).toThrow(message);
  });

  it("names the setting in the error, and takes undefined for left out", () => {
    expect(check({ bootstrapServers, clientId: undefined }).clientId).toBe("");
    try {
      check({ bootstrapServers, clientId: null });
    } catch (error) {
      expect(error).toMatchObject({ setting: "clientId", code: "INVALID_CONFIG", retriable: false });
    }
  });

  it("takes long where Kafka does", () => {
    expect(check({ bootstrapServers, metadataMaxAgeMs: 2 ** 40 }).metadataMaxAgeMs).toBe(2 ** 40);
    expect(() => check({ bootstrapServers, metadataMaxAgeMs: 2 ** 53 })).toThrow("a whole number, 0 or more");
  });
});

describe("addresses", () => {
  it.each([
    ["localhost:9092", "localhost", 9092],
    [" kafka-1.example.org:1 ", "kafka-1.example.org", 1],
    ["[::1]:9093", "::1", 9093],
    ["10.0.0.1:65535", "10.0.0.1", 65_535],
    ["PLAINTEXT://host:9092", "host", 9092],
  ])("reads %s", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(["", "host", ":9092", "host:", "host:0", "host:65536", "host:1:2", "::1:9092", "ho st:1", "host:1/x"])(
    "refuses %j",
    (text) => {
      expect(parseAddress(text)).toBeNull();
    },
  );

  it("takes several, in a string or an array", () => {
    const expected = [
      { host: "a", port: 1 },
      { host: "b", port: 2 },
    ];
    expect(check({ bootstrapServers: "a:1,b:2" }).bootstrapServers).toEqual(expected);
    expect(check({ bootstrapServers: ["a:1", "b:2"] }).bootstrapServers).toEqual(expected);
  });
});

it("finds the nearest name only where one is near", () => {
  expect(nearestName("linger.ms", ["lingerMs", "batchSize"])).toBe("lingerMs");
  expect(nearestName("zzz", ["lingerMs", "batchSize"])).toBeNull();
});
