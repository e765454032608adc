import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { type Entry, GroupSetup } from "./group-setup.ts";

/** The offsets that each partition's records were handed out with, in order. */
function delivered(journal: readonly Entry[]): Map<string, number[]> {
  const offsets = new Map<string, number[]>();
  for (const { what, place, offset } of journal) {
    if (what === "message") offsets.set(place!, [...(offsets.get(place!) ?? []), offset!]);
  }
  return offsets;
}

/** What must hold of any history: DESIGN.md, invariants. */
function check(journal: readonly Entry[]): void {
  const owners = new Map<string, string>();
  for (const { what, member, place, partitions = [] } of journal) {
    if (what === "assigned") {
      for (const one of partitions) {
        expect(owners.get(one), `${one} belongs to ${owners.get(one)} when ${member} gets it`).toBeUndefined();
        owners.set(one, member);
      }
    }
    // From the call of the listener on nothing of it reaches the application; the next owner comes after it is done.
    if (what === "message") expect(owners.get(place!), `${place} at ${member}`).toBe(member);
    if (what === "revoking") for (const one of partitions) owners.set(one, `${member}, letting go`);
    if (what === "revoked" || what === "lost") for (const one of partitions) owners.delete(one);
  }
}

describe("a group", () => {
  it("shares six partitions among one, three, and two members, and hands every record out once", async () => {
    const setup = await GroupSetup.start();
    await setup.send(20);
    const first = setup.member("c1");
    await setup.settle(() => setup.isShared());
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 120);
    setup.member("c2");
    setup.member("c3");
    await setup.settle(() => setup.isShared());
    expect(Object.values(setup.owned()).map((list) => list.join())).toEqual(
      expect.arrayContaining(["0,1", "2,3", "4,5"]),
    );
    await setup.send(10);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 180);
    await setup.until(first.close());
    await setup.settle(() => setup.isShared());
    expect(Object.values(setup.owned()).map((list) => list.length)).toEqual([3, 3]);
    await setup.send(5);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 210);
    for (const offsets of delivered(setup.journal).values()) expect(offsets).toEqual(offsets.map((_, n) => n));
    check(setup.journal);
    await setup.end();
  });

  it("takes over from a member that dies, from where it had committed", async () => {
    const setup = await GroupSetup.start();
    const handled: string[] = [];
    const options = (name: string) => ({
      enableAutoCommit: false,
      sessionTimeoutMs: 10_000,
      handle: async (offset: number, partition: number) => {
        handled.push(`${partition}:${offset}`);
        await members.find((member) => member.name === name)!.consumer.commit();
      },
    });
    const members = ["c1", "c2", "c3"].map((name) => setup.member(name, options(name)));
    await setup.settle(() => setup.isShared());
    await setup.send(10);
    await setup.settle(() => handled.length === 60);
    members[1]!.kill();
    await setup.send(10);
    await setup.settle(() => setup.isShared());
    expect(Object.values(setup.owned()).map((list) => list.length)).toEqual([3, 3]);
    await setup.settle(() => handled.length === 120);
    expect(new Set(handled).size).toBe(120);
    expect(Object.values(await setup.committed())).toEqual([20, 20, 20, 20, 20, 20]);
    await setup.end();
  });

  it("does not rebalance when the broker restarts, and goes on", async () => {
    const setup = await GroupSetup.start();
    setup.member("c1");
    setup.member("c2");
    await setup.settle(() => setup.isShared());
    await setup.send(5);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 30);
    const before = setup.journal.filter(({ what }) => what !== "message" && what !== "done").length;
    setup.sim.server.kill();
    await setup.pass(3_000);
    await setup.sim.startBroker();
    await setup.send(5);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 60);
    await setup.pass(20_000);
    expect(setup.journal.filter(({ what }) => what !== "message" && what !== "done")).toHaveLength(before);
    await setup.end();
  });

  it("finds out by itself that a topic has grown", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    setup.member("c1");
    setup.member("c2");
    await setup.settle(() => setup.isShared(2));
    await setup.until(setup.admin.createPartitions([{ topic: "t", count: 4 }]));
    await setup.settle(() => setup.isShared(4));
    await setup.send(3, [0, 1, 2, 3]);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 12);
    check(setup.journal);
    await setup.end();
  });

  it("lives through the end of a topic and its new beginning", async () => {
    const setup = await GroupSetup.start({ partitions: 2, broker: { autoCreateTopicsEnable: false } });
    const member = setup.member("c1");
    await setup.settle(() => setup.isShared(2));
    await setup.send(3, [0, 1]);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 6);
    await setup.until(setup.admin.deleteTopics(["t"]));
    await setup.settle(() => member.consumer.assignment().length === 0);
    await setup.until(setup.admin.createTopics([{ topic: "t", partitions: 3, replicationFactor: 1 }]));
    await setup.settle(() => member.consumer.assignment().length === 3);
    await setup.send(2, [0, 1, 2]);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 12);
    expect(member.error).toBeNull();
    await setup.end();
  });

  it("follows a pattern as topics come", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const member = setup.member("c1", { topics: /^(t|orders-.*)$/ });
    await setup.settle(() => setup.isShared(1));
    await setup.until(setup.admin.createTopics([{ topic: "orders-1", partitions: 2, replicationFactor: 1 }]));
    await setup.until(setup.admin.createTopics([{ topic: "other", partitions: 2, replicationFactor: 1 }]));
    await setup.settle(() => setup.isShared(3));
    expect(member.consumer.subscription()).toEqual(["orders-1", "t"]);
    await setup.send(2, [0, 1], "orders-1");
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 4);
    await setup.end();
  });

  it("waits for a topic that is not there yet", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    setup.member("c1", { topics: ["later"], allowAutoCreateTopics: false });
    await setup.pass(3_000);
    await setup.until(setup.admin.createTopics([{ topic: "later", partitions: 2, replicationFactor: 1 }]));
    await setup.settle(() => setup.isShared(2), 5_000);
    await setup.end();
  });

  it("waits for a listener that takes its time before anybody else begins", async () => {
    const setup = await GroupSetup.start();
    await setup.send(500);
    setup.member("c1", { revokingMs: 5_000 });
    await setup.settle(() => setup.isShared());
    setup.member("c2");
    await setup.settle(() => setup.isShared());
    const revoking = setup.journal.find(({ what }) => what === "revoking")!;
    const revoked = setup.journal.find(({ what }) => what === "revoked")!;
    const assigned = setup.journal.find(
      ({ what, member, partitions }) => what === "assigned" && member === "c2" && partitions!.length > 0,
    )!;
    expect(revoked.at - revoking.at).toBeGreaterThanOrEqual(5_000);
    expect(assigned.at).toBeGreaterThan(revoked.at);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length >= 3_000);
    check(setup.journal);
    await setup.end();
  });

  it("keeps a member whose handler is slow, and lets the rebalance wait for it", async () => {
    const setup = await GroupSetup.start();
    await setup.send(1, [0]);
    const { clock } = setup.sim.world;
    setup.member("c1", { handle: () => new Promise((resolve) => clock.setTimer(60_000, resolve)) });
    await setup.settle(() => setup.journal.some(({ what }) => what === "message"));
    setup.member("c2");
    await setup.pass(50_000);
    expect(setup.owned()).toEqual({ c1: [0, 1, 2, 3, 4, 5], c2: [] });
    await setup.settle(() => setup.isShared());
    check(setup.journal);
    expect(setup.journal.some(({ what }) => what === "lost")).toBe(false);
    await setup.end();
  });

  it("takes a member out that does not ask within maxPollIntervalMs, with word of it, and back in when it asks", async () => {
    const setup = await GroupSetup.start();
    await setup.send(1, [0]);
    const { clock } = setup.sim.world;
    let slow = true;
    const slept = () => new Promise<void>((resolve) => clock.setTimer(slow ? 60_000 : 1, resolve));
    const member = setup.member("c1", { handle: slept, maxPollIntervalMs: 20_000 });
    const reports: { busyMs: number; message: string }[] = [];
    member.consumer.on("pollTimedOut", (report) => reports.push(report));
    await setup.settle(() => setup.journal.some(({ what }) => what === "message"));
    const other = setup.member("c2");
    await setup.settle(() => other.consumer.assignment().length === 6);
    expect(reports).toHaveLength(1);
    expect(reports[0]!.busyMs).toBeGreaterThanOrEqual(20_000);
    expect(reports[0]!.message).toMatch(/maxPollIntervalMs \(20000\).*left group g/);
    slow = false;
    await setup.settle(() => setup.isShared());
    expect(setup.journal.filter(({ what }) => what === "lost").map((entry) => entry.member)).toEqual(["c1"]);
    // What was not finished in time came again, to the next owner.
    expect(delivered(setup.journal).get("t-0")).toEqual([0, 0]);
    await setup.end();
  });

  it("leaves at once when it closes", async () => {
    const setup = await GroupSetup.start();
    const first = setup.member("c1");
    setup.member("c2");
    await setup.settle(() => setup.isShared());
    const before = setup.now;
    await setup.until(first.close());
    await setup.settle(() => setup.isShared());
    expect(setup.now - before).toBeLessThan(4_000);
    await setup.end();
  });

  it("asks no more for the topics of others once it leads no longer", async () => {
    const setup = await GroupSetup.start();
    await setup.until(setup.admin.createTopics([{ topic: "u", partitions: 1, replicationFactor: 1 }]));
    const leader = setup.member("c1", { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000 });
    await setup.settle(() => leader.consumer.assignment().length === 6);
    const other = setup.member("c2", { topics: ["t", "u"] });
    await setup.settle(() => other.consumer.assignment().length === 4);
    setup.sim.world.network.isolate("c1");
    await setup.settle(() => other.consumer.assignment().length === 7);
    setup.sim.world.network.healAll();
    await setup.settle(() => setup.journal.some(({ what }) => what === "lost"));
    await setup.settle(() => leader.consumer.assignment().length === 3);
    const asked = new Set<string | null>();
    intercept(setup.sim.broker, {
      api: "METADATA",
      clientId: "c1",
      where: ({ topics }) => {
        for (const { name } of topics ?? []) asked.add(name);
        return false;
      },
    });
    await setup.pass(20_000);
    expect([...asked]).toEqual(["t"]);
    await setup.end();
  });

  it("rebalances when it is told to", async () => {
    const setup = await GroupSetup.start();
    const member = setup.member("c1");
    setup.member("c2");
    await setup.settle(() => setup.isShared());
    const before = setup.journal.filter(({ what }) => what === "revoked").length;
    member.consumer.enforceRebalance();
    await setup.settle(
      () => setup.journal.filter(({ what }) => what === "revoked").length === before + 2 && setup.isShared(),
    );
    check(setup.journal);
    await setup.end();
  });
});
