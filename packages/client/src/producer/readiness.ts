import type { Batch, BatchQueue } from "./batch.ts";

/** Which partitions have something to send, and which of them need not wait any longer. */
export class Readiness {
  /** Partitions with something to send; those that were served last come last. */
  readonly active = new Set<BatchQueue>();
  /** Those of them that may be sent as soon as their broker can take it. */
  readonly ready = new Set<BatchQueue>();
  /** Those whose head still takes records, the oldest first. */
  readonly #lingering = new Set<BatchQueue>();
  /** Those whose head waits to be tried again. */
  readonly #backingOff = new Set<BatchQueue>();
  readonly #lingerMs: number;

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /** Puts a partition where the state of its head says; to the end of the line if it was served. */
  enlist(queue: BatchQueue, now: number): void {
    this.forget(queue);
    const head = queue.head;
    if (head === undefined) return;
    this.active.add(queue);
    if (head.retryAt > now) this.#backingOff.add(queue);
    else if (head.lingers && isOpenAlone(queue, head) && head.createdAt + this.#lingerMs > now)
      this.#lingering.add(queue);
    else this.ready.add(queue);
  }

  markReady(queue: BatchQueue): void {
    this.#lingering.delete(queue);
    if (!this.#backingOff.has(queue)) this.ready.add(queue);
  }

  /** Nothing lingers any more. */
  endLinger(): void {
    for (const queue of this.#lingering) this.ready.add(queue);
    this.#lingering.clear();
  }

  forget(queue: BatchQueue): void {
    this.active.delete(queue);
    this.ready.delete(queue);
    this.#lingering.delete(queue);
    this.#backingOff.delete(queue);
  }

  /** Makes ready what has lingered, or backed off, for long enough. */
  advance(now: number, isBackingOff: (batch: Batch) => boolean): void {
    for (const queue of this.#lingering) {
      if (queue.head !== undefined && queue.head.createdAt + this.#lingerMs > now) break;
      this.markReady(queue);
    }
    for (const queue of this.#backingOff) {
      if (queue.head !== undefined && isBackingOff(queue.head)) continue;
      this.#backingOff.delete(queue);
      this.ready.add(queue);
    }
  }

  /** When `advance` is due; Infinity where nothing waits. */
  deadline(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const queue of this.#lingering) {
      at = (queue.head?.createdAt ?? at) + this.#lingerMs;
      break;
    }
    for (const queue of this.#backingOff) at = Math.min(at, queue.head?.retryAt ?? at);
    return at;
  }
}

function isOpenAlone(queue: BatchQueue, head: Batch): boolean {
  return head.state === "open" && queue.batches.length === 1;
}
