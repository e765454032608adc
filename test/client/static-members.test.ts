/** Static members (KIP-345): a restart within the session moves nothing, and of two with one name the first is out. */
import { cooperativeSticky, FencedInstanceIdError, type KafkaError, range } from "@ottla/client";
import { describe, expect, it } from "vitest";
import { type Entry, GroupSetup } from "./group-setup.ts";

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

const strategies = [
  { name: "eager", partitionAssignmentStrategy: [range] },
  { name: "cooperative", partitionAssignmentStrategy: [cooperativeSticky] },
];

function told(setup: GroupSetup, member: string): Entry[] {
  return setup.journal.filter(
    (entry) => entry.member === member && ["assigned", "revoked", "lost"].includes(entry.what),
  );
}

async function pair(options: object = {}) {
  const setup = await GroupSetup.start();
  const first = setup.member("c1", { groupInstanceId: "i1", ...options });
  await setup.settle(() => first.consumer.assignment().length === 6);
  const second = setup.member("c2", { groupInstanceId: "i2", ...options });
  await setup.settle(() => setup.isShared());
  return { setup, first, second };
}

describe.each(strategies)("static members, $name", ({ partitionAssignmentStrategy }) => {
  const options = { partitionAssignmentStrategy };

  it("a leader that is back within its session moves nothing, and still watches the topics", async () => {
    const { setup, first, second } = await pair(options);
    const before = { ...setup.owned() };
    const generation = second.consumer.groupMetadata()!.generationId;
    const calls = told(setup, "c2").length;
    await setup.until(first.close());
    await setup.pass(10_000);
    const again = setup.member("c1 again", { groupInstanceId: "i1", ...options });
    await setup.settle(() => again.consumer.assignment().length === 3);
    await setup.pass(10_000);
    expect(told(setup, "c2")).toHaveLength(calls);
    expect(second.consumer.groupMetadata()!.generationId).toBe(generation);
    expect(again.consumer.groupMetadata()).toMatchObject({ generationId: generation, groupInstanceId: "i1" });
    expect(setup.owned()).toEqual({ c2: before.c2, "c1 again": before.c1 });
    // Its SyncGroup brought no assignment (KIP-814), but it leads.
    await setup.until(setup.admin.createPartitions([{ topic: "t", count: 8 }]));
    await setup.settle(() => setup.isShared(8));
    await setup.end();
  });

  it("a leader that was away while a topic grew finds out when it is back", async () => {
    const { setup, first } = await pair(options);
    await setup.until(first.close());
    await setup.until(setup.admin.createPartitions([{ topic: "t", count: 8 }]));
    await setup.pass(5_000);
    const again = setup.member("c1 again", { groupInstanceId: "i1", ...options });
    await setup.settle(() => setup.isShared(8));
    expect(again.error).toBeNull();
    await setup.end();
  });

  it("one that stays away longer than its session loses its partitions", async () => {
    const { setup, first, second } = await pair({ sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000, ...options });
    await setup.until(first.close());
    await setup.pass(4_000);
    expect(second.consumer.assignment()).toHaveLength(3);
    await setup.settle(() => second.consumer.assignment().length === 6);
    await setup.end();
  });

  it("one that takes too long is told that its place is kept", async () => {
    const setup = await GroupSetup.start();
    const { clock } = setup.sim.world;
    const handle = () => new Promise<void>((resolve) => clock.setTimer(20_000, resolve));
    const member = setup.member("c1", { groupInstanceId: "i1", handle, maxPollIntervalMs: 5_000, ...options });
    const reports: string[] = [];
    member.consumer.on("pollTimedOut", ({ message }) => reports.push(message));
    await setup.send(1, [0]);
    await setup.settle(() => reports.length > 0);
    expect(reports[0]).toContain("stands still in group g, its partitions go to others when its session is over");
    await setup.end();
  });

  it("another one of the same name takes over, and the first hears of it, each time that it asks", async () => {
    const { setup, first, second } = await pair(options);
    const calls = told(setup, "c2").length;
    const again = setup.member("c1 again", { groupInstanceId: "i1", ...options });
    await setup.settle(() => first.error !== null);
    expect(first.error).toBeInstanceOf(FencedInstanceIdError);
    expect((first.error as Error).message).toMatch(
      /^Could not take part in group g: Heartbeat: .*Another consumer with groupInstanceId i1 has joined.*\(FENCED_INSTANCE_ID\)$/,
    );
    for (let n = 0; n < 3; n++) {
      const next = failure(first.consumer[Symbol.asyncIterator]().next());
      expect(await setup.until(next)).toBeInstanceOf(FencedInstanceIdError);
    }
    expect(told(setup, "c1").at(-1)).toMatchObject({ what: "lost" });
    expect(again.error).toBeNull();
    expect(again.consumer.assignment()).toHaveLength(3);
    expect(told(setup, "c2")).toHaveLength(calls);
    expect(second.error).toBeNull();
    await setup.end();
  });

  it("a commit of one that is fenced is refused as fenced, and so is what comes after", async () => {
    const { setup, first } = await pair({ heartbeatIntervalMs: 40_000, enableAutoCommit: false, ...options });
    const [partition] = first.consumer.assignment();
    setup.member("c1 again", { groupInstanceId: "i1", ...options });
    await setup.settle(() => setup.members.at(-1)!.consumer.assignment().length === 3);
    const refused = await setup.until(failure(first.consumer.commit([{ ...partition!, offset: 0 }])));
    expect(refused).toBeInstanceOf(FencedInstanceIdError);
    await setup.settle(() => first.error !== null);
    expect(first.error).toBeInstanceOf(FencedInstanceIdError);
    await setup.end();
  });
});
