import { type BatchView, controlTypeOf, coordinatorEpochOf, errorCodes, RecordIterator } from "@ottla/protocol";
import type { ProducerDescription } from "./outcomes.ts";
import { type ProducedBatch, ProducerEntry } from "./producer-entry.ts";
import { formatProducerSnapshot, parseProducerSnapshot } from "./producer-snapshot.ts";

/** A transaction whose marker was appended. */
export interface CompletedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Offset of the marker. */
  readonly lastOffset: number;
  readonly isAborted: boolean;
}

/** What the rules say of a batch: an error, a repetition of a batch that is in the log already, or nothing (`null`): it may be appended. */
export type ProducerVerdict =
  | { readonly errorCode: number; readonly message: string; readonly duplicate: null }
  | { readonly errorCode: 0; readonly duplicate: ProducedBatch }
  | null;

const noSequence = -1;
const noEpoch = -1;
const largestSequence = 0x7fffffff;

/**
 * Which producers have written to a partition (Kafka's `ProducerStateManager`, `ProducerAppendInfo`): their last five batches, by which repetitions and gaps are recognised,
 * and their open transactions, by which the last stable offset is known.
 */
export class ProducerState {
  #producers = new Map<number, ProducerEntry>();
  /** Open transactions, first offset to producer: in the order of their first offsets, since that is how they start. */
  #ongoing = new Map<number, number>();
  /** Transactions that have ended at or above the high watermark, in the order of their markers. */
  #unreplicated: CompletedTransaction[] = [];
  /** Made for the first marker: most partitions never see one. */
  #marker: RecordIterator | null = null;

  get size(): number {
    return this.#producers.size;
  }

  producer(producerId: number): ProducerEntry | undefined {
    return this.#producers.get(producerId);
  }

  entries(): Iterable<ProducerEntry> {
    return this.#producers.values();
  }

  /** The first offset whose transaction is open, or whose end is not yet below the high watermark; `Infinity` where there is none. */
  get firstUnstableOffset(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const offset of this.#ongoing.keys()) {
      first = offset;
      break;
    }
    for (const transaction of this.#unreplicated) first = Math.min(first, transaction.firstOffset);
    return first;
  }

  /** Judges a batch before it is appended. `isClient`: sequence numbers count; the broker's own batches have none. */
  check(batch: BatchView, isClient: boolean): ProducerVerdict {
    const producerId = batch.producerId;
    if (producerId < 0) return null;
    const entry = this.#producers.get(producerId);
    const epoch = batch.producerEpoch;
    if (entry === undefined) return null;
    if (isClient) {
      const duplicate = entry.findBatch(epoch, batch.baseSequence, batch.lastSequence);
      if (duplicate !== undefined) return { errorCode: 0, duplicate };
    }
    if (epoch < entry.epoch) {
      return refusal(
        errorCodes.INVALID_PRODUCER_EPOCH,
        `producer ${producerId} sent a batch of its epoch ${epoch}, but its epoch is ${entry.epoch} by now`,
      );
    }
    if (isClient) {
      const wrongSequence = checkSequence(entry, epoch, batch.baseSequence);
      if (wrongSequence !== null) return refusal(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, wrongSequence);
    }
    if (!batch.isControl && !batch.isTransactional && entry.currentTransactionFirstOffset >= 0) {
      return refusal(
        errorCodes.INVALID_TXN_STATE,
        `producer ${producerId} sent a batch that is not part of its transaction while one is open`,
      );
    }
    return null;
  }

  /** Takes note of a batch that is appended. Returns the transaction that it ended, if it did; `completed` has to be called with that. */
  apply(batch: BatchView): CompletedTransaction | null {
    const producerId = batch.producerId;
    if (producerId < 0) return null;
    if (batch.isControl) return this.#applyMarker(batch, producerId);
    const entry = this.#entry(producerId);
    entry.addBatch(batch.producerEpoch, {
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestampMs: batch.maxTimestamp,
    });
    if (batch.isTransactional && entry.currentTransactionFirstOffset < 0) {
      entry.currentTransactionFirstOffset = batch.baseOffset;
      this.#ongoing.set(batch.baseOffset, producerId);
    }
    return null;
  }

