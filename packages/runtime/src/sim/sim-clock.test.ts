import { describe, expect, it } from "vitest";
import { sleep } from "../clock.ts";
import { simClock } from "./sim-clock.ts";
import { simRandom } from "./sim-random.ts";

describe("simClock", () => {
  it("stands still until it is run", async () => {
    const clock = simClock({ startMs: 1000 });
    let fired = false;
    clock.setTimer(10, () => {
      fired = true;
    });
    expect([clock.now(), clock.monotonic(), fired]).toEqual([1000, 0, false]);
    await clock.runFor(9.5);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([1009, 9.5, false]);
    await clock.runFor(0.5);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([1010, 10, true]);
  });

  it("fires timers by time, and at the same time in the order in which they were set", async () => {
    const clock = simClock();
    const fired: string[] = [];
    for (const [delay, name] of [
      [20, "c"],
      [10, "a"],
      [20, "d"],
      [10, "b"],
      [0, "zero"],
    ] as const) {
      clock.setTimer(delay, () => fired.push(`${name}@${clock.monotonic()}`));
    }
    await clock.runUntilIdle();
    expect(fired).toEqual(["zero@1", "a@10", "b@10", "c@20", "d@20"]);
  });

  it("calls what is deferred after everything else of the same time", async () => {
    const clock = simClock();
    const calls: string[] = [];
    clock.schedule(5, () => {
      calls.push("first");
      clock.defer(() => calls.push("deferred 1"));
      clock.defer(() => calls.push("deferred 2"));
    });
    clock.schedule(5, () => calls.push("second"));
    clock.schedule(6, () => calls.push("later"));
    await clock.runUntilIdle();
    expect(calls).toEqual(["first", "second", "deferred 1", "deferred 2", "later"]);
  });

  it("lets promises run to their end between two events", async () => {
    const clock = simClock();
    const calls: string[] = [];
    const chain = async (name: string) => {
      for (let i = 0; i < 100; i++) await null;
      await new Promise<void>((resolve) => process.nextTick(resolve));
      for (let i = 0; i < 100; i++) await null;
      calls.push(name);
    };
    for (let i = 0; i < 100; i++) clock.schedule(i >> 1, () => void chain(`${i}`));
    await clock.runUntilIdle();
    expect(calls).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  it("cancels", async () => {
    const clock = simClock();
    let fired = 0;
    const timers = Array.from({ length: 1000 }, (_, i) => clock.setTimer(i, () => fired++));
    for (const [i, timer] of timers.entries()) {
      if (i % 10 !== 0) timer.cancel();
      if (i % 10 !== 0) timer.cancel();
    }
    await clock.runUntilIdle();
    expect(fired).toBe(100);
    expect(clock.monotonic()).toBe(990);
    timers[0]!.cancel();
    expect(clock.isIdle).toBe(true);
  });

  it("keeps its order under any mixture of setting, cancelling and firing", async () => {
    const random = simRandom("mixture");
    const clock = simClock();
    const expected: number[] = [];
    const fired: number[] = [];
    const set = (left: number) => {
      const at = clock.monotonic() + random.integer(50);
      const timer = clock.schedule(at - clock.monotonic(), () => {
        fired.push(clock.monotonic());
        if (left > 0) set(left - 1);
        if (left > 0 && random.chance(0.3)) set(left - 1);
      });
      if (random.chance(0.5)) timer.cancel();
      else expected.push(at);
    };
    for (let i = 0; i < 500; i++) set(6);
    await clock.runUntilIdle();
    expect(fired).toEqual(expected.sort((a, b) => a - b));
  });

  it("runs until a promise settles, and no further", async () => {
    const clock = simClock();
    clock.setTimer(1000, () => {});
    expect(await clock.until(sleep(clock, 10).then(() => "done"))).toBe("done");
    expect(clock.monotonic()).toBe(10);
    await expect(clock.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(clock.monotonic()).toBe(10);
  });

  it("says when a promise can't settle any more", async () => {
    const clock = simClock();
    const never = new Promise(() => {});
    await expect(clock.until(never)).rejects.toThrow("nothing is left to happen");
    const tick = () => void clock.setTimer(100, tick);
    tick();
    await expect(clock.until(never, 1000)).rejects.toThrow("1000 ms of virtual time have passed");
  });

  it("passes on what a callback throws", async () => {
    const clock = simClock();
    clock.setTimer(1, () => {
      throw new Error("broken");
    });
    await expect(clock.runUntilIdle()).rejects.toThrow("broken");
    await clock.runUntilIdle();
  });

  it("aborts a sleep", async () => {
    const clock = simClock();
    const controller = new AbortController();
    const asleep = sleep(clock, 1000, controller.signal);
    clock.setTimer(5, () => controller.abort(new Error("up")));
    await expect(clock.until(asleep)).rejects.toThrow("up");
    expect(clock.isIdle).toBe(true);
  });
});
