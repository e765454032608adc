import { errorCodes } from "@ottla/protocol";
import { recordingLogger, simClock, simDisk } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  dayMs,
  expectedPartition,
  hourMs,
  openLogs,
  readAll,
  testConfig,
  testRuntime,
  testTopicId,
  writeInto,
} from "../../test/logs.ts";
import { parseOffsetCheckpoint } from "./checkpoint-file.ts";
import type { LogManager } from "./log-manager.ts";

const otherId = "AAAAAAAAAAAAAAAAAAAAAg";

async function fill(logs: LogManager, runtime: ReturnType<typeof testRuntime>, count = 3): Promise<void> {
  for (const partition of logs.partitions()) {
    for (let i = 0; i < count; i++) await runtime.clock.until(append(partition, batchOf([{ value: `v${i}` }])));
  }
}

describe("a start after a clean stop", () => {
  it("reads nothing until a partition is used", async () => {
    const runtime = testRuntime();
    const partitions = Array.from({ length: 40 }, (_, index) => expectedPartition({ index }));
    const first = await openLogs(runtime, { partitions });
    await fill(first, runtime);
    await runtime.clock.until(first.close());

    const touched: string[] = [];
    const { disk } = runtime;
    const watching = new Proxy(disk, {
      get: (target, name: keyof typeof disk) => {
        const method = target[name].bind(target) as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          if (String(args[0]).includes("/t-")) touched.push(`${name} ${args[0]}`);
          return method(...args);
        };
      },
    });
    const logs = await openLogs({ ...runtime, disk: watching }, { partitions });
    expect(logs.wasCleanShutdown).toBe(true);
    for (const partition of logs.partitions()) {
      expect(partition).toMatchObject({ logStartOffset: 0, highWatermark: 3, lastStableOffset: 3, logEndOffset: 3 });
      expect(partition.bytesAvailable(3, "uncommitted")).toBe(0);
      expect(partition.latestOffset("uncommitted").offset).toBe(3);
      expect(partition.sizeInBytes).toBeGreaterThan(100);
    }
    expect(logs.describe().sizeInBytes).toBe(40 * logs.partition("t", 0)!.sizeInBytes);
    expect(touched).toEqual([]);
    expect(readAll(logs.partition("t", 7)!).length).toBe(3);
    expect(touched.every((line) => line.includes("/t-7"))).toBe(true);
    // Nor does the next stop touch the others.
    touched.length = 0;
    await runtime.clock.until(logs.close());
    expect(touched.every((line) => line.includes("/t-7"))).toBe(true);
    expect((await openLogs(runtime, { partitions })).wasCleanShutdown).toBe(true);
  });

  it("believes no mark twice, and no mark that is damaged", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.until(first.close());
    const mark = runtime.disk.readFile("/data/clean-shutdown");
    expect((await openLogs(runtime)).wasCleanShutdown).toBe(true);
    expect((await openLogs(runtime)).wasCleanShutdown).toBe(false);
    mark[mark.length - 3]! ^= 1;
    writeInto(runtime.disk, "/data/clean-shutdown", mark);
    const logs = await openLogs(runtime);
    expect(logs.wasCleanShutdown).toBe(false);
    expect(logs.partition("t", 0)!.logEndOffset).toBe(3);
  });

  it("checks a log that is not as it was left", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.until(first.close());
    const path = "/data/log/t-0/00000000000000000000.log";
    writeInto(runtime.disk, path, runtime.disk.readFile(path).subarray(0, -1));
    const logger = recordingLogger();
    const logs = await openLogs(runtime, { logger });
    expect(readAll(logs.partition("t", 0)!).length).toBe(2);
    expect(logger.messages("warn").join()).toMatch(/is not as the last clean stop left it/);
  });
});

