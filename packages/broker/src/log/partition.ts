import type { LogConfig } from "./config.ts";
import type {
  AppendOptions,
  AppendOutcome,
  EpochEndOutcome,
  Isolation,
  OffsetOutcome,
  ProducerDescription,
  ReadOptions,
  ReadOutcome,
} from "./outcomes.ts";

/**
 * One partition's log as handlers and coordinators see it. Expected failures are error codes in outcomes; nothing throws but a bug.
 * Its files are opened when it is first used, so any method may block for a short read from disk.
 */
export class Partition {
  declare readonly topic: string;
  declare readonly index: number;
  /** Kafka's base64url form. */
  declare readonly topicId: string;
  /** The epoch that appends carry: what `open` was given, or the largest one that the log knows if that is larger. */
  declare readonly leaderEpoch: number;
  /** First offset that can be read; it grows by retention and `deleteRecordsBefore`. */
  declare readonly logStartOffset: number;
  /** Below it records are as durable as the flush policy says; consumers read up to here. */
  declare readonly highWatermark: number;
  /** Below it no transaction is open; never above the high watermark. */
  declare readonly lastStableOffset: number;
  /** The next offset to be given to a record. */
  declare readonly logEndOffset: number;
  /** Set once the log is damaged or a write or sync failed: everything answers KAFKA_STORAGE_ERROR and the message says why. */
  declare readonly offline: { readonly message: string } | null;
  /** True once the topic was deleted or the manager closed: everything answers UNKNOWN_TOPIC_OR_PARTITION (deleted) or KAFKA_STORAGE_ERROR (closed). */
  declare readonly closed: boolean;
  declare readonly config: LogConfig;
  /** Size of all segments, without indexes. */
  declare readonly sizeInBytes: number;

  /**
   * Appends record batches. Offsets are assigned at once, in call order, by patching `records` in place (the bytes belong to the log until `done`);
   * what a tick brings for a partition goes to disk in one write at its end. `done` is called exactly once: at once, before `append` returns, with an error outcome or a duplicate's answer
   * that has nothing to wait for, else when the records are written or committed as `options.acks` says. A failed write or sync takes the partition offline and answers KAFKA_STORAGE_ERROR to all who wait.
   */
  append(_records: Uint8Array, _options: AppendOptions, _done: (outcome: AppendOutcome) => void): void {
    throw new Error("not built yet");
  }

  /** Whole batches from `offset` on, at most `maxBytes` of them (see `ReadOptions`). */
  read(_offset: number, _maxBytes: number, _options: ReadOptions): ReadOutcome {
    throw new Error("not built yet");
  }

  /** About how many bytes lie between `offset` and where the isolation lets a reader go; 0 where `offset` is out of range. Cheap: for a long poll's min bytes. */
  bytesAvailable(_offset: number, _isolation: Isolation): number {
    throw new Error("not built yet");
  }

  /** Calls back, synchronously, whenever high watermark, last stable or log start offset has moved, or the partition went offline or was closed. Returns the way to stop it. */
  onAdvance(_listener: () => void): () => void {
    throw new Error("not built yet");
  }

  /** ListOffsets -2: the log start offset. */
  earliestOffset(): OffsetOutcome {
    throw new Error("not built yet");
  }

  /** ListOffsets -1: where the isolation's readers stop. */
  latestOffset(_isolation: Isolation): OffsetOutcome {
    throw new Error("not built yet");
  }

  /** ListOffsets >= 0: the first record whose timestamp is at least `timestampMs` and that the isolation's readers may see. */
  offsetForTimestamp(_timestampMs: number, _isolation: Isolation): OffsetOutcome {
    throw new Error("not built yet");
  }

  /** ListOffsets -3: the first of the records with the largest timestamp. */
  maxTimestampOffset(): OffsetOutcome {
    throw new Error("not built yet");
  }

  /** OffsetForLeaderEpoch (KIP-101, KIP-279). */
  offsetForLeaderEpoch(_epoch: number): EpochEndOutcome {
    throw new Error("not built yet");
  }

  /** Compares the epoch that a request believes in: 0, FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. -1 is not checked. */
  checkLeaderEpoch(_currentLeaderEpoch: number): number {
    throw new Error("not built yet");
  }

  /** DeleteRecords: moves the log start offset; -1 means up to the high watermark. Returns 0, OFFSET_OUT_OF_RANGE, POLICY_VIOLATION (the topic is compacted only) or KAFKA_STORAGE_ERROR. */
  deleteRecordsBefore(_offset: number): number {
    throw new Error("not built yet");
  }

  /** For DescribeProducers. */
  producers(): ProducerDescription[] {
    throw new Error("not built yet");
  }

  /** New settings of the topic; they hold from the next append, roll or clean-up on. */
  updateConfig(_config: LogConfig): void {
    throw new Error("not built yet");
  }

  /** Resolves once all that has been appended so far is synced; rejects when the partition is offline. */
  flush(): Promise<void> {
    throw new Error("not built yet");
  }
}
