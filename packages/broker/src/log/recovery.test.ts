import { BatchCursor, errorCodes } from "@ottla/protocol";
import { type Disk, memoryDisk, recordingLogger } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  expectedPartition,
  openLogs,
  readAll,
  recordsIn,
  testConfig,
  testEnvironment,
  testRuntime,
  writeInto,
} from "../../test/logs.ts";
import { LogDamagedError } from "./damage.ts";
import type { Log } from "./log.ts";
import { type RecoveryInput, recoverLog } from "./recovery.ts";

const directory = "/data/log/t-0";

interface Written {
  /** File names and contents, as a process that was killed left them. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The `.log` files alone, in order. */
  readonly logs: readonly string[];
  /** Where the batches of the last segment start, and where the last one ends. */
  readonly lastBatches: readonly number[];
}

/** A log of two segments and three leader epochs, with an idempotent producer, left without a clean stop. */
async function writeLog(): Promise<Written> {
  const runtime = testRuntime();
  const config = testConfig({ segmentBytes: 300, indexIntervalBytes: 80 });
  let sequence = 0;
  for (const leaderEpoch of [1, 2, 4]) {
    const logs = await openLogs(runtime, { partitions: [expectedPartition({ leaderEpoch, config })] });
    const partition = logs.partition("t", 0)!;
    for (let i = 0; i < 2; i++) {
      const batch = batchOf([{ key: "k", value: `v${sequence}` }], {
        producerId: 7,
        producerEpoch: 0,
        baseSequence: sequence,
      });
      expect(await runtime.clock.until(append(partition, batch))).toMatchObject({ baseOffset: sequence });
      sequence++;
    }
    if (leaderEpoch !== 4) await runtime.clock.until(logs.close());
  }
  const files = new Map(
    runtime.disk.list(directory).map(({ name }) => [name, runtime.disk.readFile(`${directory}/${name}`)]),
  );
  const logs = [...files.keys()].filter((name) => name.endsWith(".log"));
  expect(logs.length).toBe(2);
  const cursor = new BatchCursor(files.get(logs[1]!)!);
  const lastBatches = [0];
  while (cursor.next()) lastBatches.push(cursor.position);
  return { files, logs, lastBatches };
}

function restore(files: ReadonlyMap<string, Buffer>): Disk {
  const disk = memoryDisk();
  disk.makeDirectory(directory);
  for (const [name, content] of files) writeInto(disk, `${directory}/${name}`, content);
  return disk;
}

function recover(disk: Disk, input: Partial<RecoveryInput> = {}): { log: Log; cutBytes: number } {
  const { log, report } = recoverLog(testEnvironment(testRuntime(disk)), {
    directory,
    config: testConfig({ indexIntervalBytes: 80 }),
    recoveryPoint: 0,
    logStartOffset: 0,
    newestEpoch: 4,
    mayHaveGaps: false,
    ...input,
  });
  return { log, cutBytes: report.cutBytes };
}

/** Everything that lies in the log's files. */
function bytesOf(log: Log): Buffer {
  return Buffer.concat(
    log.segments.all.map((segment) => {
      const bytes = Buffer.alloc(segment.writtenSize);
      segment.log.get().read(0, bytes);
      return bytes;
    }),
  );
}

const written = await writeLog();
const original = Buffer.concat(written.logs.map((name) => written.files.get(name)!));

describe("a log that was not closed", () => {
  it("is found whole", () => {
    const { log, cutBytes } = recover(restore(written.files));
    expect(cutBytes).toBe(0);
    expect(log.nextOffset).toBe(6);
    expect(recordsIn(bytesOf(log)).map((record) => record.value)).toEqual(Array.from({ length: 6 }, (_, i) => `v${i}`));
    expect(log.epochs.entries.map((entry) => [entry.epoch, entry.startOffset])).toEqual([
      [1, 0],
      [2, 2],
      [4, 4],
    ]);
    expect(log.producers.producer(7)?.lastSequence).toBe(5);
  });

  it("is found whole from any recovery point, with and without snapshots and epochs", () => {
    for (let recoveryPoint = 0; recoveryPoint <= 8; recoveryPoint++) {
      for (const dropped of [/^$/, /snapshot$/, /leader-epoch/, /index$/, /snapshot$|index$|leader-epoch/]) {
        const kept = [...written.files].filter(([name]) => !dropped.test(name));
        const { log } = recover(restore(new Map(kept)), { recoveryPoint });
        expect(log.nextOffset).toBe(6);
        expect(log.producers.producer(7)?.lastSequence).toBe(5);
        expect(log.epochs.entries.map((entry) => entry.startOffset)).toEqual([0, 2, 4]);
        // Any offset is found by the indexes.
        for (let offset = 0; offset < 6; offset++) expect(log.reader.locate(offset)).not.toBeNull();
      }
    }
  });
});

