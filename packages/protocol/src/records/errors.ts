/**
 * What is wrong with a batch:
 * - `size`: the batch is shorter than a header, or longer than what may be
 * - `magic`: not a message format that Kafka ever had
 * - `oldFormat`: message format 0 or 1, which Kafka 4 no longer takes
 * - `range`: a 64-bit field beyond what a JavaScript number holds exactly
 * - `codec`: a compression type that does not exist
 * - `compression`: the compressed bytes are broken
 * - `tooLarge`: decompressing gives more than the caller allows
 * - `record`: a record within the batch is broken, or there are more or fewer of them than the batch declares
 */
export type CorruptBatchKind =
  | "size"
  | "magic"
  | "oldFormat"
  | "range"
  | "codec"
  | "compression"
  | "tooLarge"
  | "record";

/** Bytes that should be a record batch (message format 2) are not. Kafka's CORRUPT_MESSAGE and INVALID_RECORD. */
export class CorruptBatchError extends Error {
  override readonly name: string = "CorruptBatchError";
  readonly kind: CorruptBatchKind;
  /** Where the batch starts in the buffer that was read. */
  readonly position: number;
  /** What was found and what was expected, without the position. */
  readonly reason: string;

  constructor(kind: CorruptBatchKind, position: number, reason: string, options?: ErrorOptions) {
    super(`corrupt record batch at position ${position}: ${reason}`, options);
    this.kind = kind;
    this.position = position;
    this.reason = reason;
  }
}

/** A record within a batch is broken. `position` is the batch's; Kafka's INVALID_RECORD. */
export class CorruptRecordError extends CorruptBatchError {
  override readonly name = "CorruptRecordError";
  /** Which record of the batch, from 0. */
  readonly recordIndex: number;
  /** Where in the batch's records section (decompressed, if it was compressed) the fault was found. */
  readonly recordPosition: number;

  constructor(batchPosition: number, recordIndex: number, recordPosition: number, reason: string) {
    super("record", batchPosition, `record ${recordIndex} (byte ${recordPosition} of the records): ${reason}`);
    this.recordIndex = recordIndex;
    this.recordPosition = recordPosition;
  }
}

/** A codec's native package could not be loaded on this machine. Kafka's UNSUPPORTED_COMPRESSION_TYPE. */
export class CodecUnavailableError extends Error {
  override readonly name = "CodecUnavailableError";
  readonly codec: string;
  readonly packageName: string;

  constructor(codec: string, packageName: string, cause: unknown) {
    super(
      `compression type ${codec} needs the package "${packageName}", which could not be loaded: ` +
        `install it with the binary for ${process.platform}-${process.arch}, or use another compression type`,
      { cause },
    );
    this.codec = codec;
    this.packageName = packageName;
  }
}

/** Decompressing would give more than the caller allows. The position is filled in by whoever knows the batch. */
export function tooLarge(maxSize: number): CorruptBatchError {
  return new CorruptBatchError("tooLarge", 0, `the records take more than the ${maxSize} bytes allowed`);
}

/** The compressed bytes are not what the codec writes. The position is filled in by whoever knows the batch. */
export function brokenCompression(codec: string, cause: unknown): CorruptBatchError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CorruptBatchError("compression", 0, `broken ${codec} data: ${reason}`, { cause });
}
