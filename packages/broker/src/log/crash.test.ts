import {
  type CrashKeeps,
  type DiskFault,
  type SimMachine,
  type SimWorld,
  silentLogger,
  simWorld,
} from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { append, batchOf, expectedPartition, readAll, startOpening, testConfig } from "../../test/logs.ts";
import type { FlushPolicy } from "./config.ts";
import type { LogManager } from "./log-manager.ts";
import type { Partition } from "./partition.ts";

/** What the run has been told is done. */
interface Promised {
  /** Value by offset. */
  readonly acknowledged: Map<number, string>;
  /** All that was handed over, acknowledged or not. */
  readonly sent: Map<number, string>;
  logStartOffset: number;
  /** Acknowledged below this offset and synced. */
  syncedTo: number;
}

const config = testConfig({ segmentBytes: 400, indexIntervalBytes: 100, retentionBytes: 1200, fileDeleteDelayMs: 50 });
const producerId = 77;

function partitionsAt(leaderEpoch: number) {
  return [expectedPartition({ leaderEpoch, config })];
}

/** A life of a partition: appends, rolls, a deletion of records, retention, checkpoints, a clean stop, appends after it. */
async function script(world: SimWorld, machine: SimMachine, flush: FlushPolicy, promised: Promised): Promise<void> {
  let sequence = 0;
  for (const leaderEpoch of [1, 2]) {
    const { runtime } = machine.start();
    runtime.disk.makeDirectory("/data");
    await runtime.disk.syncDirectory("/");
    const logs = await startOpening(runtime, { config: { flush }, partitions: partitionsAt(leaderEpoch) });
    const partition = logs.partition("t", 0)!;
    const send = (count: number) => {
      const baseSequence = sequence;
      sequence += count;
      return sendValues(partition, promised, baseSequence, count, world);
    };
    for (let i = 0; i < 4; i++) await send(1 + (i % 2));
    await Promise.all([send(1), send(2), send(1)]);
    if (leaderEpoch === 1 && partition.deleteRecordsBefore(3) === 0) promised.logStartOffset = 3;
    await partition.flush();
    promised.syncedTo = partition.recoveryPoint;
    await logs.housekeeping.writeCheckpoints();
    for (let i = 0; i < 4; i++) await send(1);
    await logs.housekeeping.applyRetention();
    promised.logStartOffset = Math.max(promised.logStartOffset, partition.logStartOffset);
    await send(1);
    if (leaderEpoch === 1) {
      await logs.close();
      promised.syncedTo = partition.logEndOffset;
    }
  }
}

async function sendValues(
  partition: Partition,
  promised: Promised,
  baseSequence: number,
  count: number,
  world: SimWorld,
): Promise<void> {
  const values = Array.from({ length: count }, (_, i) => `value ${baseSequence + i}`);
  const timestamp = Math.floor(world.clock.now());
  const batch = batchOf(
    values.map((value) => ({ value, timestamp })),
    { producerId, producerEpoch: 0, baseSequence },
  );
  const first = partition.logEndOffset;
  const done = append(partition, batch);
  for (const [i, value] of values.entries()) promised.sent.set(first + i, value);
  const outcome = await done;
  if (outcome.errorCode !== 0) throw new Error(`append failed: ${outcome.errorMessage}`);
  for (const [i, value] of values.entries()) promised.acknowledged.set(outcome.baseOffset + i, value);
}

interface Crashed {
  readonly world: SimWorld;
  readonly machine: SimMachine;
  readonly promised: Promised;
}

/** Runs the script until the fault ends it. */
async function runUntil(fault: DiskFault | null, flush: FlushPolicy, seed: number): Promise<Crashed> {
  const world = simWorld(seed);
  const machine = world.machine("server");
  const promised: Promised = { acknowledged: new Map(), sent: new Map(), logStartOffset: 0, syncedTo: 0 };
  if (fault !== null) machine.disk.plan(fault);
  let isEnded = false;
  // A process that dies leaves its promises unsettled.
  script(world, machine, flush, promised).then(
    () => {
      isEnded = true;
    },
    () => {},
  );
  await world.clock.runFor(60_000);
  if (fault === null) expect(isEnded).toBe(true);
  return { world, machine, promised };
}

async function reopen({ world, machine }: Crashed, flush: FlushPolicy): Promise<LogManager> {
  for (const process of machine.processes) process.kill();
  const { runtime } = machine.start();
  runtime.disk.makeDirectory("/data");
  const opening = startOpening(runtime, { config: { flush }, partitions: partitionsAt(9), logger: silentLogger });
  return world.clock.until(opening);
}

