import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.ts";
import { range } from "./assignors/range.ts";
import { consumerConfig } from "./consumer-config.ts";

const required = { bootstrapServers: "localhost:9092" };

describe("a consumer's settings", () => {
  it("name the client after its group and instance, unless it has a name", () => {
    const clientId = (options: object) => consumerConfig({ ...required, ...options }).clientId;
    expect(clientId({ groupId: "orders" })).toBe("consumer-orders");
    expect(clientId({ groupId: "orders", groupInstanceId: "one" })).toBe("consumer-orders-one");
    expect(clientId({})).toBe("consumer");
    expect(clientId({ groupId: "orders", clientId: "mine" })).toBe("mine");
  });

  it.each([
    [{ heartbeatIntervalMs: 6000, sessionTimeoutMs: 6000 }, /heartbeatIntervalMs.*below sessionTimeoutMs \(6000\)/],
    [{ groupInstanceId: "one" }, /groupInstanceId needs a groupId/],
    [{ enableAutoCommit: true }, /enableAutoCommit needs a groupId/],
    [{ autoOffsetReset: "newest" }, /autoOffsetReset.*newest.*"earliest"/],
    [{ groupID: "orders" }, /groupId/],
    [{ groupProtocol: "share" }, /groupProtocol.*"classic".*"consumer"/],
    [{ groupRemoteAssignor: "range" }, /groupRemoteAssignor.*"classic".*partitionAssignmentStrategy/],
    [
      { groupProtocol: "consumer", sessionTimeoutMs: 6000 },
      /sessionTimeoutMs.*"consumer".*consumer\.session\.timeout\.ms/,
    ],
    [
      { partitionAssignmentStrategy: [range, { ...range, name: "own", protocols: ["cooperative"] }] },
      /range, own have no rebalance protocol in common/,
    ],
    [{ partitionAssignmentStrategy: [{ ...range, protocols: [] }] }, /partitionAssignmentStrategy/],
    [{ groupProtocol: "consumer", heartbeatIntervalMs: 1 }, /heartbeatIntervalMs.*consumer\.heartbeat\.interval\.ms/],
    [
      { groupProtocol: "consumer", partitionAssignmentStrategy: [range] },
      /partitionAssignmentStrategy.*groupRemoteAssignor/,
    ],
  ])("refuse %j", (options, message) => {
    const make = () => consumerConfig({ ...required, ...options } as never);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it("have Kafka's assignors by default", () => {
    const { partitionAssignmentStrategy } = consumerConfig({ ...required, groupId: "orders" });
    expect(partitionAssignmentStrategy.map(({ name }) => name)).toEqual(["range", "cooperative-sticky"]);
  });

  it("take what belongs to the protocol", () => {
    const settings = consumerConfig({ ...required, groupProtocol: "consumer", groupRemoteAssignor: "range" });
    expect(settings).toMatchObject({ groupProtocol: "consumer", groupRemoteAssignor: "range" });
    expect(consumerConfig({ ...required, groupProtocol: "classic", sessionTimeoutMs: 6000 }).groupRemoteAssignor).toBe(
      null,
    );
  });
});
