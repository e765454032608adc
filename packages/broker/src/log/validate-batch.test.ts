import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchBuilder, BatchView, errorCodes, RecordIterator } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  dayMs,
  expectedPartition,
  hourMs,
  openLogs,
  testConfig,
  testData,
  testRuntime,
} from "../../test/logs.ts";
import type { LogConfig } from "./config.ts";
import type { AppendOutcome } from "./outcomes.ts";

interface GoldenCase {
  readonly name: string;
  readonly hex: string;
  readonly produce: {
    readonly errorCode?: number;
    readonly exception: string | null;
    readonly storedHex?: string;
    readonly logEndOffset?: number;
    readonly recordErrors?: readonly { batchIndex: number }[];
  };
}

const golden = JSON.parse(readFileSync(join(testData, "damaged-batches.json"), "utf8")) as Record<
  "damaged" | "oldFormats",
  GoldenCase[]
>;

/** A partition whose next record gets the offset 50 in leader epoch 5, at the clock that the golden cases were made with. */
async function partitionAt50(config: LogConfig) {
  const runtime = testRuntime();
  const logs = await openLogs(runtime, { partitions: [expectedPartition({ leaderEpoch: 5, config: testConfig() })] });
  const partition = logs.partition("t", 0)!;
  await runtime.clock.until(append(partition, batchOf(Array.from({ length: 50 }, () => ({})))));
  partition.updateConfig(config);
  return { runtime, partition };
}

async function produce(config: Partial<LogConfig>, batch: Buffer) {
  const { runtime, partition } = await partitionAt50(testConfig(config));
  const outcome = await runtime.clock.until(append(partition, batch));
  return { outcome, partition, runtime };
}

describe("what Apache Kafka answers to damaged batches", () => {
  for (const { name, hex, produce: expected } of [...golden.damaged, ...golden.oldFormats]) {
    it(name, async () => {
      const isCompacted = name === "null-key-on-compacted-topic";
      const config: Partial<LogConfig> = isCompacted ? { cleanupPolicy: ["compact"] } : {};
      const { outcome, partition } = await produce(config, Buffer.from(hex, "hex"));
      expect(outcome.errorCode).toBe(expected.errorCode ?? 0);
      expect(outcome.recordErrors.map((error) => error.batchIndex)).toEqual(
        (expected.recordErrors ?? []).map((error) => error.batchIndex),
      );
      if (expected.storedHex === undefined) {
        expect(outcome.errorMessage).toMatch(/\w+ \w+/);
        expect(partition.logEndOffset).toBe(50);
        expect(outcome).toMatchObject({ baseOffset: -1, lastOffset: -1 });
      } else {
        const stored = partition.read(50, 1_000_000, { isolation: "uncommitted", minOneBatch: true });
        expect(stored.records.toString("hex")).toBe(expected.storedHex);
        expect(partition.logEndOffset).toBe(expected.logEndOffset);
        expect(outcome).toMatchObject({ baseOffset: 50, lastOffset: 52, logAppendTimeMs: -1 });
      }
    });
  }
});

function storedBatch(partition: Parameters<typeof append>[0]): BatchView {
  const read = partition.read(50, 1_000_000, { isolation: "uncommitted", minOneBatch: true });
  return new BatchView(read.records, 0);
}

const clockMs = 1_700_000_060_000;

describe("timestamps", () => {
  it("stamps records where the topic says LogAppendTime", async () => {
    const batch = batchOf([{ timestamp: 5 }, { timestamp: 6 }]);
    const { outcome, partition, runtime } = await produce({ messageTimestampType: "LogAppendTime" }, batch);
    const nowMs = runtime.clock.now();
    expect(outcome).toMatchObject({ errorCode: 0, logAppendTimeMs: nowMs });
    const view = storedBatch(partition);
    expect(view).toMatchObject({ timestampType: "LogAppendTime", maxTimestamp: nowMs });
    expect(view.isCrcValid()).toBe(true);
    const records = new RecordIterator(view);
    while (records.next()) expect(records.timestamp).toBe(nowMs);
  });

  it.each([
    ["too old", clockMs - dayMs - 1, errorCodes.INVALID_TIMESTAMP],
    ["just not too old", clockMs - dayMs + 1000, 0],
    ["just not too new", clockMs + hourMs, 0],
    ["too new", clockMs + hourMs + 2000, errorCodes.INVALID_TIMESTAMP],
    ["missing", -1, 0],
  ])("takes or refuses what is %s", async (_, timestamp, errorCode) => {
    const config = { messageTimestampBeforeMaxMs: dayMs, messageTimestampAfterMaxMs: hourMs };
    const { outcome } = await produce(config, batchOf([{ timestamp }]));
    expect(outcome.errorCode).toBe(errorCode);
  });

  it("names every record with a timestamp out of range", async () => {
    const late = clockMs + 2 * hourMs;
    const batch = batchOf([{}, { timestamp: late }, {}, { timestamp: late }]);
    const { outcome } = await produce({}, batch);
    expect(outcome.errorCode).toBe(errorCodes.INVALID_TIMESTAMP);
    expect(outcome.recordErrors.map((error) => error.batchIndex)).toEqual([1, 3]);
  });

  it("corrects a largest timestamp that is not true", async () => {
    const { partition } = await produce({}, batchOf([{ timestamp: 7 }, { timestamp: 9 }], { maxTimestamp: 1234 }));
    expect(storedBatch(partition).maxTimestamp).toBe(9);
    expect(storedBatch(partition).isCrcValid()).toBe(true);
  });

  it("refuses a producer that claims the broker's time", async () => {
    const batch = batchOf([{}], { logAppendTimeMs: clockMs });
    const { outcome } = await produce({ messageTimestampType: "LogAppendTime" }, batch);
    expect(outcome.errorCode).toBe(errorCodes.INVALID_TIMESTAMP);
  });
});

