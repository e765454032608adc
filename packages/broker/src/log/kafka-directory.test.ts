import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchCursor, RecordIterator } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  copyInto,
  expectedPartition,
  openLogs,
  testConfig,
  testData,
  testRuntime,
} from "../../test/logs.ts";
import type { LogManager } from "./log-manager.ts";
import type { Isolation } from "./outcomes.ts";
import type { Partition } from "./partition.ts";
import { parseProducerSnapshot } from "./producer-snapshot.ts";

interface ExpectedRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: string;
  readonly leaderEpoch: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

interface ExpectedLog {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly records: readonly ExpectedRecord[];
  readonly readCommittedOffsets: readonly number[];
}

const expected = JSON.parse(readFileSync(join(testData, "expected.json"), "utf8")) as Record<string, ExpectedLog>;
const kafkaDirectory = join(testData, "kafka-directory");
const names = Object.keys(expected);

function partitionsOf(config = testConfig({ retentionMs: -1, indexIntervalBytes: 256 })) {
  return names.map((name) => {
    const [, topic, index] = /^(.*)-(\d+)$/.exec(name)!;
    const metadata = readFileSync(join(kafkaDirectory, name, "partition.metadata"), "utf8");
    const topicId = metadata.slice(metadata.indexOf("topic_id: ") + 10);
    const indexIntervalBytes = topic === "payments" ? 4096 : config.indexIntervalBytes;
    const settings = { ...config, indexIntervalBytes };
    return expectedPartition({ topic: topic!, index: Number(index), topicId, leaderEpoch: 5, config: settings });
  });
}

/** The data directory of Apache Kafka, on a disk in memory. */
function kafkaRuntime(startMs?: number) {
  const runtime = testRuntime(undefined, startMs);
  copyInto(runtime.disk, kafkaDirectory, "/data/log");
  return runtime;
}

