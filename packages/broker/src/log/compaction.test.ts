import { BatchCursor, buildEndTransactionBatch, RecordIterator } from "@ottla/protocol";
import {
  type CrashKeeps,
  type DiskFault,
  recordingLogger,
  type SimMachine,
  type SimWorld,
  simWorld,
} from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  dayMs,
  expectedPartition,
  hourMs,
  type OpenOptions,
  openLogs,
  readAll,
  startOpening,
  type TestRecord,
  type TestRuntime,
  testConfig,
  testRuntime,
} from "../../test/logs.ts";
import type { LogConfig } from "./config.ts";
import type { LogManager } from "./log-manager.ts";
import type { Partition } from "./partition.ts";

const compacted: Partial<LogConfig> = {
  cleanupPolicy: ["compact"],
  segmentBytes: 500,
  minCleanableDirtyRatio: 0,
  indexIntervalBytes: 100,
  fileDeleteDelayMs: 10,
};

async function open(config: Partial<LogConfig> = {}, options: OpenOptions = {}, runtime = testRuntime()) {
  const partitions = [expectedPartition({ config: testConfig({ ...compacted, ...config }) })];
  const quiet = { logCleanerEnable: false, ...options.config };
  const logs = await openLogs(runtime, { partitions, ...options, config: quiet });
  const partition = logs.partition("t", 0)!;
  const put = (records: readonly TestRecord[], fields = {}, batchOptions = {}) => {
    const timed = records.map((record) => ({ timestamp: runtime.clock.now(), ...record }));
    const own = { origin: "coordinator", isVerifiedTransaction: true } as const;
    return runtime.clock.until(append(partition, batchOf(timed, fields, batchOptions), own));
  };
  const clean = () => runtime.clock.until(logs.housekeeping.cleaner.cleanOne());
  return { runtime, logs, partition, put, clean };
}

/** Starts a new segment, so that everything so far may be compacted. */
function roll(partition: Partition): void {
  partition.openLog!.roll();
}

/** What a reader makes of it: the newest value by key; deleted keys are not there. */
function latest(partition: Partition): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key, value } of readAll(partition, "logEnd", partition.logStartOffset, 200)) {
    if (value === null) values.delete(key!);
    else values.set(key!, value);
  }
  return values;
}

const offsets = (partition: Partition) => readAll(partition).map((record) => record.offset);

