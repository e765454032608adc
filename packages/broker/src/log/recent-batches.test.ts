import { errorCodes } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { append, batchOf, expectedPartition, openLogs, testConfig, testRuntime } from "../../test/logs.ts";
import type { Partition } from "./partition.ts";

const kilobyte = "x".repeat(1_000);

describe("a producer's last five batches, after a clean stop", () => {
  it.each([
    ["in one segment", {}, 1],
    ["over several segments", { segmentBytes: 5_000 }, 1],
    ["among others' in a long log", {}, 9_000],
  ])("%s are recognised when they come again", async (_, config, foreign) => {
    const runtime = testRuntime();
    const { clock } = runtime;
    const expected = expectedPartition({ config: testConfig(config) });
    const first = await openLogs(runtime, { partitions: [expected] });
    const send = (partition: Partition, producerEpoch: number, sequence: number) => {
      const records = [{ value: `${sequence}${kilobyte}` }, { value: kilobyte }];
      const fields = { producerId: 7, producerEpoch, baseSequence: sequence };
      return clock.until(append(partition, batchOf(records, fields)));
    };
    const partition = first.partition("t", 0)!;
    for (let n = 0; n < foreign; n++) await clock.until(append(partition, batchOf([{ value: kilobyte }])));
    // Of an earlier epoch: not to be mixed up with what comes.
    await send(partition, 0, 0);
    const offsets: number[] = [];
    for (let n = 0; n < 7; n++) offsets.push((await send(partition, 1, 2 * n)).baseOffset);
    await clock.until(first.close());

    const logs = await openLogs(runtime, { partitions: [expected] });
    expect(logs.wasCleanShutdown).toBe(true);
    const again = logs.partition("t", 0)!;
    const end = again.logEndOffset;
    for (let n = 2; n < 7; n++) {
      expect(await send(again, 1, 2 * n)).toMatchObject({ errorCode: 0, baseOffset: offsets[n] });
    }
    expect(again.logEndOffset).toBe(end);
    expect(await send(again, 1, 2)).toMatchObject({ errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER });
    expect(await send(again, 1, 14)).toMatchObject({ errorCode: 0, baseOffset: end });
    await clock.until(logs.close());
  });
});

describe("a producer's last five batches, after a crash", () => {
  it("are recognised although the log has begun a new segment since", async () => {
    const runtime = testRuntime();
    const { clock } = runtime;
    const partitions = [expectedPartition({ config: testConfig({ segmentBytes: 3_500 }) })];
    const send = (partition: Partition, sequence: number) =>
      clock.until(
        append(partition, batchOf([{ value: kilobyte }], { producerId: 7, producerEpoch: 0, baseSequence: sequence })),
      );
    const partition = (await openLogs(runtime, { partitions, config: { flush: "always" } })).partition("t", 0)!;
    for (let n = 0; n < 7; n++) await send(partition, n);
    // What is synced is written down: only the last segment is checked.
    await clock.runFor(120_000);

    const logs = await openLogs(runtime, { partitions });
    expect(logs.wasCleanShutdown).toBe(false);
    const again = logs.partition("t", 0)!;
    for (let n = 2; n < 7; n++) expect(await send(again, n)).toMatchObject({ errorCode: 0, baseOffset: n });
    expect(again.logEndOffset).toBe(7);
    expect(await send(again, 1)).toMatchObject({ errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER });
    expect(await send(again, 7)).toMatchObject({ errorCode: 0, baseOffset: 7 });
    await clock.until(logs.close());
  });
});