describe("a torn write", () => {
  it("is cut off wherever the last segment ends", () => {
    const name = written.logs[1]!;
    const whole = written.files.get(name)!;
    const firstOffset = Number(name.slice(0, 20));
    for (let size = 0; size <= whole.length; size++) {
      const files = new Map(written.files).set(name, whole.subarray(0, size));
      const { log, cutBytes } = recover(restore(files));
      const batches = written.lastBatches.filter((end) => end <= size).length - 1;
      expect(log.nextOffset).toBe(firstOffset + batches);
      expect(cutBytes).toBe(size - written.lastBatches[batches]!);
      expect(bytesOf(log)).toEqual(
        original.subarray(0, original.length - whole.length + written.lastBatches[batches]!),
      );
      expect(log.producers.producer(7)?.lastSequence).toBe(log.nextOffset - 1);
      expect(log.segments.active.size).toBe(log.segments.active.writtenSize);
    }
  });

  it("is cut off where zeros follow", () => {
    const name = written.logs[1]!;
    const torn = Buffer.concat([written.files.get(name)!, Buffer.alloc(5000)]);
    const { log, cutBytes } = recover(restore(new Map(written.files).set(name, torn)));
    expect([log.nextOffset, cutBytes]).toEqual([6, 5000]);
  });

  it("may have left an empty segment behind it", () => {
    const files = new Map(written.files).set("00000000000000000006.log", Buffer.alloc(0));
    const { log } = recover(restore(files));
    expect(log.nextOffset).toBe(6);
    expect(log.segments.active.baseOffset).toBe(6);
    const name = written.logs[1]!;
    const cut = new Map(files).set(name, files.get(name)!.subarray(0, -1));
    const shorter = recover(restore(cut));
    expect(shorter.log.nextOffset).toBe(5);
    expect(shorter.log.segments.active.baseOffset).toBe(Number(name.slice(0, 20)));
  });
});

describe("a flipped bit", () => {
  it("anywhere in the log is refused, or cuts off no more than the last batch, and never gives wrong records", () => {
    const lastBatch = original.length - (written.files.get(written.logs[1]!)!.length - written.lastBatches.at(-2)!);
    let refused = 0;
    let cut = 0;
    let start = 0;
    for (const name of written.logs) {
      const content = written.files.get(name)!;
      for (let bit = 0; bit < content.length * 8; bit++) {
        const flipped = Buffer.from(content);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const disk = restore(new Map(written.files).set(name, flipped));
        try {
          const { log } = recover(disk);
          expect(start + (bit >> 3)).toBeGreaterThanOrEqual(lastBatch);
          expect(bytesOf(log)).toEqual(original.subarray(0, lastBatch));
          cut++;
        } catch (error) {
          if (!(error instanceof LogDamagedError)) throw error;
          expect(disk.readFile(`${directory}/${name}`)).toEqual(flipped);
          refused++;
        }
      }
      start += content.length;
    }
    expect(refused + cut).toBe(original.length * 8);
    // Only what the checksum covers can look like a torn write, and only in the last batch.
    expect(cut).toBeLessThanOrEqual((original.length - lastBatch - 17) * 8);
  });

  it("in an index, a snapshot or the epochs does no harm", () => {
    for (const [name, content] of written.files) {
      if (name.endsWith(".log") || name === "partition.metadata") continue;
      for (let bit = 0; bit < content.length * 8; bit++) {
        const flipped = Buffer.from(content);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        try {
          const { log } = recover(restore(new Map(written.files).set(name, flipped)));
          expect(bytesOf(log)).toEqual(original);
          expect(log.producers.producer(7)?.lastSequence).toBe(5);
          for (let offset = 0; offset < 6; offset++) {
            const found = log.reader.read(offset, 1, log.written, true)!;
            expect(recordsIn(found.buffer.subarray(0, found.size)).map((record) => record.offset)).toEqual([offset]);
          }
        } catch (error) {
          // The epochs speak against the batches.
          if (!(error instanceof LogDamagedError)) throw error;
          expect(name).toBe("leader-epoch-checkpoint");
        }
      }
    }
  });
});

describe("damage", () => {
  it("takes that partition offline and says where, while the others work", async () => {
    const runtime = testRuntime();
    const logger = recordingLogger();
    const partitions = [0, 1].map((index) => expectedPartition({ index }));
    const first = await openLogs(runtime, { partitions });
    for (const partition of first.partitions()) {
      for (let i = 0; i < 3; i++) await runtime.clock.until(append(partition, batchOf([{ value: `v${i}` }])));
    }
    const path = "/data/log/t-1/00000000000000000000.log";
    const content = runtime.disk.readFile(path);
    const batchSize = content.length / 3;
    content[batchSize + 65]! ^= 4;
    writeInto(runtime.disk, path, content);

    const logs = await openLogs(runtime, { partitions, logger });
    const damaged = logs.partition("t", 1)!;
    const message = damaged.offline!.message;
    expect(message).toContain(path);
    expect(message).toContain(`position ${batchSize} (offset 1)`);
    expect(message).toContain(`valid batch follows at position ${2 * batchSize}`);
    expect(logger.messages("error").join()).toContain(message);
    expect(damaged.read(0, 100, { isolation: "uncommitted", minOneBatch: true }).errorCode).toBe(
      errorCodes.KAFKA_STORAGE_ERROR,
    );
    const refused = await append(damaged, batchOf([{}]));
    expect(refused).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR, errorMessage: message });
    expect(readAll(logs.partition("t", 0)!).length).toBe(3);

    // It stays so after a clean stop: nothing vouches for that log.
    await runtime.clock.until(logs.close());
    const again = await openLogs(runtime, { partitions });
    expect(again.wasCleanShutdown).toBe(true);
    expect(again.partition("t", 1)!.offline?.message).toBe(message);
    expect(again.partition("t", 0)!.offline).toBeNull();
  });

  it("is a segment's end that is missing, too", () => {
    const name = written.logs[0]!;
    const content = written.files.get(name)!;
    const cursor = new BatchCursor(content);
    cursor.next();
    const files = new Map(written.files).set(name, content.subarray(0, cursor.position));
    expect(() => recover(restore(files))).toThrow(/offsets 1 to \d are missing/);
    // Compaction leaves gaps, so there nobody can tell.
    expect(recover(restore(files), { mayHaveGaps: true }).log.nextOffset).toBe(6);
  });
});
