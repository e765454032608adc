import {
  BatchBuilder,
  type BatchView,
  type Codec,
  CodecUnavailableError,
  CorruptBatchError,
  checkedBatchSize,
  codecId,
  errorCodes,
  type RecordIterator,
} from "@ottla/protocol";
import type { LogConfig } from "./config.ts";
import type { RecordError } from "./outcomes.ts";

/** What validation needs to know besides the batch. */
export interface ValidationContext {
  readonly config: LogConfig;
  readonly nowMs: number;
  readonly origin: "client" | "coordinator";
  /** Version of the produce request; the newest where missing. */
  readonly produceVersion?: number | undefined;
  /** Used for every batch, so that validation leaves no garbage behind. */
  readonly records: RecordIterator;
}

/** Why a batch was refused. */
export interface BatchRefusal {
  readonly errorCode: number;
  readonly message: string;
  readonly recordErrors: readonly RecordError[];
}

const magicPosition = 16;
/** The first produce request version whose clients are known to read zstd (KIP-110). */
const firstVersionWithZstd = 7;
const shownRecordErrors = 3;

function refusal(errorCode: number, message: string, recordErrors: readonly RecordError[] = []): BatchRefusal {
  return { errorCode, message, recordErrors };
}

/**
 * Checks that `records` holds what a produce request may hold: exactly one whole batch of message format 2, from the first byte to the last (Kafka's `ProduceRequest.validateRecords`).
 * Several batches may come from the broker itself. Points `view` at the first one.
 */
export function validateFrame(records: Buffer, view: BatchView, context: ValidationContext): BatchRefusal | null {
  let size: number;
  try {
    size = checkedBatchSize(records, 0, records.length);
  } catch (error) {
    return frameRefusal(error);
  }
  if (size === 0) return refusal(errorCodes.INVALID_RECORD, "there is no whole record batch");
  view.reset(records, 0);
  if (context.origin === "coordinator") return null;
  if (size < records.length) {
    const isAnother = records.length - size > magicPosition;
    const what = isAnother ? "more than one record batch" : `${records.length - size} bytes behind the record batch`;
    return refusal(errorCodes.INVALID_RECORD, `there may be one record batch for a partition, but there is ${what}`);
  }
  if (view.codecId === codecId("zstd") && (context.produceVersion ?? firstVersionWithZstd) < firstVersionWithZstd) {
    return refusal(
      errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
      `compression type zstd needs version ${firstVersionWithZstd} of the produce request`,
    );
  }
  return null;
}

function frameRefusal(error: unknown): BatchRefusal {
  if (!(error instanceof CorruptBatchError)) throw error;
  const isFormat = error.kind === "oldFormat" || error.kind === "range";
  return refusal(isFormat ? errorCodes.INVALID_RECORD : errorCodes.CORRUPT_MESSAGE, error.reason);
}

/**
 * Checks one batch and its records, and brings its timestamps into the form that the topic asks for (Kafka's `LogValidator`). Returns the refusal, or null; then `view` is at the batch as it is to be stored
 * except for base offset and leader epoch: in place where that is possible, else at a new buffer with the records compressed anew.
 */
export function validateBatch(view: BatchView, context: ValidationContext): BatchRefusal | null {
  const { config } = context;
  const header = validateHeader(view, context);
  if (header !== null) return header;
  let checked: CheckedRecords;
  try {
    checked = checkRecords(view, context);
    if (checked.recordErrors.length > 0) return recordsRefusal(checked);
    const codec = targetCodec(view, config);
    if (codec !== view.codec || !checked.offsetsAreDense) return rebuild(view, codec, context);
  } catch (error) {
    return contentRefusal(error);
  }
  if (config.messageTimestampType === "LogAppendTime") view.setLogAppendTime(context.nowMs);
  else if (view.maxTimestamp !== checked.maxTimestamp || view.timestampType !== "CreateTime") {
    view.setMaxTimestamp(checked.maxTimestamp);
  }
  return null;
}

function validateHeader(view: BatchView, context: ValidationContext): BatchRefusal | null {
  const { config, origin } = context;
  const isClient = origin === "client";
  if (isClient && view.baseOffset !== 0) {
    return refusal(errorCodes.INVALID_RECORD, `the batch's base offset is ${view.baseOffset}; producers send 0`);
  }
  if (view.size > config.maxMessageBytes) {
    return refusal(
      errorCodes.MESSAGE_TOO_LARGE,
      `the batch has ${view.size} bytes, above the topic's max.message.bytes of ${config.maxMessageBytes}`,
    );
  }
  if (!view.isCrcValid()) {
    return refusal(errorCodes.CORRUPT_MESSAGE, `the batch does not match its checksum (${view.crc})`);
  }
  const count = view.recordCount;
  if (count <= 0) return refusal(errorCodes.INVALID_RECORD, `the batch's number of records is ${count}`);
  if (view.lastOffsetDelta !== count - 1) {
    return refusal(
      errorCodes.INVALID_RECORD,
      `the batch's last offset delta is ${view.lastOffsetDelta} for ${count} records`,
    );
  }
  if (!isClient) return null;
  if (view.isControl) return refusal(errorCodes.INVALID_RECORD, "clients may not write control records");
  if (view.producerId >= 0 && view.baseSequence < 0) {
    return refusal(
      errorCodes.INVALID_RECORD,
      `the batch of producer ${view.producerId} has the sequence number ${view.baseSequence}`,
    );
  }
  return null;
}