/** Checks what the next process finds against what was promised. `durable`: offsets that must be there. */
function check(partition: Partition, promised: Promised, durable: (offset: number) => boolean): void {
  const found = new Map(readAll(partition, "logEnd").map((record) => [record.offset, record.value]));
  const start = partition.logStartOffset;
  expect(start).toBeLessThanOrEqual(Math.max(...promised.sent.keys(), -1) + 1);
  let expected = start;
  for (const [offset, value] of found) {
    expect(offset).toBe(expected++);
    expect(value).toBe(promised.sent.get(offset));
  }
  expect(expected).toBe(partition.logEndOffset);
  for (const [offset, value] of promised.acknowledged) {
    if (offset >= start && durable(offset)) expect([offset, found.get(offset)]).toEqual([offset, value]);
  }
}

/** The next record goes where it belongs, and the producer's next sequence number is known. */
async function goOn(crashed: Crashed, partition: Partition): Promise<void> {
  const { world, promised } = crashed;
  const next = partition.logEndOffset;
  const last = [...promised.sent].filter(([offset]) => offset < next).at(-1)?.[1];
  const baseSequence = last === undefined ? 0 : Number(last.split(" ")[1]) + 1;
  const batch = batchOf([{ timestamp: world.clock.now() }], { producerId, producerEpoch: 0, baseSequence });
  const outcome = await world.clock.until(append(partition, batch));
  expect(outcome).toMatchObject({ errorCode: 0, baseOffset: next });
}

async function countChanges(flush: FlushPolicy): Promise<number> {
  const { machine } = await runUntil(null, flush, 1);
  return machine.disk.counts.change;
}

describe.each(["os", "always"] as const)("under flush %s, a crash at every single write, sync and rename", (flush) => {
  it("of the process loses nothing that was acknowledged", async () => {
    const count = await countChanges(flush);
    expect(count).toBeGreaterThan(60);
    for (let nth = 1; nth <= count; nth++) {
      const crashed = await runUntil({ nth, effect: "killProcess" }, flush, 1);
      const partition = (await reopen(crashed, flush)).partition("t", 0)!;
      expect([nth, partition.offline]).toEqual([nth, null]);
      expect(partition.logStartOffset).toBeGreaterThanOrEqual(crashed.promised.logStartOffset);
      check(partition, crashed.promised, () => true);
      await goOn(crashed, partition);
    }
  });

  it.each(["none", "all", "prefix", "any"] as const)(
    "of the machine, which keeps %s of what was not synced",
    async (keeps) => {
      const count = await countChanges(flush);
      for (let nth = 1; nth <= count; nth++) {
        const crashed = await runUntil({ nth, effect: "killProcess" }, flush, nth);
        const { machine, promised } = crashed;
        machine.disk.crashMachine({ keeps: keeps satisfies CrashKeeps });
        const partition = (await reopen(crashed, flush)).partition("t", 0)!;
        if (partition.offline !== null) {
          // Only where writes became durable in another order than they were made in is damage to be told from a torn write.
          expect([nth, keeps, partition.offline.message]).toEqual([
            nth,
            keeps,
            expect.stringContaining("is damaged at position"),
          ]);
          expect(keeps === "any" || (flush === "os" && keeps === "prefix")).toBe(true);
          continue;
        }
        check(partition, promised, (offset) => flush === "always" || offset < promised.syncedTo);
        await goOn(crashed, partition);
      }
    },
  );
});

describe("a process that dies before it has synced the names it made", () => {
  it.each(["create", "rename"] as const)("leaves them to the next one to sync (killed at a %s)", async (operation) => {
    for (let nth = 1; nth <= 3; nth++) {
      const world = simWorld(nth);
      const machine = world.machine("server");
      const first = machine.start().runtime;
      first.disk.makeDirectory("/data");
      await world.clock.until(first.disk.syncDirectory("/"));
      machine.disk.plan({ operation, nth, effect: "killProcess" });
      startOpening(first, { config: { flush: "always" }, partitions: partitionsAt(1) }).catch(() => {});
      await world.clock.runFor(1_000);
      for (const process of machine.processes) process.kill();
      machine.disk.faults.clear();
      const second = machine.start().runtime;
      const logs = await world.clock.until(
        startOpening(second, { config: { flush: "always" }, partitions: partitionsAt(2) }),
      );
      const promised: Promised = { acknowledged: new Map(), sent: new Map(), logStartOffset: 0, syncedTo: 0 };
      await world.clock.until(sendValues(logs.partition("t", 0)!, promised, 0, 2, world));
      machine.crash({ keeps: "none" });
      const reopened = await reopen({ world, machine, promised }, "always");
      check(reopened.partition("t", 0)!, promised, () => true);
    }
  });
});
