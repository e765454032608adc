/** What becomes of each kind of commit when the group is at odds with it: the table of docs/CONSUMER-GROUPS.md. */
import {
  type Assignor,
  CommitFailedError,
  cooperativeSticky,
  type KafkaError,
  RebalanceInProgressError,
  range,
  TimeoutError,
  type TopicPartitionOffset,
} from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { GroupSetup, type Member } from "./group-setup.ts";

type Outcome = KafkaError | null;

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

function asyncOutcome(member: Member, offsets?: TopicPartitionOffset[]): Promise<Outcome> {
  return new Promise((resolve) => member.consumer.commitAsync((error) => resolve(error), offsets));
}

/** A member that is in the middle of a round, which another one with a slow listener holds up. */
async function inRound(strategy: Assignor): Promise<{ setup: GroupSetup; member: Member }> {
  const setup = await GroupSetup.start();
  const options = { partitionAssignmentStrategy: [strategy], enableAutoCommit: false };
  const member = setup.member("c1", options);
  await setup.settle(() => setup.isShared());
  const { clock } = setup.sim.world;
  let isSlow = false;
  const dawdle = () => (isSlow ? new Promise<void>((resolve) => clock.setTimer(30_000, resolve)) : undefined);
  const slow = setup.member("c2", { ...options, handle: dawdle, revokingMs: 100 });
  await setup.settle(() => setup.isShared());
  isSlow = true;
  await setup.send(1);
  await setup.settle(() => setup.journal.some((entry) => entry.member === "c2" && entry.what === "message"));
  isSlow = false;
  // A subscription to less has even a cooperative member let go first, which c2 does not come to.
  await setup.until(slow.consumer.subscribe(["u"], slow.listener));
  const generation = member.consumer.groupMetadata()!.generationId;
  setup.member("c3", options);
  await setup.pass(5_000);
  expect(member.consumer.groupMetadata()!.generationId).toBe(generation);
  return { setup, member };
}

describe("in the middle of a round", () => {
  it("eager: there is nothing to commit, and what is named comes too early", async () => {
    const { setup, member } = await inRound(range);
    expect(member.consumer.assignment()).toEqual([]);
    const named = [{ topic: "t", partition: 0, offset: 1 }];
    expect(await setup.until(failure(member.consumer.commit()))).toBeNull();
    expect(await setup.until(failure(member.consumer.commit(named)))).toBeInstanceOf(RebalanceInProgressError);
    expect(await setup.until(asyncOutcome(member, named))).toBeInstanceOf(RebalanceInProgressError);
    await setup.settle(() => member.consumer.assignment().length > 0);
    await setup.end();
  });

  it("cooperative: commits go through", async () => {
    const { setup, member } = await inRound(cooperativeSticky);
    const [place] = member.consumer.assignment();
    const before = setup.now;
    expect(await setup.until(failure(member.consumer.commit()))).toBeNull();
    expect(await setup.until(failure(member.consumer.commit([{ ...place!, offset: 1, metadata: "half" }])))).toBeNull();
    expect(await setup.until(asyncOutcome(member))).toBeNull();
    expect(setup.now - before).toBeLessThan(1_000);
    const committed = await setup.until(member.consumer.committed([place!]));
    expect(committed[0]).toMatchObject({ offset: 1 });
    await setup.end();
  });

  it("cooperative: a member that closes commits what it has finished, and its listener hears of a revocation", async () => {
    const { setup, member } = await inRound(cooperativeSticky);
    const own = member.consumer.assignment().length;
    expect(own).toBeGreaterThan(0);
    let inListener: Outcome = new TimeoutError("not called");
    await setup.until(
      member.consumer.subscribe(["t"], {
        onPartitionsRevoked: async () => {
          inListener = await failure(member.consumer.commit());
        },
      }),
    );
    await setup.until(member.close());
    expect(inListener).toBeNull();
    const committed = await setup.committed();
    expect(Object.values(committed).filter((offset) => offset === 1)).toHaveLength(own);
    await setup.end();
  });
});

