import { BatchBuilder, type BatchHeaderFields, buildEndTransactionBatch } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { SerializationError } from "../errors.ts";
import { bytes, json, string } from "../serde.ts";
import { Batch, RecordDecoder } from "./batch.ts";
import { CorruptPartitionError, RecordDeserializationError } from "./consumer-errors.ts";
import { type AbortedTransaction, PartitionRecords } from "./partition-records.ts";

const place = { topic: "t", partition: 3 };

/** A batch of records with the keys k0, k1, ... and their offsets as values. */
function batch(
  baseOffset: number,
  count: number,
  fields: BatchHeaderFields & { codec?: "gzip" | "none" } = {},
): Buffer {
  const { codec = "none", ...header } = fields;
  const builder = new BatchBuilder({ codec });
  for (let n = 0; n < count; n++) builder.append(1_000 + n, `k${n}`, `${baseOffset + n}`);
  return builder.build({ partitionLeaderEpoch: 2, ...header, baseOffset });
}

function transaction(baseOffset: number, count: number, producerId: number): Buffer {
  return batch(baseOffset, count, { isTransactional: true, producerId, producerEpoch: 0, baseSequence: 0 });
}

function marker(type: "abort" | "commit", baseOffset: number, producerId: number): Buffer {
  return buildEndTransactionBatch(type, 1_000, 0, {
    baseOffset,
    partitionLeaderEpoch: 2,
    producerId,
    producerEpoch: 0,
  });
}

function records(
  batches: Buffer[],
  options: { fetchOffset?: number; aborted?: AbortedTransaction[] | null; checkCrcs?: boolean } = {},
): PartitionRecords {
  const { fetchOffset = 0, aborted = null, checkCrcs = true } = options;
  return new PartitionRecords({ place, bytes: Buffer.concat(batches), fetchOffset, aborted, checkCrcs });
}

/** The offsets of each run. */
function runs(from: PartitionRecords, most = 500): number[][] {
  const found: number[][] = [];
  for (let run = from.take(most); run !== null; run = from.take(most)) {
    found.push(Array.from({ length: run.index.count }, (_, n) => run!.index.offset(n)));
  }
  return found;
}

function batchOf(from: PartitionRecords, most = 500): Batch<string, string> {
  const run = from.take(most)!;
  return new Batch(new RecordDecoder("t", string, string), run.index, { partition: 3, ...run });
}

