import { errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ConsumerRig, TestConsumer, topicId } from "../../test/coordinator/consumer-rig.ts";

let rig: ConsumerRig;

beforeEach(() => {
  rig = new ConsumerRig();
  rig.topic("orders", 2);
  rig.topic("orders-eu", 2);
  rig.topic("payments", 2);
});

function settle(...members: TestConsumer[]): void {
  for (let round = 0; round < 6; round++) {
    for (const member of members) expect(member.beat(rig).errorCode).toBe(0);
    // What is resolved in the background.
    rig.advance(5);
  }
}

const topicsOf = (member: TestConsumer) => [...member.owned.keys()].sort();

describe("a member that subscribes with a regular expression", () => {
  test("gets the topics that match once they are known", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders.*" });
    // The group is assigned at once, with nothing that is known to match.
    expect(one.beat(rig)).toMatchObject({ errorCode: 0, memberEpoch: 1, assignment: { topicPartitions: [] } });
    expect(rig.consumers()).toMatchObject({ groupEpoch: 1, assignmentEpoch: 1 });
    rig.advance(1);
    expect(rig.consumers()).toMatchObject({ groupEpoch: 2, assignmentEpoch: 1, state: "Assigning" });
    settle(one);
    expect(topicsOf(one)).toEqual([topicId("orders"), topicId("orders-eu")].sort());
    expect(rig.consumers().subscriptions.resolved.get("orders.*")).toMatchObject({ topics: ["orders", "orders-eu"] });
    expect(rig.replayed().consumers().subscriptions.resolved.get("orders.*")).toMatchObject({
      topics: ["orders", "orders-eu"],
    });
  });

  test("that is not one is refused", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders[" });
    const reply = one.beat(rig);
    expect(reply.errorCode).toBe(errorCodes.INVALID_REGULAR_EXPRESSION);
    expect(reply.errorMessage).toMatch(/^SubscribedTopicRegex `orders\[` is not a valid regular expression: /);
    expect(rig.machine.group("group")).toBeUndefined();
  });

  test("gets topics that are made later", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders.*" });
    settle(one);
    rig.topic("orders-us", 1);
    // Not more often than every ten seconds.
    settle(one);
    expect(one.owned.has(topicId("orders-us"))).toBe(false);
    rig.advance(10_000);
    settle(one);
    expect(one.owned.has(topicId("orders-us"))).toBe(true);
    // A topic that does not match bumps no epoch.
    const { groupEpoch } = rig.consumers();
    rig.topic("returns", 1);
    rig.advance(10_000);
    settle(one);
    expect(rig.consumers().groupEpoch).toBe(groupEpoch);
  });

  test("and by name, too, gets both", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders.*", subscribedTopicNames: ["payments"] });
    settle(one);
    expect(topicsOf(one)).toHaveLength(3);
    one.beat(rig, { subscribedTopicRegex: "" });
    settle(one);
    expect(topicsOf(one)).toEqual([topicId("payments")]);
    expect(rig.consumers().subscriptions.resolved.size).toBe(0);
    expect(rig.replayed().consumers().subscriptions.resolved.size).toBe(0);
  });

  test("that somebody else has already resolved is assigned at once", () => {
    const [one, two] = ["one", "two"].map((id) => new TestConsumer(id, { subscribedTopicRegex: "orders.*" }));
    settle(one!);
    two!.beat(rig);
    expect(rig.consumers()).toMatchObject({ groupEpoch: 3, assignmentEpoch: 3 });
    settle(one!, two!);
    expect(rig.consumers().subscriptions.isHomogeneous).toBe(true);
    expect(rig.consumers().state).toBe("Stable");
    // Only with the last one that has it a regular expression is forgotten.
    rig.beat({ memberId: "one", memberEpoch: -1 });
    expect(rig.consumers().subscriptions.resolved.size).toBe(1);
    rig.beat({ memberId: "two", memberEpoch: -1 });
    expect(rig.consumers().subscriptions.resolved.size).toBe(0);
    expect(rig.consumers()).toMatchObject({ state: "Empty", metadataHash: 0n });
  });

  test("is resolved again after a replay", () => {
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders.*" });
    settle(one);
    rig = rig.replayed();
    rig.feed({ type: "loaded" });
    rig.topics.set("orders-us", 1);
    rig.advance(11_000);
    settle(one);
    expect(one.owned.has(topicId("orders-us"))).toBe(true);
  });

  test("is resolved in portions, between other requests", () => {
    for (let n = 0; n < 10_000; n++) rig.topics.set(`orders-${n}`, 1);
    const one = new TestConsumer("one", { subscribedTopicRegex: "orders.*" });
    one.beat(rig);
    rig.advance(1);
    expect(rig.consumers().subscriptions.resolved.size).toBe(0);
    rig.advance(10);
    expect(rig.consumers().subscriptions.resolved.get("orders.*")!.topics).toHaveLength(10_002);
  });

  test("is resolved in smaller portions where it costs more", () => {
    for (let n = 0; n < 100; n++) rig.topics.set(`orders-${n}`, 1);
    const one = new TestConsumer("one", { subscribedTopicRegex: "(?:o?){1000}".repeat(4).concat(".*") });
    one.beat(rig);
    // Three or four names at a time.
    rig.advance(10);
    expect(rig.consumers().subscriptions.resolved.size).toBe(0);
    rig.advance(100);
    expect([...rig.consumers().subscriptions.resolved.values()][0]!.topics).toHaveLength(103);
  });
});
