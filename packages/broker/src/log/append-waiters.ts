import type { AppendOutcome } from "./outcomes.ts";

interface Waiter {
  /** The offset behind the last record. */
  readonly endOffset: number;
  readonly outcome: AppendOutcome;
  readonly done: (outcome: AppendOutcome) => void;
}

/** Who waits for an append: until the next write, or until the high watermark has passed it. */
export class AppendWaiters {
  #untilWritten: Waiter[] = [];
  #untilCommitted: Waiter[] = [];

  add(acks: "written" | "committed", endOffset: number, outcome: AppendOutcome, done: Waiter["done"]): void {
    const waiters = acks === "written" ? this.#untilWritten : this.#untilCommitted;
    waiters.push({ endOffset, outcome, done });
  }

  /** Everything that was queued has been written. */
  written(): void {
    if (this.#untilWritten.length === 0) return;
    const waiters = this.#untilWritten;
    this.#untilWritten = [];
    for (const { done, outcome } of waiters) done(outcome);
  }

  /** The high watermark has moved. */
  committed(highWatermark: number): void {
    const waiters = this.#untilCommitted;
    let count = 0;
    while (count < waiters.length && waiters[count]!.endOffset <= highWatermark) count++;
    if (count === 0) return;
    this.#untilCommitted = count === waiters.length ? [] : waiters.slice(count);
    for (let i = 0; i < count; i++) waiters[i]!.done(waiters[i]!.outcome);
  }

  /** Nobody gets what they wait for. */
  fail(outcome: AppendOutcome): void {
    const waiters = [...this.#untilWritten, ...this.#untilCommitted];
    this.#untilWritten = [];
    this.#untilCommitted = [];
    for (const { done } of waiters) done(outcome);
  }
}
