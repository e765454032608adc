import { type BatchView, errorCodes } from "@ottla/protocol";
import type { LogEnvironment } from "./environment.ts";
import type { Log } from "./log.ts";
import type { AppendOptions, AppendOutcome, RecordError } from "./outcomes.ts";
import type { ProducedBatch } from "./producer-entry.ts";
import { type BatchRefusal, type ValidationContext, validateBatch, validateFrame } from "./validate-batch.ts";

const nothing = Buffer.alloc(0);
const noErrors: readonly RecordError[] = [];

export function failedAppend(
  errorCode: number,
  message: string | null,
  logStartOffset: number,
  recordErrors = noErrors,
): AppendOutcome {
  return {
    errorCode,
    errorMessage: message,
    baseOffset: -1,
    lastOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset,
    recordErrors,
  };
}

/**
 * Checks batches and takes them into the log (Kafka's `UnifiedLog.append`), without writing them. All of them, or with an error outcome none. Throws a `DiskError` where the disk fails.
 */
export function appendBatches(
  environment: LogEnvironment,
  log: Log,
  leaderEpoch: number,
  records: Uint8Array,
  options: AppendOptions,
): AppendOutcome {
  const { view } = environment;
  const context: ValidationContext = {
    config: log.config,
    nowMs: environment.runtime.clock.now(),
    origin: options.origin,
    produceVersion: options.produceVersion,
    records: environment.records,
  };
  const bytes = Buffer.isBuffer(records)
    ? records
    : Buffer.from(records.buffer, records.byteOffset, records.byteLength);
  try {
    const badFrame = validateFrame(bytes, view, context);
    if (badFrame !== null) return refused(badFrame, log);
    if (view.size < bytes.length) return appendSeveral(environment, log, leaderEpoch, bytes, context, options);
    return refusalOf(view, log, context, options) ?? appendOne(view, log, leaderEpoch, context);
  } finally {
    // Neither the request's bytes nor what was decompressed may live on in what all appends share.
    view.reset(nothing, 0);
    environment.records.bytes = nothing;
  }
}

/** Several batches, which only the broker itself appends: checked all before the first is taken. */
function appendSeveral(
  environment: LogEnvironment,
  log: Log,
  leaderEpoch: number,
  records: Buffer,
  context: ValidationContext,
  options: AppendOptions,
): AppendOutcome {
  const { view } = environment;
  const valid: Buffer[] = [];
  for (let at = 0; at < records.length; ) {
    const rest = records.subarray(at);
    const badFrame = validateFrame(rest, view, context);
    if (badFrame !== null) return refused(badFrame, log);
    const size = view.size;
    const refusal = refusalOf(view, log, context, options);
    if (refusal !== null) return refusal;
    valid.push(view.bytes());
    at += size;
  }
  const outcomes = valid.map((batch) => appendOne(view.reset(batch, 0), log, leaderEpoch, context));
  return { ...outcomes[0]!, lastOffset: outcomes.at(-1)!.lastOffset };
}

/** The answer to a batch that is not to be appended: an error, or what a repetition gets. */
function refusalOf(
  view: BatchView,
  log: Log,
  context: ValidationContext,
  options: AppendOptions,
): AppendOutcome | null {
  const refusal = validateBatch(view, context);
  if (refusal !== null) return refused(refusal, log);
  if (view.size > log.config.segmentBytes) {
    const message = `the batch has ${view.size} bytes, more than a segment may have (${log.config.segmentBytes})`;
    return failedAppend(errorCodes.RECORD_LIST_TOO_LARGE, message, log.logStartOffset);
  }
  const isClient = options.origin === "client";
  if (isClient && view.isTransactional && view.producerId >= 0 && options.isVerifiedTransaction !== true) {
    const message = `producer ${view.producerId} has no transaction that its coordinator knows of`;
    return failedAppend(errorCodes.INVALID_TXN_STATE, message, log.logStartOffset);
  }
  const verdict = log.producers.check(view, isClient);
  if (verdict === null) return null;
  if (verdict.duplicate !== null) return duplicate(verdict.duplicate, log);
  return failedAppend(verdict.errorCode, verdict.message, log.logStartOffset);
}

function appendOne(view: BatchView, log: Log, leaderEpoch: number, context: ValidationContext): AppendOutcome {
  const baseOffset = log.append(view, leaderEpoch);
  return {
    errorCode: 0,
    errorMessage: null,
    baseOffset,
    lastOffset: log.nextOffset - 1,
    logAppendTimeMs: log.config.messageTimestampType === "LogAppendTime" ? context.nowMs : -1,
    logStartOffset: log.logStartOffset,
    recordErrors: noErrors,
  };
}

function duplicate(batch: ProducedBatch, log: Log): AppendOutcome {
  return {
    errorCode: 0,
    errorMessage: null,
    baseOffset: batch.lastOffset - batch.offsetDelta,
    lastOffset: batch.lastOffset,
    logAppendTimeMs: log.config.messageTimestampType === "LogAppendTime" ? batch.timestampMs : -1,
    logStartOffset: log.logStartOffset,
    recordErrors: noErrors,
  };
}

function refused({ errorCode, message, recordErrors }: BatchRefusal, log: Log): AppendOutcome {
  return failedAppend(errorCode, message, log.logStartOffset, recordErrors);
}
