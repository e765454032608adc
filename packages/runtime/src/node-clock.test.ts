import { expect, it, vi } from "vitest";
import { sleep } from "./clock.ts";
import { nodeClock } from "./node-clock.ts";
import { nodeRandom } from "./node-random.ts";
import { randomUuid } from "./random.ts";

it("tells the time", () => {
  const clock = nodeClock();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  expect(clock.monotonic()).toBeLessThanOrEqual(clock.monotonic());
});

it("calls back, in order, unless cancelled", async () => {
  const clock = nodeClock();
  const calls: string[] = [];
  clock.setTimer(1, () => calls.push("cancelled")).cancel();
  clock.defer(() => calls.push("first"));
  clock.defer(() => calls.push("second"));
  await sleep(clock, 2);
  expect(calls).toEqual(["first", "second"]);
});

it("waits longer than Node's timers can", () => {
  vi.useFakeTimers();
  try {
    const clock = nodeClock();
    const month = 30 * 24 * 3_600_000;
    let fired = 0;
    clock.setTimer(month, () => fired++);
    const cancelled = clock.setTimer(month, () => fired++);
    vi.advanceTimersByTime(month - 1);
    cancelled.cancel();
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});

it("draws random numbers in their range", () => {
  const random = nodeRandom();
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const number = random.float();
    expect(number >= 0 && number < 1).toBe(true);
    seen.add(random.integer(3));
  }
  expect([...seen].sort()).toEqual([0, 1, 2]);
  expect(random.bytes(7)).toHaveLength(7);
  expect(randomUuid(random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
