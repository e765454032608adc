import type { Clock, Timer } from "@ottla/runtime";

/** An interval of 0 would leave time for nothing else. */
const shortestIntervalMs = 10;

/** Commits on an interval: the next one is due an interval after the last one is done. */
export class AutoCommit {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #commit: () => Promise<void>;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(clock: Clock, intervalMs: number, commit: () => Promise<void>) {
    this.#clock = clock;
    this.#intervalMs = Math.max(intervalMs, shortestIntervalMs);
    this.#commit = commit;
  }

  /** (Re)starts the interval. */
  start(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#isStopped) return;
    const timer = this.#clock.setTimer(this.#intervalMs, () => {
      void this.#commit().finally(() => {
        // It was restarted meanwhile.
        if (this.#timer === timer) this.start();
      });
    });
    this.#timer = timer;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
