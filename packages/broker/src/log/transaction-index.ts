import { readInt64, writeInt64 } from "./int64.ts";
import type { LazyFile } from "./open-files.ts";
import type { AbortedTransaction } from "./outcomes.ts";

const entrySize = 34;

/** A transaction that was aborted, as the log remembers it (Kafka's `AbortedTxn`). */
export interface AbortedTransactionEntry extends AbortedTransaction {
  /** Offset of the abort marker. */
  readonly lastOffset: number;
  /** The last stable offset once the marker was written: no reader that stops below it needs an entry further on. */
  readonly lastStableOffset: number;
}

/** The aborted transactions whose markers lie in one segment (Kafka's `TransactionIndex`), in the markers' order. The file exists only where there is one. */
export class TransactionIndex {
  readonly file: LazyFile;
  /** Null until the file has been read. */
  #entries: AbortedTransactionEntry[] | null;

  constructor(file: LazyFile, isNew: boolean) {
    this.file = file;
    this.#entries = isNew ? [] : null;
  }

  /** All entries; read from disk at the first call. */
  entries(): readonly AbortedTransactionEntry[] {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  append(entry: AbortedTransactionEntry): void {
    const count = this.entries().length;
    const bytes = Buffer.alloc(entrySize);
    writeInt64(bytes, entry.producerId, 2);
    writeInt64(bytes, entry.firstOffset, 10);
    writeInt64(bytes, entry.lastOffset, 18);
    writeInt64(bytes, entry.lastStableOffset, 26);
    this.file.get().write(count * entrySize, [bytes]);
    this.#entries!.push(entry);
  }

  /** Forgets all entries and removes the file. */
  reset(): void {
    // Where it is known that there is none, the disk is left alone.
    if (this.#entries === null || this.#entries.length > 0) this.file.remove();
    this.#entries = [];
  }

  /** Whether the file can be what `append` wrote for a segment that starts at `baseOffset`. */
  isSound(baseOffset: number): boolean {
    return (
      this.file.size() % entrySize === 0 &&
      this.entries().every((entry) => entry.firstOffset <= entry.lastOffset && entry.lastOffset >= baseOffset)
    );
  }

  #read(): AbortedTransactionEntry[] {
    const size = this.file.size();
    if (size === 0) return [];
    const bytes = Buffer.alloc(size - (size % entrySize));
    this.file.get().read(0, bytes);
    const entries: AbortedTransactionEntry[] = [];
    for (let at = 0; at < bytes.length; at += entrySize) {
      entries.push({
        producerId: readInt64(bytes, at + 2),
        firstOffset: readInt64(bytes, at + 10),
        lastOffset: readInt64(bytes, at + 18),
        lastStableOffset: readInt64(bytes, at + 26),
      });
    }
    return entries;
  }
}