describe("directories", () => {
  it("are made where they are missing, and belong to a topic id", async () => {
    const runtime = testRuntime();
    const logs = await openLogs(runtime, { partitions: [] });
    const partition = logs.createPartition(expectedPartition({ topic: "new.topic_x-y", index: 12 }));
    expect(runtime.disk.readFile("/data/log/new.topic_x-y-12/partition.metadata").toString()).toBe(
      `version: 0\ntopic_id: ${testTopicId}`,
    );
    expect(logs.partition("new.topic_x-y", 12)).toBe(partition);
    expect(partition).toMatchObject({ logEndOffset: 0, offline: null });
    expect(await runtime.clock.until(append(partition, batchOf([{}])))).toMatchObject({ baseOffset: 0 });
  });

  it("of another topic id are not touched, unless that topic is known to be deleted", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.until(first.close());
    const renewed = [expectedPartition({ topicId: otherId })];
    const refused = await openLogs(runtime, { partitions: renewed });
    expect(refused.partition("t", 0)!.offline?.message).toContain(testTopicId);
    await runtime.clock.until(refused.close());
    const more = { deletedTopicIds: new Set([testTopicId]) };
    const logs = await openLogs(runtime, { partitions: renewed, more });
    expect(logs.partition("t", 0)).toMatchObject({ offline: null, logEndOffset: 0 });
  });

  it("that are there already are somebody else's, or left by a creation that was cut short", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.until(first.close());
    const logs = await openLogs(runtime, { partitions: [] });
    const refused = logs.createPartition(expectedPartition({ topicId: otherId }));
    expect(refused.offline?.message).toContain(testTopicId);
    expect(runtime.disk.readFile("/data/log/t-0/partition.metadata").toString()).toContain(testTopicId);
    for (const topic of ["bare", "named"]) runtime.disk.makeDirectory(`/data/log/${topic}-0`);
    writeInto(runtime.disk, "/data/log/named-0/partition.metadata", Buffer.from(`version: 0\ntopic_id: ${otherId}`));
    for (const topic of ["bare", "named"]) {
      const partition = logs.createPartition(expectedPartition({ topic, topicId: otherId }));
      expect(await runtime.clock.until(append(partition, batchOf([{}])))).toMatchObject({
        errorCode: 0,
        baseOffset: 0,
      });
    }
  });

  it("that nobody expects are listed, and removed with their topic's id", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.until(first.close());
    runtime.disk.makeDirectory("/data/log/.something");
    const listed = await openLogs(runtime, { partitions: [] });
    expect(listed.strays).toEqual([{ name: "t-0", topic: "t", index: 0, topicId: testTopicId }]);
    const logs = await openLogs(runtime, { partitions: [], more: { deletedTopicIds: new Set([testTopicId]) } });
    expect(logs.strays).toEqual([]);
    await runtime.clock.runFor(1000);
    expect(runtime.disk.list("/data/log").filter((entry) => entry.name.startsWith("t-"))).toEqual([]);
  });
});

