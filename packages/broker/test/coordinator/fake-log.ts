import { BatchCursor, errorCodes } from "@ottla/protocol";
import type { OffsetsLog } from "../../src/coordinator/offsets-log.ts";
import { defaultLogConfig, type LogConfig } from "../../src/log/config.ts";
import type { AppendOptions, AppendOutcome, ReadOptions, ReadOutcome } from "../../src/log/outcomes.ts";

/** A partition of `__consumer_offsets` in memory, whose high watermark and failures a test decides on. */
export class FakeLog implements OffsetsLog {
  readonly topic = "__consumer_offsets";
  readonly index: number;
  readonly logStartOffset = 0;
  readonly batches: { readonly baseOffset: number; readonly nextOffset: number; readonly bytes: Buffer }[] = [];
  config: LogConfig = defaultLogConfig;
  highWatermark = 0;
  offline: { readonly message: string } | null = null;
  closed = false;
  /** Whether the high watermark stays where it is until `commit`. */
  holds = false;
  /** The next append fails at once with this code. */
  failNext = 0;
  /** Reads fail with this code. */
  readError = 0;
  readCount = 0;
  private waiting: {
    readonly end: number;
    readonly outcome: AppendOutcome;
    readonly done: (outcome: AppendOutcome) => void;
  }[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(index = 0) {
    this.index = index;
  }

  get logEndOffset(): number {
    return this.batches.at(-1)?.nextOffset ?? 0;
  }

  append(records: Uint8Array, options: AppendOptions, done: (outcome: AppendOutcome) => void): void {
    if (options.acks !== "committed" || options.origin !== "coordinator")
      throw new Error("not as a coordinator appends");
    const failure = this.failNext !== 0 ? this.failNext : this.offline !== null ? errorCodes.KAFKA_STORAGE_ERROR : 0;
    this.failNext = 0;
    const isTooLarge = records.length > this.config.maxMessageBytes;
    if (failure !== 0 || isTooLarge) {
      done(outcomeOf(failure !== 0 ? failure : errorCodes.MESSAGE_TOO_LARGE, -1, -1));
      return;
    }
    const bytes = Buffer.from(records);
    const cursor = new BatchCursor(bytes);
    if (!cursor.next() || !cursor.isAtEnd) throw new Error("an append is one batch");
    const baseOffset = this.logEndOffset;
    cursor.view.setBaseOffset(baseOffset);
    const { nextOffset } = cursor.view;
    this.batches.push({ baseOffset, nextOffset, bytes });
    this.waiting.push({ end: nextOffset, outcome: outcomeOf(0, baseOffset, nextOffset - 1), done });
    // As the real one does at the end of a tick.
    if (!this.holds) queueMicrotask(() => this.commit());
  }

  /** Moves the high watermark to the end, or to an offset. */
  commit(offset = this.logEndOffset): void {
    if (this.offline !== null) return;
    this.highWatermark = offset;
    const done = this.waiting.filter((one) => one.end <= offset);
    this.waiting = this.waiting.filter((one) => one.end > offset);
    for (const one of done) one.done(one.outcome);
    for (const listener of [...this.listeners]) listener();
  }

  /** What was not committed is lost, and the partition is out of use until `recover`. */
  fail(): void {
    this.offline = { message: "the disk is gone" };
    while (this.logEndOffset > this.highWatermark) this.batches.pop();
    const { waiting } = this;
    this.waiting = [];
    for (const one of waiting) one.done(outcomeOf(errorCodes.KAFKA_STORAGE_ERROR, -1, -1));
    for (const listener of [...this.listeners]) listener();
  }

  recover(): void {
    this.offline = null;
  }

  read(offset: number, maxBytes: number, options: ReadOptions): ReadOutcome {
    this.readCount++;
    if (options.isolation !== "logEnd") throw new Error("a replay reads to the end");
    const parts: Buffer[] = [];
    let size = 0;
    for (const batch of this.batches) {
      if (batch.nextOffset <= offset) continue;
      if (parts.length > 0 && size + batch.bytes.length > maxBytes) break;
      parts.push(batch.bytes);
      size += batch.bytes.length;
    }
    const errorCode = this.offline === null ? this.readError : errorCodes.KAFKA_STORAGE_ERROR;
    return {
      errorCode,
      errorMessage: errorCode === 0 ? null : "the disk is gone",
      records: errorCode === 0 ? Buffer.concat(parts) : Buffer.alloc(0),
      highWatermark: this.highWatermark,
      lastStableOffset: this.highWatermark,
      logStartOffset: 0,
      abortedTransactions: null,
      release: () => {},
    };
  }

  onAdvance(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

function outcomeOf(errorCode: number, baseOffset: number, lastOffset: number): AppendOutcome {
  const errorMessage = errorCode === 0 ? null : "failed";
  return { errorCode, errorMessage, baseOffset, lastOffset, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [] };
}
