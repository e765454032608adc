import type { Clock, Logger, Timer } from "@ottla/runtime";
import { DiskError } from "@ottla/runtime";
import type { Segment } from "./segment.ts";

/** Removes the files of retired segments after a while (`file.delete.delay.ms`): Kafka's way to let readers finish, and operators think again. */
export class SegmentRemover {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pending = new Map<Timer, readonly Segment[]>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  later(segments: readonly Segment[], delayMs: number): void {
    if (segments.length === 0) return;
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#pending.delete(timer);
      this.#remove(segments);
    });
    this.#pending.set(timer, segments);
  }

  /** Removes what is due later at once. */
  finish(): void {
    for (const [timer, segments] of this.#pending) {
      timer.cancel();
      this.#remove(segments);
    }
    this.#pending.clear();
  }

  #remove(segments: readonly Segment[]): void {
    try {
      for (const segment of segments) segment.remove();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // The next start removes it; or its directory is gone with its topic.
      this.#logger.warn(`removing a retired segment failed: ${error.message}`);
    }
  }
}
