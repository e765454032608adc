import { BatchCursor, buildEndTransactionBatch, errorCodes } from "@ottla/protocol";
import { type DiskFault, type SimDisk, simClock, simDisk, simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  expectedPartition,
  type OpenOptions,
  openLogs,
  readAll,
  recordsIn,
  type TestRuntime,
  testConfig,
  testRuntime,
} from "../../test/logs.ts";
import type { LogConfig } from "./config.ts";
import type { AppendOutcome } from "./outcomes.ts";

async function open(config: Partial<LogConfig> = {}, options: OpenOptions = {}, runtime = testRuntime()) {
  const partitions = [expectedPartition({ leaderEpoch: 3, config: testConfig(config) })];
  const logs = await openLogs(runtime, { partitions, ...options });
  return { runtime, logs, partition: logs.partition("t", 0)! };
}

/** The same on a disk that takes its time and can fail. */
async function openOnSimDisk(config: Partial<LogConfig> = {}, options: OpenOptions = {}) {
  const clock = simClock({ startMs: 1_700_000_060_000 });
  const disk = simDisk({ clock, random: simRandom(1), syncMs: { min: 5, max: 5 } });
  const runtime: TestRuntime = { ...testRuntime(), clock, disk: disk.mount() };
  // The data directory itself is somebody else's job.
  runtime.disk.makeDirectory("/data");
  await clock.until(runtime.disk.syncDirectory("/"));
  return { ...(await open(config, options, runtime)), disk };
}

const options = { isolation: "uncommitted", minOneBatch: true } as const;

describe("appending", () => {
  it("gives offsets in the order of the calls, and answers when the tick's one write is done", async () => {
    const { partition, runtime, disk } = await openOnSimDisk();
    const events: string[] = [];
    const before = disk.counts.write;
    for (const count of [1, 2, 3]) {
      const records = Array.from({ length: count }, () => ({}));
      partition.append(batchOf(records), { origin: "client", acks: "committed" }, (outcome) => {
        events.push(`${outcome.baseOffset}-${outcome.lastOffset}`);
      });
    }
    expect(partition).toMatchObject({ logEndOffset: 6, highWatermark: 0 });
    expect(events).toEqual([]);
    await runtime.clock.runFor(1);
    expect(events).toEqual(["0-0", "1-2", "3-5"]);
    expect(partition.highWatermark).toBe(6);
    // The leader epoch's file, then all batches in one.
    expect(disk.counts.write - before).toBe(2);
    const cursor = new BatchCursor(partition.read(0, 1000, options).records);
    while (cursor.next()) expect(cursor.view).toMatchObject({ partitionLeaderEpoch: 3 });
    expect(cursor.view.nextOffset).toBe(6);
  });

  it("rolls by size, by the records' time, and when a segment's offsets run out", async () => {
    const { partition, runtime, logs } = await open({ segmentBytes: 200, segmentMs: 1000 });
    const at = (timestamp: number) => runtime.clock.until(append(partition, batchOf([{ timestamp }])));
    const bases = () => partition.openLog!.segments.all.map((segment) => segment.baseOffset);
    const t = 1_700_000_000_000;
    await at(t);
    await at(t);
    expect(bases()).toEqual([0]);
    await at(t);
    expect(bases()).toEqual([0, 2]);
    await at(t + 1000);
    expect(bases()).toEqual([0, 2]);
    await at(t + 1001);
    expect(bases()).toEqual([0, 2, 4]);
    await at(t + 2500);
    expect(bases()).toEqual([0, 2, 4, 5]);
    expect(readAll(partition).map((record) => record.offset)).toEqual([0, 1, 2, 3, 4, 5]);
    // Snapshots at each roll, and at the stop.
    await runtime.clock.until(logs.close());
    const snapshots = runtime.disk.list("/data/log/t-0").filter((file) => file.name.endsWith("snapshot"));
    expect(snapshots.map((file) => Number.parseInt(file.name, 10))).toEqual([2, 4, 5, 6]);
  });

  it("rolls when an index is full", async () => {
    const { partition, runtime } = await open({ segmentIndexBytes: 40, indexIntervalBytes: 0 });
    for (let i = 0; i < 12; i++)
      await runtime.clock.until(append(partition, batchOf([{ timestamp: 1_700_000_000_000 + i }])));
    expect(partition.openLog!.segments.count).toBeGreaterThan(3);
    for (const segment of partition.openLog!.segments.all) {
      expect(segment.offsetIndex.sizeInBytes).toBeLessThanOrEqual(40);
      expect(segment.timeIndex.sizeInBytes).toBeLessThanOrEqual(40);
    }
    for (let i = 0; i < 12; i++) expect(recordsIn(partition.read(i, 10, options).records)[0]!.offset).toBe(i);
  });
});

