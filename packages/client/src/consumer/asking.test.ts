import { simClock } from "@ottla/runtime";
import { expect, test } from "vitest";
import { Asking } from "./asking.ts";

test("tells when the application last asked: now, while it waits", async () => {
  const clock = simClock();
  const asking = new Asking(clock);
  await clock.runFor(100);
  asking.ask();
  await clock.runFor(50);
  expect(asking.polledAt).toBe(100);
  const waiting = asking.wait(Number.POSITIVE_INFINITY, undefined);
  await clock.runFor(1_000);
  expect(asking.polledAt).toBe(1_150);
  asking.wake();
  await clock.until(waiting);
  await clock.runFor(10);
  expect(asking.polledAt).toBe(1_150);
});

test("waits until it is woken, out of time, or aborted", async () => {
  const clock = simClock();
  const asking = new Asking(clock);
  await clock.until(asking.wait(30, undefined));
  expect(clock.monotonic()).toBe(30);
  const abort = new AbortController();
  const waiting = asking.wait(Number.POSITIVE_INFINITY, abort.signal);
  abort.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("an interruption stays until the next ask has looked", () => {
  const asking = new Asking(simClock());
  asking.isInterrupted = false;
  asking.interrupt();
  expect(asking.isInterrupted).toBe(true);
});

test("lets others have a turn once it has gone on for a while", async () => {
  const clock = simClock();
  const asking = new Asking(clock);
  await clock.runFor(20);
  const turns: string[] = [];
  clock.defer(() => turns.push("others"));
  await clock.until(asking.yield().then(() => turns.push("we")));
  await asking.yield();
  expect(turns).toEqual(["others", "we"]);
});
