import { DiskError, type Timer } from "@ottla/runtime";
import type { Checkpoints } from "./checkpoints.ts";
import { Cleaner } from "./cleaner.ts";
import type { LogEnvironment } from "./environment.ts";
import type { Partition } from "./partition.ts";
import { countExpiredSegments, mayHaveExpired, removeSegments, retireSegments } from "./retention.ts";
import { SegmentRemover } from "./segment-remover.ts";

/** So many partitions are looked at before others get their turn. */
const partitionsPerSlice = 100;

/** What has to be done to logs now and then: retention, compaction, checkpoints, forgetting producers. */
export class Housekeeping {
  readonly cleaner: Cleaner;
  readonly #environment: LogEnvironment;
  readonly #checkpoints: Checkpoints;
  readonly #partitions: () => Iterable<Partition>;
  readonly #remover: SegmentRemover;
  readonly #timers = new Set<Timer>();
  readonly #running = new Set<Promise<void>>();
  #isStopped = false;

  constructor(environment: LogEnvironment, checkpoints: Checkpoints, partitions: () => Iterable<Partition>) {
    this.#environment = environment;
    this.#checkpoints = checkpoints;
    this.#partitions = partitions;
    this.#remover = new SegmentRemover(environment.runtime.clock, environment.logger);
    const host = {
      partitions,
      cleanedTo: (name: string) => checkpoints.cleaned.get(name) ?? 0,
      setCleaned: (name: string, offset: number) => checkpoints.setCleaned(name, offset),
    };
    this.cleaner = new Cleaner(environment, host, this.#remover);
  }

  start(): void {
    const { config } = this.#environment;
    const initialMs = config.logInitialTaskDelayMs;
    this.#every(config.logRetentionCheckIntervalMs, initialMs, () => this.applyRetention());
    this.#every(config.logFlushOffsetCheckpointIntervalMs, initialMs, () => this.writeCheckpoints());
    this.#every(config.producerIdExpirationCheckIntervalMs, initialMs, () => this.expireProducers());
    if (config.logCleanerEnable) this.cleaner.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    await Promise.all([this.cleaner.stop(), ...this.#running]);
    this.#remover.finish();
  }

  /** Removes the segments that retention has no use for any more. */
  async applyRetention(): Promise<void> {
    await this.#forEach((partition) => this.#applyRetentionTo(partition));
  }

  async writeCheckpoints(): Promise<void> {
    try {
      await this.#checkpoints.write(this.#partitions());
    } catch (error) {
      this.#warn("writing checkpoints", error);
    }
  }

  async expireProducers(): Promise<void> {
    const { runtime, config } = this.#environment;
    await this.#forEach(async ({ openLog }) => {
      openLog?.producers.expire(runtime.clock.now(), config.producerIdExpirationMs);
    });
  }

  async #applyRetentionTo(partition: Partition): Promise<void> {
    const nowMs = this.#environment.runtime.clock.now();
    if (!partition.isInUse) return;
    if (partition.openLog === null && !mayHaveExpired(partition.resting, partition.config, nowMs)) return;
    const log = partition.openForHousekeeping();
    if (log === null || log.isBeingCompacted) return;
    try {
      const count = countExpiredSegments(log, partition.highWatermark, nowMs);
      if (count === 0) return;
      retireSegments(log, count);
      partition.notify();
    } catch (error) {
      partition.fail("removing old segments", error);
      return;
    }
    try {
      await this.#checkpoints.writeLogStarts(this.#partitions());
    } catch (error) {
      // Without it the segments have to stay; the next round tries again.
      this.#warn("writing checkpoints", error);
      return;
    }
    if (!partition.isInUse || log.isBeingCompacted) return;
    try {
      const removed = removeSegments(log);
      this.#remover.later(removed, log.config.fileDeleteDelayMs);
      const { topic, index, logStartOffset } = partition;
      const { logger } = this.#environment;
      logger.info(`removed ${removed.length} old segments of ${topic}-${index}, it starts at ${logStartOffset} now`);
    } catch (error) {
      partition.fail("removing old segments", error);
    }
  }

  async #forEach(job: (partition: Partition) => Promise<void>): Promise<void> {
    let count = 0;
    for (const partition of [...this.#partitions()]) {
      if (this.#isStopped) return;
      await job(partition);
      if (++count % partitionsPerSlice === 0) {
        await new Promise<void>((resolve) => this.#environment.runtime.clock.defer(resolve));
      }
    }
  }

  #every(intervalMs: number, initialMs: number, job: () => Promise<void>): void {
    const schedule = (delayMs: number) => {
      const timer = this.#environment.runtime.clock.setTimer(delayMs, () => {
        this.#timers.delete(timer);
        // A bug in what only tidies up must not end the process.
        const failed = (error: unknown) => this.#environment.logger.error("housekeeping failed", { error });
        const running = job()
          .catch(failed)
          .then(() => {
            this.#running.delete(running);
            if (!this.#isStopped) schedule(intervalMs);
          });
        this.#running.add(running);
      });
      this.#timers.add(timer);
    };
    schedule(initialMs);
  }

  #warn(what: string, error: unknown): void {
    if (!(error instanceof DiskError)) throw error;
    this.#environment.logger.warn(`${what} failed: ${error.message}`);
  }
}
