import type { Segment } from "./segment.ts";

/** The segments of a log, by base offset. There is always one, the last being the active one that appends go to. */
export class SegmentList {
  #segments: Segment[];

  constructor(segments: Segment[]) {
    this.#segments = segments;
  }

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get count(): number {
    return this.#segments.length;
  }

  get first(): Segment {
    return this.#segments[0]!;
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!;
  }

  /** Size of all logs together, with what is queued. */
  get sizeInBytes(): number {
    let size = 0;
    for (const segment of this.#segments) size += segment.size;
    return size;
  }

  /** The segment that holds `offset` if any does: the last one that starts at or below it, or the first one. */
  floorIndex(offset: number): number {
    const last = this.#segments.length - 1;
    // Readers are at the end most of the time.
    if (this.#segments[last]!.baseOffset <= offset) return last;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]!.baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The segment behind that one, if that one is still in the log. */
  after(segment: Segment): Segment | undefined {
    const index = this.floorIndex(segment.baseOffset);
    return this.#segments[index] === segment ? this.#segments[index + 1] : undefined;
  }

  add(segment: Segment): void {
    this.#segments.push(segment);
  }

  /** Takes the first `count` segments out of the log. */
  removeFirst(count: number): Segment[] {
    const removed = this.#segments.slice(0, count);
    this.#segments = this.#segments.slice(count);
    for (const segment of removed) segment.isRetired = true;
    return removed;
  }

  /** Puts `replacement` in the place of `replaced`, which lie side by side. */
  replace(replaced: readonly Segment[], replacement: Segment): void {
    const at = this.#segments.indexOf(replaced[0]!);
    this.#segments = [...this.#segments.slice(0, at), replacement, ...this.#segments.slice(at + replaced.length)];
    for (const segment of replaced) segment.isRetired = true;
  }
}
