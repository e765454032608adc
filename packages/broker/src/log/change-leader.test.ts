import { errorCodes } from "@ottla/protocol";
import { simClock, simDisk, simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { batchOf, expectedPartition, openLogs, recordsIn, testRuntime } from "../../test/logs.ts";
import type { AppendOutcome } from "./outcomes.ts";

async function open() {
  const clock = simClock({ startMs: 1_700_000_060_000 });
  const disk = simDisk({ clock, random: simRandom(1), syncMs: { min: 5, max: 5 } });
  const runtime = { ...testRuntime(), clock, disk: disk.mount() };
  runtime.disk.makeDirectory("/data");
  await clock.until(runtime.disk.syncDirectory("/"));
  const partitions = [expectedPartition({ leaderEpoch: 3 })];
  const logs = await openLogs(runtime, { partitions, config: { flush: "always" } });
  return { clock, partition: logs.partition("t", 0)! };
}

describe("a partition that gets another leader", () => {
  it("refuses what was not committed under the old one, keeps it, and goes on in the new epoch", async () => {
    const { clock, partition } = await open();
    const outcomes: AppendOutcome[] = [];
    const append = () =>
      partition.append(batchOf([{}]), { origin: "client", acks: "committed" }, (outcome) => outcomes.push(outcome));
    let notices = 0;
    partition.onAdvance(() => notices++);
    append();
    // Written, and being synced.
    await clock.runFor(1);
    append();
    partition.changeLeader(5);
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual(Array(2).fill(errorCodes.NOT_LEADER_OR_FOLLOWER));
    expect([partition.leaderEpoch, notices]).toEqual([5, 1]);
    append();
    await clock.runFor(20);
    expect(outcomes.at(-1)).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect(outcomes).toHaveLength(3);
    const { records } = partition.read(0, 1000, { isolation: "uncommitted", minOneBatch: true });
    expect(recordsIn(records).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(partition.offsetForLeaderEpoch(3)).toMatchObject({ leaderEpoch: 3, endOffset: 2 });
    expect(partition.checkLeaderEpoch(3)).toBe(errorCodes.FENCED_LEADER_EPOCH);
  });

  it("refuses acks=all, and nothing else, while too few replicas are in sync", async () => {
    const { clock, partition } = await open();
    partition.inSync = () => false;
    const codes: number[] = [];
    for (const acks of ["committed", "written"] as const) {
      partition.append(batchOf([{}]), { origin: "client", acks }, ({ errorCode }) => codes.push(errorCode));
    }
    await clock.runFor(20);
    expect(codes).toEqual([errorCodes.NOT_ENOUGH_REPLICAS, 0]);
    expect(partition.logEndOffset).toBe(1);
  });
});
