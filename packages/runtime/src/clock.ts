/** A timer that has been set and not yet fired. */
export interface Timer {
  /** Keeps the callback from being called; does nothing once it has been called. */
  cancel(): void;
}

/** Time as the rest of Ottla sees it. Nothing outside `runtime` reads a clock or sets a timer in any other way. */
export interface Clock {
  /** Wall-clock time in whole milliseconds since 1970; may jump. For timestamps, never for durations. */
  now(): number;
  /** Milliseconds from an arbitrary start, with a fraction; never goes back. For durations and deadlines. */
  monotonic(): number;
  /** Calls back once after `delayMs` (0 or more). The process stays alive until then. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once the I/O of the current turn has been handled, in the order of the calls. */
  defer(callback: () => void): void;
}

/**
 * Resolves after `delayMs`; rejects with the signal's reason as soon as the signal aborts.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const aborted = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
