/** One record that validation refused (KIP-467): `batchIndex` counts records within their batch. */
export interface RecordError {
  readonly batchIndex: number;
  readonly message: string | null;
}

/** What became of an append; with an error nothing of it was stored. */
export interface AppendOutcome {
  /** 0, or Kafka's error code. */
  readonly errorCode: number;
  /** What was wrong, in words; null without an error. */
  readonly errorMessage: string | null;
  /** Offset of the first record, -1 with an error. A duplicate of one of the producer's last five batches gets the first answer again. */
  readonly baseOffset: number;
  /** Offset of the last record, -1 with an error. */
  readonly lastOffset: number;
  /** The broker's time if the topic stamps records with it, else -1. */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
  readonly recordErrors: readonly RecordError[];
}

export interface AppendOptions {
  /**
   * `client`: everything is validated as a produce request's records (one batch of magic 2, no control records, sequences).
   * `coordinator`: the broker's own records: the same, but control batches and several batches are taken, and what the key of a compacted topic's record must be is its affair.
   */
  readonly origin: "client" | "coordinator";
  /** When `done` is called: once the records are `written`, or once they are below the high watermark (`committed`, acks=all). */
  readonly acks: "written" | "committed";
  /** The client's transaction was verified with its coordinator (KIP-890): without it a transactional batch gets INVALID_TXN_STATE. */
  readonly isVerifiedTransaction?: boolean;
  /** Produce request's version decides whether zstd is taken; the newest where missing. */
  readonly produceVersion?: number;
}

/** How far a read may go: to the high watermark (a consumer), the last stable offset (read_committed), or the end of the log (the broker itself). */
export type Isolation = "uncommitted" | "committed" | "logEnd";

export interface ReadOptions {
  readonly isolation: Isolation;
  /** The first batch comes whole even if it is larger than asked for (KIP-74); without it nothing comes if the first batch does not fit. */
  readonly minOneBatch: boolean;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface ReadOutcome {
  /** 0, OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR, UNKNOWN_TOPIC_OR_PARTITION (deleted meanwhile). */
  readonly errorCode: number;
  readonly errorMessage: string | null;
  /** Whole batches in a pooled buffer: valid until `release`. The first may start below the offset that was asked for. */
  readonly records: Buffer;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Transactions within what was read that were aborted; null unless the isolation is `committed`. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
  /** Gives the buffer back; once, when the socket has taken the bytes. */
  release(): void;
}

/** The part of a read that brought nothing. */
export const nothingRead: Pick<ReadOutcome, "records" | "release"> = { records: Buffer.alloc(0), release() {} };

/** An answer of ListOffsets: all -1 where there is no such record. */
export interface OffsetOutcome {
  readonly errorCode: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** There is no such record; or, with an error, nobody can say. */
export function noOffset(errorCode: number): OffsetOutcome {
  return { errorCode, offset: -1, timestampMs: -1, leaderEpoch: -1 };
}

/** An answer of OffsetForLeaderEpoch: the largest epoch that is not above the one asked for, and where it ended; -1 and -1 where there is none. */
export interface EpochEndOutcome {
  readonly errorCode: number;
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

/** A producer that the partition remembers (DescribeProducers). */
export interface ProducerDescription {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestampMs: number;
  readonly coordinatorEpoch: number;
  /** First offset of its open transaction, -1 without one. */
  readonly currentTransactionStartOffset: number;
}