/** Everything that a consumer with that isolation gets: for read_committed, less what it has to leave out by the aborted transactions. */
function consume(partition: Partition, isolation: Isolation): ExpectedRecord[] {
  const found: ExpectedRecord[] = [];
  let offset = partition.logStartOffset;
  for (;;) {
    const read = partition.read(offset, 400, { isolation, minOneBatch: true });
    expect(read.errorCode).toBe(0);
    if (read.records.length === 0) return found;
    const aborted = [...(read.abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
    const open = new Set<number>();
    const cursor = new BatchCursor(read.records);
    while (cursor.next()) {
      const { view } = cursor;
      while (aborted.length > 0 && aborted[0]!.firstOffset <= view.lastOffset) open.add(aborted.shift()!.producerId);
      if (view.isControl) open.delete(view.producerId);
      else if (!(view.isTransactional && open.has(view.producerId))) {
        const records = new RecordIterator(view);
        while (records.next()) if (records.offset >= offset) found.push(describeRecord(view, records));
      }
    }
    offset = cursor.view.nextOffset;
    read.release();
  }
}

function describeRecord(view: BatchCursor["view"], records: RecordIterator): ExpectedRecord {
  return {
    offset: records.offset,
    timestamp: records.timestamp,
    timestampType: view.timestampType,
    leaderEpoch: view.partitionLeaderEpoch,
    key: records.keyText(),
    value: records.valueText(),
    headers: records.headers().map(({ key, value }) => [key, value === null ? null : value.toString()]),
  };
}

function checkAll(logs: LogManager): void {
  for (const name of names) {
    const [, topic, index] = /^(.*)-(\d+)$/.exec(name)!;
    const partition = logs.partition(topic!, Number(index))!;
    const { logStartOffset, logEndOffset, records, readCommittedOffsets } = expected[name]!;
    expect(partition.offline).toBeNull();
    expect(partition).toMatchObject({ logStartOffset, logEndOffset, highWatermark: logEndOffset });
    expect(partition.lastStableOffset).toBe(logEndOffset);
    expect(consume(partition, "uncommitted")).toEqual(records);
    expect(consume(partition, "committed").map((record) => record.offset)).toEqual(readCommittedOffsets);
  }
}

describe("a directory that Apache Kafka wrote", () => {
  it("holds exactly what Kafka says it does", async () => {
    const runtime = kafkaRuntime();
    const logs = await openLogs(runtime, { partitions: partitionsOf() });
    expect(logs.wasCleanShutdown).toBe(false);
    expect(logs.strays.map((stray) => stray.name)).toEqual(["__consumer_offsets-0", "__transaction_state-0"]);
    checkAll(logs);
    await runtime.clock.until(logs.close());
    const again = await openLogs(runtime, { partitions: partitionsOf() });
    expect(again.wasCleanShutdown).toBe(true);
    checkAll(again);
  });

  it("holds the same without indexes, snapshots, epochs and checkpoints", async () => {
    const runtime = kafkaRuntime();
    for (const { name } of runtime.disk.list("/data/log")) {
      if (name.endsWith("-checkpoint") && !name.startsWith("log-start")) runtime.disk.remove(`/data/log/${name}`);
      if (!names.includes(name)) continue;
      for (const file of runtime.disk.list(`/data/log/${name}`)) {
        const isKept = file.name.endsWith(".log") || file.name === "partition.metadata";
        if (!isKept) runtime.disk.remove(`/data/log/${name}/${file.name}`);
      }
    }
    checkAll(await openLogs(runtime, { partitions: partitionsOf() }));
  });

  it("gets the same index files again from recovery", async () => {
    const runtime = kafkaRuntime();
    // Recovery points at 0: everything is found out anew.
    runtime.disk.remove("/data/log/recovery-point-offset-checkpoint");
    const logs = await openLogs(runtime, { partitions: partitionsOf() });
    await runtime.clock.until(logs.close());
    // The others were written by two processes, and a new process counts the bytes until the next entry from 0.
    for (const name of ["order-events-5", "payments-0"]) {
      const files = readdirSync(join(kafkaDirectory, name)).filter((file) => /index$|leader-epoch|metadata/.test(file));
      expect(files.length).toBeGreaterThan(4);
      for (const file of files) {
        expect([file, runtime.disk.readFile(`/data/log/${name}/${file}`).toString("hex")]).toEqual([
          file,
          readFileSync(join(kafkaDirectory, name, file)).toString("hex"),
        ]);
      }
    }
  });

  it("gets the same producer snapshots again from recovery", async () => {
    // A day after the records their producers would be forgotten.
    const runtime = kafkaRuntime(1);
    runtime.disk.remove("/data/log/recovery-point-offset-checkpoint");
    const logs = await openLogs(runtime, { partitions: partitionsOf() });
    await runtime.clock.until(logs.close());
    for (const name of names) {
      const newest = runtime.disk
        .list(`/data/log/${name}`)
        .filter((file) => file.name.endsWith(".snapshot"))
        .at(-1)!;
      const ours = parseProducerSnapshot(runtime.disk.readFile(`/data/log/${name}/${newest.name}`))!;
      const theirs = parseProducerSnapshot(readFileSync(join(kafkaDirectory, name, newest.name)))!;
      // Kafka had forgotten some by the time of its second stop.
      expect([name, ours]).toEqual([name, expect.arrayContaining(theirs)]);
    }
  });

  it("finds offsets by timestamp as Kafka does", async () => {
    const runtime = kafkaRuntime();
    const logs = await openLogs(runtime, { partitions: partitionsOf() });
    // Not in `payments`, whose markers have later timestamps than all records.
    for (const name of names.filter((other) => other.startsWith("order-events"))) {
      const [, topic, index] = /^(.*)-(\d+)$/.exec(name)!;
      const partition = logs.partition(topic!, Number(index))!;
      const { records } = expected[name]!;
      const times = records.map((record) => record.timestamp);
      for (const timestamp of new Set([0, ...times, ...times.map((time) => time + 1)])) {
        const first = records.find((record) => record.timestamp >= timestamp);
        const found = partition.offsetForTimestamp(timestamp, "uncommitted");
        expect([name, timestamp, found.errorCode, found.offset]).toEqual([name, timestamp, 0, first?.offset ?? -1]);
        if (first !== undefined)
          expect(found).toMatchObject({ timestampMs: first.timestamp, leaderEpoch: first.leaderEpoch });
      }
      const newest = Math.max(...times);
      const maxTimestampOffset = records.find((record) => record.timestamp === newest)!.offset;
      expect(partition.maxTimestampOffset()).toMatchObject({ offset: maxTimestampOffset, timestampMs: newest });
    }
  });

  it("knows the leader epochs", async () => {
    const runtime = kafkaRuntime();
    const logs = await openLogs(runtime, { partitions: partitionsOf() });
    const partition = logs.partition("order-events", 2)!;
    expect(partition.leaderEpoch).toBe(5);
    expect(partition.offsetForLeaderEpoch(0)).toEqual({ errorCode: 0, leaderEpoch: 0, endOffset: 20 });
    expect(partition.offsetForLeaderEpoch(1)).toEqual({ errorCode: 0, leaderEpoch: 0, endOffset: 20 });
    expect(partition.offsetForLeaderEpoch(2)).toEqual({ errorCode: 0, leaderEpoch: 2, endOffset: 30 });
    expect(partition.offsetForLeaderEpoch(4)).toEqual({ errorCode: 0, leaderEpoch: 2, endOffset: 30 });
    expect(partition.offsetForLeaderEpoch(5)).toEqual({ errorCode: 0, leaderEpoch: 5, endOffset: 30 });
    expect(partition.offsetForLeaderEpoch(6)).toEqual({ errorCode: 0, leaderEpoch: -1, endOffset: -1 });
    expect(partition.earliestOffset()).toMatchObject({ offset: 0, leaderEpoch: 0 });
  });

  it("takes a stray directory over, and goes on where Kafka stopped", async () => {
    const runtime = kafkaRuntime();
    const logs = await openLogs(runtime, { partitions: [] });
    const stray = logs.strays.find((other) => other.name === "__consumer_offsets-0")!;
    const config = testConfig({ cleanupPolicy: ["compact"] });
    const { topic, index, topicId } = stray;
    const owner = expectedPartition({ topic, index, topicId: topicId!, leaderEpoch: 9, config });
    const partition = await runtime.clock.until(logs.adopt(stray, owner));
    expect(partition).toMatchObject({ offline: null, logEndOffset: 61, lastStableOffset: 61 });
    const outcome = await runtime.clock.until(append(partition, batchOf([{}]), { origin: "coordinator" }));
    expect(outcome).toMatchObject({ errorCode: 0, baseOffset: 61 });
    expect(logs.strays.map((other) => other.name)).not.toContain("__consumer_offsets-0");
  });
});