describe("compaction", () => {
  it("keeps the newest record of each key, at its offset, and what is active", async () => {
    const { partition, put, clean } = await open();
    for (let i = 0; i < 30; i++) await put([{ key: `k${i % 4}`, value: `v${i}` }]);
    const activeBase = partition.openLog!.segments.active.baseOffset;
    const sizeBefore = partition.sizeInBytes;
    const before = latest(partition);
    expect(await clean()).toBe(true);
    expect(latest(partition)).toEqual(before);
    expect(partition.sizeInBytes).toBeLessThan(sizeBefore / 2);
    const found = readAll(partition);
    const below = found.filter((record) => record.offset < activeBase);
    expect(new Set(below.map((record) => record.key)).size).toBe(below.length);
    expect(found.map((record) => record.value)).toEqual(found.map((record) => `v${record.offset}`));
    expect(partition.logEndOffset).toBe(30);
    // Any offset can be fetched from, those that are gone, too.
    for (let offset = 0; offset < 30; offset++) {
      const read = partition.read(offset, 10_000, { isolation: "uncommitted", minOneBatch: true });
      const cursor = new BatchCursor(read.records);
      expect(cursor.next()).toBe(true);
      expect(cursor.view.lastOffset).toBeGreaterThanOrEqual(offset);
    }
    expect(await clean()).toBe(false);
  });

  it.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)("takes records out of batches of %s", async (codec) => {
    const { partition, put, clean } = await open({ segmentBytes: 5000 });
    const values = Array.from({ length: 10 }, (_, i) => ({ key: `k${i}`, value: `old ${i}` }));
    await put(values, {}, { codec });
    await put(
      [
        { key: "k3", value: "new" },
        { key: "k7", value: null },
      ],
      {},
      { codec },
    );
    roll(partition);
    expect(await clean()).toBe(true);
    expect(offsets(partition)).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10, 11]);
    const read = partition.read(0, 10_000, { isolation: "uncommitted", minOneBatch: true });
    const cursor = new BatchCursor(read.records);
    cursor.next();
    expect(cursor.view).toMatchObject({ codec, baseOffset: 0, lastOffset: 9, recordCount: 8 });
    expect(cursor.view.isCrcValid()).toBe(true);
  });

  it("keeps a tombstone until its delete horizon has passed", async () => {
    const { partition, put, clean, runtime } = await open({ deleteRetentionMs: hourMs });
    await put([{ key: "a", value: "1" }]);
    await put([{ key: "a", value: null }]);
    await put([{ key: "b", value: "2" }]);
    roll(partition);
    await clean();
    expect(offsets(partition)).toEqual([1, 2]);
    const read = partition.read(1, 10_000, { isolation: "uncommitted", minOneBatch: true });
    const cursor = new BatchCursor(read.records);
    cursor.next();
    // Reading starts in the batch that holds the offset.
    expect(cursor.view).toMatchObject({ hasDeleteHorizon: true });
    expect(cursor.view.deleteHorizonMs).toBeGreaterThan(runtime.clock.now() + hourMs - 1000);
    const records = new RecordIterator(cursor.view);
    records.next();
    expect(records.timestamp).toBeLessThanOrEqual(runtime.clock.now());
    await runtime.clock.runFor(hourMs / 2);
    await put([{ key: "b", value: "3" }]);
    roll(partition);
    await clean();
    expect(offsets(partition)).toEqual([1, 3]);
    await runtime.clock.runFor(hourMs);
    await put([{ key: "b", value: "4" }]);
    roll(partition);
    await clean();
    expect(offsets(partition)).toEqual([4]);
    expect([...latest(partition)]).toEqual([["b", "4"]]);
  });

  it("leaves alone what is young, open, or not dirty enough", async () => {
    const { partition, put, clean, runtime } = await open({ minCompactionLagMs: hourMs });
    for (let i = 0; i < 3; i++) await put([{ key: "a", value: `${i}` }]);
    roll(partition);
    expect(await clean()).toBe(false);
    await runtime.clock.runFor(hourMs + 1000);
    expect(await clean()).toBe(true);
    expect(offsets(partition)).toEqual([2]);
    partition.updateConfig(testConfig({ ...compacted, minCleanableDirtyRatio: 0.9 }));
    await put([{ key: "b", value: "x".repeat(200) }]);
    roll(partition);
    expect(await clean()).toBe(false);
    // `max.compaction.lag.ms` overrules the ratio.
    partition.updateConfig(testConfig({ ...compacted, minCleanableDirtyRatio: 0.9, maxCompactionLagMs: hourMs }));
    expect(await clean()).toBe(false);
    await runtime.clock.runFor(2 * hourMs);
    expect(await clean()).toBe(true);
    partition.updateConfig(testConfig({ ...compacted, cleanupPolicy: ["delete"] }));
    await put([{ key: "b", value: "y" }]);
    roll(partition);
    expect(await clean()).toBe(false);
  });

  it("goes on where the last round stopped when the map of keys is full", async () => {
    const { partition, put, clean } = await open({ segmentBytes: 2000 }, { config: { logCleanerDedupeBufferSize: 1 } });
    // The smallest map takes about 900 keys; these are 2,400, in batches of 20, each key twice.
    const keys = Array.from({ length: 1200 }, (_, i) => `key ${i}`);
    for (const round of [1, 2]) {
      for (let i = 0; i < keys.length; i += 20) {
        await put(keys.slice(i, i + 20).map((key) => ({ key, value: `${round}` })));
      }
    }
    roll(partition);
    let rounds = 0;
    while (await clean()) expect(++rounds).toBeLessThan(10);
    expect(rounds).toBeGreaterThan(1);
    const found = readAll(partition);
    expect(found.length).toBe(1200);
    expect(new Set(found.map((record) => record.value))).toEqual(new Set(["2"]));
  });

  it("keeps a producer's last sequence number, and the end of the log", async () => {
    const { partition, put, clean, runtime, logs } = await open();
    const from = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence });
    await put([{ key: "a", value: "1" }], from(1, 0));
    await put([{ key: "a", value: "2" }], from(1, 1));
    await put([{ key: "a", value: "3" }], from(2, 0));
    roll(partition);
    await put([{ key: "a", value: "4" }], from(2, 1));
    roll(partition);
    await clean();
    // The batch of producer 1 at offset 1 is empty, but there.
    expect(offsets(partition)).toEqual([3]);
    const directory = "/data/log/t-0";
    for (const { name } of runtime.disk.list(directory)) {
      if (name.endsWith(".snapshot")) runtime.disk.remove(`${directory}/${name}`);
    }
    await runtime.clock.until(partition.flush());
    const again = await open({}, {}, runtime);
    const bySequence = again.partition.producers().map((producer) => [producer.producerId, producer.lastSequence]);
    expect(again.partition.logEndOffset).toBe(4);
    again.partition.earliestOffset();
    expect(again.partition.producers().map((producer) => [producer.producerId, producer.lastSequence])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(bySequence.length).toBeLessThanOrEqual(2);
    expect(logs.partition("t", 0)).toBe(partition);
  });

  it("removes what was aborted, and markers once nothing is left of their transaction", async () => {
    const { partition, put, clean, runtime } = await open({ deleteRetentionMs: hourMs, segmentBytes: 2000 });
    const transactional = (producerId: number, baseSequence: number) => {
      return { producerId, producerEpoch: 0, baseSequence, isTransactional: true };
    };
    const end = (type: "abort" | "commit", producerId: number) => {
      const marker = buildEndTransactionBatch(type, runtime.clock.now(), 0, { producerId, producerEpoch: 0 });
      return runtime.clock.until(append(partition, marker, { origin: "coordinator" }));
    };
    await put([{ key: "a", value: "committed" }], transactional(1, 0));
    await put([{ key: "a", value: "aborted" }], transactional(2, 0));
    await end("abort", 2);
    await end("commit", 1);
    await put([{ key: "b", value: "open" }], transactional(3, 0));
    roll(partition);
    expect(partition.lastStableOffset).toBe(4);
    // The open transaction lies in the only segment that could be compacted.
    expect(await clean()).toBe(false);
    await end("commit", 3);
    roll(partition);
    expect(await clean()).toBe(true);
    // The aborted record did not hide the committed one; the markers are kept for now.
    const committed = partition.read(0, 10_000, { isolation: "committed", minOneBatch: true });
    const kinds = () => {
      const found: string[] = [];
      const cursor = new BatchCursor(partition.read(0, 10_000, { isolation: "committed", minOneBatch: true }).records);
      while (cursor.next())
        found.push(`${cursor.view.baseOffset}${cursor.view.isControl ? "c" : ""}${cursor.view.recordCount}`);
      return found;
    };
    expect(committed.errorCode).toBe(0);
    expect(readAll(partition, "committed").map((record) => record.value)).toEqual(["committed", "open"]);
    // The batch of producer 2 stays without its record, as its last one.
    expect(kinds()).toEqual(["01", "10", "2c1", "3c1", "41", "5c1"]);
    await put([{ key: "a", value: "newer" }], { producerId: 2, producerEpoch: 0, baseSequence: 1 });
    roll(partition);
    await clean();
    expect(kinds()).toEqual(["00", "2c1", "3c1", "41", "5c1", "61"]);
    // The next round finds nothing of the aborted transaction and sets the marker's delete horizon, the one after it removes the marker.
    for (let round = 0; round < 2; round++) {
      await put([{ key: "c", value: "c" }]);
      roll(partition);
      await clean();
      await runtime.clock.runFor(2 * hourMs);
    }
    await put([{ key: "c", value: "c" }]);
    roll(partition);
    await clean();
    // Whatever of markers has seen its delete horizon is gone.
    expect(latest(partition)).toEqual(
      new Map([
        ["a", "newer"],
        ["b", "open"],
        ["c", "c"],
      ]),
    );
    expect(kinds()).not.toContain("2c1");
  });

  it("is kept apart from retention, and both may hold", async () => {
    const { partition, put, clean, runtime, logs } = await open(
      { cleanupPolicy: ["compact", "delete"], retentionMs: dayMs },
      { config: { logInitialTaskDelayMs: 10 * dayMs } },
    );
    for (let i = 0; i < 10; i++) await put([{ key: `k${i % 2}`, value: `${i}` }]);
    roll(partition);
    const log = partition.openLog!;
    await runtime.clock.runFor(2 * dayMs);
    const cleaning = logs.housekeeping.cleaner.cleanOne();
    expect(log.isBeingCompacted).toBe(true);
    await runtime.clock.until(Promise.all([cleaning, logs.housekeeping.applyRetention()]));
    expect(log.isBeingCompacted).toBe(false);
    expect(partition.offline).toBeNull();
    await runtime.clock.until(logs.housekeeping.applyRetention());
    expect(readAll(partition)).toEqual([]);
    expect(partition.logStartOffset).toBe(10);
    expect(await clean()).toBe(false);
  });

  it("runs by itself, a slice at a time, and stops with the manager", async () => {
    const runtime = testRuntime();
    const logger = recordingLogger();
    const options = { config: { logCleanerEnable: true, logCleanerBackoffMs: 1000 }, logger };
    const { partition, put, logs } = await open({ segmentBytes: 400_000 }, options, runtime);
    for (let i = 0; i < 20; i++) await put([{ key: `k${i % 2}`, value: "x".repeat(50_000) }]);
    roll(partition);
    await runtime.clock.runFor(3000);
    expect(offsets(partition)).toEqual([18, 19]);
    expect(logger.messages("info").join()).toMatch(/compacted t-0 up to offset 20/);
    for (let i = 0; i < 20; i++) await put([{ key: `k${i % 2}`, value: "x".repeat(50_000) }]);
    roll(partition);
    const cleaning = logs.housekeeping.cleaner.cleanOne();
    await runtime.clock.until(Promise.all([cleaning, logs.close()]));
    const names = runtime.disk.list("/data/log/t-0").map((file) => file.name);
    expect(names.filter((name) => /cleaned|swap|deleted/.test(name))).toEqual([]);
    const again = await open({}, {}, runtime);
    expect(latest(again.partition).size).toBe(2);
    expect(again.partition.logEndOffset).toBe(40);
  });

  it("leaves a log alone for a while when its disk fails, and the log works on", async () => {
    const world = simWorld(1);
    const machine = world.machine("m");
    const runtime = { ...machine.start().runtime, clock: world.clock } as TestRuntime;
    const { partition, put, clean } = await open({}, {}, runtime);
    for (let i = 0; i < 10; i++) await put([{ key: "a", value: `${i}` }]);
    machine.disk.plan({ operation: "write", path: /cleaned/, effect: "fail", code: "ENOSPC" });
    expect(await clean()).toBe(true);
    expect(partition.offline).toBeNull();
    expect(runtime.disk.list("/data/log/t-0").filter((file) => file.name.includes("cleaned"))).toEqual([]);
    expect(latest(partition)).toEqual(new Map([["a", "9"]]));
    let rounds = 0;
    while (!(await clean())) expect(++rounds).toBeLessThan(50);
    expect(rounds).toBeGreaterThan(5);
    expect(readAll(partition).length).toBeLessThan(10);
  });
});

