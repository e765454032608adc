import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchView, buildEndTransactionBatch, errorCodes } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { batchOf, testData } from "../../test/logs.ts";
import { parseProducerSnapshot } from "./producer-snapshot.ts";
import { ProducerState } from "./producer-state.ts";

const largest = 2 ** 31 - 1;

/** A partition's producers, and the offset that the next batch gets. */
class Producers {
  readonly state = new ProducerState();
  offset = 0;

  /** `ok offset`, `again offset`, or the error's name. */
  send(producerId: number, producerEpoch: number, baseSequence: number, count = 1, isTransactional = false): string {
    const records = Array.from({ length: count }, () => ({ timestamp: 1000 + this.offset }));
    const fields = { baseOffset: this.offset, producerId, producerEpoch, baseSequence, isTransactional };
    const view = new BatchView(batchOf(records, fields), 0);
    const verdict = this.state.check(view, true);
    if (verdict?.duplicate) return `again ${verdict.duplicate.lastOffset - verdict.duplicate.offsetDelta}`;
    if (verdict !== null) return Object.entries(errorCodes).find(([, code]) => code === verdict.errorCode)![0];
    this.state.apply(view);
    this.offset += count;
    return `ok ${view.baseOffset}`;
  }

  end(type: "abort" | "commit", producerId: number, producerEpoch = 0): number {
    const view = new BatchView(
      buildEndTransactionBatch(type, 5000, 3, { producerId, producerEpoch, baseOffset: this.offset }),
      0,
    );
    const completed = this.state.apply(view);
    this.offset++;
    if (completed === null) return -1;
    const stable = this.state.lastStableOffsetAfter(completed);
    this.state.completed(completed);
    return stable;
  }
}

