import { type BatchView, controlTypeOf, type RecordIterator } from "@ottla/protocol";
import type { AbortedTransactionEntry } from "./transaction-index.ts";

interface OngoingAborted {
  readonly entry: AbortedTransactionEntry;
  hasBatches: boolean;
}

/**
 * Which transactions a compaction is in the middle of, as it goes through a log (Kafka's `CleanedTransactionMetadata`): it tells aborted batches, and markers that nobody needs any more because nothing is left of their transaction.
 */
export class CleanedTransactions {
  /** By first offset, rising. */
  #aborted: AbortedTransactionEntry[] = [];
  readonly #ongoingCommitted = new Set<number>();
  readonly #ongoingAborted = new Map<number, OngoingAborted>();
  readonly #records: RecordIterator;
  /** Called with each aborted transaction of which something stays. */
  readonly #keep: (entry: AbortedTransactionEntry) => void;

  constructor(records: RecordIterator, keep: (entry: AbortedTransactionEntry) => void) {
    this.#records = records;
    this.#keep = keep;
  }

  /** Adds the aborted transactions of the segment that comes next. */
  add(entries: readonly AbortedTransactionEntry[]): void {
    if (entries.length === 0) return;
    this.#aborted = [...this.#aborted, ...entries].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Notes a batch that is gone through. Returns whether it can go: an aborted one, or the marker of a transaction of which nothing is left. */
  canDiscard(batch: BatchView): boolean {
    this.#startUpTo(batch.lastOffset);
    if (batch.isControl) return this.#canDiscardMarker(batch);
    if (!batch.isTransactional || batch.producerId < 0) return false;
    const aborted = this.#ongoingAborted.get(batch.producerId);
    if (aborted === undefined) {
      this.#ongoingCommitted.add(batch.producerId);
      return false;
    }
    aborted.hasBatches = true;
    return true;
  }

  #canDiscardMarker(batch: BatchView): boolean {
    // An empty one was cleaned before.
    if (!this.#records.reset(batch).next()) return true;
    const type = controlTypeOf(this.#records);
    if (type === "commit") return !this.#ongoingCommitted.delete(batch.producerId);
    if (type !== "abort") return false;
    const aborted = this.#ongoingAborted.get(batch.producerId);
    this.#ongoingAborted.delete(batch.producerId);
    if (aborted?.hasBatches !== true) return true;
    this.#keep(aborted.entry);
    return false;
  }

  #startUpTo(offset: number): void {
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset <= offset) {
      const entry = this.#aborted.shift()!;
      if (!this.#ongoingAborted.has(entry.producerId)) {
        this.#ongoingAborted.set(entry.producerId, { entry, hasBatches: false });
      }
    }
  }
}
