import { beforeEach, describe, expect, test } from "vitest";
import { Offsets } from "./offsets.ts";
import type { PartitionState } from "./partition-state.ts";

const t = (partition: number) => ({ topic: "t", partition });

describe("what is committed", () => {
  let offsets: Offsets;
  let zero: PartitionState;
  let one: PartitionState;

  beforeEach(() => {
    offsets = new Offsets();
    [zero, one] = offsets.add([t(0), t(1)]) as [PartitionState, PartitionState];
    zero.moveTo(5, 2);
    one.moveTo(7, 3);
  });

  /** The application gets the record at `offset`, and stands behind it. */
  function take(state: PartitionState, offset: number, lastOffset = offset, position = lastOffset + 1): void {
    offsets.take(state, offset, lastOffset, state.positionEpoch);
    state.position = position;
    state.positionEpoch = 4;
  }

  test("nothing of partitions whose position is not known", () => {
    offsets.add([t(2)]);
    zero.reset("end");
    expect(offsets.consumed()).toEqual([{ ...t(1), offset: 7, leaderEpoch: 3 }]);
  });

  test("what the application has, only if it says so", () => {
    take(zero, 5);
    expect(offsets.consumed()[0]).toEqual({ ...t(0), offset: 6, leaderEpoch: 4 });
    expect(offsets.finished()[0]).toEqual({ ...t(0), offset: 5, leaderEpoch: 2 });
    take(one, 9);
    expect(offsets.finished().map(({ offset }) => offset)).toEqual([6, 9]);
    offsets.finish();
    expect(offsets.finished()).toEqual(offsets.consumed());
  });

  test("what is given up comes again", () => {
    take(zero, 5);
    expect(offsets.abandon()).toBe(zero);
    expect([zero.position, zero.positionEpoch]).toEqual([5, 2]);
    expect(offsets.abandon()).toBeNull();
    take(one, 7);
    offsets.finish();
    expect(offsets.abandon()).toBeNull();
    expect(one.position).toBe(8);
  });

  test("after a seek it is the seek that counts", () => {
    take(zero, 5);
    offsets.sought(zero);
    zero.moveTo(100, -1);
    expect(offsets.finished()[0]!.offset).toBe(100);
    expect(offsets.abandon()).toBeNull();
    expect(zero.position).toBe(100);
  });

  test("offsets that cover what the application has vouch for it", () => {
    take(zero, 5);
    offsets.vouch([{ ...t(0), offset: 5 }]);
    offsets.vouch([{ ...t(1), offset: 6 }]);
    expect(offsets.finished()[0]!.offset).toBe(5);
    offsets.vouch([{ ...t(0), offset: 6 }]);
    expect(offsets.finished()[0]!.offset).toBe(6);
    expect(offsets.abandon()).toBeNull();
  });

  test("offsets behind its last record do, even where the partition goes on further behind", () => {
    // A control record, say, is nobody's business.
    take(zero, 5, 7, 9);
    offsets.vouch([{ ...t(0), offset: 8 }]);
    expect(offsets.finished()[0]!.offset).toBe(9);
    expect(offsets.abandon()).toBeNull();
  });

  test("offsets in the middle of what it has vouch for what lies before", () => {
    take(zero, 5, 9);
    offsets.vouch([{ ...t(0), offset: 7 }]);
    expect(offsets.finished()[0]).toEqual({ ...t(0), offset: 7, leaderEpoch: 4 });
    offsets.vouch([{ ...t(0), offset: 6 }]);
    expect(offsets.finished()[0]!.offset).toBe(7);
    expect(offsets.abandon()).toBe(zero);
    expect(zero.position).toBe(7);
  });

  test("what has gone counts no more", () => {
    take(zero, 5);
    offsets.remove([t(0)]);
    expect(offsets.finished().map(({ partition }) => partition)).toEqual([1]);
    expect(offsets.abandon()).toBeNull();
  });
});

test("a frame counts until every partition has let go of its part", () => {
  const offsets = new Offsets();
  const [zero, one] = offsets.add([t(0), t(1)]);
  const records = { size: 10, nextOffset: 3 } as Parameters<PartitionState["enqueue"]>[0];
  const frame = { size: 30, holders: 1 };
  zero!.enqueue(records, frame, 3);
  one!.enqueue(records, frame, 3);
  offsets.held(frame);
  expect(offsets.queuedSize).toBe(30);
  zero!.dequeue();
  expect(offsets.queuedSize).toBe(30);
  offsets.remove([t(1)]);
  expect(offsets.queuedSize).toBe(0);
  const empty = { size: 5, holders: 1 };
  offsets.held(empty);
  expect(offsets.queuedSize).toBe(0);
});