  /** What the last stable offset is once this transaction has ended and the high watermark has passed its marker. */
  lastStableOffsetAfter(completed: CompletedTransaction): number {
    for (const offset of this.#ongoing.keys()) if (offset !== completed.firstOffset) return offset;
    return completed.lastOffset + 1;
  }

  /** Ends a transaction; it keeps the last stable offset down until the high watermark passes its marker. */
  completed(completed: CompletedTransaction): void {
    this.#ongoing.delete(completed.firstOffset);
    this.#unreplicated.push(completed);
  }

  /** Forgets the ended transactions whose markers lie below the high watermark. */
  highWatermarkMoved(highWatermark: number): void {
    const unreplicated = this.#unreplicated;
    while (unreplicated.length > 0 && unreplicated[0]!.lastOffset < highWatermark) unreplicated.shift();
  }

  /** Forgets producers that have no open transaction and were not heard of for so long. Returns how many. */
  expire(nowMs: number, expirationMs: number): number {
    const before = this.#producers.size;
    for (const entry of this.#producers.values()) {
      if (isExpired(entry, nowMs, expirationMs)) this.#producers.delete(entry.producerId);
    }
    return before - this.#producers.size;
  }

  describe(): ProducerDescription[] {
    return Array.from(this.#producers.values(), (entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.lastSequence,
      lastTimestampMs: entry.lastTimestampMs,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTransactionStartOffset: entry.currentTransactionFirstOffset,
    }));
  }

  snapshot(): Buffer {
    return formatProducerSnapshot(this.#producers.values(), this.#producers.size);
  }

  /** Starts from a snapshot, less the expired producers; false (and empty) where it is damaged. */
  load(snapshot: Buffer, nowMs: number, expirationMs: number): boolean {
    this.clear();
    const producers = parseProducerSnapshot(snapshot);
    if (producers === null) return false;
    const open: ProducerEntry[] = [];
    for (const producer of producers) {
      if (isExpired(producer, nowMs, expirationMs)) continue;
      this.#producers.set(producer.producerId, producer);
      if (producer.currentTransactionFirstOffset >= 0) open.push(producer);
    }
    open.sort((a, b) => a.currentTransactionFirstOffset - b.currentTransactionFirstOffset);
    for (const producer of open) this.#ongoing.set(producer.currentTransactionFirstOffset, producer.producerId);
    return true;
  }

  clear(): void {
    this.#producers = new Map();
    this.#ongoing = new Map();
    this.#unreplicated = [];
  }

  #applyMarker(batch: BatchView, producerId: number): CompletedTransaction | null {
    // Compaction may have removed the marker and left the empty batch.
    this.#marker ??= new RecordIterator();
    const marker = this.#marker.reset(batch);
    if (!marker.next()) return null;
    const type = controlTypeOf(marker);
    if (type !== "abort" && type !== "commit") return null;
    const entry = this.#entry(producerId);
    const firstOffset = entry.currentTransactionFirstOffset;
    const coordinatorEpoch = coordinatorEpochOf(marker) ?? entry.coordinatorEpoch;
    entry.endTransaction(batch.producerEpoch, coordinatorEpoch, marker.timestamp);
    // A marker without a transaction changes nothing for readers.
    if (firstOffset < 0) return null;
    return { producerId, firstOffset, lastOffset: batch.baseOffset, isAborted: type === "abort" };
  }

  #entry(producerId: number): ProducerEntry {
    let entry = this.#producers.get(producerId);
    if (entry === undefined) {
      entry = new ProducerEntry(producerId);
      this.#producers.set(producerId, entry);
    }
    return entry;
  }
}

function refusal(errorCode: number, message: string): ProducerVerdict {
  return { errorCode, message, duplicate: null };
}

function isExpired(entry: ProducerEntry, nowMs: number, expirationMs: number): boolean {
  return entry.currentTransactionFirstOffset < 0 && nowMs - entry.lastTimestampMs >= expirationMs;
}

/** Null where the batch is the producer's next one, else what is wrong. */
function checkSequence(entry: ProducerEntry, epoch: number, sequence: number): string | null {
  // Without an epoch nothing is known but that a marker or a broker's own batch went by: any sequence may be next.
  if (entry.epoch === noEpoch) return null;
  if (epoch !== entry.epoch) {
    if (sequence === 0) return null;
    return `producer ${entry.producerId} starts its epoch ${epoch} with sequence number ${sequence} instead of 0`;
  }
  const last = entry.lastSequence;
  if (sequence === last + 1 || (last === largestSequence && sequence === 0)) return null;
  const expected = last === noSequence || last === largestSequence ? 0 : last + 1;
  return `producer ${entry.producerId} sent sequence number ${sequence} where ${expected} is next`;
}
