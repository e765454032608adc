import type { Clock, Timer } from "@ottla/runtime";
import type { FlushPolicy, LogConfig } from "./config.ts";
import type { Log, UnsyncedFiles } from "./log.ts";
import type { LogPosition } from "./log-reader.ts";
import type { SyncScheduler, SyncTarget } from "./sync-scheduler.ts";

/** When a log is synced without somebody asking for it. */
export interface SyncPolicy {
  /** After every write; one sync for all that was written while the one before ran. */
  readonly always: boolean;
  /** At most so long after a write; `Infinity` for never. */
  readonly intervalMs: number;
  /** Once so many records have been written; `Infinity` for never. */
  readonly records: number;
}

export function syncPolicy(manager: { flush: FlushPolicy; flushIntervalMs: number }, config: LogConfig): SyncPolicy {
  const interval = manager.flush === "interval" ? manager.flushIntervalMs : Number.POSITIVE_INFINITY;
  return {
    always: manager.flush === "always" || config.flushMessages === 1,
    intervalMs: Math.min(interval, config.flushMs),
    records: config.flushMessages,
  };
}

/** Who is told what became of a sync. */
export interface SyncListener {
  /** Everything up to there has reached the disk. */
  synced(end: LogPosition): void;
  /** Something may be lost for good, so the log must not be used any more. */
  syncFailed(error: unknown): void;
}

/** Runs the syncs of one log, one at a time. */
export class LogSyncer implements SyncTarget {
  policy: SyncPolicy;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #scheduler: SyncScheduler;
  readonly #listener: SyncListener;
  #accountedBytes: number;
  #syncedOffset: number;
  #unsyncedBytes = 0;
  #isSyncing = false;
  #isWantedAgain = false;
  #isStopped = false;
  #timer: Timer | null = null;
  #idle: (() => void)[] = [];

  constructor(log: Log, clock: Clock, scheduler: SyncScheduler, policy: SyncPolicy, listener: SyncListener) {
    this.#log = log;
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.policy = policy;
    this.#listener = listener;
    this.#accountedBytes = log.writtenBytes;
    this.#syncedOffset = log.written.offset;
  }

  /** To be called after every write. */
  wrote(): void {
    const bytes = this.#log.writtenBytes - this.#accountedBytes;
    if (bytes === 0) return;
    this.#accountedBytes += bytes;
    this.#unsyncedBytes += bytes;
    const isDue = this.#log.written.offset - this.#syncedOffset >= this.policy.records;
    if (this.policy.always || isDue) this.requestSync();
    else if (this.policy.intervalMs !== Number.POSITIVE_INFINITY) this.#startTimer();
    this.#scheduler.wrote(this, bytes);
  }

  requestSync(): void {
    if (this.#isStopped) return;
    if (this.#isSyncing) this.#isWantedAgain = true;
    else this.#sync();
  }

  /** Resolves when no sync is under way. */
  async settled(): Promise<void> {
    if (this.#isSyncing) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Starts no further syncs. One that is under way tells nobody. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#scheduler.forget(this);
  }

  #startTimer(): void {
    this.#timer ??= this.#clock.setTimer(this.policy.intervalMs, () => {
      this.#timer = null;
      this.requestSync();
    });
  }

  #sync(): void {
    this.#isSyncing = true;
    const bytes = this.#unsyncedBytes;
    const unsynced = this.#log.takeUnsynced();
    void this.#run(unsynced).then(
      () => this.#ended(null, bytes, unsynced.end),
      (error: unknown) => this.#ended({ error }, bytes, unsynced.end),
    );
  }

  async #run({ files, directory }: UnsyncedFiles): Promise<void> {
    // In the order in which they were written: what came later is of no use without what came before.
    for (const file of files) await file.sync();
    // Names last: a name must not survive without what it stands for.
    if (directory) await this.#log.syncDirectory();
  }

  #ended(failure: { error: unknown } | null, bytes: number, end: LogPosition): void {
    this.#isSyncing = false;
    const idle = this.#idle;
    this.#idle = [];
    if (!this.#isStopped) {
      if (failure === null) {
        this.#unsyncedBytes -= bytes;
        this.#syncedOffset = end.offset;
        this.#scheduler.synced(this, bytes);
        this.#listener.synced(end);
        this.#goOn();
      } else {
        this.#listener.syncFailed(failure.error);
      }
    }
    for (const resolve of idle) resolve();
  }

  #goOn(): void {
    const isWanted = this.#isWantedAgain || (this.policy.always && this.#unsyncedBytes > 0);
    this.#isWantedAgain = false;
    if (isWanted && !this.#isSyncing && !this.#isStopped) this.#sync();
  }
}