describe("idempotent producers", () => {
  const from = (baseSequence: number, producerEpoch = 0, count = 1) =>
    batchOf(
      Array.from({ length: count }, () => ({})),
      { producerId: 9, producerEpoch, baseSequence },
    );

  it("get the first answer again for a repetition, once that is committed", async () => {
    const { partition, runtime } = await openOnSimDisk({}, { config: { flush: "always" } });
    const answers: string[] = [];
    const send = (name: string, batch: Buffer) =>
      partition.append(batch, { origin: "client", acks: "committed" }, (outcome) => {
        answers.push(`${name} ${outcome.errorCode} ${outcome.baseOffset}-${outcome.lastOffset}`);
      });
    send("first", from(0, 0, 3));
    send("again", from(0, 0, 3));
    send("gap", from(7));
    expect(answers).toEqual([`gap ${errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER} -1--1`]);
    await runtime.clock.runFor(100);
    expect(answers.slice(1)).toEqual(["first 0 0-2", "again 0 0-2"]);
    send("late", from(0, 0, 3));
    expect(answers.at(-1)).toBe("late 0 0-2");
    expect(partition.logEndOffset).toBe(3);
  });

  it("are remembered by a clean stop and by a crash", async () => {
    for (const isClean of [true, false]) {
      const runtime = testRuntime();
      const first = await open({}, {}, runtime);
      for (let i = 0; i < 3; i++) await runtime.clock.until(append(first.partition, from(i)));
      if (isClean) await runtime.clock.until(first.logs.close());
      const { partition } = await open({}, {}, runtime);
      const send = (batch: Buffer) => runtime.clock.until(append(partition, batch));
      expect(await send(from(2))).toMatchObject({ errorCode: 0, baseOffset: 2 });
      expect(await send(from(5))).toMatchObject({ errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER });
      expect(await send(from(3))).toMatchObject({ errorCode: 0, baseOffset: 3 });
      expect(partition.producers()).toMatchObject([{ producerId: 9, producerEpoch: 0, lastSequence: 3 }]);
    }
  });

  it("need a verified transaction for transactional records", async () => {
    const { partition, runtime } = await open();
    const batch = () => batchOf([{}], { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true });
    const send = (isVerifiedTransaction: boolean) =>
      runtime.clock.until(append(partition, batch(), { isVerifiedTransaction }));
    expect(await send(false)).toMatchObject({ errorCode: errorCodes.INVALID_TXN_STATE });
    expect(await send(true)).toMatchObject({ errorCode: 0 });
  });
});

describe("transactions", () => {
  it("hold the last stable offset back, and an abort is known to readers after a restart, too", async () => {
    const { partition, runtime, logs } = await open({ segmentBytes: 250 });
    const transactional = (producerId: number, baseSequence: number) =>
      batchOf([{ value: `of ${producerId}` }], { producerId, producerEpoch: 0, baseSequence, isTransactional: true });
    const send = (batch: Buffer) => runtime.clock.until(append(partition, batch, { isVerifiedTransaction: true }));
    const end = (type: "abort" | "commit", producerId: number) => {
      const marker = buildEndTransactionBatch(type, 1_700_000_060_000, 4, { producerId, producerEpoch: 0 });
      return runtime.clock.until(append(partition, marker, { origin: "coordinator" }));
    };
    await send(batchOf([{}]));
    await send(transactional(1, 0));
    await send(transactional(2, 0));
    await send(batchOf([{}]));
    expect(partition).toMatchObject({ highWatermark: 4, lastStableOffset: 1 });
    expect(readAll(partition, "committed").map((record) => record.offset)).toEqual([0]);
    expect(partition.latestOffset("committed").offset).toBe(1);
    expect(partition.bytesAvailable(0, "committed")).toBeLessThan(partition.bytesAvailable(0, "uncommitted"));
    await end("abort", 1);
    expect(partition.lastStableOffset).toBe(2);
    await end("commit", 2);
    expect(partition.lastStableOffset).toBe(6);
    const aborted = () => partition.read(1, 1, { isolation: "committed", minOneBatch: true }).abortedTransactions;
    expect(aborted()).toEqual([{ producerId: 1, firstOffset: 1 }]);
    expect(partition.read(1, 1, options).abortedTransactions).toBeNull();
    expect(partition.read(5, 1, { isolation: "committed", minOneBatch: true }).abortedTransactions).toEqual([]);
    for (const isClean of [false, true]) {
      if (isClean) await runtime.clock.until(logs.close());
      const next = await open({ segmentBytes: 250 }, {}, runtime);
      expect(next.partition.lastStableOffset).toBe(6);
      const read = next.partition.read(1, 1, { isolation: "committed", minOneBatch: true });
      expect(read.abortedTransactions).toEqual([{ producerId: 1, firstOffset: 1 }]);
      if (!isClean) await runtime.clock.until(next.logs.close());
    }
  });
});

