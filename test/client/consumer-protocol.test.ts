/** Groups by KIP-848: our client and our broker. */
import { type Consumer, SubscriptionPattern } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { check, commitMessageByMessage, type GroupOptions, of } from "./group-checks.ts";
import { GroupSetup, type Member } from "./group-setup.ts";

const protocol = { groupProtocol: "consumer" } as const;
/** So that a member that is gone is missed soon. */
const broker = {
  groupConsumerHeartbeatIntervalMs: 1_000,
  groupConsumerMinHeartbeatIntervalMs: 1_000,
  groupConsumerSessionTimeoutMs: 6_000,
  groupConsumerMinSessionTimeoutMs: 6_000,
};

function start(partitions = 6): Promise<GroupSetup> {
  return GroupSetup.start({ partitions, broker });
}

async function groupOf(count: number, options: GroupOptions = {}, partitions = 6): Promise<[GroupSetup, Member[]]> {
  const setup = await start(partitions);
  const members: Member[] = [];
  for (let n = 1; n <= count; n++) members.push(setup.member(`c${n}`, { ...protocol, ...options }));
  await setup.settle(() => setup.isShared(partitions));
  return [setup, members];
}

/** What the member was told, in order, as `revoked t-1,t-2`; without what says nothing. */
function told(setup: GroupSetup, member: string): string[] {
  return of(setup, member, "assigned", "revoked", "lost")
    .filter(({ partitions }) => partitions!.length > 0)
    .map(({ what, partitions }) => `${what} ${partitions!.join()}`);
}

function messages(setup: GroupSetup): number {
  return setup.journal.filter(({ what }) => what === "message").length;
}

describe("a group by KIP-848", () => {
  it("moves only what has to move, when it grows and when it shrinks, and no record comes twice", async () => {
    const [setup, [first]] = await groupOf(1);
    expect(told(setup, "c1")).toEqual(["assigned t-0,t-1,t-2,t-3,t-4,t-5"]);
    await setup.send(10);
    setup.member("c2", protocol);
    await setup.settle(() => setup.isShared());
    expect(told(setup, "c1")).toHaveLength(2);
    setup.member("c3", protocol);
    await setup.settle(() => setup.isShared());
    const before = setup.owned();
    expect(Object.values(before).map((list) => list.length)).toEqual([2, 2, 2]);
    await setup.send(10);
    await setup.until(first!.close());
    await setup.settle(() => setup.isShared());
    const after = setup.owned();
    for (const name of ["c2", "c3"]) expect(after[name]).toEqual(expect.arrayContaining(before[name]!));
    await setup.settle(() => messages(setup) === 120);
    check(setup.journal);
    await setup.end();
    expect(setup.journal.some(({ what }) => what === "lost")).toBe(false);
  });

  it("keeps what stays flowing while a listener takes its time", async () => {
    const setup = await start();
    const slow = setup.member("c1", { ...protocol, revokingMs: 5_000 });
    await setup.settle(() => setup.isShared());
    setup.member("c2", protocol);
    await setup.settle(() => of(setup, "c1", "revoking").length > 0);
    // The listener is the application's: the loop waits for it, the heartbeats do not, and nobody begins before it is done.
    await setup.send(5);
    expect(setup.owned().c2).toEqual([]);
    await setup.settle(() => setup.isShared());
    expect(slow.error).toBeNull();
    await setup.settle(() => messages(setup) === 30);
    check(setup.journal);
    expect(told(setup, "c1").some((one) => one.startsWith("lost"))).toBe(false);
    await setup.end();
  });

  it("waits for a busy member only with what that has to let go of", async () => {
    const setup = await start();
    const { clock } = setup.sim.world;
    let slow = false;
    const handle = () => (slow ? new Promise<void>((resolve) => clock.setTimer(60_000, resolve)) : undefined);
    setup.member("c1", { ...protocol, handle });
    setup.member("c2", protocol);
    await setup.settle(() => setup.isShared());
    const kept = setup.owned().c1!;
    slow = true;
    await setup.send(1, [kept[0]!]);
    await setup.settle(() => of(setup, "c1", "message").length === 1);
    setup.member("c3", protocol);
    // One of c2's comes at once, one of c1's when it asks.
    await setup.settle(() => setup.owned().c3!.length === 1, 10_000);
    expect(setup.owned().c1).toEqual(kept);
    slow = false;
    await setup.settle(() => setup.owned().c3!.length === 2);
    check(setup.journal);
    await setup.end();
  });

  it("lets commits through in the middle of a rebalance, message by message", async () => {
    const setup = await start();
    await commitMessageByMessage(setup, protocol);
    await setup.end();
  });

  it("signs with the epoch of the moment: a commit that meets a newer one goes again", async () => {
    const [setup, [member]] = await groupOf(1, { enableAutoCommit: false });
    await setup.send(1);
    await setup.settle(() => messages(setup) === 6);
    const struck = intercept(setup.sim.broker, { api: "OFFSET_COMMIT", times: 2 }).fail("STALE_MEMBER_EPOCH");
    await setup.until(member!.consumer.commit());
    expect(struck.count).toBe(2);
    expect(Object.values(await setup.committed())).toEqual([1, 1, 1, 1, 1, 1]);
    await setup.end();
  });

  it("finds its positions although its epoch moves on meanwhile", async () => {
    const setup = await start();
    await setup.send(2);
    intercept(setup.sim.broker, { api: "OFFSET_FETCH", clientId: "c1", times: 2 }).fail("STALE_MEMBER_EPOCH");
    setup.member("c1", protocol);
    await setup.settle(() => messages(setup) === 12);
    await setup.end();
  });
});

