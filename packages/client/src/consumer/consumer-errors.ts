import { errorCodes, errorName } from "@ottla/protocol";
import { KafkaError, OffsetOutOfRangeError } from "../errors.ts";
import { namePartitions, partitionName, type TopicPartition } from "./topic-partition.ts";

/** A key or value could not be deserialised. The consumer stands at the record: `seek` to `offset + 1` goes past it. Kafka's RecordDeserializationException. */
export class RecordDeserializationError extends KafkaError {
  override readonly name = "RecordDeserializationError";
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly part: "key" | "value";

  constructor(place: TopicPartition & { offset: number }, part: "key" | "value", cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Could not deserialize the ${part} of the record at offset ${place.offset} of ${partitionName(place)}: ${reason}. ` +
        `Seek to offset ${place.offset + 1} to go past it`,
      { code: "SERIALIZATION_FAILED", cause },
    );
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
    this.part = part;
  }
}

/** What the broker sent is damaged: a checksum that does not match, or a batch or record that is not well-formed. Kafka's CorruptRecordException. */
export class CorruptPartitionError extends KafkaError {
  override readonly name = "CorruptPartitionError";
  readonly topic: string;
  readonly partition: number;
  /** Where the consumer stands. */
  readonly offset: number;
  /** The first offset behind the damage, where it could be told; otherwise null. */
  readonly nextOffset: number | null;

  constructor(place: TopicPartition & { offset: number }, nextOffset: number | null, reason: string, cause?: unknown) {
    const hint = nextOffset === null ? "" : `. Seek to offset ${nextOffset} to go past it`;
    super(`The records of ${partitionName(place)} from offset ${place.offset} on are damaged: ${reason}${hint}`, {
      code: errorName(errorCodes.CORRUPT_MESSAGE),
      errorCode: errorCodes.CORRUPT_MESSAGE,
      cause,
    });
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
    this.nextOffset = nextOffset;
  }
}

/** No offset is committed, or the position fell out of the log, and `autoOffsetReset` is `"none"`. Kafka's NoOffsetForPartitionException. */
export class NoOffsetForPartitionError extends KafkaError {
  override readonly name = "NoOffsetForPartitionError";
  readonly partitions: readonly TopicPartition[];

  constructor(partitions: readonly TopicPartition[]) {
    super(
      `No committed offset for ${namePartitions(partitions)}, and autoOffsetReset is "none": seek, or set autoOffsetReset`,
      { code: "NO_OFFSET_FOR_PARTITION" },
    );
    this.partitions = partitions;
  }
}

/** The position is outside of what the partition holds, and `autoOffsetReset` is `"none"`. */
export class PositionOutOfRangeError extends OffsetOutOfRangeError {
  override readonly name = "PositionOutOfRangeError";
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;

  constructor(place: TopicPartition & { offset: number }) {
    super(
      `Offset ${place.offset} is outside of what ${partitionName(place)} holds, and autoOffsetReset is "none": seek, or set autoOffsetReset`,
      { code: errorName(errorCodes.OFFSET_OUT_OF_RANGE), errorCode: errorCodes.OFFSET_OUT_OF_RANGE },
    );
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
  }
}

/** The log was cut below the position (after an unclean election), and `autoOffsetReset` is `"none"` (KIP-320). Kafka's LogTruncationException. */
export class LogTruncationError extends KafkaError {
  override readonly name = "LogTruncationError";
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Where the log as read and the log as it is part; null where that cannot be told. */
  readonly divergingOffset: number | null;

  constructor(place: TopicPartition & { offset: number }, divergingOffset: number | null) {
    const where = divergingOffset === null ? "" : ` from offset ${divergingOffset} on`;
    super(
      `${partitionName(place)} was truncated below offset ${place.offset}: what was read${where} is no longer in the log. Seek to where to go on`,
      { code: "LOG_TRUNCATION" },
    );
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
    this.divergingOffset = divergingOffset;
  }
}

/** A commit that cannot succeed any more: the member is no longer part of the generation that it read in. Kafka's CommitFailedException. */
export class CommitFailedError extends KafkaError {
  override readonly name = "CommitFailedError";

  constructor(message: string, details?: { cause?: unknown; errorCode?: number }) {
    const errorCode = details?.errorCode;
    super(message, {
      code: "COMMIT_FAILED",
      ...(errorCode === undefined ? {} : { errorCode }),
      cause: details?.cause,
    });
  }
}

/** A rebalance listener threw or rejected; the rebalance itself went on. */
export class RebalanceListenerError extends KafkaError {
  override readonly name = "RebalanceListenerError";

  constructor(method: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The rebalance listener's ${method} failed: ${reason}`, { code: "REBALANCE_LISTENER_FAILED", cause });
  }
}
