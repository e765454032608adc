import type { Clock, Timer } from "./clock.ts";

/** The longest delay that Node's timers take; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1;

/** The clock of the machine. */
export function nodeClock(): Clock {
  return clock;
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) =>
    delayMs > longestDelayMs ? new LongTimer(delayMs, callback) : timer(delayMs, callback),
  defer: (callback) => {
    setImmediate(callback);
  },
};

function timer(delayMs: number, callback: () => void): Timer {
  const timeout = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(timeout) };
}

/** A timer made of several of Node's. */
class LongTimer implements Timer {
  readonly #callback: () => void;
  #leftMs: number;
  #timeout!: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#leftMs = delayMs;
    this.#callback = callback;
    this.#next();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #next(): void {
    const delayMs = Math.min(this.#leftMs, longestDelayMs);
    this.#leftMs -= delayMs;
    this.#timeout = setTimeout(this.#leftMs > 0 ? () => this.#next() : this.#callback, delayMs);
  }
}
