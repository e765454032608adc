import { describe, expect, it } from "vitest";
import { readOptions } from "../config.ts";
import { groupSettingsProvider, servesConsumerProtocol, validateGroupConfigs } from "./group-configs.ts";

const settingsOf = (config: Record<string, string | number>) => readOptions({ config }).settings;

function complaint(configs: Record<string, string>, config: Record<string, string | number> = {}): string | null {
  try {
    validateGroupConfigs(new Map(Object.entries(configs)), settingsOf(config));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function refused(config: Record<string, string | number>): string | null {
  try {
    settingsOf(config);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("what is set for a group", () => {
  it("must be known, of its type and within the broker's bounds, in Kafka's words", () => {
    expect(complaint({ "foo.bar": "1" })).toBe("Unknown group config name: foo.bar");
    expect(complaint({ "consumer.session.timeout.ms": "x" })).toBe(
      "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT",
    );
    expect(complaint({ "consumer.session.timeout.ms": "44999" })).toBe(
      "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
    );
    expect(complaint({ "consumer.heartbeat.interval.ms": "15001" })).toBe(
      "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms",
    );
    expect(complaint({ "streams.num.standby.replicas": "3" })).toBe(
      "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
    );
    expect(complaint({ "share.auto.offset.reset": "by_duration:x" })).toBe(
      "Invalid value by_duration:x for configuration share.auto.offset.reset: Invalid value `by_duration:x` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
    );
    expect(complaint({ "share.auto.offset.reset": "by_duration:PT1H30M" })).toBeNull();
    expect(complaint({ "consumer.session.timeout.ms": "60000", "consumer.heartbeat.interval.ms": "6000" })).toBeNull();
  });

  it("must leave the session longer than a heartbeat, with the broker's value where the group has none", () => {
    const low = { "group.consumer.min.session.timeout.ms": 1000, "group.consumer.heartbeat.interval.ms": 10_000 };
    const message = "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms";
    expect(complaint({ "consumer.session.timeout.ms": "10000" }, low)).toBe(message);
    expect(complaint({ "consumer.session.timeout.ms": "10001" }, low)).toBeNull();
  });

  it("holds before what the broker has, within the bounds that it has now", () => {
    const overrides = new Map([["consumer.session.timeout.ms", "50000"]]);
    const settings = settingsOf({ "group.consumer.session.timeout.ms": 46_000 });
    const inForce = groupSettingsProvider(settings, (groupId) => (groupId === "own" ? overrides : new Map()));
    const usual = {
      consumerSessionTimeoutMs: 46_000,
      consumerHeartbeatIntervalMs: 5000,
      consumerAssignmentIntervalMs: 1000,
    };
    expect(inForce("other")).toEqual(usual);
    expect(inForce("other")).toBe(inForce("another"));
    expect(inForce("own")).toEqual({ ...usual, consumerSessionTimeoutMs: 50_000 });
    settings.setDynamic(new Map([["group.consumer.assignment.interval.ms", "300"]]), new Map());
    expect(inForce("other")).toEqual({ ...usual, consumerAssignmentIntervalMs: 300 });
    overrides.set("consumer.session.timeout.ms", "70000"); // Was allowed when the broker's bounds were others.
    expect(inForce("own").consumerSessionTimeoutMs).toBe(60_000);
    overrides.clear();
    expect(inForce("own").consumerSessionTimeoutMs).toBe(46_000);
  });
});

describe("the broker's settings of groups", () => {
  it("must go together, in Kafka's words", () => {
    expect(refused({ "group.consumer.heartbeat.interval.ms": 200 })).toBe(
      "group.consumer.heartbeat.interval.ms must be greater than or equal to group.consumer.min.heartbeat.interval.ms",
    );
    expect(
      refused({ "group.consumer.heartbeat.interval.ms": 200, "group.consumer.min.heartbeat.interval.ms": 200 }),
    ).toBeNull();
    expect(refused({ "group.consumer.max.session.timeout.ms": 10_000 })).toBe(
      "group.consumer.max.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
    );
    expect(refused({ "group.consumer.min.session.timeout.ms": 1000, "group.consumer.session.timeout.ms": 5000 })).toBe(
      "group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms",
    );
    expect(refused({ "group.streams.assignment.interval.ms": 16_000 })).toBe(
      "group.streams.assignment.interval.ms must be less than or equal to group.streams.max.assignment.interval.ms",
    );
  });

  it("name assignors that there are", () => {
    expect(refused({ "group.consumer.assignors": "range" })).toBeNull();
    for (const text of ["", "sticky", "range,range"])
      expect(refused({ "group.consumer.assignors": text })).toContain("expected uniform, range or both");
  });

  it("say whether KIP-848's protocol is served", () => {
    expect(servesConsumerProtocol(settingsOf({}))).toBe(true);
    expect(servesConsumerProtocol(settingsOf({ "group.coordinator.rebalance.protocols": "classic" }))).toBe(false);
  });
});