describe("reading", () => {
  async function threeBatches() {
    const opened = await open();
    const sizes: number[] = [];
    for (const value of ["a", "b".repeat(500), "c"]) {
      const batch = batchOf([{ value }, { value }]);
      sizes.push(batch.length);
      await opened.runtime.clock.until(append(opened.partition, batch));
    }
    return { ...opened, sizes };
  }

  it("gives whole batches only, and the first one whatever its size if asked to", async () => {
    const { partition, sizes } = await threeBatches();
    const size = (offset: number, maxBytes: number, minOneBatch: boolean) =>
      partition.read(offset, maxBytes, { isolation: "uncommitted", minOneBatch }).records.length;
    const [a, b, c] = sizes as [number, number, number];
    expect(size(0, 0, false)).toBe(0);
    expect(size(0, a - 1, false)).toBe(0);
    expect(size(0, a - 1, true)).toBe(a);
    expect(size(0, 0, true)).toBe(a);
    expect(size(0, a, false)).toBe(a);
    expect(size(0, a + b - 1, false)).toBe(a);
    expect(size(0, a + b, false)).toBe(a + b);
    expect(size(1, a + b + c, false)).toBe(a + b + c);
    expect(size(2, 1, true)).toBe(b);
    expect(size(5, 10_000, true)).toBe(c);
    expect(size(6, 10_000, true)).toBe(0);
  });

  it("answers offsets out of range", async () => {
    const { partition } = await threeBatches();
    const code = (offset: number) => partition.read(offset, 100, options).errorCode;
    expect([code(-1), code(0), code(6), code(7)]).toEqual([1, 0, 0, 1]);
    expect(partition.deleteRecordsBefore(3)).toBe(0);
    expect([code(2), code(3)]).toEqual([1, 0]);
  });

  it("knows how much there is to read", async () => {
    const { partition, sizes, runtime } = await threeBatches();
    const [a, b, c] = sizes as [number, number, number];
    const available = (offset: number) => partition.bytesAvailable(offset, "uncommitted");
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(available)).toEqual([a + b + c, a + b + c, b + c, b + c, c, c, 0, 0]);
    const more = batchOf([{}]);
    await runtime.clock.until(append(partition, more));
    expect(available(6)).toBe(more.length);
  });

  it("gives buffers back to the pool, once", async () => {
    const { partition } = await threeBatches();
    const first = partition.read(0, 5000, options);
    const bytes = Buffer.from(first.records);
    first.release();
    first.release();
    const second = partition.read(0, 5000, options);
    const third = partition.read(0, 5000, options);
    expect(second.records.buffer).toBe(first.records.buffer);
    expect(third.records.buffer).not.toBe(first.records.buffer);
    expect(third.records).toEqual(bytes);
  });

  it("wakes who waits", async () => {
    const { partition, runtime } = await threeBatches();
    const seen: number[] = [];
    const stop = partition.onAdvance(() => seen.push(partition.highWatermark));
    await runtime.clock.until(append(partition, batchOf([{}, {}])));
    partition.deleteRecordsBefore(2);
    expect(seen).toEqual([8, 8]);
    stop();
    await runtime.clock.until(append(partition, batchOf([{}])));
    expect(seen.length).toBe(2);
  });
});