interface CheckedRecords {
  readonly maxTimestamp: number;
  /** Whether the records' offsets follow each other without a gap, as they should. */
  readonly offsetsAreDense: boolean;
  readonly recordErrors: readonly RecordError[];
  readonly hasTimestampError: boolean;
}

const noErrors: readonly RecordError[] = [];

function checkRecords(view: BatchView, context: ValidationContext): CheckedRecords {
  const { config, nowMs, records } = context;
  const needsKey = context.origin === "client" && config.cleanupPolicy.includes("compact");
  const checksTime = config.messageTimestampType === "CreateTime";
  const earliest = nowMs - config.messageTimestampBeforeMaxMs;
  const latest = nowMs + config.messageTimestampAfterMaxMs;
  const claimsBrokersTime = view.timestampType === "LogAppendTime";
  const baseOffset = view.baseOffset;
  let maxTimestamp = -1;
  let offsetsAreDense = true;
  let hasTimestampError = false;
  let errors: RecordError[] | null = null;
  records.reset(view);
  while (records.next()) {
    const { index, timestamp } = records;
    if (records.offset !== baseOffset + index) offsetsAreDense = false;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    let message: string | null = null;
    if (needsKey && records.keyStart < 0) message = "a record of a compacted topic needs a key";
    else if (checksTime && timestamp !== -1) {
      if (timestamp < earliest || timestamp > latest) {
        message = `the record's timestamp ${timestamp} is outside of what the topic takes, ${earliest} to ${latest}`;
        hasTimestampError = true;
      }
    } else if (claimsBrokersTime) {
      message = "a producer may not say that a record has the broker's timestamp";
      hasTimestampError = true;
    }
    if (message !== null) {
      errors ??= [];
      errors.push({ batchIndex: index, message });
    }
  }
  return { maxTimestamp, offsetsAreDense, recordErrors: errors ?? noErrors, hasTimestampError };
}

function recordsRefusal({ recordErrors, hasTimestampError }: CheckedRecords): BatchRefusal {
  const shown = recordErrors
    .slice(0, shownRecordErrors)
    .map(({ batchIndex, message }) => `record ${batchIndex}: ${message}`)
    .join("; ");
  const more = recordErrors.length > shownRecordErrors ? `, and ${recordErrors.length - shownRecordErrors} more` : "";
  return refusal(
    hasTimestampError ? errorCodes.INVALID_TIMESTAMP : errorCodes.INVALID_RECORD,
    `${recordErrors.length} of the batch's records were refused (${shown}${more})`,
    recordErrors,
  );
}

/** Kafka's codes for what is wrong inside a batch whose checksum is right. */
function contentRefusal(error: unknown): BatchRefusal {
  if (error instanceof CodecUnavailableError) return refusal(errorCodes.UNSUPPORTED_COMPRESSION_TYPE, error.message);
  if (!(error instanceof CorruptBatchError)) throw error;
  const isUnknown = error.kind === "codec" || error.kind === "compression";
  return refusal(isUnknown ? errorCodes.UNKNOWN_SERVER_ERROR : errorCodes.INVALID_RECORD, error.reason);
}

function targetCodec(view: BatchView, config: LogConfig): Codec {
  const { compressionType } = config;
  if (compressionType === "producer" || view.isControl) return view.codec;
  return compressionType === "uncompressed" ? "none" : compressionType;
}

function compressionLevel(codec: Codec, config: LogConfig): number | undefined {
  if (codec === "gzip") return config.compressionGzipLevel === -1 ? undefined : config.compressionGzipLevel;
  return codec === "zstd" ? config.compressionZstdLevel : undefined;
}

/** Builds the batch anew, with that codec and offsets without gaps. */
function rebuild(view: BatchView, codec: Codec, context: ValidationContext): BatchRefusal | null {
  const { config, records } = context;
  const level = compressionLevel(codec, config);
  const builder = new BatchBuilder({ codec, ...(level === undefined ? {} : { level }), initialSize: view.size });
  records.reset(view);
  while (records.next()) builder.appendCopy(records, records.offset - records.index);
  const rebuilt = builder.build({
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    baseSequence: view.baseSequence,
    isTransactional: view.isTransactional,
    isControl: view.isControl,
    ...(config.messageTimestampType === "LogAppendTime" ? { logAppendTimeMs: context.nowMs } : {}),
  });
  if (rebuilt.length > config.maxMessageBytes) {
    return refusal(
      errorCodes.MESSAGE_TOO_LARGE,
      `the batch has ${rebuilt.length} bytes with the topic's compression.type ${codec}, above its max.message.bytes of ${config.maxMessageBytes}`,
    );
  }
  view.reset(rebuilt, 0);
  return null;
}