describe("a member by KIP-848 that is given up", () => {
  it("loses everything, and comes back under its old name", async () => {
    const [setup, [first]] = await groupOf(2);
    const { memberId } = first!.consumer.groupMetadata()!;
    const before = told(setup, "c1").length;
    setup.sim.world.network.isolate("c1");
    await setup.settle(() => setup.owned().c2!.length === 6);
    setup.sim.world.network.healAll();
    await setup.settle(() => setup.isShared());
    const since = told(setup, "c1").slice(before);
    expect(since.map((one) => one.split(" ")[0])).toEqual(["lost", "assigned"]);
    expect(first!.consumer.groupMetadata()).toMatchObject({ memberId });
    await setup.end();
  });

  it("cannot commit any more, and says why", async () => {
    let refused: unknown = null;
    const setup = await start();
    const { clock } = setup.sim.world;
    const handle = async () => {
      setup.sim.world.network.isolate("c1");
      await new Promise<void>((resolve) => clock.setTimer(10_000, resolve));
      setup.sim.world.network.healAll();
      await member.consumer.commit().catch((error: unknown) => {
        refused = error;
      });
    };
    const member = setup.member("c1", { ...protocol, enableAutoCommit: false, handle });
    await setup.settle(() => setup.isShared());
    await setup.send(1, [0]);
    await setup.settle(() => refused !== null);
    expect(refused).toMatchObject({ name: "CommitFailedError" });
    expect((refused as Error).message).toMatch(/than the group's session timeout \(consumer\.session\.timeout\.ms\)/);
    await setup.settle(() => told(setup, "c1").length === 3);
    expect(told(setup, "c1")[1]).toBe("lost t-0,t-1,t-2,t-3,t-4,t-5");
    await setup.end();
  });

  it("leaves when the application does not ask for too long, and joins when it asks again", async () => {
    const setup = await start();
    const { clock } = setup.sim.world;
    const reports: string[] = [];
    let slow = true;
    const handle = () => (slow ? new Promise<void>((resolve) => clock.setTimer(20_000, resolve)) : undefined);
    const member = setup.member("c1", { ...protocol, handle, maxPollIntervalMs: 5_000 });
    member.consumer.on("pollTimedOut", ({ message }) => reports.push(message));
    await setup.settle(() => setup.isShared());
    setup.member("c2", protocol);
    await setup.settle(() => setup.isShared());
    await setup.send(1, setup.owned().c1);
    await setup.settle(() => setup.owned().c2!.length === 6, 10_000);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/longer than maxPollIntervalMs \(5000\)/);
    slow = false;
    await setup.settle(() => setup.isShared());
    expect(told(setup, "c1").filter((one) => one.startsWith("lost"))).toHaveLength(1);
    await setup.end();
  });

  it("that dies without a word is missed after its session", async () => {
    const [setup, [first]] = await groupOf(2);
    await setup.send(2);
    first!.kill();
    await setup.pass(4_000);
    expect(setup.owned().c2).toHaveLength(3);
    await setup.settle(() => setup.owned().c2!.length === 6, 10_000);
    await setup.end();
  });
});