describe("sequence numbers", () => {
  it("follow each other", () => {
    const producers = new Producers();
    expect(producers.send(1, 0, 0, 3)).toBe("ok 0");
    expect(producers.send(1, 0, 3)).toBe("ok 3");
    expect(producers.send(1, 0, 5)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(producers.send(1, 0, 4)).toBe("ok 4");
    expect(producers.send(2, 0, 0)).toBe("ok 5");
  });

  it("may be any for a producer that is not known", () => {
    const producers = new Producers();
    expect(producers.send(1, 4, 17)).toBe("ok 0");
    expect(producers.send(1, 4, 18)).toBe("ok 1");
  });

  it("are remembered for five batches", () => {
    const producers = new Producers();
    for (let i = 0; i < 6; i++) expect(producers.send(1, 0, 2 * i, 2)).toBe(`ok ${2 * i}`);
    expect(producers.send(1, 0, 0, 2)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    for (let i = 1; i < 6; i++) expect(producers.send(1, 0, 2 * i, 2)).toBe(`again ${2 * i}`);
    // Only the very same batch is a repetition.
    expect(producers.send(1, 0, 4, 1)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(producers.send(1, 0, 12)).toBe("ok 12");
  });

  it("go from 2^31 - 1 back to 0, also within a batch", () => {
    const producers = new Producers();
    expect(producers.send(1, 0, largest - 1)).toBe("ok 0");
    expect(producers.send(1, 0, largest)).toBe("ok 1");
    expect(producers.send(1, 0, 1)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(producers.send(1, 0, 0)).toBe("ok 2");
    expect(producers.send(2, 0, largest - 1, 4)).toBe("ok 3");
    expect(producers.send(2, 0, largest - 1, 4)).toBe("again 3");
    expect(producers.send(2, 0, 2)).toBe("ok 7");
  });

  it("start at 0 in a new epoch, and an older epoch is fenced", () => {
    const producers = new Producers();
    producers.send(1, 3, 0);
    expect(producers.send(1, 4, 1)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(producers.send(1, 4, 0)).toBe("ok 1");
    expect(producers.send(1, 3, 1)).toBe("INVALID_PRODUCER_EPOCH");
    // The older epoch's batches are no repetitions any more.
    expect(producers.send(1, 3, 0)).toBe("INVALID_PRODUCER_EPOCH");
  });

  it("are forgotten with a producer that was not heard of for long", () => {
    const producers = new Producers();
    producers.send(1, 0, 0);
    producers.send(2, 0, 0, 1, true);
    expect(producers.state.expire(1999, 1000)).toBe(0);
    // One with an open transaction is kept.
    expect(producers.state.expire(3000, 1000)).toBe(1);
    expect(producers.state.producer(2)).toBeDefined();
    expect(producers.send(1, 0, 9)).toBe("ok 2");
  });
});

describe("transactions", () => {
  it("hold the first unstable offset back until the high watermark has passed their marker", () => {
    const producers = new Producers();
    const { state } = producers;
    expect(state.firstUnstableOffset).toBe(Number.POSITIVE_INFINITY);
    producers.send(1, 0, 0);
    producers.send(2, 0, 0, 1, true);
    producers.send(3, 0, 0, 1, true);
    expect(state.firstUnstableOffset).toBe(1);
    expect(producers.end("abort", 2)).toBe(2);
    expect(state.firstUnstableOffset).toBe(1);
    state.highWatermarkMoved(3);
    expect(state.firstUnstableOffset).toBe(1);
    state.highWatermarkMoved(4);
    expect(state.firstUnstableOffset).toBe(2);
    expect(producers.end("commit", 3)).toBe(5);
    state.highWatermarkMoved(5);
    expect(state.firstUnstableOffset).toBe(Number.POSITIVE_INFINITY);
  });

  it("take no other records of their producer while they are open", () => {
    const producers = new Producers();
    producers.send(1, 0, 0, 1, true);
    expect(producers.send(1, 0, 1)).toBe("INVALID_TXN_STATE");
    producers.end("commit", 1);
    expect(producers.send(1, 0, 1)).toBe("ok 2");
    // A marker without a transaction completes nothing.
    expect(producers.end("abort", 1)).toBe(-1);
  });
});

describe("a snapshot", () => {
  const golden = JSON.parse(readFileSync(join(testData, "producer-snapshot-file.json"), "utf8")).files[0] as {
    fileHex: string;
    json: { producerEntries: Record<string, number>[] };
  };

  it("is Kafka's, byte for byte", () => {
    const bytes = Buffer.from(golden.fileHex, "hex");
    const entries = golden.json.producerEntries;
    expect(parseProducerSnapshot(bytes)).toMatchObject(
      entries.map(({ producerId, epoch, coordinatorEpoch, timestamp, currentTxnFirstOffset }) => ({
        producerId,
        epoch,
        coordinatorEpoch,
        lastTimestampMs: timestamp,
        currentTransactionFirstOffset: currentTxnFirstOffset,
      })),
    );
    const state = new ProducerState();
    expect(state.load(bytes, 0, 1000)).toBe(true);
    expect(state.producer(4000)?.lastBatch).toMatchObject({ lastSequence: 9, lastOffset: 99, offsetDelta: 2 });
    expect(state.firstUnstableOffset).toBe(42);
    expect(state.snapshot().toString("hex")).toBe(golden.fileHex);
  });

  it("brings everything back but the batches before the last", () => {
    const producers = new Producers();
    for (let i = 0; i < 3; i++) producers.send(1, 2, i);
    producers.send(2, 0, 0, 4, true);
    const again = new Producers();
    again.offset = producers.offset;
    expect(again.state.load(producers.state.snapshot(), 0, 1000)).toBe(true);
    expect(again.state.describe()).toEqual(producers.state.describe());
    expect(again.send(1, 2, 2)).toBe("again 2");
    expect(again.send(1, 2, 3)).toBe("ok 7");
    expect(again.state.firstUnstableOffset).toBe(3);
  });

  it("is refused with any bit flipped, or cut", () => {
    const producers = new Producers();
    producers.send(1, 2, 0);
    const bytes = producers.state.snapshot();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(parseProducerSnapshot(flipped)).toBeNull();
    }
    for (let size = 0; size < bytes.length; size++) expect(parseProducerSnapshot(bytes.subarray(0, size))).toBeNull();
  });
});
