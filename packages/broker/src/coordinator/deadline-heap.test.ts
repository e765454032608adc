import { expect, test } from "vitest";
import { DeadlineHeap, Timed } from "./deadline-heap.ts";

class Alarm extends Timed {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

test("wakes in the order of deadlines", () => {
  const heap = new DeadlineHeap<Alarm>();
  const alarms = [30, 10, 20, 10].map((deadline, n) => {
    const alarm = new Alarm(`${deadline}-${n}`);
    heap.schedule(alarm, deadline);
    return alarm;
  });
  expect(heap.nextDeadline()).toBe(10);
  expect(heap.popDue(9)).toBeNull();
  expect([heap.popDue(10)?.name, heap.popDue(10)?.name].sort()).toEqual(["10-1", "10-3"]);
  expect(heap.popDue(10)).toBeNull();
  heap.cancel(alarms[2]!);
  expect(heap.popDue(100)?.name).toBe("30-0");
  expect(heap.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  expect(heap.count).toBe(0);
});

test("a deadline can move both ways", () => {
  const heap = new DeadlineHeap<Alarm>();
  const one = new Alarm("one");
  const two = new Alarm("two");
  heap.schedule(one, 10);
  heap.schedule(two, 15);
  heap.schedule(one, 20);
  // The heap may still think of the old one; it wakes nobody for it.
  expect(heap.nextDeadline()).toBeLessThanOrEqual(15);
  expect(heap.popDue(12)).toBeNull();
  heap.schedule(two, 30);
  heap.schedule(two, 5);
  expect(heap.popDue(5)).toBe(two);
  expect(heap.popDue(19)).toBeNull();
  expect(heap.popDue(20)).toBe(one);
});

test("agrees with a sorted list, whatever happens", () => {
  const heap = new DeadlineHeap<Alarm>();
  const alarms = Array.from({ length: 50 }, (_, n) => new Alarm(String(n)));
  const model = new Map<Alarm, number>();
  let state = 7;
  const pick = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
  for (let now = 0; now < 5_000; now++) {
    const alarm = alarms[pick(alarms.length)]!;
    if (pick(10) === 0) {
      heap.cancel(alarm);
      model.delete(alarm);
    } else {
      const deadline = now + pick(60);
      heap.schedule(alarm, deadline);
      model.set(alarm, deadline);
    }
    expect(heap.count).toBe(model.size);
    expect(heap.nextDeadline()).toBeLessThanOrEqual(Math.min(...model.values()));
    for (let due = heap.popDue(now); due !== null; due = heap.popDue(now)) {
      expect(model.get(due)).toBeLessThanOrEqual(now);
      model.delete(due);
    }
    for (const deadline of model.values()) expect(deadline).toBeGreaterThan(now);
  }
});
