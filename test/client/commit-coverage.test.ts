import { ClosedError, CommitFailedError, type KafkaError, type TopicPartitionOffset } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { GroupSetup } from "./group-setup.ts";

/** A group with one partition of ten records. */
async function tenRecords(): Promise<GroupSetup> {
  const setup = await GroupSetup.start({ partitions: 1 });
  await setup.send(10, [0]);
  return setup;
}

/** Reads on until the message at `last` is there, which `then` gets; the loop ends behind it. */
async function readTo(
  consumer: ReturnType<GroupSetup["consumer"]>,
  last: number,
  then: () => Promise<unknown> | unknown = () => {},
): Promise<number[]> {
  const offsets: number[] = [];
  for await (const { offset } of consumer) {
    offsets.push(offset);
    if (offset < last) continue;
    await then();
    break;
  }
  return offsets;
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

describe("what a commit covers", () => {
  it("commit() covers the current message, close() and auto-commit do not", async () => {
    const setup = await tenRecords();
    const manual = setup.consumer({ enableAutoCommit: false });
    await manual.subscribe(["t"]);
    await setup.until(readTo(manual, 3, () => manual.commit()));
    expect(await setup.committed()).toEqual({ "t-0": 4 });
    await setup.until(manual.close());
    expect(await setup.committed()).toEqual({ "t-0": 4 });

    const automatic = setup.consumer();
    await automatic.subscribe(["t"]);
    expect(await setup.until(readTo(automatic, 6))).toEqual([4, 5, 6]);
    await setup.until(automatic.close());
    expect(await setup.committed()).toEqual({ "t-0": 6 });
    await setup.end();
  });

  it("auto-commit on the interval leaves the current message out for as long as its handler works", async () => {
    const setup = await tenRecords();
    const { clock } = setup.sim.world;
    const member = setup.member("c1", {
      handle: (offset) => new Promise((resolve) => clock.setTimer(offset === 4 ? 30_000 : 1, resolve)),
    });
    await setup.settle(() => setup.journal.some(({ offset, what }) => offset === 4 && what === "message"));
    await setup.pass(20_000);
    expect(await setup.committed()).toEqual({ "t-0": 4 });
    await setup.settle(() => setup.journal.some(({ offset, what }) => offset === 9 && what === "done"));
    await setup.pass(6_000);
    expect(await setup.committed()).toEqual({ "t-0": 10 });
    await setup.until(member.close());
    await setup.end();
  });

  it("revocation commits what is finished, and what was being worked on comes again to the next owner", async () => {
    const setup = await tenRecords();
    const { clock } = setup.sim.world;
    // Never finishes the message at offset 4.
    const first = setup.member("c1", {
      handle: (offset) => new Promise((resolve) => offset === 4 || clock.setTimer(1, resolve)),
    });
    await setup.settle(() => setup.journal.some(({ offset, what }) => offset === 4 && what === "message"));
    await setup.until(first.consumer.close());
    first.isOver = true;
    expect(await setup.committed()).toEqual({ "t-0": 4 });
    setup.member("c2");
    await setup.settle(() => setup.journal.some(({ offset, what }) => offset === 9 && what === "done"));
    const second = setup.journal.filter(({ member, what }) => member === "c2" && what === "message");
    expect(second.map(({ offset }) => offset)).toEqual([4, 5, 6, 7, 8, 9]);
    await setup.end();
  });

  it("a loop that is left early begins again with the message that it had not finished", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ enableAutoCommit: false });
    await consumer.subscribe(["t"]);
    expect(await setup.until(readTo(consumer, 2))).toEqual([0, 1, 2]);
    expect(await setup.until(consumer.position({ topic: "t", partition: 0 }))).toBe(2);
    await setup.until(consumer.commit());
    expect(await setup.committed()).toEqual({ "t-0": 2 });
    const thrown = readTo(consumer, 4, () => {
      throw new Error("handler");
    });
    expect(await setup.until(failure(thrown))).toMatchObject({ message: "handler" });
    // Whoever vouches for the message gets the next one.
    expect(await setup.until(readTo(consumer, 5, () => consumer.commit()))).toEqual([4, 5]);
    expect(
      await setup.until(readTo(consumer, 7, () => consumer.commit([{ topic: "t", partition: 0, offset: 8 }]))),
    ).toEqual([6, 7]);
    expect(await setup.until(readTo(consumer, 8))).toEqual([8]);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("by batch: the whole batch, or nothing of it", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ maxPollRecords: 4 });
    await consumer.subscribe(["t"]);
    const seen: number[][] = [];
    const read = async (leaveAt: number) => {
      for await (const batch of consumer.batches()) {
        seen.push([...batch].map(({ offset }) => offset));
        if (batch.lastOffset >= leaveAt) break;
      }
    };
    await setup.until(read(5));
    expect(seen).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    await setup.until(read(5));
    expect(seen.at(-1)).toEqual([4, 5, 6, 7]);
    await setup.until(consumer.close());
    expect(await setup.committed()).toEqual({ "t-0": 4 });
    await setup.end();
  });

  it("polling counts the batch before as finished", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ maxPollRecords: 4 });
    await consumer.subscribe(["t"]);
    const first = await setup.until(consumer.poll({ timeoutMs: 10_000 }));
    expect(first?.length).toBe(4);
    const second = await setup.until(consumer.poll({ timeoutMs: 10_000 }));
    expect(second?.firstOffset).toBe(4);
    expect((await setup.until(consumer.poll({ timeoutMs: 10_000 })))?.length).toBe(2);
    expect(await setup.until(consumer.poll({ timeoutMs: 1_000 }))).toBeNull();
    await setup.until(consumer.close());
    expect(await setup.committed()).toEqual({ "t-0": 10 });
    await setup.end();
  });
});