describe("deleting a topic", () => {
  it("ends all use at once, and frees the name; files go later", async () => {
    const runtime = testRuntime();
    const config = testConfig({ fileDeleteDelayMs: 5000 });
    const partitions = [0, 1].map((index) => expectedPartition({ index, config }));
    const logs = await openLogs(runtime, { partitions });
    await fill(logs, runtime);
    const partition = logs.partition("t", 1)!;
    let wasTold = false;
    partition.onAdvance(() => {
      wasTold = true;
    });
    const waiting = append(partition, batchOf([{}]));
    logs.deleteTopic("t");
    expect(wasTold).toBe(true);
    expect(partition.closed).toBe(true);
    const code = errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    expect(await runtime.clock.until(waiting)).toMatchObject({ errorCode: code });
    expect(await append(partition, batchOf([{}]))).toMatchObject({ errorCode: code });
    expect(partition.read(0, 1, { isolation: "uncommitted", minOneBatch: true }).errorCode).toBe(code);
    expect(partition.earliestOffset().errorCode).toBe(code);
    expect(logs.partition("t", 1)).toBeUndefined();
    const names = () => runtime.disk.list("/data/log").flatMap((entry) => (entry.isDirectory ? [entry.name] : []));
    expect(names().length).toBe(2);
    expect(names().every((name) => /^t-[01]\.[0-9a-f]{32}-delete$/.test(name))).toBe(true);
    const again = logs.createPartition(expectedPartition({ topicId: otherId }));
    expect(await runtime.clock.until(append(again, batchOf([{}])))).toMatchObject({ baseOffset: 0 });
    await runtime.clock.runFor(6000);
    expect(names()).toEqual(["t-0"]);
  });

  it("leaves nothing in the checkpoints that a topic of the same name could inherit", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime, 5);
    expect(first.partition("t", 0)!.deleteRecordsBefore(5)).toBe(0);
    await runtime.clock.until(first.housekeeping.writeCheckpoints());
    first.deleteTopic("t");
    const renewed = expectedPartition({ topicId: otherId });
    first.createPartition(renewed);
    await fill(first, runtime, 2);
    // The process dies here: the next one finds what is on disk now.
    const second = await openLogs(runtime, { partitions: [renewed] });
    expect(second.partition("t", 0)).toMatchObject({ logStartOffset: 0, logEndOffset: 2, recoveryPoint: 0 });
    expect(readAll(second.partition("t", 0)!).length).toBe(2);
  });

  it("leaves nothing in the checkpoints where it is finished by the next start", async () => {
    const runtime = testRuntime();
    const partitions = [expectedPartition(), expectedPartition({ topic: "u", topicId: "AAAAAAAAAAAAAAAAAAAABA" })];
    const first = await openLogs(runtime, { partitions });
    await fill(first, runtime, 5);
    for (const partition of first.partitions()) expect(partition.deleteRecordsBefore(4)).toBe(0);
    await runtime.clock.until(first.housekeeping.writeCheckpoints());
    // The process dies with the topic deleted and made again in the metadata, but not here.
    const renewed = [expectedPartition({ topicId: otherId }), partitions[1]!];
    const more = { deletedTopicIds: new Set([testTopicId]) };
    const second = await openLogs(runtime, { partitions: renewed, more });
    await fill(second, runtime, 2);
    // And dies again.
    const third = await openLogs(runtime, { partitions: renewed, more });
    expect(third.partition("t", 0)).toMatchObject({ logStartOffset: 0, logEndOffset: 2 });
    expect(third.partition("u", 0)).toMatchObject({ logStartOffset: 4, logEndOffset: 7 });
  });

  it("is not undone by a checkpoint that was being written", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime, 5);
    expect(first.partition("t", 0)!.deleteRecordsBefore(5)).toBe(0);
    const writing = first.housekeeping.writeCheckpoints();
    first.deleteTopic("t");
    await runtime.clock.until(writing);
    const renewed = expectedPartition({ topicId: otherId });
    first.createPartition(renewed);
    await fill(first, runtime, 2);
    const second = await openLogs(runtime, { partitions: [renewed] });
    expect(second.partition("t", 0)).toMatchObject({ logStartOffset: 0, logEndOffset: 2 });
  });

  it("is finished by the next start", async () => {
    const runtime = testRuntime();
    const logs = await openLogs(runtime);
    await fill(logs, runtime);
    logs.deleteTopic("t");
    await runtime.clock.until(logs.close());
    expect(runtime.disk.list("/data/log").some((entry) => entry.name.endsWith("-delete"))).toBe(true);
    await openLogs(runtime, { partitions: [] });
    await runtime.clock.runFor(10);
    expect(runtime.disk.list("/data/log").some((entry) => entry.name.endsWith("-delete"))).toBe(false);
  });
});

