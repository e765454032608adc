import type { Clock } from "@ottla/runtime";
import { Wakeup } from "./wakeup.ts";

/** Longer than this the event loop is not kept from its sockets and timers by an application that never waits. */
const longestTurnMs = 10;

/**
 * When the application asks, waits, and is busy: what `maxPollIntervalMs` is measured by.
 */
export class Asking {
  /**
   * Whether the next ask has to look at more than the batch at hand: a rebalance, an error, a pause, the end. Kept here so that handing out one more message costs one look.
   */
  isInterrupted = true;
  readonly #clock: Clock;
  readonly #wakeup = new Wakeup();
  #askedAt = 0;
  #isWaiting = false;
  /** The time of the ask is good enough for the rest of this turn of the event loop. */
  #isStamped = false;
  #turnBeganAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the application last asked (monotonic): now, while it waits. */
  get polledAt(): number {
    return this.#isWaiting ? this.#clock.monotonic() : this.#askedAt;
  }

  /** The application asks: read off the clock once per turn of the event loop, since it may ask thousands of times in one. */
  ask(): void {
    if (this.#isStamped) return;
    this.#isStamped = true;
    this.#askedAt = this.#clock.monotonic();
    this.#turnBeganAt = this.#askedAt;
    this.#clock.defer(() => {
      this.#isStamped = false;
    });
  }

  interrupt(): void {
    this.isInterrupted = true;
    this.#wakeup.wake();
  }

  /** There is something to hand out. */
  wake(): void {
    if (this.#isWaiting) this.#wakeup.wake();
  }

  /** Resolves when there may be something, at the latest at `deadline` (monotonic); rejects with the signal's reason. */
  async wait(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const woken = this.#wakeup.wait();
    const leftMs = deadline - this.#clock.monotonic();
    const timer =
      leftMs < Number.POSITIVE_INFINITY ? this.#clock.setTimer(Math.max(0, leftMs), () => this.wake()) : null;
    this.#isWaiting = true;
    try {
      await (signal === undefined ? woken : untilAborted(woken, signal));
    } finally {
      timer?.cancel();
      this.#isWaiting = false;
      this.#askedAt = this.#clock.monotonic();
      this.#turnBeganAt = this.#askedAt;
    }
  }

  /** Whether the application has kept sockets and timers from their turn for a while. */
  get isTurnOver(): boolean {
    return this.#clock.monotonic() - this.#turnBeganAt >= longestTurnMs;
  }

  /** Lets sockets and timers have their turn where the application has not done so for a while. */
  async yield(): Promise<void> {
    if (!this.isTurnOver) return;
    // Timers are about to look at it, and the turn's stamp is an old one.
    this.#askedAt = this.#clock.monotonic();
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    this.#turnBeganAt = this.#clock.monotonic();
  }
}

function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
  });
}
