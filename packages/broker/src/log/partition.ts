import { CorruptBatchError, errorCodes } from "@ottla/protocol";
import { DiskError } from "@ottla/runtime";
import { failedAppend } from "./append-batches.ts";
import type { LogConfig } from "./config.ts";
import { LogDamagedError } from "./damage.ts";
import { LiveLog } from "./live-log.ts";
import type { Log } from "./log.ts";
import type { FoundRecord } from "./log-reader.ts";
import { describeLog, openLog, type RestingLog } from "./open-log.ts";
import {
  type AppendOptions,
  type AppendOutcome,
  type EpochEndOutcome,
  type Isolation,
  noOffset,
  nothingRead,
  type OffsetOutcome,
  type ProducerDescription,
  type ReadOptions,
  type ReadOutcome,
} from "./outcomes.ts";
import type { PartitionHost, PartitionOptions } from "./partition-host.ts";

const always = () => true;

/**
 * One partition's log as handlers and coordinators see it. Expected failures are error codes in outcomes; nothing throws but a bug.
 * Its files are opened when it is first used, so any method may block for a short read from disk.
 */
export class Partition {
  readonly topic: string;
  readonly index: number;
  /** Kafka's base64url form. */
  readonly topicId: string;
  /** The partition's directory. */
  readonly directory: string;
  /** False while acks=all is refused for want of replicas (`min.insync.replicas`). */
  inSync: () => boolean = always;

  readonly #host: PartitionHost;
  readonly #knownRecoveryPoint: number;
  #config: LogConfig;
  /** What is known while the log is not open. */
  readonly #resting: RestingLog;
  #live: LiveLog | null = null;
  #listeners: Set<() => void> | null = null;
  #offline: { readonly message: string } | null = null;
  #closedCode = 0;
  #leaderEpoch: number;

  /** Partitions are made by the `LogManager`. `log` is there where it was recovered, and so is open already. */
  constructor(host: PartitionHost, options: PartitionOptions, resting: RestingLog, log: Log | null = null) {
    this.#host = host;
    this.topic = options.topic;
    this.index = options.index;
    this.topicId = options.topicId;
    this.directory = options.directory;
    this.#leaderEpoch = Math.max(options.leaderEpoch, resting.latestEpoch);
    this.#config = options.config;
    this.#resting = resting;
    this.#knownRecoveryPoint = options.recoveryPoint ?? resting.logEndOffset;
    if (log !== null) this.#start(log);
  }

  /** The epoch that appends carry: what `open` was given, or the largest one that the log knows if that is larger; and what `changeLeader` has made of it. */
  get leaderEpoch(): number {
    return this.#leaderEpoch;
  }

  /** First offset that can be read; it grows by retention and `deleteRecordsBefore`. */
  get logStartOffset(): number {
    return this.#live?.log.logStartOffset ?? this.#resting.logStartOffset;
  }

  /** Below it records are as durable as the flush policy says; consumers read up to here. */
  get highWatermark(): number {
    return this.#live?.highWatermark ?? this.#resting.highWatermark;
  }

  /** Below it no transaction is open; never above the high watermark. */
  get lastStableOffset(): number {
    return this.#live?.lastStableOffset ?? this.#resting.lastStableOffset;
  }

  /** The next offset to be given to a record. */
  get logEndOffset(): number {
    return this.#live?.log.nextOffset ?? this.#resting.logEndOffset;
  }

  /** Set once the log is damaged or a write or sync failed: everything answers KAFKA_STORAGE_ERROR and the message says why. */
  get offline(): { readonly message: string } | null {
    return this.#offline;
  }

  /** True once the topic was deleted or the manager closed: everything answers UNKNOWN_TOPIC_OR_PARTITION (deleted) or KAFKA_STORAGE_ERROR (closed). */
  get closed(): boolean {
    return this.#closedCode !== 0;
  }

  get config(): LogConfig {
    return this.#config;
  }

  /** Size of all segments, without indexes. */
  get sizeInBytes(): number {
    return this.#live?.log.segments.sizeInBytes ?? this.#resting.sizeInBytes;
  }

  /** Up to here the log is on disk. */
  get recoveryPoint(): number {
    return this.#live?.log.recoveryPoint ?? this.#knownRecoveryPoint;
  }