describe("retention", () => {
  async function filled(config: Parameters<typeof testConfig>[0], timestamps: readonly number[]) {
    const runtime = testRuntime();
    const all = testConfig({ segmentBytes: 170, fileDeleteDelayMs: 1000, ...config });
    const partitions = [expectedPartition({ config: all })];
    const logs = await openLogs(runtime, { partitions });
    const partition = logs.partition("t", 0)!;
    for (const timestamp of timestamps) await runtime.clock.until(append(partition, batchOf([{ timestamp }])));
    const apply = () => runtime.clock.until(logs.housekeeping.applyRetention());
    return { runtime, logs, partition, apply, partitions };
  }
  const nowMs = 1_700_000_060_000;

  it("removes segments by the time of their newest record", async () => {
    const times = [3, 3, 1, 3, 1, 1, 0].map((days) => nowMs - days * dayMs);
    const { partition, apply, runtime } = await filled({ retentionMs: 2 * dayMs, segmentMs: 100 * dayMs }, times);
    expect(partition.openLog!.segments.all.map((segment) => segment.baseOffset)).toEqual([0, 2, 4, 6]);
    await apply();
    // The second segment has an old record, but also a newer one.
    expect(partition.logStartOffset).toBe(2);
    expect(readAll(partition).map((record) => record.offset)).toEqual([2, 3, 4, 5, 6]);
    const names = () => runtime.disk.list("/data/log/t-0").map((file) => file.name);
    expect(names()).toContain("00000000000000000000.log.deleted");
    await runtime.clock.runFor(2000);
    expect(names().filter((name) => name.startsWith("00000000000000000000."))).toEqual([]);
    const starts = parseOffsetCheckpoint(runtime.disk.readFile("/data/log/log-start-offset-checkpoint"));
    expect(starts?.get("t-0")).toBe(2);
  });

  it("removes the active segment, too, once all of it is old", async () => {
    const { partition, apply, runtime } = await filled({ retentionMs: hourMs }, [nowMs, nowMs, nowMs]);
    await runtime.clock.runFor(2 * hourMs);
    await apply();
    expect(partition).toMatchObject({ logStartOffset: 3, logEndOffset: 3, highWatermark: 3, sizeInBytes: 0 });
    expect(await runtime.clock.until(append(partition, batchOf([{}])))).toMatchObject({ errorCode: 0, baseOffset: 3 });
  });

  it("removes what is beyond retention.bytes, whole segments only", async () => {
    const { partition, apply } = await filled({ retentionBytes: 300 }, Array(9).fill(nowMs));
    const sizes = partition.openLog!.segments.all.map((segment) => segment.size);
    expect(sizes.length).toBe(5);
    await apply();
    const left = partition.openLog!.segments.all.map((segment) => segment.size);
    const total = left.reduce((a, b) => a + b, 0);
    expect(total).toBeGreaterThanOrEqual(300);
    expect(total - left[0]!).toBeLessThan(300);
  });

  it("keeps everything where it is switched off, or only compaction removes records", async () => {
    for (const config of [{ retentionMs: -1 }, { cleanupPolicy: ["compact"] as const, retentionMs: 1 }]) {
      const { partition, apply, runtime } = await filled(config, [nowMs, nowMs, nowMs]);
      await runtime.clock.runFor(dayMs);
      await apply();
      expect(partition.logStartOffset).toBe(0);
    }
  });

  it("removes the segments below the log start, and survives a restart", async () => {
    const { partition, apply, runtime, logs, partitions } = await filled({}, Array(7).fill(nowMs));
    partition.deleteRecordsBefore(5);
    await apply();
    expect(partition.openLog!.segments.first.baseOffset).toBe(4);
    await runtime.clock.until(logs.close());
    const again = await openLogs(runtime, { partitions });
    expect(readAll(again.partition("t", 0)!).map((record) => record.offset)).toEqual([5, 6]);
  });

  it("opens a resting log only where it may find something", async () => {
    const { runtime, logs, partitions } = await filled({ retentionMs: 2 * hourMs }, [nowMs]);
    await runtime.clock.until(logs.close());
    const again = await openLogs(runtime, { partitions });
    const partition = again.partition("t", 0)!;
    await runtime.clock.runFor(hourMs);
    expect(partition.openLog).toBeNull();
    await runtime.clock.runFor(2 * hourMs);
    expect(partition.logStartOffset).toBe(1);
  });
});