describe("handing out records", () => {
  test("goes over batches as long as they share their bytes, and stops at the bound", () => {
    const from = records([batch(0, 3), batch(3, 4)]);
    expect(runs(from, 5)).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6],
    ]);
    expect(from.isDone).toBe(true);
    expect(from.nextOffset).toBe(7);
    expect(from.leaderEpoch).toBe(2);
  });

  test("begins at the offset that was asked for", () => {
    expect(runs(records([batch(0, 3), batch(3, 4)], { fetchOffset: 4 }))).toEqual([[4, 5, 6]]);
  });

  test("ends a run where the leader epoch or the kind of timestamp change", () => {
    expect(runs(records([batch(0, 2), batch(2, 2, { partitionLeaderEpoch: 3 })]))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(runs(records([batch(0, 2), batch(2, 2, { logAppendTimeMs: 5 })]))).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test("passes what compaction took from a batch's end", () => {
    const from = records([batch(0, 2, { lastOffsetDelta: 9 })]);
    const run = from.take(2)!;
    expect(run.nextOffset).toBe(10);
    expect(from.take(2)).toBeNull();
  });

  test("stops at a cut batch", () => {
    const from = records([batch(0, 2), batch(2, 2).subarray(0, 70)]);
    expect(runs(from)).toEqual([[0, 1]]);
    expect(from.nextOffset).toBe(2);
  });

  test("says so where there is no whole batch", () => {
    expect(() => records([batch(0, 2).subarray(0, 70)]).take(1)).toThrow(/offset 0 on are damaged: 70 bytes came/);
  });

  test("timestamps that are far apart", () => {
    const builder = new BatchBuilder();
    const times = [0, 2 ** 31, 1, 2 ** 41, -1];
    for (const time of times) builder.append(time, null, "v");
    const { index } = records([builder.build({ baseOffset: 0 })]).take(500)!;
    expect(times.map((_, n) => index.timestamp(n))).toEqual(times);
  });
});

describe("batches that were stored compressed", () => {
  test("join while they are small, and keep their own records", () => {
    const from = records([
      batch(0, 1, { codec: "gzip" }),
      batch(1, 2, { codec: "gzip" }),
      batch(3, 2),
      batch(5, 1, { codec: "gzip" }),
    ]);
    const joined = batchOf(from);
    expect(joined.length).toBe(6);
    expect(joined.messages().map(({ offset, key, value }) => [offset, key, value])).toEqual([
      [0, "k0", "0"],
      [1, "k0", "1"],
      [2, "k1", "2"],
      [3, "k0", "3"],
      [4, "k1", "4"],
      [5, "k0", "5"],
    ]);
    expect(from.take(500)).toBeNull();
  });

  test("stay apart when they are large", () => {
    const large = (baseOffset: number) => {
      const builder = new BatchBuilder({ codec: "gzip" });
      builder.append(1_000, "k", "v".repeat(700_000));
      return builder.build({ partitionLeaderEpoch: 2, baseOffset });
    };
    expect(runs(records([large(0), large(1), batch(2, 1, { codec: "gzip" })]))).toEqual([[0], [1, 2]]);
  });
});

describe("control records and transactions", () => {
  test("control records are never handed out, their offsets pass", () => {
    for (const aborted of [null, []]) {
      const from = records([transaction(0, 2, 7), marker("commit", 2, 7)], { aborted });
      expect(runs(from)).toEqual([[0, 1]]);
      expect(from.nextOffset).toBe(3);
    }
  });

  test("read_uncommitted hands out what was aborted", () => {
    expect(runs(records([transaction(0, 2, 7), marker("abort", 2, 7)]))).toEqual([[0, 1]]);
  });

  test("an aborted transaction is left out, and all else stays", () => {
    const from = records(
      [
        batch(0, 1),
        transaction(1, 2, 7),
        transaction(3, 1, 8),
        marker("abort", 4, 7),
        transaction(5, 1, 7),
        marker("commit", 6, 8),
      ],
      { aborted: [{ producerId: 7, firstOffset: 1 }] },
    );
    expect(runs(from).flat()).toEqual([0, 3, 5]);
    expect(from.nextOffset).toBe(7);
  });

  test("several aborted transactions of one producer", () => {
    const from = records(
      [
        transaction(0, 2, 7),
        marker("abort", 2, 7),
        transaction(3, 1, 7),
        marker("commit", 4, 7),
        transaction(5, 2, 7),
        marker("abort", 7, 7),
        transaction(8, 1, 7),
        marker("abort", 9, 7),
        batch(10, 1),
      ],
      {
        aborted: [
          { producerId: 7, firstOffset: 8 },
          { producerId: 7, firstOffset: 0 },
          { producerId: 7, firstOffset: 5 },
        ],
      },
    );
    expect(runs(from).flat()).toEqual([3, 10]);
  });

  test("records without a transaction stay, even of a producer that is aborting", () => {
    const plain = batch(2, 1, { producerId: 7, producerEpoch: 0, baseSequence: 2 });
    const from = records([transaction(0, 2, 7), plain, marker("abort", 3, 7)], {
      aborted: [{ producerId: 7, firstOffset: 0 }],
    });
    expect(runs(from)).toEqual([[2]]);
  });
});

describe("damage", () => {
  test("what lies before it is handed out, then it throws for as long as it is asked", () => {
    const broken = batch(2, 2);
    broken[broken.length - 1]! ^= 1;
    const from = records([batch(0, 2), broken, batch(4, 1)]);
    expect(from.take(500)!.index.count).toBe(2);
    for (let n = 0; n < 2; n++) {
      let thrown: unknown;
      try {
        from.take(500);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(CorruptPartitionError);
      expect(thrown).toMatchObject({ topic: "t", partition: 3, offset: 2, nextOffset: 4, code: "CORRUPT_MESSAGE" });
      expect((thrown as Error).message).toContain("t-3 from offset 2 on");
    }
  });

  test("with checkCrcs off nobody looks", () => {
    const broken = batch(0, 2);
    broken[broken.length - 2]! ^= 1;
    expect(runs(records([broken], { checkCrcs: false }))).toEqual([[0, 1]]);
  });
});

describe("a batch", () => {
  test("tells of its records", () => {
    const found = batchOf(records([batch(5, 3)], { fetchOffset: 6 }));
    expect([found.topic, found.partition, found.length, found.leaderEpoch]).toEqual(["t", 3, 2, 2]);
    expect([found.firstOffset, found.lastOffset, found.nextOffset]).toEqual([6, 7, 8]);
    expect([found.key(0), found.value(1), found.timestamp(1), found.offset(1)]).toEqual(["k1", "7", 1_002, 7]);
    expect([...found]).toEqual(found.messages());
    expect(found.message(0)).toEqual({
      topic: "t",
      partition: 3,
      offset: 6,
      timestamp: 1_001,
      timestampType: "CreateTime",
      key: "k1",
      value: "6",
      headers: [],
      leaderEpoch: 2,
    });
  });

  test("nulls, empty bytes and headers", () => {
    const builder = new BatchBuilder();
    const headers = [
      { key: "a", value: Buffer.from("1") },
      { key: "", value: null },
      { key: "a", value: Buffer.alloc(200, 2) },
    ];
    builder.append(-1, null, null, headers);
    builder.append(-1, "", "", headers);
    builder.append(-1, "k", null, headers);
    builder.append(-1, null, "v", headers);
    const found = batchOf(records([builder.build({ baseOffset: 0 })]));
    expect(found.messages().map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      ["", ""],
      ["k", null],
      [null, "v"],
    ]);
    for (const message of found) expect(message.headers).toEqual(headers.map(({ key, value }) => [key, value]));
  });

  test("what cannot be deserialised names its place", () => {
    const run = records([batch(0, 1), Buffer.from(batch(1, 1))]).take(500)!;
    const found = new Batch(new RecordDecoder("t", bytes, json()), run.index, { partition: 3, ...run });
    expect(found.value(1)).toBe(1);
    expect(found.key(1)).toEqual(Buffer.from("k0"));
    const broken = new Batch(new RecordDecoder("t", json(), string), run.index, { partition: 3, ...run });
    let thrown: unknown;
    try {
      broken.message(1);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RecordDeserializationError);
    expect(thrown).toMatchObject({ topic: "t", partition: 3, offset: 1, part: "key" });
    expect((thrown as Error).message).toContain("the key of the record at offset 1 of t-3");
    expect((thrown as Error).cause).toBeInstanceOf(SerializationError);
  });
});