describe("a coordinator that says no to a heartbeat", () => {
  it.each(["NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS"] as const)(
    "%s for a while: nothing is lost",
    async (error) => {
      const [setup] = await groupOf(2);
      const before = setup.journal.length;
      const struck = intercept(setup.sim.broker, { api: "CONSUMER_GROUP_HEARTBEAT", times: 4 }).fail(error);
      await setup.settle(() => struck.count === 4);
      await setup.send(2);
      await setup.settle(() => messages(setup) === 12);
      const since = new Set(setup.journal.slice(before).map(({ what }) => what));
      expect([...since].sort()).toEqual(["done", "message"]);
      await setup.end();
    },
  );

  it.each(["UNKNOWN_MEMBER_ID", "FENCED_MEMBER_EPOCH"] as const)("%s: all is lost, and found again", async (error) => {
    const [setup] = await groupOf(1);
    intercept(setup.sim.broker, { api: "CONSUMER_GROUP_HEARTBEAT", times: 1 }).fail(error);
    await setup.settle(() => told(setup, "c1").length === 3);
    const all = "t-0,t-1,t-2,t-3,t-4,t-5";
    expect(told(setup, "c1")).toEqual([`assigned ${all}`, `lost ${all}`, `assigned ${all}`]);
    await setup.end();
  });

  it("an answer that is lost is asked for again, with all there is to say", async () => {
    const setup = await start();
    const options = { api: "CONSUMER_GROUP_HEARTBEAT", clientId: "c1" } as const;
    // The join, and the acknowledgement.
    const lost = intercept(setup.sim.broker, { ...options, times: 2 }).use(async (call) => {
      await call.handle();
      throw call.disconnection();
    });
    setup.member("c1", protocol);
    await setup.settle(() => setup.isShared());
    expect(lost.count).toBe(2);
    setup.member("c2", protocol);
    await setup.settle(() => setup.isShared());
    await setup.end();
  });

  it("a broker without KIP-848 is said to be one, with what to do", async () => {
    const setup = await start();
    intercept(setup.sim.broker, { api: "CONSUMER_GROUP_HEARTBEAT" }).fail("UNSUPPORTED_VERSION");
    const member = setup.member("c1", protocol);
    await setup.until(member.loop);
    expect(member.error).toMatchObject({ name: "UnsupportedVersionError", code: "UNSUPPORTED_VERSION" });
    expect((member.error as Error).message).toMatch(/set groupProtocol to "classic", or use brokers of Kafka 4\.0/);
    await setup.end();
  });

  it("an assignor that it does not have", async () => {
    const setup = await start();
    const member = setup.member("c1", { ...protocol, groupRemoteAssignor: "nope" });
    await setup.until(member.loop);
    expect(member.error).toMatchObject({ code: "UNSUPPORTED_ASSIGNOR" });
    expect((member.error as Error).message).toMatch(/groupRemoteAssignor is "nope"/);
    await setup.end();
  });
});

describe("static members by KIP-848", () => {
  it("come back to what they had, and nobody else is told anything", async () => {
    const [setup, [, second]] = await groupOf(1);
    const first = setup.member("s", { ...protocol, groupInstanceId: "i" });
    await setup.settle(() => setup.isShared());
    const had = setup.owned().s;
    const before = told(setup, "c1").length;
    await setup.until(first.close());
    await setup.pass(3_000);
    setup.member("s2", { ...protocol, groupInstanceId: "i" });
    await setup.settle(() => setup.isShared());
    expect(setup.owned().s2).toEqual(had);
    expect(told(setup, "c1")).toHaveLength(before);
    expect(second).toBeUndefined();
    await setup.end();
  });

  it("are one at a time", async () => {
    const setup = await start();
    setup.member("s1", { ...protocol, groupInstanceId: "i" });
    await setup.settle(() => setup.isShared());
    const second = setup.member("s2", { ...protocol, groupInstanceId: "i" });
    await setup.until(second.loop);
    expect(second.error).toMatchObject({ code: "UNRELEASED_INSTANCE_ID" });
    expect((second.error as Error).message).toMatch(/Another consumer with groupInstanceId i is running/);
    expect(setup.owned().s1).toHaveLength(6);
    await setup.end();
  });
});