describe("a crash at every single step of a compaction", () => {
  const config = testConfig({ ...compacted, segmentBytes: 150, deleteRetentionMs: 0 });
  const partitions = [expectedPartition({ config })];

  interface Model {
    /** What was acknowledged, by key; null is deleted. */
    readonly values: Map<string, string | null>;
    readonly history: Map<number, string>;
    /** What was handed over and may have been written. */
    pending: { readonly key: string; readonly value: string | null } | null;
  }

  async function script(machine: SimMachine, model: Model): Promise<void> {
    const { runtime } = machine.start();
    runtime.disk.makeDirectory("/data");
    await runtime.disk.syncDirectory("/");
    const logs = await startOpening(runtime, { partitions, config: { flush: "always", logCleanerEnable: false } });
    const partition = logs.partition("t", 0)!;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 6; i++) {
        const key = `k${(i * 3 + round) % 4}`;
        const value = (i + round) % 4 === 0 ? null : `${round}.${i}`;
        const batch = batchOf([{ key, value, timestamp: runtime.clock.now() }]);
        model.pending = { key, value };
        const outcome = await append(partition, batch);
        if (outcome.errorCode !== 0) throw new Error("append failed");
        model.pending = null;
        model.values.set(key, value);
        model.history.set(outcome.baseOffset, `${key}=${value}`);
      }
      await logs.housekeeping.cleaner.cleanOne();
      await logs.housekeeping.writeCheckpoints();
    }
    await logs.close();
  }

  async function run(world: SimWorld, fault: DiskFault | null): Promise<{ machine: SimMachine; model: Model }> {
    const machine = world.machine("server");
    const model: Model = { values: new Map(), history: new Map(), pending: null };
    if (fault !== null) machine.disk.plan(fault);
    let isEnded = false;
    script(machine, model).then(
      () => {
        isEnded = true;
      },
      () => {},
    );
    await world.clock.runFor(60_000);
    if (fault === null) expect(isEnded).toBe(true);
    return { machine, model };
  }

  function check(logs: LogManager, model: Model): void {
    const partition = logs.partition("t", 0)!;
    expect(partition.offline).toBeNull();
    const found = latest(partition);
    for (const [key, value] of model.values) {
      const possible = model.pending?.key === key ? [value, model.pending.value] : [value];
      expect([key, possible]).toEqual([key, expect.arrayContaining([found.get(key) ?? null])]);
    }
    let last = -1;
    for (const { offset, key, value } of readAll(partition)) {
      expect(offset).toBeGreaterThan(last);
      last = offset;
      const known = model.history.get(offset);
      // The last one may have been written and not acknowledged.
      if (known !== undefined) expect(`${key}=${value}`).toBe(known);
    }
  }

  it.each([null, "none", "any"] as const)("loses no key's newest value (%s)", async (keeps) => {
    const whole = await run(simWorld(1), null);
    const count = whole.machine.disk.counts.change;
    expect(whole.machine.disk.counts.rename).toBeGreaterThan(20);
    for (let nth = 1; nth <= count; nth++) {
      const world = simWorld(nth);
      const { machine, model } = await run(world, { nth, effect: "killProcess" });
      for (const process of machine.processes) process.kill();
      if (keeps !== null) machine.disk.crashMachine({ keeps: keeps satisfies CrashKeeps });
      const { runtime } = machine.start();
      runtime.disk.makeDirectory("/data");
      const options = { partitions, config: { flush: "always", logCleanerEnable: false } } as const;
      const logs = await world.clock.until(startOpening(runtime, options));
      check(logs, model);
      // And the next round does no harm.
      await world.clock.until(logs.housekeeping.cleaner.cleanOne());
      check(logs, model);
    }
  });
});
