import { DiskError } from "@ottla/runtime";
import { appendBatches } from "./append-batches.ts";
import { AppendWaiters } from "./append-waiters.ts";
import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import type { Log } from "./log.ts";
import type { LogPosition } from "./log-reader.ts";
import { LogSyncer, syncPolicy } from "./log-syncer.ts";
import type { AppendOptions, AppendOutcome, Isolation } from "./outcomes.ts";
import type { SyncScheduler } from "./sync-scheduler.ts";

/** What a live log tells its partition. */
export interface LiveLogEvents {
  /** High watermark or last stable offset has moved. */
  advanced(): void;
  /** A write or a sync failed: the log is not to be used any more. */
  failed(what: string, error: unknown): void;
}

/** An open log in use: what becomes of an append from its arrival to the moment it is below the high watermark. */
export class LiveLog {
  readonly log: Log;
  readonly #environment: LogEnvironment;
  readonly #syncs: SyncScheduler;
  readonly #syncer: LogSyncer;
  readonly #events: LiveLogEvents;
  #leaderEpoch: number;
  readonly #waiters = new AppendWaiters();
  #highWatermark: LogPosition;
  /** Position of the last stable offset, where that is not the high watermark. */
  #lastStable: LogPosition | null = null;
  #isWriteScheduled = false;
  #isStopped = false;

  constructor(environment: LogEnvironment, syncs: SyncScheduler, log: Log, leaderEpoch: number, events: LiveLogEvents) {
    this.log = log;
    this.#environment = environment;
    this.#syncs = syncs;
    this.#events = events;
    this.#leaderEpoch = leaderEpoch;
    const policy = syncPolicy(environment.config, log.config);
    this.#syncer = new LogSyncer(log, environment.runtime.clock, syncs, policy, {
      synced: (end) => this.#synced(end),
      syncFailed: (error) => this.#failed("sync", error),
    });
    // What is found in a log when it is opened may have been acknowledged, so all of it is committed. Where that promises durability, it has to be kept.
    if (policy.always && log.hasUnsynced) log.syncBlocking();
    log.syncsBeforeRoll = policy.always;
    this.#highWatermark = log.written;
    log.producers.highWatermarkMoved(log.written.offset);
  }

  /** Whether what is acknowledged has been synced. */
  get syncsAlways(): boolean {
    return this.#syncer.policy.always;
  }

  get highWatermark(): number {
    return this.#highWatermark.offset;
  }

  get lastStableOffset(): number {
    const { log } = this;
    const unstable = log.producers.firstUnstableOffset;
    return Math.min(this.#highWatermark.offset, Math.max(unstable, log.logStartOffset));
  }

  /** Where readers stop. Throws a `DiskError`. */
  bound(isolation: Isolation): LogPosition {
    if (isolation === "logEnd") return this.log.written;
    if (isolation === "uncommitted") return this.#highWatermark;
    const offset = this.lastStableOffset;
    if (offset === this.#highWatermark.offset) return this.#highWatermark;
    if (this.#lastStable?.offset !== offset || this.#lastStable.segment.isRetired) {
      this.#lastStable = this.log.reader.locate(offset);
    }
    return this.#lastStable ?? this.#highWatermark;
  }

  append(records: Uint8Array, options: AppendOptions, done: (outcome: AppendOutcome) => void): void {
    const outcome = appendBatches(this.#environment, this.log, this.#leaderEpoch, records, options);
    const endOffset = outcome.lastOffset + 1;
    const reached = options.acks === "committed" ? this.#highWatermark.offset : this.log.written.offset;
    if (endOffset <= reached) {
      // An error, or the repetition of something that is stored already.
      done(outcome);
      return;
    }
    this.#waiters.add(options.acks, endOffset, outcome, done);
    this.#scheduleWrite();
  }

  /** Writes what is queued, at once. */
  writeQueued(): void {
    if (this.#isStopped) return;
    try {
      this.log.write();
    } catch (error) {
      this.#failed("write", error);
      return;
    }
    this.#syncer.wrote();
    // A sync that could not even start has ended all this.
    if (this.#isStopped) return;
    this.#waiters.written();
    if (!this.#syncer.policy.always) this.#advance(this.log.written);
  }

  /** Resolves once everything appended so far has been synced, or the log was given up. */
  async flush(): Promise<void> {
    this.writeQueued();
    await this.#syncer.settled();
    if (this.log.hasUnsynced) this.#syncer.requestSync();
    await this.#syncer.settled();
  }

  /** Another broker leads: what is queued is written, who waits on after that gets the outcome, and what is appended from now on carries the new epoch. */
  changeLeader(leaderEpoch: number, outcome: AppendOutcome): void {
    this.writeQueued();
    this.#waiters.fail(outcome);
    this.#leaderEpoch = leaderEpoch;
  }

  updateConfig(config: LogConfig): void {
    this.log.config = config;
    this.#syncer.policy = syncPolicy(this.#environment.config, config);
    this.log.syncsBeforeRoll = this.#syncer.policy.always;
    // Records may wait for a sync that nobody has reason to start now.
    if (!this.#isStopped && !this.#syncer.policy.always && !this.log.hasQueued) this.#advance(this.log.written);
  }

  /** Ends its use: all who wait get that outcome. */
  stop(outcome: AppendOutcome): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#syncer.stop();
    try {
      this.log.closeFiles();
    } catch (error) {
      // What it is given up for matters more.
      if (!(error instanceof DiskError)) throw error;
    }
    this.#waiters.fail(outcome);
  }

  #scheduleWrite(): void {
    if (this.#isWriteScheduled) return;
    this.#isWriteScheduled = true;
    this.#environment.runtime.clock.defer(() => this.#writeWhenRoom());
  }

  #writeWhenRoom(): void {
    if (this.#syncs.isFull && !this.#isStopped) {
      this.#syncs.whenRoom(() => this.#writeWhenRoom());
      return;
    }
    this.#isWriteScheduled = false;
    this.writeQueued();
  }

  #synced(end: LogPosition): void {
    this.log.recoveryPoint = Math.max(this.log.recoveryPoint, end.offset);
    if (this.#syncer.policy.always) this.#advance(end);
  }

  #advance(to: LogPosition): void {
    if (to.offset <= this.#highWatermark.offset) {
      // After a roll the same offset lies in another file.
      if (to.offset === this.#highWatermark.offset) this.#highWatermark = to;
      return;
    }
    this.#highWatermark = to;
    this.log.producers.highWatermarkMoved(to.offset);
    this.#waiters.committed(to.offset);
    this.#events.advanced();
  }

  #failed(what: string, error: unknown): void {
    if (!this.#isStopped) this.#events.failed(what, error);
  }
}