  /** What is known of the log while it is not open. */
  get resting(): RestingLog {
    return this.#resting;
  }

  /** Neither offline nor closed. */
  get isInUse(): boolean {
    return this.#unavailable === 0;
  }

  /** The log if it is open, for the manager's housekeeping. */
  get openLog(): Log | null {
    return this.#live?.log ?? null;
  }

  /**
   * Appends record batches. Offsets are assigned at once, in call order, by patching `records` in place (the bytes belong to the log until `done`);
   * what a tick brings for a partition goes to disk in one write at its end. `done` is called exactly once: at once, before `append` returns, with an error outcome or a duplicate's answer
   * that has nothing to wait for, else when the records are written or committed as `options.acks` says. A failed write or sync takes the partition offline and answers KAFKA_STORAGE_ERROR to all who wait.
   */
  append(records: Uint8Array, options: AppendOptions, done: (outcome: AppendOutcome) => void): void {
    const live = this.#use();
    if (live === null) {
      done(this.#failedAppend());
      return;
    }
    if (options.acks === "committed" && !this.inSync()) {
      const message = `fewer replicas of ${this.topic}-${this.index} are in sync than min.insync.replicas`;
      done(failedAppend(errorCodes.NOT_ENOUGH_REPLICAS, message, this.logStartOffset));
      return;
    }
    try {
      live.append(records, options, done);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.fail("append", error);
      done(this.#failedAppend());
    }
  }

  /** Whole batches from `offset` on, at most `maxBytes` of them (see `ReadOptions`). */
  read(offset: number, maxBytes: number, options: ReadOptions): ReadOutcome {
    const live = this.#use();
    if (live === null) return this.#nothing(this.#unavailable, options);
    const { log } = live;
    if (offset < log.logStartOffset || offset > log.nextOffset) {
      return this.#nothing(errorCodes.OFFSET_OUT_OF_RANGE, options);
    }
    try {
      const read = log.reader.read(offset, maxBytes, live.bound(options.isolation), options.minOneBatch);
      if (read === null) return this.#nothing(0, options);
      const { buffers } = this.#host.environment;
      const isCommitted = options.isolation === "committed";
      let isReleased = false;
      return {
        ...this.#outcome(0),
        records: read.buffer.subarray(0, read.size),
        abortedTransactions: isCommitted ? log.reader.abortedTransactions(offset, read.nextOffset) : null,
        release: () => {
          if (!isReleased) buffers.release(read.buffer);
          isReleased = true;
        },
      };
    } catch (error) {
      return this.#nothing(this.#readFailed(error), options);
    }
  }

  /** How many bytes lie between `offset` and where the isolation lets a reader go; 0 where `offset` is out of range. Cheap: for a long poll's min bytes. */
  bytesAvailable(offset: number, isolation: Isolation): number {
    if (offset >= this.logEndOffset && this.#live === null) return 0;
    const live = this.#use();
    if (live === null || offset < live.log.logStartOffset) return 0;
    try {
      return live.log.reader.bytesUntil(offset, live.bound(isolation));
    } catch (error) {
      this.#readFailed(error);
      return 0;
    }
  }

  /** Calls back, synchronously, whenever high watermark, last stable or log start offset has moved, or the partition went offline or was closed. Returns the way to stop it. */
  onAdvance(listener: () => void): () => void {
    this.#listeners ??= new Set();
    // A listener of its own, so that one function may be given twice.
    const called = () => listener();
    this.#listeners.add(called);
    return () => void this.#listeners?.delete(called);
  }

  /** ListOffsets -2: the log start offset. */
  earliestOffset(): OffsetOutcome {
    const live = this.#use();
    if (live === null) return noOffset(this.#unavailable);
    const { logStartOffset, epochs } = live.log;
    const leaderEpoch = logStartOffset === live.log.nextOffset ? this.leaderEpoch : epochs.epochAt(logStartOffset);
    return { errorCode: 0, offset: logStartOffset, timestampMs: -1, leaderEpoch };
  }

  /** ListOffsets -1: where the isolation's readers stop. */
  latestOffset(isolation: Isolation): OffsetOutcome {
    if (this.#unavailable !== 0) return noOffset(this.#unavailable);
    return { errorCode: 0, offset: this.#boundOffset(isolation), timestampMs: -1, leaderEpoch: this.leaderEpoch };
  }

  /** ListOffsets >= 0: the first record whose timestamp is at least `timestampMs` and that the isolation's readers may see. */
  offsetForTimestamp(timestampMs: number, isolation: Isolation): OffsetOutcome {
    return this.#find(isolation, (log) => log.reader.findTimestamp(timestampMs, log.logStartOffset));
  }

  /** ListOffsets -3: the first of the records with the largest timestamp. */
  maxTimestampOffset(): OffsetOutcome {
    return this.#find("uncommitted", (log) => log.reader.findMaxTimestamp());
  }

  /** OffsetForLeaderEpoch (KIP-101, KIP-279). */
  offsetForLeaderEpoch(epoch: number): EpochEndOutcome {
    const live = this.#use();
    if (live === null) return { errorCode: this.#unavailable, leaderEpoch: -1, endOffset: -1 };
    return { errorCode: 0, ...live.log.epochs.endOffset(epoch, this.leaderEpoch, live.log.nextOffset) };
  }

  /** Compares the epoch that a request believes in: 0, FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. -1 is not checked. */
  checkLeaderEpoch(currentLeaderEpoch: number): number {
    if (currentLeaderEpoch === -1 || currentLeaderEpoch === this.leaderEpoch) return 0;
    return currentLeaderEpoch < this.leaderEpoch ? errorCodes.FENCED_LEADER_EPOCH : errorCodes.UNKNOWN_LEADER_EPOCH;
  }

  /** DeleteRecords: moves the log start offset; -1 means up to the high watermark. It survives the process from then on; see `logStartStored` for the machine. Returns 0, OFFSET_OUT_OF_RANGE, POLICY_VIOLATION (the topic is compacted only) or KAFKA_STORAGE_ERROR. */
  deleteRecordsBefore(offset: number): number {
    const live = this.#use();
    if (live === null) return this.#unavailable;
    const { cleanupPolicy } = this.#config;
    if (cleanupPolicy.includes("compact") && !cleanupPolicy.includes("delete")) return errorCodes.POLICY_VIOLATION;
    const target = offset === -1 ? live.highWatermark : offset;
    if (target < 0 || target > live.highWatermark) return errorCodes.OFFSET_OUT_OF_RANGE;
    try {
      if (!live.log.moveStart(target)) return 0;
      this.#host.logStartMoved();
    } catch (error) {
      this.fail("moving the log start", error);
      return errorCodes.KAFKA_STORAGE_ERROR;
    }
    this.notify();
    return 0;
  }

  /** Waits until a log start that was moved is as durable as the flush policy promises. Resolves with 0 or KAFKA_STORAGE_ERROR. */
  async logStartStored(): Promise<number> {
    if (this.#live?.syncsAlways !== true) return 0;
    try {
      await this.#host.syncLogStarts();
      return 0;
    } catch (error) {
      this.fail("storing the log start", error);
      return errorCodes.KAFKA_STORAGE_ERROR;
    }
  }

  /** For DescribeProducers. */
  producers(): ProducerDescription[] {
    return this.#use()?.log.producers.describe() ?? [];
  }

  /** Another broker leads from now on, with a larger epoch: who waits for what is not committed gets NOT_LEADER_OR_FOLLOWER, and listeners are called. */
  changeLeader(leaderEpoch: number): void {
    this.#leaderEpoch = leaderEpoch;
    const message = `${this.topic}-${this.index} has another leader`;
    this.#live?.changeLeader(leaderEpoch, failedAppend(errorCodes.NOT_LEADER_OR_FOLLOWER, message, -1));
    this.notify();
  }

  /** New settings of the topic; they hold from the next append, roll or clean-up on. */
  updateConfig(config: LogConfig): void {
    this.#config = config;
    this.#live?.updateConfig(config);
  }

  /** Resolves once all that has been appended so far is synced; rejects with an `Error` that says why where the partition is offline. */
  async flush(): Promise<void> {
    await this.#live?.flush();
    if (this.#offline !== null) throw new Error(this.#offline.message);
  }

  /** Opens the log if need be, for the manager's housekeeping; null where that can't be. */
  openForHousekeeping(): Log | null {
    return this.#use()?.log ?? null;
  }

  /** Calls the listeners: something that they care about has moved. */
  notify(): void {
    if (this.#listeners === null || this.#listeners.size === 0) return;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Takes the partition out of use: everybody who waits, and every later call, gets KAFKA_STORAGE_ERROR. */
  goOffline(message: string): void {
    if (this.#unavailable !== 0) return;
    this.#offline = { message };
    this.#host.environment.logger.error(`partition ${this.topic}-${this.index} is offline: ${message}`);
    this.#stop();
  }

  /** Ends all use; who waits, and every later call, gets the code. Files stay as they are. */
  close(errorCode: number): void {
    if (this.#closedCode !== 0) return;
    this.#closedCode = errorCode;
    this.#stop();
  }

  /** For a clean stop: writes and syncs everything, and says what the next start may rely on; null where there is nothing to rely on. */
  async rest(): Promise<RestingLog | null> {
    const live = this.#live;
    if (this.#unavailable !== 0) return null;
    if (live === null) return this.#resting;
    try {
      live.writeQueued();
      if (this.#unavailable !== 0) return null;
      live.log.seal();
      await live.flush();
      return this.#unavailable === 0 ? describeLog(live.log, live.highWatermark, live.lastStableOffset) : null;
    } catch (error) {
      this.fail("closing the log", error);
      return null;
    }
  }

  /** The error that everything answers, 0 while the partition is in use. */
  get #unavailable(): number {
    if (this.#closedCode !== 0) return this.#closedCode;
    return this.#offline === null ? 0 : errorCodes.KAFKA_STORAGE_ERROR;
  }

  /** The log, opened if need be; null where there is none to be used (`#unavailable` says why). */
  #use(): LiveLog | null {
    if (this.#unavailable !== 0) return null;
    if (this.#live !== null) return this.#live;
    try {
      this.#start(openLog(this.#host.environment, this, this.#resting));
    } catch (error) {
      this.fail("opening the log", error);
    }
    return this.#live;
  }

  #start(log: Log): void {
    const { environment, syncs } = this.#host;
    this.#live = new LiveLog(environment, syncs, log, this.leaderEpoch, {
      advanced: () => this.notify(),
      failed: (what, error) => this.fail(what, error),
    });
  }

  #stop(): void {
    this.#live?.stop(this.#failedAppend());
    this.notify();
  }

  /** Takes the partition offline after a failed operation; throws what is a bug. */
  fail(what: string, error: unknown): void {
    if (error instanceof LogDamagedError) this.goOffline(error.message);
    else if (error instanceof DiskError || error instanceof CorruptBatchError) {
      this.goOffline(`${what} failed: ${error.message}`);
    } else throw error;
  }

  /** A read that fails does not take the partition offline: what is there may well be all right. */
  #readFailed(error: unknown): number {
    if (!(error instanceof DiskError || error instanceof CorruptBatchError)) throw error;
    this.#host.environment.logger.error(`reading partition ${this.topic}-${this.index} failed: ${error.message}`);
    return errorCodes.KAFKA_STORAGE_ERROR;
  }

  #failedAppend(): AppendOutcome {
    const message = this.#offline?.message ?? "the partition is closed";
    return failedAppend(this.#unavailable, message, this.logStartOffset);
  }

  #boundOffset(isolation: Isolation): number {
    if (isolation === "logEnd") return this.logEndOffset;
    return isolation === "committed" ? this.lastStableOffset : this.highWatermark;
  }

  #find(isolation: Isolation, find: (log: Log) => FoundRecord | null): OffsetOutcome {
    const live = this.#use();
    if (live === null) return noOffset(this.#unavailable);
    try {
      const found = find(live.log);
      if (found === null || found.offset >= this.#boundOffset(isolation)) return noOffset(0);
      return { errorCode: 0, ...found };
    } catch (error) {
      return noOffset(this.#readFailed(error));
    }
  }

  #outcome(errorCode: number) {
    return {
      errorCode,
      errorMessage: errorCode === errorCodes.KAFKA_STORAGE_ERROR ? (this.#offline?.message ?? null) : null,
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.logStartOffset,
    };
  }

  #nothing(errorCode: number, { isolation }: ReadOptions): ReadOutcome {
    const abortedTransactions = isolation === "committed" ? [] : null;
    return { ...this.#outcome(errorCode), ...nothingRead, abortedTransactions };
  }
}
