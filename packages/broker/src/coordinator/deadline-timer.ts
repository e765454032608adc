import type { Clock, Timer } from "@ottla/runtime";

/** One timer of the clock for whatever has the next deadline. */
export class DeadlineTimer {
  private readonly clock: Clock;
  private readonly callback: () => void;
  private timer: Timer | null = null;
  private setFor = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, callback: () => void) {
    this.clock = clock;
    this.callback = callback;
  }

  /**
   * Sees to it that the callback is called at the deadline (monotonic ms), or before: a timer that is set for an earlier time stays, and whoever is called finds nothing to
   * do and sets it again. So a deadline that moves to a later time again and again costs nothing.
   */
  set(deadline: number): void {
    if (deadline >= this.setFor) return;
    this.timer?.cancel();
    this.setFor = deadline;
    this.timer = this.clock.setTimer(Math.max(0, Math.ceil(deadline - this.clock.monotonic())), () => {
      this.timer = null;
      this.setFor = Number.POSITIVE_INFINITY;
      this.callback();
    });
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = null;
    this.setFor = Number.POSITIVE_INFINITY;
  }
}
