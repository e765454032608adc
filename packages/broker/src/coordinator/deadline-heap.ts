import { assert } from "@ottla/runtime";

/**
 * Something that is woken when its deadline has passed. The heap keeps its own fields in it, so that a timer costs no object of its own.
 * Only `DeadlineHeap` writes them.
 */
export abstract class Timed {
  /** When it is to be woken (monotonic ms); Infinity while it is not. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** The deadline that its place in the heap was chosen by: never later than `deadline`. */
  heapKey: number = Number.POSITIVE_INFINITY;
  /** Its place in the heap, -1 while it has none. */
  heapIndex: number = -1;
}

/**
 * Deadlines, the next one on top. Made for heartbeats: to move a deadline to a later time changes one number and nothing else; the heap finds
 * out when the old one comes up, so a member is moved within the heap about once per session timeout, however often it beats.
 */
export class DeadlineHeap<T extends Timed> {
  private readonly heap: T[] = [];

  /** How many are to be woken. */
  get count(): number {
    return this.heap.length;
  }

  /** Sets or moves the deadline (monotonic ms). */
  schedule(timed: T, deadline: number): void {
    timed.deadline = deadline;
    if (timed.heapIndex === -1) {
      timed.heapKey = deadline;
      this.heap.push(timed);
      this.siftUp(timed, this.heap.length - 1);
    } else if (deadline < timed.heapKey) {
      timed.heapKey = deadline;
      this.siftUp(timed, timed.heapIndex);
    }
  }

  /** Forgets the deadline, if there is one. */
  cancel(timed: T): void {
    timed.deadline = Number.POSITIVE_INFINITY;
    if (timed.heapIndex !== -1) this.removeAt(timed.heapIndex);
  }

  /** When to call `popDue` next: never later than the first deadline, perhaps earlier; Infinity when nothing is to be woken. */
  nextDeadline(): number {
    return this.heap[0]?.heapKey ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out one whose deadline is not after `now`, or returns null. */
  popDue(now: number): T | null {
    for (;;) {
      const top = this.heap[0];
      if (top === undefined || top.heapKey > now) return null;
      if (top.deadline <= now) {
        this.removeAt(0);
        top.deadline = Number.POSITIVE_INFINITY;
        return top;
      }
      // It was moved to a later time since it got its place.
      top.heapKey = top.deadline;
      this.siftDown(top, 0);
    }
  }

  private removeAt(index: number): void {
    const { heap } = this;
    const removed = heap[index];
    const last = heap.pop();
    assert(removed !== undefined && last !== undefined, "what is removed is in the heap");
    removed.heapIndex = -1;
    removed.heapKey = Number.POSITIVE_INFINITY;
    if (last === removed) return;
    this.siftUp(last, index);
    this.siftDown(last, last.heapIndex);
  }

  private siftUp(timed: T, from: number): void {
    const { heap } = this;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt]!;
      if (parent.heapKey <= timed.heapKey) break;
      this.place(parent, at);
      at = parentAt;
    }
    this.place(timed, at);
  }

  private siftDown(timed: T, from: number): void {
    const { heap } = this;
    const size = heap.length;
    let at = from;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= size) break;
      if (childAt + 1 < size && heap[childAt + 1]!.heapKey < heap[childAt]!.heapKey) childAt++;
      const child = heap[childAt]!;
      if (child.heapKey >= timed.heapKey) break;
      this.place(child, at);
      at = childAt;
    }
    this.place(timed, at);
  }

  private place(timed: T, at: number): void {
    this.heap[at] = timed;
    timed.heapIndex = at;
  }
}