describe("deleting records", () => {
  it("moves the start for good, up to the high watermark", async () => {
    const { partition, runtime } = await open();
    for (let i = 0; i < 4; i++) await runtime.clock.until(append(partition, batchOf([{}])));
    expect(partition.deleteRecordsBefore(5)).toBe(errorCodes.OFFSET_OUT_OF_RANGE);
    expect(partition.deleteRecordsBefore(-2)).toBe(errorCodes.OFFSET_OUT_OF_RANGE);
    expect(partition.deleteRecordsBefore(2)).toBe(0);
    expect(partition.deleteRecordsBefore(1)).toBe(0);
    expect(partition.logStartOffset).toBe(2);
    expect(partition.earliestOffset()).toMatchObject({ offset: 2, leaderEpoch: 3 });
    // A crash right behind the answer.
    const again = await open({}, {}, runtime);
    expect(again.partition.logStartOffset).toBe(2);
    expect(again.partition.deleteRecordsBefore(-1)).toBe(0);
    expect(again.partition.logStartOffset).toBe(4);
    expect(readAll(again.partition)).toEqual([]);
  });

  it("is refused where only compaction removes records", async () => {
    const { partition } = await open({ cleanupPolicy: ["compact"] });
    expect(partition.deleteRecordsBefore(0)).toBe(errorCodes.POLICY_VIOLATION);
    partition.updateConfig(testConfig({ cleanupPolicy: ["compact", "delete"] }));
    expect(partition.deleteRecordsBefore(0)).toBe(0);
  });
});

describe("flush policies", () => {
  const durable = (disk: SimDisk) => {
    disk.crashMachine({ keeps: "none" });
    const next = disk.mount();
    const path = "/data/log/t-0/00000000000000000000.log";
    return next.stat(path) === null ? 0 : recordsIn(next.readFile(path)).length;
  };

  it("always: one sync commits all that was written while the one before ran", async () => {
    const { partition, runtime, disk } = await openOnSimDisk({}, { config: { flush: "always" } });
    await runtime.clock.until(append(partition, batchOf([{}])));
    const before = disk.counts.sync;
    const startedMs = runtime.clock.monotonic();
    const done: number[] = [];
    for (let i = 0; i < 5; i++) {
      void append(partition, batchOf([{}])).then(() => done.push(runtime.clock.monotonic() - startedMs));
      void append(partition, batchOf([{}]), { acks: "written" }).then(() => done.push(-1));
      await runtime.clock.runFor(0.9);
    }
    // Written, but not committed.
    expect(done.filter((ms) => ms === -1).length).toBe(5);
    expect([partition.logEndOffset, partition.highWatermark]).toEqual([11, 1]);
    await runtime.clock.runFor(100);
    // Two syncs of 5 ms each: the first for the first write, the second for the rest.
    expect(done.filter((ms) => ms >= 0)).toEqual([5, 10, 10, 10, 10]);
    expect(disk.counts.sync - before).toBe(2);
    expect(durable(disk)).toBe(11);
  });

  it("flush.messages=1 makes a topic's policy always", async () => {
    const { partition, runtime, disk } = await openOnSimDisk({ flushMessages: 1 });
    await runtime.clock.until(append(partition, batchOf([{}])));
    expect(durable(disk)).toBe(1);
  });

  it("interval: syncs that long after a write, and answers at once", async () => {
    const { partition, runtime, disk } = await openOnSimDisk(
      {},
      { config: { flush: "interval", flushIntervalMs: 500 } },
    );
    await runtime.clock.until(append(partition, batchOf([{}])));
    expect(runtime.clock.monotonic()).toBeLessThan(100);
    expect(disk.counts.sync).toBe(0);
    await runtime.clock.runFor(400);
    await runtime.clock.until(append(partition, batchOf([{}])));
    await runtime.clock.runFor(150);
    expect(partition.recoveryPoint).toBe(2);
    expect(durable(disk)).toBe(2);
  });

  it("os: leaves it to the system, but bounds what is unsynced", async () => {
    const config = { backgroundSyncBytes: 1000, maxUnsyncedBytes: 3000 };
    const { partition, runtime, disk } = await openOnSimDisk({}, { config });
    const batch = () => batchOf([{ value: "x".repeat(500) }]);
    await runtime.clock.until(append(partition, batch()));
    await runtime.clock.runFor(100);
    expect(disk.counts.sync).toBe(0);
    await runtime.clock.until(append(partition, batch()));
    await runtime.clock.runFor(100);
    expect(partition.recoveryPoint).toBe(2);
    // Beyond the bound appends wait for a sync instead of making the system stall.
    const startedMs = runtime.clock.monotonic();
    const done: number[] = [];
    for (let i = 0; i < 7; i++) {
      void append(partition, batch()).then(() => done.push(runtime.clock.monotonic() - startedMs));
      await runtime.clock.runFor(0.1);
    }
    await runtime.clock.runFor(100);
    expect(done.length).toBe(7);
    expect(done.filter((ms) => ms > 4).length).toBeGreaterThan(0);
    expect(done.filter((ms) => ms < 1).length).toBeGreaterThanOrEqual(5);
  });
});

