/** Shorter lists are not worth compacting. */
const leastToCompact = 1024;

/** A queue that takes from its front without moving the rest each time. */
export class Fifo<T> {
  #items: T[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  get head(): T | undefined {
    return this.#items[this.#first];
  }

  /** From the head on. */
  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#first; at < this.#items.length; at++) yield this.#items[at]!;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Drops the head. */
  drop(): void {
    this.#items[this.#first] = undefined as T;
    this.#first++;
    if (this.#first < leastToCompact || this.#first * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#first);
    this.#first = 0;
  }

  /** Takes one out, wherever it is; false where it is not there. */
  remove(item: T): boolean {
    const at = this.#items.indexOf(item, this.#first);
    if (at < 0) return false;
    this.#items.splice(at, 1);
    return true;
  }

  /** Takes all out. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    return items;
  }
}