describe("out of the group", () => {
  it("every commit fails for good, and revocation is a loss", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    await setup.send(3, [0]);
    const { clock } = setup.sim.world;
    const outcomes: Outcome[] = [];
    let isDone = false;
    const member: Member = setup.member("c1", {
      maxPollIntervalMs: 5_000,
      autoCommitIntervalMs: 60_000,
      handle: async () => {
        if (isDone) return;
        isDone = true;
        await new Promise<void>((resolve) => clock.setTimer(10_000, resolve));
        outcomes.push(await failure(member.consumer.commit()));
        outcomes.push(await failure(member.consumer.commit([{ topic: "t", partition: 0, offset: 1 }])));
        outcomes.push(await asyncOutcome(member));
      },
    });
    await setup.settle(() => setup.journal.filter(({ what }) => what === "done").length === 4);
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(CommitFailedError);
    expect(outcomes).toHaveLength(3);
    expect(outcomes[0]!.message).toMatch(/maxPollIntervalMs/);
    expect(setup.journal.some(({ what }) => what === "lost")).toBe(true);
    expect(setup.journal.some(({ what }) => what === "revoked")).toBe(false);
    await setup.end();
  });
});

describe("without a coordinator", () => {
  it("commits wait for it, and arrive in the order of the calls", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const member = setup.member("c1", { enableAutoCommit: false });
    await setup.settle(() => setup.isShared(1));
    await setup.send(3, [0]);
    await setup.settle(() => setup.journal.filter(({ what }) => what === "done").length === 3);
    setup.sim.server.kill();
    const order: string[] = [];
    const at = (offset: number) => [{ topic: "t", partition: 0, offset }];
    member.consumer.commitAsync((error) => order.push(`1 ${error}`), at(1));
    member.consumer.commitAsync((error) => order.push(`2 ${error}`), at(2));
    const sync = member.consumer.commit(at(3)).then(() => order.push("3"));
    await setup.pass(10_000);
    expect(order).toEqual([]);
    await setup.sim.startBroker();
    await setup.until(sync);
    expect(order).toEqual(["1 null", "2 null", "3"]);
    expect(await setup.committed()).toEqual({ "t-0": 3 });
    await setup.end();
  });

  it("those that nobody waits for do not pile up: one waits for all, and tells of all", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    const member = setup.member("c1", { enableAutoCommit: false, defaultApiTimeoutMs: 8_000 });
    await setup.settle(() => setup.isShared(2));
    const down = intercept(setup.sim.broker, { api: "OFFSET_COMMIT" }).fail("COORDINATOR_LOAD_IN_PROGRESS");
    const failed: (readonly TopicPartitionOffset[])[] = [];
    member.consumer.on("commitFailed", (_, offsets) => failed.push(offsets));
    const commit = (partition: number, offset: number) =>
      member.consumer.commitAsync(undefined, [{ topic: "t", partition, offset }]);
    for (let offset = 0; offset < 500; offset++) for (const partition of [0, 1]) commit(partition, offset);
    await setup.settle(() => failed.length > 0);
    await setup.pass(1_000);
    // What was under way when the rest was asked for, and the rest.
    expect(failed.length).toBeLessThanOrEqual(2);
    const last = failed.at(-1)!.map(({ partition, offset }) => [partition, offset]);
    expect(last.sort()).toEqual([
      [0, 499],
      [1, 499],
    ]);
    for (let offset = 500; offset < 600; offset++) for (const partition of [0, 1]) commit(partition, offset);
    down.stop();
    await setup.pass(2_000);
    expect(await setup.committed()).toEqual({ "t-0": 599, "t-1": 599 });
    await setup.end();
  });

  it("they give up after defaultApiTimeoutMs, each with its own word, in order", async () => {
    const setup = await GroupSetup.start({ partitions: 1 });
    const member = setup.member("c1", { enableAutoCommit: false, defaultApiTimeoutMs: 8_000 });
    await setup.settle(() => setup.isShared(1));
    intercept(setup.sim.broker, { api: "OFFSET_COMMIT" }).fail("COORDINATOR_LOAD_IN_PROGRESS");
    const order: string[] = [];
    const at = (offset: number) => [{ topic: "t", partition: 0, offset }];
    member.consumer.commitAsync((error) => order.push(`1 ${error?.name}`), at(1));
    const sync = failure(member.consumer.commit(at(2))).then((error) => order.push(`2 ${error?.name}`));
    const before = setup.now;
    await setup.until(sync);
    expect(order).toEqual(["1 TimeoutError", "2 TimeoutError"]);
    expect(setup.now - before).toBeLessThan(10_000);
    await setup.end();
  });
});
