import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.ts";
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
  ])("refuse %j", (options, message) => {
    const make = () => consumerConfig({ ...required, ...options } as never);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
