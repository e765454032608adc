/**
 * Numbers in the order of keys that change: a binary heap that knows where each number stands. Keys and places are arrays by number, which several heaps may share as long as a
 * number is in one of them only.
 */
export class NumberHeap {
  readonly #keys: Float64Array;
  readonly #places: Int32Array;
  readonly #heap: Int32Array;
  #size = 0;

  constructor(keys: Float64Array, places: Int32Array, capacity: number) {
    this.#keys = keys;
    this.#places = places;
    this.#heap = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** The number with the smallest key; only where there is one. */
  get top(): number {
    return this.#heap[0]!;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Puts a number at the end; `settle` puts all in order. */
  add(number: number): void {
    this.#heap[this.#size++] = number;
  }

  settle(): void {
    for (let place = 0; place < this.#size; place++) this.#places[this.#heap[place]!] = place;
    for (let place = (this.#size >> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** The key of the number has changed. */
  update(number: number): void {
    const place = this.#rise(this.#places[number]!);
    this.#sink(place);
  }

  #rise(start: number): number {
    const heap = this.#heap;
    const number = heap[start]!;
    const key = this.#keys[number]!;
    let place = start;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above]!;
      if (this.#keys[other]! <= key) break;
      heap[place] = other;
      this.#places[other] = place;
      place = above;
    }
    heap[place] = number;
    this.#places[number] = place;
    return place;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const keys = this.#keys;
    const size = this.#size;
    const number = heap[start]!;
    const key = keys[number]!;
    let place = start;
    for (let below = 2 * place + 1; below < size; below = 2 * place + 1) {
      if (below + 1 < size && keys[heap[below + 1]!]! < keys[heap[below]!]!) below++;
      const other = heap[below]!;
      if (keys[other]! >= key) break;
      heap[place] = other;
      this.#places[other] = place;
      place = below;
    }
    heap[place] = number;
    this.#places[number] = place;
  }
}
