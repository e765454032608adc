import { Consumer, Producer, string } from "@ottla/client";
import { describe, expect, it } from "vitest";
import { Simulator } from "./simulator.ts";
import { SimulatedMember } from "./simulator-member.ts";

const options = {
  groupId: "g",
  autoOffsetReset: "earliest",
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 2_000,
} as const;

function member(simulator: Simulator, name: string): SimulatedMember {
  const none = () => 0;
  return new SimulatedMember(simulator, name, {
    style: "batch",
    topics: ["orders"],
    consumer: options,
    workMs: none,
    revokingMs: none,
  });
}

async function start(seed = 1): Promise<Simulator> {
  const simulator = await Simulator.start(seed);
  await simulator.createTopics([{ topic: "orders", partitions: 4 }]);
  return simulator;
}

function owned(...members: SimulatedMember[]): number {
  return members.reduce((sum, one) => sum + one.owned.size, 0);
}

describe("Simulator", () => {
  it("runs programs that know nothing of it", async () => {
    const simulator = await start();
    const { bootstrapServers } = simulator;
    const producer = new Producer({ bootstrapServers, runtime: simulator.process("producer").runtime });
    await simulator.until(producer.send({ topic: "orders", key: "1", value: "hello" }));
    const { runtime } = simulator.process("consumer");
    const consumer = new Consumer({ ...options, bootstrapServers, runtime, value: string });
    await simulator.until(consumer.subscribe(["orders"]));
    const batch = await simulator.until(consumer.poll({ timeoutMs: 10_000 }));
    expect(batch?.value(0)).toBe("hello");
    await simulator.until(Promise.all([consumer.close(), producer.close()]));
  });

  it("passes a paused member's partitions to others, and tells it when it wakes up", async () => {
    const simulator = await start();
    const [one, other] = [member(simulator, "one"), member(simulator, "other")];
    expect(await simulator.settle(() => owned(one) === 2 && owned(other) === 2, 20_000)).toBe(true);
    one.process.pause();
    expect(await simulator.settle(() => owned(other) === 4, 20_000)).toBe(true);
    expect(owned(one)).toBe(2);
    one.process.resume();
    expect(await simulator.settle(() => owned(one) === 2 && owned(other) === 2, 20_000)).toBe(true);
    const refused = simulator.history.of("call").filter(({ process, error }) => process === "one" && error !== "NONE");
    expect(refused.map(({ error }) => error)).toContain("UNKNOWN_MEMBER_ID");
  });

  it("cuts, heals, kills and starts, and its members come through", async () => {
    const simulator = await start();
    const [one, other] = [member(simulator, "one"), member(simulator, "other")];
    await simulator.settle(() => owned(one, other) === 4, 20_000);
    simulator.cut("one", "fromBroker");
    expect(await simulator.settle(() => owned(other) === 4, 30_000)).toBe(true);
    simulator.heal("one");
    expect(await simulator.settle(() => owned(one) === 2, 30_000)).toBe(true);
    simulator.stall("one", 2_000);
    simulator.reset("other");
    simulator.jump("broker", 3_600_000);
    simulator.killBroker();
    await simulator.run(1_000);
    await simulator.until(simulator.startBroker());
    await simulator.run(10_000);
    expect([owned(one), owned(other)]).toEqual([2, 2]);
    one.kill();
    expect(await simulator.settle(() => owned(other) === 4, 20_000)).toBe(true);
    const notes = simulator.history.of("note").map(({ what }) => what);
    expect(notes).toEqual(expect.arrayContaining(["cut one fromBroker", "heal one", "kill broker", "reset other"]));
  });
});
