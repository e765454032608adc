import { BatchBuilder, BatchCursor, errorCodes, RecordIterator } from "@ottla/protocol";
import { memoryDisk, nodeRuntime, type Runtime, silentLogger } from "@ottla/runtime";
import { expect, it } from "vitest";
import { defaultLogConfig } from "./config.ts";
import { LogManager } from "./log-manager.ts";
import type { AppendOutcome } from "./outcomes.ts";

it("works", async () => {
  const runtime: Runtime = { ...nodeRuntime(), disk: memoryDisk() };
  const expected = {
    topic: "t",
    index: 0,
    topicId: "AAAAAAAAAAAAAAAAAAAAAQ",
    leaderEpoch: 3,
    config: defaultLogConfig,
  };
  let manager = await LogManager.open({
    runtime,
    logger: silentLogger,
    dataDirectory: "/data",
    partitions: [expected],
  });
  let p = manager.partition("t", 0)!;
  const batch = () => {
    const b = new BatchBuilder();
    b.append(runtime.clock.now(), "k", "v");
    b.append(runtime.clock.now(), "k2", "v2");
    return b.build();
  };
  const append = (bytes: Buffer) =>
    new Promise<AppendOutcome>((resolve) => p.append(bytes, { origin: "client", acks: "committed" }, resolve));
  const outcomes = await Promise.all([append(batch()), append(batch())]);
  expect(outcomes.map((o) => o.baseOffset)).toEqual([0, 2]);
  expect(p.highWatermark).toBe(4);
  const read = p.read(0, 1000, { isolation: "uncommitted", minOneBatch: true });
  const offsets: number[] = [];
  const c = new BatchCursor(read.records);
  while (c.next()) {
    const r = new RecordIterator(c.view);
    while (r.next()) offsets.push(r.offset);
  }
  expect(offsets).toEqual([0, 1, 2, 3]);
  await manager.close();
  manager = await LogManager.open({
    runtime,
    logger: silentLogger,
    dataDirectory: "/data",
    partitions: [{ ...expected, leaderEpoch: 4 }],
  });
  p = manager.partition("t", 0)!;
  expect(manager.wasCleanShutdown).toBe(true);
  expect(p.highWatermark).toBe(4);
  expect((await append(batch())).baseOffset).toBe(4);
  expect(p.offsetForLeaderEpoch(3)).toEqual({ errorCode: 0, leaderEpoch: 3, endOffset: 4 });
  // no close
  const m2 = await LogManager.open({
    runtime,
    logger: silentLogger,
    dataDirectory: "/data",
    partitions: [{ ...expected, leaderEpoch: 5 }],
  });
  expect(m2.wasCleanShutdown).toBe(false);
  expect(m2.partition("t", 0)!.logEndOffset).toBe(6);
  expect(errorCodes.NONE).toBe(0);
  await manager.close();
  await m2.close();
});