describe("compression.type", () => {
  const records = Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, value: "value ".repeat(20) }));

  it.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)("keeps %s as the producer sent it", async (codec) => {
    const sent = batchOf(records, {}, { codec });
    const payload = Buffer.from(sent.subarray(61));
    const { partition } = await produce({}, sent);
    expect(storedBatch(partition).codec).toBe(codec);
    expect(storedBatch(partition).bytes().subarray(61)).toEqual(payload);
  });

  it.each([
    ["none", "zstd", "zstd"],
    ["gzip", "uncompressed", "none"],
    ["lz4", "gzip", "gzip"],
    ["zstd", "snappy", "snappy"],
  ] as const)("compresses %s anew where the topic says %s", async (codec, compressionType, stored) => {
    const fields = { producerId: 9, producerEpoch: 1, baseSequence: 3 };
    const { outcome, partition } = await produce({ compressionType }, batchOf(records, fields, { codec }));
    expect(outcome).toMatchObject({ errorCode: 0, baseOffset: 50, lastOffset: 69 });
    const view = storedBatch(partition);
    expect(view).toMatchObject({ codec: stored, baseOffset: 50, lastOffset: 69, partitionLeaderEpoch: 5, ...fields });
    expect(view.isCrcValid()).toBe(true);
    const iterator = new RecordIterator(view);
    const keys: (string | null)[] = [];
    while (iterator.next()) keys.push(iterator.keyText());
    expect(keys).toEqual(records.map((record) => record.key));
  });

  it("stamps what it compresses anew, too", async () => {
    const config = { compressionType: "gzip", messageTimestampType: "LogAppendTime" } as const;
    const { partition, runtime } = await produce(config, batchOf(records));
    const view = storedBatch(partition);
    expect(view).toMatchObject({ timestampType: "LogAppendTime", maxTimestamp: runtime.clock.now(), codec: "gzip" });
  });

  it("gives records the offsets that they should have had", async () => {
    const builder = new BatchBuilder();
    for (const delta of [0, 5, 6]) builder.appendAt(delta, clockMs, "key", "value");
    const sent = builder.build({ lastOffsetDelta: 2 });
    const { partition } = await produce({}, sent);
    const iterator = new RecordIterator(storedBatch(partition));
    const offsets: number[] = [];
    while (iterator.next()) offsets.push(iterator.offset);
    expect(offsets).toEqual([50, 51, 52]);
  });

  it("refuses zstd from a produce request before version 7", async () => {
    const { runtime, partition } = await partitionAt50(testConfig());
    const outcome = append(partition, batchOf(records, {}, { codec: "zstd" }), { produceVersion: 6 });
    expect(await runtime.clock.until(outcome)).toMatchObject({ errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE });
  });
});

describe("sizes", () => {
  it("refuses a batch above max.message.bytes", async () => {
    const batch = batchOf([{ value: "x".repeat(1000) }]);
    const at = (maxMessageBytes: number) => produce({ maxMessageBytes }, Buffer.from(batch));
    expect((await at(batch.length)).outcome.errorCode).toBe(0);
    expect((await at(batch.length - 1)).outcome.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
  });

  it("measures a batch as it would be stored", async () => {
    const batch = batchOf([{ value: "x".repeat(10_000) }], {}, { codec: "gzip" });
    const { outcome } = await produce({ maxMessageBytes: 5000, compressionType: "uncompressed" }, batch);
    expect(outcome.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
  });

  it("refuses a batch that no segment can hold", async () => {
    const { outcome } = await produce({ segmentBytes: 500 }, batchOf([{ value: "x".repeat(1000) }]));
    expect(outcome.errorCode).toBe(errorCodes.RECORD_LIST_TOO_LARGE);
  });
});

describe("the broker's own batches", () => {
  async function appendOwn(records: Buffer): Promise<AppendOutcome> {
    const { runtime, partition } = await partitionAt50(testConfig({ cleanupPolicy: ["compact"] }));
    return runtime.clock.until(append(partition, records, { origin: "coordinator" }));
  }

  it("may be several, and take all or none", async () => {
    const two = Buffer.concat([batchOf([{}, {}]), batchOf([{}])]);
    expect(await appendOwn(two)).toMatchObject({ errorCode: 0, baseOffset: 50, lastOffset: 52 });
    two[two.length - 1]! ^= 1;
    expect(await appendOwn(two)).toMatchObject({ errorCode: errorCodes.CORRUPT_MESSAGE, baseOffset: -1 });
  });
});
