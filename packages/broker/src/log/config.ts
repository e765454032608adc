/** Codecs that a topic's `compression.type` may ask for; `producer` keeps what the producer chose. */
export type CompressionType = "producer" | "uncompressed" | "gzip" | "snappy" | "lz4" | "zstd";

/**
 * A topic's settings as far as its log needs them: Kafka's topic-level configs (Kafka's `LogConfig`) as typed values. Milliseconds and bytes;
 * `Infinity` stands where Kafka has its largest long. Parsing and validating the textual form is the cluster's job.
 */
export interface LogConfig {
  /** `cleanup.policy`: may hold both, or neither. */
  readonly cleanupPolicy: readonly ("delete" | "compact")[];
  readonly compressionType: CompressionType;
  /** `compression.gzip.level`: 1 to 9, or -1 for the codec's default. */
  readonly compressionGzipLevel: number;
  readonly compressionLz4Level: number;
  readonly compressionZstdLevel: number;
  /** `delete.retention.ms`: how long a tombstone outlives its compaction. */
  readonly deleteRetentionMs: number;
  /** `file.delete.delay.ms`: how long a segment that was retired stays on disk as `.deleted`. */
  readonly fileDeleteDelayMs: number;
  /** `flush.messages`: 1 makes the flush policy of the topic `always`; otherwise a sync starts once so many records wait for one. */
  readonly flushMessages: number;
  /** `flush.ms`: the longest that written records wait for a sync (the flush policy `interval`). */
  readonly flushMs: number;
  /** `index.interval.bytes`: bytes of the log between two index entries. */
  readonly indexIntervalBytes: number;
  /** `max.compaction.lag.ms`: a record older than this makes its log due for compaction whatever its dirty ratio. */
  readonly maxCompactionLagMs: number;
  /** `max.message.bytes`: the largest batch, as it is stored. */
  readonly maxMessageBytes: number;
  readonly messageTimestampAfterMaxMs: number;
  readonly messageTimestampBeforeMaxMs: number;
  readonly messageTimestampType: "CreateTime" | "LogAppendTime";
  /** `min.cleanable.dirty.ratio`: 0 to 1. */
  readonly minCleanableDirtyRatio: number;
  /** `min.compaction.lag.ms`: a record younger than this is not compacted away. */
  readonly minCompactionLagMs: number;
  /** `retention.bytes`: -1 keeps any size. */
  readonly retentionBytes: number;
  /** `retention.ms`: -1 keeps for ever. */
  readonly retentionMs: number;
  readonly segmentBytes: number;
  /** `segment.index.bytes`: a segment rolls when its index would grow beyond it. */
  readonly segmentIndexBytes: number;
  readonly segmentJitterMs: number;
  readonly segmentMs: number;
}

/** Kafka 4.3's defaults. */
export const defaultLogConfig: LogConfig = Object.freeze({
  cleanupPolicy: Object.freeze(["delete"] as const),
  compressionType: "producer",
  compressionGzipLevel: -1,
  compressionLz4Level: 9,
  compressionZstdLevel: 3,
  deleteRetentionMs: 86_400_000,
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.POSITIVE_INFINITY,
  flushMs: Number.POSITIVE_INFINITY,
  indexIntervalBytes: 4096,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
  maxMessageBytes: 1_048_588,
  messageTimestampAfterMaxMs: 3_600_000,
  messageTimestampBeforeMaxMs: Number.POSITIVE_INFINITY,
  messageTimestampType: "CreateTime",
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  retentionBytes: -1,
  retentionMs: 604_800_000,
  segmentBytes: 1_073_741_824,
  segmentIndexBytes: 10_485_760,
  segmentJitterMs: 0,
  segmentMs: 604_800_000,
});

/**
 * When written records are made to survive the death of the machine, and what the high watermark waits for.
 * - `os`: the system writes them back when it likes; the high watermark follows the writes. Kafka's own default.
 * - `interval`: as `os`, and a sync at least every `flushIntervalMs`.
 * - `always`: the high watermark follows the syncs, so acks=all survives a power cut; one sync serves all that wait.
 */
export type FlushPolicy = "os" | "interval" | "always";

/** Settings of the broker as far as its logs need them (Kafka's names where Kafka has them). */
export interface LogManagerConfig {
  readonly flush: FlushPolicy;
  /** For `flush: "interval"`: the longest that a written record waits for its sync. */
  readonly flushIntervalMs: number;
  /** Under every policy, once all partitions together have written this much without a sync, those with the most are synced in the background. */
  readonly backgroundSyncBytes: number;
  /** The most that may be written without a sync: beyond it appends wait for one, before the system makes the whole process wait. */
  readonly maxUnsyncedBytes: number;
  /** Bound on the segment and index files that are open at a time. */
  readonly maxOpenFiles: number;
  /** Bytes of read buffers that are kept for the next fetch when nobody uses them. */
  readonly readBufferPoolBytes: number;
  /** A batch that decompresses to more is refused. */
  readonly maxDecompressedBytes: number;
  /** `log.retention.check.interval.ms` */
  readonly logRetentionCheckIntervalMs: number;
  /** `log.initial.task.delay.ms` */
  readonly logInitialTaskDelayMs: number;
  /** `log.flush.offset.checkpoint.interval.ms` */
  readonly logFlushOffsetCheckpointIntervalMs: number;
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number;
  /** `producer.id.expiration.check.interval.ms` */
  readonly producerIdExpirationCheckIntervalMs: number;
  /** `log.cleaner.enable` */
  readonly logCleanerEnable: boolean;
  /** `log.cleaner.backoff.ms`: the pause when no log is due for compaction. */
  readonly logCleanerBackoffMs: number;
  /** `log.cleaner.dedupe.buffer.size`: the most memory that one compaction's map of keys may take. */
  readonly logCleanerDedupeBufferSize: number;
  /** `log.cleaner.io.max.bytes.per.second` */
  readonly logCleanerIoMaxBytesPerSecond: number;
}

export const defaultLogManagerConfig: LogManagerConfig = Object.freeze({
  flush: "os",
  flushIntervalMs: 1000,
  backgroundSyncBytes: 64 * 1024 * 1024,
  maxUnsyncedBytes: 1024 * 1024 * 1024,
  maxOpenFiles: 1024,
  readBufferPoolBytes: 32 * 1024 * 1024,
  maxDecompressedBytes: 104_857_600,
  logRetentionCheckIntervalMs: 300_000,
  logInitialTaskDelayMs: 30_000,
  logFlushOffsetCheckpointIntervalMs: 60_000,
  producerIdExpirationMs: 86_400_000,
  producerIdExpirationCheckIntervalMs: 600_000,
  logCleanerEnable: true,
  logCleanerBackoffMs: 15_000,
  logCleanerDedupeBufferSize: 134_217_728,
  logCleanerIoMaxBytesPerSecond: Number.POSITIVE_INFINITY,
});
