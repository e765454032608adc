import type { Batch } from "./batch.ts";

/** The batches whose fate is not known, the oldest first: a list through the batches themselves. */
export class IncompleteBatches {
  #oldest: Batch | null = null;
  #newest: Batch | null = null;
  #count = 0;

  get oldest(): Batch | null {
    return this.#oldest;
  }

  get count(): number {
    return this.#count;
  }

  add(batch: Batch): void {
    this.#insert(this.#newest, batch);
  }

  /** Puts the parts of a batch in its place, in order. */
  replace(batch: Batch, parts: readonly Batch[]): void {
    let after = batch;
    for (const part of parts) {
      this.#insert(after, part);
      after = part;
    }
    this.remove(batch);
  }

  remove(batch: Batch): void {
    const { older, newer } = batch;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    batch.older = null;
    batch.newer = null;
    this.#count--;
  }

  /** All of them, the oldest first, as they are now. */
  all(): Batch[] {
    const batches: Batch[] = [];
    for (let batch = this.#oldest; batch !== null; batch = batch.newer) batches.push(batch);
    return batches;
  }

  #insert(after: Batch | null, batch: Batch): void {
    const newer = after === null ? this.#oldest : after.newer;
    batch.older = after;
    batch.newer = newer;
    if (after === null) this.#oldest = batch;
    else after.newer = batch;
    if (newer === null) this.#newest = batch;
    else newer.older = batch;
    this.#count++;
  }
}