describe("subscriptions by KIP-848", () => {
  async function topics(setup: GroupSetup, ...names: string[]): Promise<void> {
    const list = names.map((topic) => ({ topic, partitions: 2, replicationFactor: 1 }));
    await setup.until(setup.admin.createTopics(list));
  }

  function places(consumer: Consumer<string, string>): string {
    return consumer
      .assignment()
      .map(({ topic, partition }) => `${topic}-${partition}`)
      .join();
  }

  it("a RegExp is resolved here, as topics come", async () => {
    const setup = await start(1);
    await topics(setup, "orders-a", "other");
    const { consumer } = setup.member("c1", { ...protocol, topics: /^orders-/ });
    await setup.settle(() => places(consumer) === "orders-a-0,orders-a-1");
    await topics(setup, "orders-b");
    await setup.settle(() => places(consumer) === "orders-a-0,orders-a-1,orders-b-0,orders-b-1");
    expect(consumer.subscription()).toEqual(["orders-a", "orders-b"]);
    await setup.end();
  });

  it("a SubscriptionPattern is resolved by the broker, and names are found out by id", async () => {
    const setup = await start(1);
    await topics(setup, "orders-a", "orders");
    const { consumer } = setup.member("c1", { ...protocol, topics: new SubscriptionPattern("orders-.*") });
    await setup.settle(() => places(consumer) === "orders-a-0,orders-a-1");
    expect(consumer.subscription()).toEqual([]);
    await setup.send(3, [0, 1], "orders-a");
    await setup.settle(() => messages(setup) === 6);
    await setup.until(consumer.subscribe(["orders"]));
    await setup.settle(() => places(consumer) === "orders-0,orders-1");
    await setup.until(consumer.subscribe(new SubscriptionPattern("orders-a|t")));
    await setup.settle(() => places(consumer) === "orders-a-0,orders-a-1,t-0");
    await setup.end();
  });

  it("a pattern that is none", async () => {
    const setup = await start(1);
    const member = setup.member("c1", { ...protocol, topics: new SubscriptionPattern("(") });
    await setup.until(member.loop);
    expect(member.error).toMatchObject({ code: "INVALID_REGULAR_EXPRESSION" });
    expect((member.error as Error).message).toMatch(/RE2's syntax, and "\(" is not of it/);
    await setup.end();
  });

  it("a SubscriptionPattern is refused with the classic protocol", async () => {
    const setup = await start(1);
    const member = setup.member("c1", { topics: new SubscriptionPattern("a") });
    await setup.until(member.loop);
    expect(member.error).toMatchObject({ name: "ConfigError", setting: "groupProtocol" });
    await setup.end();
  });

  it("a topic that is not there yet, one that grows, and one that is made anew under its name", async () => {
    const setup = await start(1);
    const { consumer } = setup.member("c1", { ...protocol, topics: ["later"], allowAutoCreateTopics: false });
    await setup.pass(3_000);
    await topics(setup, "later");
    await setup.settle(() => places(consumer) === "later-0,later-1");
    await setup.until(setup.admin.createPartitions([{ topic: "later", count: 3 }]));
    await setup.settle(() => places(consumer) === "later-0,later-1,later-2");
    await setup.send(1, [0, 1, 2], "later");
    await setup.settle(() => messages(setup) === 3);
    await setup.until(setup.admin.deleteTopics(["later"]));
    await topics(setup, "later");
    await setup.settle(() => told(setup, "c1").at(-1) === "assigned later-0,later-1");
    await setup.send(1, [0, 1], "later");
    await setup.settle(() => messages(setup) === 5);
    await setup.end();
  });

  it("a topic that the broker makes because somebody wants to read it", async () => {
    const setup = await start(1);
    const { consumer } = setup.member("c1", { ...protocol, topics: ["wanted"] });
    await setup.settle(() => places(consumer) === "wanted-0");
    await setup.end();
  });

  it("a topic's name that is none", async () => {
    const setup = await start(1);
    const member = setup.member("c1", { ...protocol, topics: ["t", "no/name"] });
    await setup.until(member.loop);
    expect(member.error).toMatchObject({ code: "INVALID_TOPIC_EXCEPTION" });
    await setup.end();
  });

  it("ends with unsubscribe, and begins again", async () => {
    const [setup, [first]] = await groupOf(2);
    await setup.until(first!.consumer.unsubscribe());
    expect(first!.consumer.groupMetadata()).toMatchObject({ memberId: "", generationId: -1 });
    await setup.settle(() => setup.owned().c2!.length === 6);
    await setup.until(first!.consumer.subscribe(["t"], first!.listener));
    const loop = (async () => {
      for await (const _ of first!.consumer);
    })();
    await setup.settle(() => setup.isShared());
    first!.consumer.enforceRebalance();
    await setup.pass(3_000);
    expect(setup.isShared()).toBe(true);
    await setup.end();
    await setup.until(loop);
  });
});