describe("commits", () => {
  it("reach the coordinator in the order of the calls, whatever is tried again", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ enableAutoCommit: false });
    await consumer.subscribe(["t"]);
    await setup.until(readTo(consumer, 0));
    const committed: TopicPartitionOffset[][] = [];
    const requests = intercept(setup.sim.broker, {
      api: "OFFSET_COMMIT",
      where: ({ topics }) => {
        committed.push(
          topics.map(({ name, partitions: [one] }) => ({ topic: name, partition: 0, offset: one!.committedOffset })),
        );
        return false;
      },
    });
    intercept(setup.sim.broker, { api: "OFFSET_COMMIT", times: 1 }).fail("COORDINATOR_LOAD_IN_PROGRESS");
    const outcomes: string[] = [];
    for (const offset of [1, 2, 3]) {
      consumer.commitAsync(
        (error) => outcomes.push(`${offset} ${error?.code ?? "ok"}`),
        [{ topic: "t", partition: 0, offset }],
      );
    }
    await setup.until(consumer.commit([{ topic: "t", partition: 0, offset: 4 }]));
    expect(outcomes).toEqual(["1 ok", "2 ok", "3 ok"]);
    expect(await setup.committed()).toEqual({ "t-0": 4 });
    const sent = committed.flat().map(({ offset }) => offset);
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    requests.stop();
    await setup.until(consumer.close());
    await setup.end();
  });

  it("carry metadata, and committed() tells of them", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    const consumer = setup.consumer({ enableAutoCommit: false });
    await consumer.assign([0, 1].map((partition) => ({ topic: "t", partition })));
    await setup.until(consumer.commit([{ topic: "t", partition: 1, offset: 7, metadata: "half way" }]));
    expect(await setup.until(consumer.committed())).toEqual([
      { topic: "t", partition: 0, offset: null, leaderEpoch: -1, metadata: "" },
      { topic: "t", partition: 1, offset: 7, leaderEpoch: -1, metadata: "half way" },
    ]);
    const long = [{ topic: "t", partition: 1, offset: 8, metadata: "x".repeat(5_000) }];
    expect(await setup.until(failure(consumer.commit(long)))).toMatchObject({ code: "OFFSET_METADATA_TOO_LARGE" });
    await setup.until(consumer.close());
    await setup.end();
  });

  it("fail for what belongs to somebody else, and for who is no member any more", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    const consumer = setup.consumer({ enableAutoCommit: false, sessionTimeoutMs: 6_000 });
    await consumer.subscribe(["t"]);
    expect(await setup.until(failure(consumer.commit([{ topic: "t", partition: 0, offset: 1 }])))).toBeInstanceOf(
      CommitFailedError,
    );
    await setup.send(3, [0, 1]);
    await setup.until(readTo(consumer, 2));
    const foreign = await setup.until(failure(consumer.commit([{ topic: "u", partition: 0, offset: 1 }])));
    expect(foreign?.message).toContain("u-0 is not assigned to this consumer");
    // The process is stopped for longer than its session.
    setup.sim.world.network.isolate("consumer");
    await setup.pass(20_000);
    setup.sim.world.network.healAll();
    const late = await setup.until(failure(consumer.commit()));
    expect(late).toBeInstanceOf(CommitFailedError);
    expect(late?.message).toContain("maxPollIntervalMs");
    await setup.until(consumer.close());
    await setup.end();
  });

  it("are left to the caller's patience", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ enableAutoCommit: false });
    await consumer.subscribe(["t"]);
    await setup.until(readTo(consumer, 2));
    const held = intercept(setup.sim.broker, { api: "OFFSET_COMMIT" }).dropAnswer();
    expect(await setup.until(failure(consumer.commit(undefined, { timeoutMs: 500 })))).toMatchObject({
      code: "REQUEST_TIMED_OUT",
      retriable: true,
    });
    const abort = new AbortController();
    const aborted = failure(consumer.commit(undefined, { signal: abort.signal }));
    abort.abort(new Error("enough"));
    expect(await setup.until(aborted)).toMatchObject({ message: "enough" });
    held.stop();
    await setup.until(consumer.close({ timeoutMs: 1_000 }));
    expect(await setup.until(failure(consumer.commit()))).toBeInstanceOf(ClosedError);
    await setup.end();
  });

  it("need a group", async () => {
    const setup = await tenRecords();
    const consumer = setup.consumer({ groupId: null, enableAutoCommit: false });
    await consumer.assign([{ topic: "t", partition: 0 }]);
    expect(await setup.until(failure(consumer.commit()))).toMatchObject({ code: "INVALID_CONFIG" });
    expect(await setup.until(failure(consumer.subscribe(["t"])))).toMatchObject({ code: "INVALID_CONFIG" });
    expect(await setup.until(readTo(consumer, 9))).toHaveLength(10);
    await setup.until(consumer.close());
    await setup.end();
  });
});
