/** Cooperative rebalancing (KIP-429): what stays keeps flowing, what moves is let go of first. */
import { type Assignor, cooperativeSticky, range } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { check, commitMessageByMessage, type GroupOptions, of } from "./group-checks.ts";
import { GroupSetup, type Member } from "./group-setup.ts";

const cooperative = { partitionAssignmentStrategy: [cooperativeSticky] };

/** What the member was told, in order, as `revoked t-1,t-2`. */
function told(setup: GroupSetup, member: string): string[] {
  return of(setup, member, "assigned", "revoked", "lost").map(
    ({ what, partitions }) => `${what} ${partitions!.join()}`,
  );
}

async function groupOf(count: number, options: GroupOptions = {}, partitions = 6): Promise<[GroupSetup, Member[]]> {
  const setup = await GroupSetup.start({ partitions });
  const members: Member[] = [];
  for (let n = 1; n <= count; n++) members.push(setup.member(`c${n}`, { ...cooperative, ...options }));
  await setup.settle(() => setup.isShared(partitions));
  return [setup, members];
}

describe("a cooperative group", () => {
  it("moves only what has to move, when it grows and when it shrinks", async () => {
    const [setup, [first]] = await groupOf(1);
    expect(told(setup, "c1")).toEqual(["assigned t-0,t-1,t-2,t-3,t-4,t-5"]);
    await setup.send(10);
    setup.member("c2", cooperative);
    await setup.settle(() => setup.isShared());
    expect(setup.owned()).toEqual({ c1: [0, 1, 2], c2: [3, 4, 5] });
    // The round that takes away, and the one in which the others get it.
    expect(told(setup, "c1").slice(1)).toEqual(["revoked t-3,t-4,t-5", "assigned ", "assigned "]);
    expect(told(setup, "c2")).toEqual(["assigned ", "assigned t-3,t-4,t-5"]);
    setup.member("c3", cooperative);
    await setup.settle(() => setup.isShared());
    const before = setup.owned();
    expect(Object.values(before).map((list) => list.length)).toEqual([2, 2, 2]);
    await setup.send(10);
    await setup.until(first!.close());
    await setup.settle(() => setup.isShared());
    const after = setup.owned();
    for (const name of ["c2", "c3"]) expect(after[name]).toEqual(expect.arrayContaining(before[name]!));
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 120);
    check(setup.journal);
    await setup.end();
  });

  it("keeps what stays flowing while a listener takes its time", async () => {
    const [setup] = await groupOf(2);
    const names = ["c1", "c2"];
    const slow = setup.member("c3", { ...cooperative, revokingMs: 5_000 });
    await setup.settle(() => setup.isShared());
    const kept = setup.owned();
    // Somebody new: c3 has to let go of one, for 5 s, and the others of theirs at once.
    for (let n = 4; n <= 6; n++) setup.member(`c${n}`, cooperative);
    await setup.settle(() => of(setup, "c3", "revoking").length > 0);
    const from = setup.now;
    const journalled = setup.journal.length;
    while (of(setup, "c3", "revoked").length === 0) {
      await setup.send(1);
      await setup.pass(100);
    }
    expect(setup.now - from).toBeGreaterThanOrEqual(4_000);
    const meanwhile = setup.journal.slice(journalled).filter(({ what }) => what === "message");
    for (const name of names) {
      const stayed = kept[name]!.filter((partition) => setup.owned()[name]!.includes(partition));
      const flowed = meanwhile.filter(({ member, place }) => member === name && place === `t-${stayed[0]}`);
      expect(flowed.length, name).toBeGreaterThan(20);
    }
    await setup.settle(() => setup.isShared());
    expect(slow.error).toBeNull();
    await setup.end();
  });

  it("waits for no handler of a member that loses nothing", async () => {
    const setup = await GroupSetup.start();
    const { clock } = setup.sim.world;
    let slow = false;
    const handle = () => (slow ? new Promise<void>((resolve) => clock.setTimer(100_000, resolve)) : undefined);
    setup.member("c1", { ...cooperative, handle });
    setup.member("c2", cooperative);
    const third = setup.member("c3", cooperative);
    await setup.settle(() => setup.isShared());
    slow = true;
    await setup.send(1);
    await setup.settle(() => of(setup, "c1", "message").length === 1);
    const second = setup.owned().c2!.length;
    await setup.until(third.close());
    await setup.settle(() => setup.owned().c2!.length > second, 10_000);
    expect(of(setup, "c1", "done")).toEqual([]);
    slow = false;
    await setup.settle(() => setup.isShared());
    check(setup.journal);
    await setup.end();
  });

  it("has a member that is busy let go when it asks, and nobody begins before", async () => {
    const setup = await GroupSetup.start();
    const { clock } = setup.sim.world;
    setup.member("c1", { ...cooperative, handle: () => new Promise((resolve) => clock.setTimer(60_000, resolve)) });
    await setup.settle(() => setup.isShared());
    await setup.send(1, [0]);
    await setup.settle(() => of(setup, "c1", "message").length === 1);
    setup.member("c2", cooperative);
    await setup.pass(50_000);
    expect(setup.owned()).toEqual({ c1: [0, 1, 2, 3, 4, 5], c2: [] });
    await setup.settle(() => setup.isShared());
    check(setup.journal);
    expect(setup.journal.some(({ what }) => what === "lost")).toBe(false);
    await setup.end();
  });

  it("lets commits through in the middle of a round, message by message", async () => {
    const setup = await GroupSetup.start();
    await commitMessageByMessage(setup, cooperative);
    await setup.end();
  });

  it("lets go at once of what is no longer subscribed to, and keeps its place in the rest", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.until(setup.admin.createTopics([{ topic: "u", partitions: 2, replicationFactor: 1 }]));
    const member = setup.member("c1", { ...cooperative, topics: ["t", "u"], enableAutoCommit: false });
    await setup.settle(() => setup.isShared(4));
    await setup.send(4, [0, 1]);
    await setup.send(4, [0, 1], "u");
    await setup.settle(() => of(setup, "c1", "message").length === 16);
    await setup.until(member.consumer.subscribe(["t"], member.listener));
    await setup.settle(() => member.consumer.assignment().length === 2);
    expect(told(setup, "c1")).toContain("revoked u-0,u-1");
    await setup.send(2, [0, 1]);
    await setup.send(2, [0, 1], "u");
    await setup.settle(() => of(setup, "c1", "message").length === 20);
    await setup.until(setup.admin.createPartitions([{ topic: "t", count: 3 }]));
    await setup.settle(() => member.consumer.assignment().length === 3);
    await setup.send(2, [0, 1, 2]);
    await setup.settle(() => of(setup, "c1", "message").length === 26);
    // Nothing has been committed: whatever had been given up would have come again.
    check(setup.journal);
    await setup.end();
  });

  it("goes over from range by two restarts of each member", async () => {
    const setup = await GroupSetup.start();
    await setup.send(5);
    let members = [1, 2, 3].map((n) => setup.member(`c${n}`, { partitionAssignmentStrategy: [range] }));
    await setup.settle(() => setup.isShared());
    let round = 0;
    for (const partitionAssignmentStrategy of [[cooperativeSticky, range], [cooperativeSticky]]) {
      round++;
      const newer: Member[] = [];
      for (const [n, member] of members.entries()) {
        await setup.until(member.close());
        newer.push(setup.member(`c${n + 1}.${round}`, { partitionAssignmentStrategy }));
        await setup.settle(() => setup.isShared());
        await setup.send(2);
      }
      members = newer;
    }
    await setup.settle(() => setup.journal.filter(({ what }) => what === "message").length === 17 * 6);
    check(setup.journal);
    // The last restarts are of a group that is cooperative: others lose nothing but what the one that comes back is to have.
    const before = setup.owned();
    await setup.until(members[0]!.close());
    setup.member("last", cooperative);
    await setup.settle(() => setup.isShared());
    for (const name of ["c2.2", "c3.2"]) {
      const stayed = setup.owned()[name]!.filter((partition) => before[name]!.includes(partition));
      expect(stayed.length).toBeGreaterThanOrEqual(2);
    }
    expect(setup.members.map(({ error }) => error).filter((error) => error !== null)).toEqual([]);
    await setup.end();
  });

  it("loses everything when the coordinator has given it up, and comes back", async () => {
    const [setup] = await groupOf(2, { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000 });
    setup.sim.world.network.isolate("c1");
    await setup.settle(() => setup.owned().c2!.length === 6);
    setup.sim.world.network.healAll();
    await setup.settle(() => setup.isShared());
    expect(told(setup, "c1").filter((one) => one.startsWith("lost"))).toHaveLength(1);
    expect(told(setup, "c1").some((one) => one.startsWith("revoked"))).toBe(false);
    await setup.end();
  });

  it("tells the lag of what it still has when it has let go of the rest", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(3, [0, 1]);
    const loading = intercept(setup.sim.broker, { api: "OFFSET_FETCH", clientId: "c1" });
    loading.fail("COORDINATOR_LOAD_IN_PROGRESS");
    const first = setup.member("c1", { partitionAssignmentStrategy: [cooperativeSticky] });
    await setup.settle(() => first.consumer.assignment().length === 2);
    const lag = first.consumer.lag();
    setup.member("c2", { partitionAssignmentStrategy: [cooperativeSticky] });
    await setup.settle(() => setup.isShared(2));
    loading.stop();
    expect((await setup.until(lag)).map(({ partition }) => partition)).toEqual(
      first.consumer.assignment().map(({ partition }) => partition),
    );
    await setup.end();
  });

  it("refuses an assignor that gives away what somebody still has", async () => {
    const greedy: Assignor = {
      name: "greedy",
      protocols: ["cooperative"],
      assign: (topics, members) => {
        const all = Array.from({ length: topics.partitionCount("t") }, (_, n) => n);
        // To one that has nothing yet, be there one.
        const lucky = members.find(({ ownedPartitions }) => ownedPartitions.size === 0) ?? members[0]!;
        return new Map([[lucky.memberId, { partitions: new Map([["t", all]]) }]]);
      },
    };
    const setup = await GroupSetup.start();
    const options = { partitionAssignmentStrategy: [greedy], sessionTimeoutMs: 6_000 };
    const members = [setup.member("c1", options)];
    await setup.settle(() => setup.isShared());
    members.push(setup.member("c2", options));
    await setup.settle(() => members.some(({ error }) => error !== null));
    const error = members.find((member) => member.error !== null)!.error as Error;
    expect(error.message).toMatch(/a cooperative assignor must not give t-0, .* to another member/);
    await setup.end();
  });
});
