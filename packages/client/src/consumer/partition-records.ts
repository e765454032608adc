import {
  BatchCursor,
  type BatchView,
  CodecUnavailableError,
  CorruptBatchError,
  controlTypeOf,
  errorCodes,
  errorName,
  RecordIterator,
  type TimestampType,
} from "@ottla/protocol";
import { KafkaError } from "../errors.ts";
import { CorruptPartitionError } from "./consumer-errors.ts";
import { RecordIndex } from "./record-index.ts";
import { partitionName, type TopicPartition } from "./topic-partition.ts";

/** A transaction that was aborted, and the first offset that it wrote to the partition. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface PartitionRecordsOptions {
  readonly place: TopicPartition;
  /** Whole batches; the last may be cut. */
  readonly bytes: Buffer;
  /** What lies before it is not wanted, although batches may begin earlier. */
  readonly fetchOffset: number;
  /** The aborted transactions to leave out; null to hand out everything that is not a control record. */
  readonly aborted: readonly AbortedTransaction[] | null;
  readonly checkCrcs: boolean;
}

/** Consecutive records that share their facts. */
export interface RecordRun {
  readonly index: RecordIndex;
  readonly nextOffset: number;
  readonly leaderEpoch: number;
  readonly timestampType: TimestampType;
}

type OpenRun = Omit<RecordRun, "nextOffset">;

/** Room for so many records from the start, however few the first batch has. */
const smallestCapacity = 16;

/**
 * What one fetch brought of one partition, handed out bit by bit: control records and aborted transactions left out, checksums checked as batches are reached. After
 * Kafka's `CompletedFetch`.
 */
export class PartitionRecords {
  /** The offset that comes next: behind all that was handed out or left out. */
  nextOffset: number;
  /** The leader epoch of the last batch before `nextOffset`; -1 while there was none. */
  leaderEpoch = -1;
  /** Nothing is left. */
  isDone = false;
  readonly size: number;
  readonly #options: PartitionRecordsOptions;
  readonly #cursor: BatchCursor;
  readonly #records = new RecordIterator();
  /** By first offset; the next to be reached last. */
  readonly #aborted: AbortedTransaction[];
  /** Producers that are within an aborted transaction at this point of the log. */
  readonly #aborting = new Set<number>();
  #inBatch = false;
  /** Set once the rest cannot be read; stays. */
  #failure: KafkaError | null = null;

  constructor(options: PartitionRecordsOptions) {
    this.#options = options;
    this.nextOffset = options.fetchOffset;
    this.size = options.bytes.length;
    this.#cursor = new BatchCursor(options.bytes);
    this.#aborted = [...(options.aborted ?? [])].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  /**
   * The next records, at most `most`; null where there are no more (`isDone`). What was left out before them counts as passed. Throws a
   * `CorruptPartitionError`, again and again, once it meets what cannot be read.
   */
  take(most: number): RecordRun | null {
    if (this.#failure !== null) throw this.#failure;
    let run: OpenRun | null = null;
    try {
      while (run === null || run.index.count < most) {
        if (!this.#inBatch && !this.#nextBatch()) {
          this.isDone = true;
          break;
        }
        if (run === null) run = this.#startRun(most);
        else if (this.#continues(run)) this.#collect(run.index, most);
        else break;
      }
    } catch (error) {
      this.#failure = this.#explain(error);
      // What lies before the damage is good.
      if (run === null) throw this.#failure;
    }
    return run === null ? null : { ...run, nextOffset: this.nextOffset };
  }

  /** Goes to the next batch that has something for the application. */
  #nextBatch(): boolean {
    const { view } = this.#cursor;
    while (this.#cursor.next()) {
      if (this.#options.checkCrcs && !view.isCrcValid()) {
        throw new CorruptBatchError("record", view.position, "the checksum does not match");
      }
      this.leaderEpoch = view.partitionLeaderEpoch;
      if (this.#isLeftOut(view)) {
        this.#endBatch();
        continue;
      }
      this.#records.reset(view);
      this.#inBatch = true;
      return true;
    }
    if (this.#cursor.position === 0 && this.size > 0) {
      throw new CorruptBatchError("size", 0, `${this.size} bytes came, and no whole batch among them`);
    }
    return false;
  }

  #isLeftOut(view: BatchView): boolean {
    if (this.#options.aborted !== null && view.producerId >= 0 && this.#isAborted(view)) return true;
    return view.isControl;
  }

  /**
   * Whether the batch belongs to an aborted transaction. A producer enters at the first offset of each of its aborted transactions and leaves at the marker that ends
   * it: it may do so several times within one fetch.
   */
  #isAborted(view: BatchView): boolean {
    const { producerId, lastOffset } = view;
    for (
      let next = this.#aborted.at(-1);
      next !== undefined && next.firstOffset <= lastOffset;
      next = this.#aborted.at(-1)
    ) {
      this.#aborting.add(next.producerId);
      this.#aborted.pop();
    }
    if (view.isControl) {
      this.#records.reset(view);
      if (this.#records.next() && controlTypeOf(this.#records) === "abort") this.#aborting.delete(producerId);
      return true;
    }
    return view.isTransactional && this.#aborting.has(producerId);
  }

  /** Null where the batch has no record from `nextOffset` on. */
  #startRun(most: number): OpenRun | null {
    const records = this.#records;
    do {
      if (!records.next()) {
        this.#endBatch();
        return null;
      }
    } while (records.offset < this.nextOffset);
    const { view } = this.#cursor;
    const capacity = Math.min(most, Math.max(records.count - records.index, smallestCapacity));
    const index = new RecordIndex(records, capacity);
    index.add(records);
    this.nextOffset = records.offset + 1;
    this.#collect(index, most);
    return { index, leaderEpoch: view.partitionLeaderEpoch, timestampType: view.timestampType };
  }

  #continues(run: OpenRun): boolean {
    const { view } = this.#cursor;
    return (
      run.leaderEpoch === view.partitionLeaderEpoch &&
      run.timestampType === view.timestampType &&
      run.index.reaches(this.#records.bytes, view.lastOffset)
    );
  }

  /** Adds what is left of the batch, as far as there is room. */
  #collect(index: RecordIndex, most: number): void {
    const records = this.#records;
    while (index.count < most) {
      if (!records.next()) {
        this.#endBatch();
        return;
      }
      if (records.offset < this.nextOffset) continue;
      index.add(records);
      this.nextOffset = records.offset + 1;
    }
    if (records.index === records.count - 1) this.#endBatch();
  }

  /** Compaction may have removed the batch's last records: their offsets count as passed. */
  #endBatch(): void {
    this.#inBatch = false;
    this.nextOffset = Math.max(this.nextOffset, this.#cursor.view.nextOffset);
  }

  #explain(error: unknown): KafkaError {
    const { topic, partition } = this.#options.place;
    const place = { topic, partition, offset: this.nextOffset };
    if (error instanceof CorruptBatchError) {
      // Where a whole batch was found its end is known.
      const { view } = this.#cursor;
      const next =
        view.buffer === this.#options.bytes && error.position === view.position && view.size > 0
          ? view.nextOffset
          : null;
      return new CorruptPartitionError(
        place,
        next !== null && next > this.nextOffset ? next : null,
        error.reason,
        error,
      );
    }
    if (error instanceof CodecUnavailableError) {
      return new KafkaError(`Could not read ${partitionName(place)} at offset ${place.offset}: ${error.message}`, {
        code: errorName(errorCodes.UNSUPPORTED_COMPRESSION_TYPE),
        errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
        cause: error,
      });
    }
    throw error;
  }
}
