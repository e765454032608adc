import { assert } from "../assert.ts";
import type { Clock, Timer } from "../clock.ts";
import { runTurns } from "../node-turns.ts";
import { EventQueue } from "./event-queue.ts";
import { SimKilledError } from "./sim-killed-error.ts";

export interface SimClockOptions {
  /** What `now` says at the start, in milliseconds since 1970; the first of January 2026 by default. */
  readonly startMs?: number;
}

/** So many events without the time moving on are an endless loop. */
const maxEventsPerInstant = 1_000_000;

/** Virtual time. It stands still until one of the `run` methods drives it, and then jumps from event to event. */
export function simClock(options: SimClockOptions = {}): SimClock {
  return new SimClock(options);
}

/**
 * A clock whose time passes only when a test says so, and all that is to happen in that time. Between two events everything that the first one started with
 * promises runs to its end (see `runTurns`), so a run depends on nothing but the order of the events, which depends on nothing but what was asked for.
 */
export class SimClock implements Clock {
  readonly #startMs: number;
  readonly #events = new EventQueue();
  readonly #deferred: (() => void)[] = [];
  #elapsedMs = 0;
  #eventsOfInstant = 0;
  #running = false;

  constructor(options: SimClockOptions = {}) {
    this.#startMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  now(): number {
    return Math.floor(this.#startMs + this.#elapsedMs);
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  /** Like Node's timers: whole milliseconds, at least one. */
  setTimer(delayMs: number, callback: () => void): Timer {
    return this.schedule(Math.max(1, Math.trunc(delayMs)), callback);
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** For the simulated world's parts: calls back after exactly that delay, which may be 0 or have a fraction. */
  schedule(delayMs: number, callback: () => void): Timer {
    assert(delayMs >= 0 && delayMs < Number.POSITIVE_INFINITY, `no event can be ${delayMs} ms away`);
    return this.#events.add(this.#elapsedMs + delayMs, callback);
  }

  /** Whether anything is going to happen. */
  get isIdle(): boolean {
    return this.#deferred.length === 0 && this.#events.count === 0;
  }

  /** Runs until nothing is left to happen. */
  runUntilIdle(): Promise<void> {
    return this.#run(() => true);
  }

  /** Lets that much time pass. */
  async runFor(durationMs: number): Promise<void> {
    await this.runUntilTime(this.#elapsedMs + durationMs);
  }

  /** Runs everything that happens up to a time, which is `monotonic`'s, and leaves the clock there. */
  async runUntilTime(timeMs: number): Promise<void> {
    await this.#run((nextMs) => nextMs <= timeMs);
    this.#advanceTo(Math.max(timeMs, this.#elapsedMs));
  }

  /**
   * Runs until the promise has settled, and passes on what it settled with. Rejects when nothing is left to happen and it still waits, or when
   * `limitMs` (an hour of virtual time by default) have passed.
   */
  async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const endMs = this.#elapsedMs + limitMs;
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.#run((nextMs) => !settled && nextMs <= endMs);
    if (settled) return promise;
    // Nobody waits for it any more; its rejection would be reported on top of this error.
    promise.catch(() => {});
    const reason = this.isIdle ? "nothing is left to happen" : `${limitMs} ms of virtual time have passed`;
    throw new Error(`the promise has not settled and ${reason}`);
  }

  /** Runs what happens next as long as `goOn` says so of its time. */
  async #run(goOn: (nextMs: number) => boolean): Promise<void> {
    assert(!this.#running, "the simulation is being run already");
    this.#running = true;
    try {
      // What a dead process would still have done comes to nothing.
      await runTurns(
        () => this.#step(goOn),
        (reason) => reason instanceof SimKilledError,
      );
    } finally {
      this.#running = false;
    }
  }

  /** The next event; false if there is none, or none that is wanted. */
  #step(goOn: (nextMs: number) => boolean): boolean {
    const nextMs = this.#events.nextMs();
    // What is deferred comes after all that happens at the same time, as it comes after a turn's I/O in Node.
    if (this.#deferred.length > 0 && nextMs !== this.#elapsedMs) {
      if (!goOn(this.#elapsedMs)) return false;
      this.#count();
      this.#deferred.shift()!();
      return true;
    }
    if (nextMs === undefined || !goOn(nextMs)) return false;
    this.#advanceTo(nextMs);
    this.#count();
    this.#events.take()!();
    return true;
  }

  #advanceTo(timeMs: number): void {
    if (timeMs === this.#elapsedMs) return;
    this.#elapsedMs = timeMs;
    this.#eventsOfInstant = 0;
  }

  #count(): void {
    this.#eventsOfInstant++;
    assert(this.#eventsOfInstant <= maxEventsPerInstant, `${maxEventsPerInstant} events, and the time stands still`);
  }
}
