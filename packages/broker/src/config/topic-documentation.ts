import type { topicTable } from "./topic-table.ts";

/** What a topic setting does here, in a sentence; what is missing is accepted and has no effect. DescribeConfigs shows these texts. */
export const topicDocumentation: Readonly<Partial<Record<keyof typeof topicTable, string>>> = {
  "cleanup.policy":
    "What happens to old segments: delete removes them, compact keeps the last record of each key; both may be given.",
  "compression.gzip.level": "The level where compression.type asks for gzip.",
  "compression.lz4.level": "The level where compression.type asks for lz4.",
  "compression.type": "How records are stored: producer keeps what the producer chose, anything else compresses again.",
  "compression.zstd.level": "The level where compression.type asks for zstd.",
  "delete.retention.ms": "How long a tombstone outlives its compaction.",
  "file.delete.delay.ms": "How long a retired file stays on disk.",
  "flush.messages": "The partition is synced after so many records.",
  "flush.ms": "The longest that written records wait for a sync.",
  "index.interval.bytes": "Bytes of the log between two entries of its index.",
  "max.compaction.lag.ms": "A record older than this makes the log due for compaction.",
  "max.message.bytes": "The largest batch that is stored, compressed.",
  "message.timestamp.after.max.ms": "How far a record's time may be ahead of the broker's.",
  "message.timestamp.before.max.ms": "How far a record's time may be behind the broker's.",
  "message.timestamp.type": "Whose time a record carries: CreateTime (the producer's) or LogAppendTime (the broker's).",
  "min.cleanable.dirty.ratio": "The share of the log that must be new before it is compacted.",
  "min.compaction.lag.ms": "A record younger than this is not compacted away.",
  "min.insync.replicas": "Shown to clients; a broker that is alone cannot miss it.",
  "retention.bytes": "The size that a partition's log is cut back to; -1: any size.",
  "retention.ms": "How long records are kept; -1: for ever.",
  "segment.bytes": "A segment rolls at this size.",
  "segment.index.bytes": "A segment rolls when its index would grow beyond this.",
  "segment.jitter.ms": "At most so much is taken off segment.ms, at random.",
  "segment.ms": "A segment rolls after this time even if it is not full.",
};