describe("checkpoints", () => {
  it("are Kafka's, and written now and then", async () => {
    const runtime = testRuntime();
    const logs = await openLogs(runtime, { config: { flush: "always" } });
    await fill(logs, runtime);
    await runtime.clock.runFor(100_000);
    const read = (name: string) => runtime.disk.readFile(`/data/log/${name}`).toString();
    expect(read("recovery-point-offset-checkpoint")).toBe("0\n1\nt 0 3\n");
    expect(read("replication-offset-checkpoint")).toBe("0\n1\nt 0 3\n");
    expect(read("log-start-offset-checkpoint")).toBe("0\n0\n");
  });

  it("of log starts are never put back by a write that was slower", async () => {
    const clock = simClock({ startMs: 1_700_000_060_000 });
    const disk = simDisk({ clock, syncMs: { min: 5, max: 5 } });
    const runtime = { ...testRuntime(), clock, disk: disk.mount() };
    const logs = await openLogs(runtime);
    await fill(logs, runtime);
    const partition = logs.partition("t", 0)!;
    partition.deleteRecordsBefore(1);
    const writing = logs.housekeeping.writeCheckpoints();
    // While the third file waits for its sync.
    await clock.runFor(22);
    partition.deleteRecordsBefore(2);
    const stored = () =>
      parseOffsetCheckpoint(runtime.disk.readFile("/data/log/log-start-offset-checkpoint"))?.get("t-0");
    for (let i = 0; i < 30; i++) {
      expect(stored()).toBe(2);
      await clock.runFor(1);
    }
    await clock.until(writing);
    expect(stored()).toBe(2);
  });

  it("that are damaged cost a full check, and no more", async () => {
    const runtime = testRuntime();
    const first = await openLogs(runtime);
    await fill(first, runtime);
    await runtime.clock.runFor(100_000);
    for (const { name } of runtime.disk.list("/data/log")) {
      if (name.endsWith("-checkpoint")) writeInto(runtime.disk, `/data/log/${name}`, Buffer.from("0\nnonsense"));
    }
    const logger = recordingLogger();
    const logs = await openLogs(runtime, { logger });
    expect(logs.partition("t", 0)!.logEndOffset).toBe(3);
    expect(logger.messages("warn").join()).toMatch(/recovery-point-offset-checkpoint is damaged/);
  });
});

describe("open files", () => {
  it("are no more than the bound allows", async () => {
    const runtime = testRuntime();
    let open = 0;
    let most = 0;
    const disk = new Proxy(runtime.disk, {
      get: (target, name: keyof typeof runtime.disk) => {
        if (name !== "open") return target[name].bind(target);
        return (path: string, mode: "read") => {
          const file = target.open(path, mode);
          most = Math.max(most, ++open);
          const close = file.close.bind(file);
          let isOpen = true;
          file.close = () => {
            if (isOpen) open--;
            isOpen = false;
            close();
          };
          return file;
        };
      },
    });
    const config = testConfig({ segmentBytes: 150 });
    const partitions = Array.from({ length: 20 }, (_, index) => expectedPartition({ index, config }));
    const watched = { ...runtime, disk };
    const logs = await openLogs(watched, { partitions, config: { maxOpenFiles: 10 } });
    await fill(logs, watched, 5);
    for (const partition of logs.partitions()) expect(readAll(partition).length).toBe(5);
    // A few more for files that are written in one go.
    expect(most).toBeLessThanOrEqual(13);
    await runtime.clock.until(logs.close());
    expect(open).toBe(0);
  });
});