describe("a disk that fails", () => {
  const faults: [string, DiskFault, Partial<LogConfig>][] = [
    ["a write", { operation: "write", path: /\.log$/, effect: "fail" }, {}],
    ["a write that got half way", { operation: "write", path: /\.log$/, effect: "fail", progress: "part" }, {}],
    ["a full disk", { operation: "write", path: /\.log$/, effect: "fail", code: "ENOSPC" }, {}],
    ["a sync", { operation: "sync", path: /\.log$/, effect: "fail" }, { flushMessages: 1 }],
    ["a directory's sync", { operation: "syncDirectory", effect: "fail" }, { flushMessages: 1, segmentBytes: 150 }],
    ["a new segment", { operation: "create", path: /\.log$/, effect: "fail" }, { segmentBytes: 150 }],
    ["a snapshot", { operation: "rename", path: /snapshot/, effect: "fail" }, { segmentBytes: 150 }],
  ];

  it.each(faults)("takes the partition offline: %s", async (_, fault, config) => {
    const { partition, runtime, disk } = await openOnSimDisk(config);
    await runtime.clock.until(append(partition, batchOf([{ value: "first" }])));
    disk.plan(fault);
    const outcomes: Promise<AppendOutcome>[] = [];
    let wasTold = false;
    partition.onAdvance(() => {
      wasTold = true;
    });
    for (let i = 0; i < 4; i++)
      outcomes.push(append(partition, batchOf([{}]), { acks: i % 2 === 0 ? "committed" : "written" }));
    const answers = await runtime.clock.until(Promise.all(outcomes));
    const isSync = fault.operation === "sync" || fault.operation === "syncDirectory";
    for (const [i, answer] of answers.entries()) {
      // What was written before the sync failed was answered already.
      if (isSync && i % 2 === 1) expect(answer.errorCode).toBe(0);
      else expect(answer).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR, baseOffset: -1 });
    }
    expect(partition.offline?.message).toContain(fault.code ?? "EIO");
    expect(wasTold).toBe(true);
    expect(await append(partition, batchOf([{}]))).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR });
    expect(partition.read(0, 100, options).errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR);
    expect(partition.latestOffset("uncommitted").errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR);
    await expect(partition.flush()).rejects.toThrow(fault.code ?? "EIO");
    // A new process finds what was acknowledged.
    disk.crashProcess();
    const next = await open(config, {}, { ...runtime, disk: disk.mount() });
    expect(next.partition.offline).toBeNull();
    expect(readAll(next.partition)[0]).toMatchObject({ value: "first" });
    expect(await runtime.clock.until(append(next.partition, batchOf([{}])))).toMatchObject({ errorCode: 0 });
  });

  it("does not take a partition offline for a read", async () => {
    const { partition, runtime, disk } = await openOnSimDisk();
    await runtime.clock.until(append(partition, batchOf([{}])));
    disk.plan({ operation: "read", effect: "fail" });
    expect(partition.read(0, 100, options).errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR);
    expect(partition.read(0, 100, options).errorCode).toBe(0);
  });
});

describe("leader epochs", () => {
  it("are compared with what a request believes", async () => {
    const { partition } = await open();
    expect([-1, 2, 3, 4].map((epoch) => partition.checkLeaderEpoch(epoch))).toEqual([
      0,
      errorCodes.FENCED_LEADER_EPOCH,
      0,
      errorCodes.UNKNOWN_LEADER_EPOCH,
    ]);
  });
});
