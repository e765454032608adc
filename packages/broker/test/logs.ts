import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  BatchBuilder,
  type BatchBuilderOptions,
  BatchCursor,
  type BatchHeaderFields,
  type RecordBytes,
  RecordIterator,
} from "@ottla/protocol";
import {
  type Disk,
  type Logger,
  memoryDisk,
  nodeRuntime,
  type Runtime,
  type SimClock,
  silentLogger,
  simClock,
  simRandom,
} from "@ottla/runtime";
import { defaultLogConfig, defaultLogManagerConfig, type LogConfig, type LogManagerConfig } from "../src/log/config.ts";
import { type LogEnvironment, logEnvironment } from "../src/log/environment.ts";
import { type ExpectedPartition, LogManager, type LogManagerOptions } from "../src/log/log-manager.ts";
import type { AppendOptions, AppendOutcome, Isolation } from "../src/log/outcomes.ts";
import type { Partition } from "../src/log/partition.ts";

export const testData = join(import.meta.dirname, "..", "test-data", "golden");
export const testTopicId = "AAAAAAAAAAAAAAAAAAAAAQ";

export interface TestRuntime extends Runtime {
  readonly clock: SimClock;
}

/** Simulated time, a disk in memory. */
export function testRuntime(disk?: Disk, startMs = 1_700_000_060_000): TestRuntime {
  const clock = simClock({ startMs });
  return { ...nodeRuntime(), clock, random: simRandom(1), disk: disk ?? memoryDisk(clock) };
}

export function testConfig(overrides: Partial<LogConfig> = {}): LogConfig {
  return { ...defaultLogConfig, ...overrides };
}

export function testEnvironment(runtime: Runtime, config: Partial<LogManagerConfig> = {}): LogEnvironment {
  return logEnvironment(runtime, silentLogger, { ...defaultLogManagerConfig, ...config }, "/data/log");
}

export function expectedPartition(overrides: Partial<ExpectedPartition> = {}): ExpectedPartition {
  return { topic: "t", index: 0, topicId: testTopicId, leaderEpoch: 0, config: defaultLogConfig, ...overrides };
}

export interface OpenOptions {
  readonly config?: Partial<LogManagerConfig>;
  readonly partitions?: readonly ExpectedPartition[];
  readonly logger?: Logger;
  readonly more?: Partial<LogManagerOptions>;
}

/** Opens the logs in `/data`, driving the simulated time. */
export function openLogs(runtime: TestRuntime, options: OpenOptions = {}): Promise<LogManager> {
  return runtime.clock.until(startOpening(runtime, options));
}

/** Opens the logs in `/data`; somebody else drives the time. */
export function startOpening(runtime: Runtime, options: OpenOptions = {}): Promise<LogManager> {
  return LogManager.open({
    runtime,
    logger: options.logger ?? silentLogger,
    dataDirectory: "/data",
    config: options.config ?? {},
    partitions: options.partitions ?? [expectedPartition()],
    ...options.more,
  });
}

/** A record to be written. */
export interface TestRecord {
  readonly key?: RecordBytes;
  readonly value?: RecordBytes;
  readonly timestamp?: number;
}

/** A batch as a producer sends it. */
export function batchOf(
  records: readonly TestRecord[],
  fields: BatchHeaderFields = {},
  options: BatchBuilderOptions = {},
): Buffer {
  const builder = new BatchBuilder(options);
  for (const { key = "key", value = "value", timestamp = 1_700_000_060_000 } of records) {
    builder.append(timestamp, key, value);
  }
  return builder.build(fields);
}

export function append(
  partition: Partition,
  batch: Uint8Array,
  options: Partial<AppendOptions> = {},
): Promise<AppendOutcome> {
  return new Promise((resolve) =>
    partition.append(batch, { origin: "client", acks: "committed", ...options }, resolve),
  );
}

/** A record that was read. */
export interface ReadRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
}

/** The records of some batches. */
export function recordsIn(batches: Buffer): ReadRecord[] {
  const found: ReadRecord[] = [];
  const cursor = new BatchCursor(batches);
  while (cursor.next()) {
    if (cursor.view.isControl) continue;
    const records = new RecordIterator(cursor.view);
    while (records.next()) {
      const { offset, timestamp } = records;
      found.push({ offset, timestamp, key: records.keyText(), value: records.valueText() });
    }
  }
  return found;
}

/** Everything from `from` on, read in pieces of `maxBytes`. */
export function readAll(
  partition: Partition,
  isolation: Isolation = "uncommitted",
  from = partition.logStartOffset,
  maxBytes = 1_000_000,
): ReadRecord[] {
  const found: ReadRecord[] = [];
  for (let offset = from; ; ) {
    const read = partition.read(offset, maxBytes, { isolation, minOneBatch: true });
    if (read.errorCode !== 0)
      throw new Error(`reading at ${offset} gave error ${read.errorCode}: ${read.errorMessage}`);
    if (read.records.length === 0) return found;
    found.push(...recordsIn(read.records).filter((record) => record.offset >= offset));
    const cursor = new BatchCursor(read.records);
    while (cursor.next()) offset = cursor.view.nextOffset;
    read.release();
  }
}

/** Copies a directory of the machine into a disk. */
export function copyInto(disk: Disk, from: string, to: string): void {
  disk.makeDirectory(to);
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    if (statSync(source).isDirectory()) copyInto(disk, source, `${to}/${name}`);
    else writeInto(disk, `${to}/${name}`, readFileSync(source));
  }
}

export function writeInto(disk: Disk, path: string, content: Uint8Array): void {
  const file = disk.open(path, "create");
  file.truncate(0);
  file.write(0, [content]);
  file.close();
}

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
