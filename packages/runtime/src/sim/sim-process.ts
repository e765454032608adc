import type { Clock, Timer } from "../clock.ts";
import type { SimClock } from "./sim-clock.ts";
import { SimKilledError } from "./sim-killed-error.ts";

/** Writes a line into the history; null where nobody wants one. */
export type WriteLine = ((line: string) => void) | null;

interface Missed {
  readonly callback: () => void;
  readonly isTimer: boolean;
}

/**
 * A process of the simulation, as far as the clock, the network and the disk have to know it. All its code is called through `run`, so that a killed
 * process never runs again.
 */
export class ProcessLife {
  readonly name: string;
  readonly #clock: SimClock;
  readonly #record: WriteLine;
  readonly #onEnd: (() => void)[] = [];
  #alive = true;
  #isPaused = false;
  /** What a paused process has missed; null while it runs and has caught up. */
  #missed: Missed[] | null = null;
  #isCatchingUp = false;

  constructor(name: string, clock: SimClock, record: WriteLine) {
    this.name = name;
    this.#clock = clock;
    this.#record = record;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether it is paused, or was and has not caught up: what happens now is told to it later. Not so for what it catches up with at the moment. */
  get isBehind(): boolean {
    return this.#missed !== null && !this.#isCatchingUp;
  }

  /** SIGSTOP: none of its code runs until `resume`. The system goes on taking and sending bytes for it. */
  pause(): void {
    if (!this.#alive || this.#isPaused) return;
    this.#isPaused = true;
    this.#missed ??= [];
    this.#record?.("paused");
  }

  /** SIGCONT: what it has missed happens now, one thing after the other; timers first, or in the order in which it would have come. */
  resume(timersFirst: boolean): void {
    if (!this.#alive || !this.#isPaused) return;
    this.#isPaused = false;
    this.#record?.("resumed");
    if (timersFirst) this.#missed!.sort((a, b) => Number(b.isTimer) - Number(a.isTimer));
    this.#catchUp();
  }

  /** Calls into the process, if it lives. What its code throws is what Node calls an uncaught exception: the process dies, and the simulation's run with it. */
  run(callback: () => void, isTimer = false): void {
    if (!this.#alive) return;
    if (this.isBehind) this.#missed!.push({ callback, isTimer });
    else this.#call(callback);
  }

  /** An event for each, as for all that happens. */
  #catchUp(): void {
    this.#clock.schedule(0, () => {
      if (!this.#alive || this.#isPaused) return;
      const next = this.#missed!.shift();
      if (next === undefined) {
        this.#missed = null;
        return;
      }
      this.#catchUp();
      this.#isCatchingUp = true;
      try {
        this.#call(next.callback);
      } finally {
        this.#isCatchingUp = false;
      }
    });
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      // Killed by the operation that threw: that is no fault of its own.
      if (error instanceof SimKilledError && !this.#alive) return;
      this.#record?.(`uncaught ${error}`);
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
    this.#missed = null;
    this.#record?.("killed");
    for (const callback of this.#onEnd) callback();
  }
}

class ProcessTimer implements Timer {
  set!: Timer;
  readonly #all: Set<ProcessTimer>;
  #callback: (() => void) | null;

  constructor(all: Set<ProcessTimer>, callback: () => void) {
    this.#all = all;
    this.#callback = callback;
  }

  /** Called when its time has come; a process that was paused may cancel it even then. */
  readonly strike = (): void => {
    this.#all.delete(this);
    const callback = this.#callback;
    this.#callback = null;
    callback?.();
  };

  cancel(): void {
    this.#all.delete(this);
    this.#callback = null;
    this.set.cancel();
  }
}

/** The clock as one process has it: its timers die with it, and its wall clock may be wrong. */
export class ProcessClock implements Clock {
  readonly #clock: SimClock;
  readonly #life: ProcessLife;
  readonly #record: WriteLine;
  readonly #skewMs: () => number;
  readonly #timers = new Set<ProcessTimer>();

  constructor(clock: SimClock, life: ProcessLife, skewMs: () => number, record: WriteLine) {
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
    const timer = new ProcessTimer(this.#timers, callback);
    timer.set = this.#clock.setTimer(delayMs, () => {
      this.#record?.("timer");
      this.#life.run(timer.strike, true);
    });
    this.#timers.add(timer);
    return timer;
  }

  defer(callback: () => void): void {
    if (this.#life.isAlive) this.#clock.defer(() => this.#life.run(callback));
  }
}
