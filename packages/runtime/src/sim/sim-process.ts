import type { Clock, Timer } from "../clock.ts";
import type { SimClock } from "./sim-clock.ts";
import { SimKilledError } from "./sim-killed-error.ts";

/**
 * A process of the simulation, as far as the clock, the network and the disk have to know it. All its code is called through `run`, so that a killed
 * process never runs again.
 */
export class ProcessLife {
  readonly name: string;
  readonly #record: (line: string) => void;
  readonly #onEnd: (() => void)[] = [];
  #alive = true;

  constructor(name: string, record: (line: string) => void) {
    this.name = name;
    this.#record = record;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  /** Calls into the process, if it lives. What its code throws is what Node calls an uncaught exception: the process dies, and the simulation's run with it. */
  run(callback: () => void): void {
    if (!this.#alive) return;
    try {
      callback();
    } catch (error) {
      // Killed by the operation that threw: that is no fault of its own.
      if (error instanceof SimKilledError && !this.#alive) return;
      this.#record(`uncaught ${error}`);
      this.kill();
      throw error;
    }
  }

  /** Called when it dies. */
  onEnd(callback: () => void): void {
    if (this.#alive) this.#onEnd.push(callback);
    else callback();
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#record("killed");
    for (const callback of this.#onEnd) callback();
  }
}

/** The clock as one process has it: its timers die with it, and its wall clock may be wrong. */
export class ProcessClock implements Clock {
  readonly #clock: SimClock;
  readonly #life: ProcessLife;
  readonly #record: (line: string) => void;
  readonly #skewMs: () => number;
  readonly #timers = new Set<Timer>();

  constructor(clock: SimClock, life: ProcessLife, skewMs: () => number, record: (line: string) => void) {
    this.#clock = clock;
    this.#life = life;
    this.#skewMs = skewMs;
    this.#record = record;
    life.onEnd(() => {
      for (const timer of this.#timers) timer.cancel();
      this.#timers.clear();
    });
  }

  now(): number {
    return this.#clock.now() + this.#skewMs();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (!this.#life.isAlive) return { cancel() {} };
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      this.#record("timer");
      this.#life.run(callback);
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }

  defer(callback: () => void): void {
    if (this.#life.isAlive) this.#clock.defer(() => this.#life.run(callback));
  }
}
