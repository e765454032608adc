import { describe, expect, it } from "vitest";
import { LeaderEpochs } from "./leader-epochs.ts";

function epochs(...entries: [epoch: number, startOffset: number][]): LeaderEpochs {
  const made = new LeaderEpochs();
  for (const [epoch, startOffset] of entries) made.assign(epoch, startOffset);
  return made;
}

const pairs = (of: LeaderEpochs) => of.entries.map((entry) => [entry.epoch, entry.startOffset]);

describe("leader epochs", () => {
  it("only grow, and one without a record is dropped", () => {
    const of = epochs([0, 0], [2, 20]);
    expect([of.assign(2, 25), of.assign(1, 30), of.assign(3, 30), of.assign(5, 30)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(pairs(of)).toEqual([
      [0, 0],
      [2, 20],
      [5, 30],
    ]);
    expect([of.epochAt(0), of.epochAt(19), of.epochAt(20), of.epochAt(99)]).toEqual([0, 0, 2, 5]);
    expect([of.startOf(2), of.startOf(3), of.latest]).toEqual([20, -1, 5]);
  });

  it("know where an epoch ended, as Kafka does", () => {
    const of = epochs([2, 10], [4, 20], [7, 35]);
    const end = (epoch: number) => Object.values(of.endOffset(epoch, 9, 50));
    expect(end(-1)).toEqual([-1, -1]);
    // Earlier than all that is known: the answer keeps the epoch asked for.
    expect(end(1)).toEqual([1, 10]);
    expect(end(2)).toEqual([2, 20]);
    expect(end(3)).toEqual([2, 20]);
    expect(end(4)).toEqual([4, 35]);
    // The newest ended where the leader's began, which has no record yet.
    expect(end(7)).toEqual([7, 50]);
    expect(end(8)).toEqual([7, 50]);
    expect(end(9)).toEqual([9, 50]);
    expect(end(10)).toEqual([-1, -1]);
    expect(Object.values(new LeaderEpochs().endOffset(3, 5, 0))).toEqual([3, 0]);
  });

  it("are cut with the log", () => {
    const of = epochs([1, 0], [3, 10], [6, 20]);
    expect([of.truncateFromEnd(25), of.truncateFromEnd(20)]).toEqual([false, true]);
    expect(pairs(of)).toEqual([
      [1, 0],
      [3, 10],
    ]);
    expect([of.truncateFromStart(0), of.truncateFromStart(5), of.truncateFromStart(5)]).toEqual([false, true, false]);
    expect(pairs(of)).toEqual([
      [1, 5],
      [3, 10],
    ]);
    expect(of.truncateFromStart(15)).toBe(true);
    expect(pairs(of)).toEqual([[3, 15]]);
  });

  it("are stored in Kafka's form, and nothing else is believed", () => {
    const of = epochs([0, 0], [2, 20]);
    expect(of.format().toString()).toBe("0\n2\n0 0\n2 20\n");
    expect(pairs(LeaderEpochs.parse(of.format())!)).toEqual(pairs(of));
    for (const text of [
      "1\n0\n",
      "0\n1\n",
      "0\n2\n0 0\n",
      "0\n1\n0\n",
      "0\n1\n0 x\n",
      "0\n2\n2 0\n1 5\n",
      "0\n2\n1 5\n2 5\n",
      // Cut short by a crash: it was 14.
      "0\n2\n0 0\n1 1",
      "\0\0\0",
    ]) {
      expect([text, LeaderEpochs.parse(Buffer.from(text))]).toEqual([text, null]);
    }
  });
});
