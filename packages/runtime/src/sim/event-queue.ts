import type { Timer } from "../clock.ts";

/** Something that will happen, unless it is cancelled. */
export class SimEvent implements Timer {
  readonly atMs: number;
  readonly sequence: number;
  /** Null once it has happened or was cancelled. */
  callback: (() => void) | null;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, atMs: number, sequence: number, callback: () => void) {
    this.#queue = queue;
    this.atMs = atMs;
    this.sequence = sequence;
    this.callback = callback;
  }

  cancel(): void {
    if (this.callback === null) return;
    this.callback = null;
    this.#queue.cancelled();
  }
}

/** Below that many entries, cancelled ones are not worth a clean-up. */
const smallQueue = 64;

/** What will happen, by time; at the same time, in the order in which it was added. A binary heap. */
export class EventQueue {
  #heap: SimEvent[] = [];
  #sequence = 0;
  #cancelled = 0;

  /** How many will happen. */
  get count(): number {
    return this.#heap.length - this.#cancelled;
  }

  add(atMs: number, callback: () => void): SimEvent {
    const event = new SimEvent(this, atMs, this.#sequence++, callback);
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  /** When the first of them happens; undefined if there is none. */
  nextMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.atMs;
  }

  /** Takes the first one out and returns what is to be called; undefined if there is none. */
  take(): (() => void) | undefined {
    this.#dropCancelled();
    const event = this.#heap[0];
    if (event === undefined) return undefined;
    this.#removeFirst();
    const callback = event.callback!;
    event.callback = null;
    return callback;
  }

  /** Called by an event that was cancelled. Timeouts that never strike are most of what a program sets, so they are not kept until their time comes. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#heap.length < smallQueue || this.#cancelled * 2 < this.#heap.length) return;
    // Sorted, a list is a heap.
    this.#heap = this.#heap.filter((event) => event.callback !== null).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === null) {
      this.#removeFirst();
      this.#cancelled--;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const moved = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
