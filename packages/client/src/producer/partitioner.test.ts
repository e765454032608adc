import { readFileSync } from "node:fs";
import { join } from "node:path";
import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import type { TopicMetadata } from "../metadata.ts";
import { KeyPartitioner, StickyPartitioner } from "./partitioner.ts";

interface Golden {
  partitionCounts: number[];
  keys: { key: string; murmur2: number; partitions: number[] }[];
}

const file = join(import.meta.dirname, "../../test-data/murmur2.json");
const golden: Golden = JSON.parse(readFileSync(file, "utf8"));

describe("by key", () => {
  it("is Java's, for bytes and for text", () => {
    const partitioner = new KeyPartitioner();
    let texts = 0;
    for (const { key, partitions } of golden.keys) {
      const bytes = Buffer.from(key, "hex");
      const text = bytes.toString("utf8");
      const isText = Buffer.from(text).equals(bytes);
      if (isText) texts++;
      for (const [index, count] of golden.partitionCounts.entries()) {
        expect(partitioner.partition(bytes, count)).toBe(partitions[index]);
        if (isText) expect(partitioner.partition(text, count), text).toBe(partitions[index]);
      }
    }
    expect(texts).toBeGreaterThan(20);
  });

  it("is the same for a text whatever its length and letters", () => {
    const partitioner = new KeyPartitioner();
    for (const text of ["", "a", "ü", "a".repeat(256), "a".repeat(257), `${"a".repeat(100)}€`, "a".repeat(5000)]) {
      expect(partitioner.partition(text, 12)).toBe(partitioner.partition(Buffer.from(text), 12));
    }
  });
});

function topic(leaders: number[]): TopicMetadata {
  const partitions = leaders.map((leaderId, index) => ({
    ...{ index, leaderId, leaderEpoch: 0, replicas: [], isr: [], offlineReplicas: [], errorCode: 0 },
  }));
  return { name: "t", topicId: null, isInternal: false, partitions };
}

describe("without a key", () => {
  it("stays until a batch's worth has gone there, and the batch is full", () => {
    const sticky = new StickyPartitioner(simRandom(1), 1000, false);
    const four = topic([1, 1, 1, 1]);
    const first = sticky.current(four, []);
    const runs = new Set<number>();
    for (let i = 0; i < 9; i++) {
      sticky.note(100, false);
      expect(sticky.current(four, [])).toBe(first);
    }
    sticky.note(100, false);
    expect(sticky.current(four, [])).toBe(first);
    for (let i = 0; i < 100; i++) {
      sticky.note(1000, true);
      runs.add(sticky.current(four, []));
    }
    expect(runs.size).toBe(4);
  });

  it("goes on at twice the batch's size in any case", () => {
    const sticky = new StickyPartitioner(simRandom(1), 1000, false);
    const many = topic(Array.from({ length: 1000 }, () => 1));
    const first = sticky.current(many, []);
    sticky.note(1999, false);
    expect(sticky.current(many, [])).toBe(first);
    sticky.note(1, false);
    expect(sticky.current(many, [])).not.toBe(first);
  });

  it("avoids partitions without a leader, and prefers those with less waiting", () => {
    const sticky = new StickyPartitioner(simRandom(1), 10, true);
    const counts = [0, 0, 0];
    const waiting = [{ batches: { length: 9 } }, undefined, undefined];
    for (let i = 0; i < 2000; i++) {
      counts[sticky.current(topic([1, 1, -1]), waiting as never)]!++;
      sticky.note(10, true);
    }
    expect(counts[2]).toBe(0);
    expect(counts[1]! / counts[0]!).toBeGreaterThan(5);
    expect(sticky.current(topic([-1]), [])).toBe(0);
  });

  it("chooses again when its partition is gone", () => {
    const sticky = new StickyPartitioner(simRandom(2), 1000, false);
    while (sticky.current(topic([1, 1, 1, 1]), []) === 0) sticky.note(1000, true);
    expect(sticky.current(topic([1]), [])).toBe(0);
  });
});
