import { CorruptBatchError } from "@ottla/protocol";
import { DiskError, type Timer } from "@ottla/runtime";
import { type CleanableRange, Compaction, CompactionStopped, cleanableRange, isDue } from "./compaction.ts";
import type { LogEnvironment } from "./environment.ts";
import { partitionDirectoryName } from "./file-names.ts";
import type { Log } from "./log.ts";
import type { Partition } from "./partition.ts";
import type { SegmentRemover } from "./segment-remover.ts";

/** What the cleaner needs of the manager. */
export interface CleanerHost {
  partitions(): Iterable<Partition>;
  /** Up to where a log has been compacted; 0 where it never was. */
  cleanedTo(name: string): number;
  setCleaned(name: string, offset: number): Promise<void>;
}

interface Candidate {
  readonly partition: Partition;
  readonly log: Log;
  readonly range: CleanableRange;
}

/** After so many bytes others get their turn. */
const sliceBytes = 256 * 1024;
/** A log whose compaction failed is left alone for so many rounds. */
const roundsToSkip = 20;

/** Compacts logs in the background, one at a time, the dirtiest first (Kafka's `LogCleaner`). */
export class Cleaner {
  readonly #environment: LogEnvironment;
  readonly #host: CleanerHost;
  readonly #remover: SegmentRemover;
  /** Rounds to go until a log that failed is tried again. */
  readonly #failed = new WeakMap<Partition, number>();
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #isStopped = false;
  #bytesSinceBreak = 0;

  constructor(environment: LogEnvironment, host: CleanerHost, remover: SegmentRemover) {
    this.#environment = environment;
    this.#host = host;
    this.#remover = remover;
  }

  start(): void {
    const { config, runtime } = this.#environment;
    if (this.#isStopped) return;
    this.#timer = runtime.clock.setTimer(config.logCleanerBackoffMs, () => {
      // A bug here must not end the process.
      const failed = (error: unknown) => this.#environment.logger.error("compaction failed", { error });
      this.#running = this.#cleanAll()
        .catch(failed)
        .then(() => {
          this.#running = null;
          this.start();
        });
    });
  }

  /** Starts nothing more, and resolves when what runs has come to an end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Compacts the dirtiest log that is due. Returns false where there is none. */
  async cleanOne(): Promise<boolean> {
    const candidate = this.#dirtiest();
    if (candidate === null) return false;
    const { partition, log, range } = candidate;
    const { clock } = this.#environment.runtime;
    const { logger } = this.#environment;
    const name = partitionDirectoryName(partition.topic, partition.index);
    log.isBeingCompacted = true;
    try {
      const startedMs = clock.monotonic();
      const compaction = new Compaction(this.#environment, log, range, {
        pause: (bytes) => this.#pause(bytes, partition),
        failedMidway: (error) => partition.fail("swapping in a compacted segment", error),
        discard: (segments) => this.#remover.later(segments, log.config.fileDeleteDelayMs),
      });
      const result = await compaction.run(clock.now());
      await this.#host.setCleaned(name, result.endOffset);
      const { bytesBefore, bytesAfter, endOffset } = result;
      const durationMs = Math.round(clock.monotonic() - startedMs);
      logger.info(`compacted ${name} up to offset ${endOffset}: ${bytesBefore} to ${bytesAfter} bytes`, { durationMs });
    } catch (error) {
      if (error instanceof CompactionStopped) return !this.#isStopped;
      if (!(error instanceof DiskError || error instanceof CorruptBatchError)) throw error;
      this.#failed.set(partition, roundsToSkip);
      logger.error(`compacting ${name} failed, it is left alone for a while: ${error.message}`);
    } finally {
      log.isBeingCompacted = false;
    }
    return true;
  }

  async #cleanAll(): Promise<void> {
    while (!this.#isStopped && (await this.cleanOne()));
  }

  #dirtiest(): Candidate | null {
    const nowMs = this.#environment.runtime.clock.now();
    let dirtiest: Candidate | null = null;
    let largestRatio = -1;
    for (const partition of this.#host.partitions()) {
      const candidate = this.#candidate(partition, nowMs);
      if (candidate === null) continue;
      const { cleanBytes, dirtyBytes } = candidate.range;
      const ratio = dirtyBytes / (cleanBytes + dirtyBytes);
      if (ratio > largestRatio) {
        dirtiest = candidate;
        largestRatio = ratio;
      }
    }
    return dirtiest;
  }

  #candidate(partition: Partition, nowMs: number): Candidate | null {
    if (!partition.isInUse || !partition.config.cleanupPolicy.includes("compact")) return null;
    const skip = this.#failed.get(partition) ?? 0;
    if (skip > 0) {
      this.#failed.set(partition, skip - 1);
      return null;
    }
    // A log of one segment has nothing to compact, and need not be opened to know that.
    if (partition.openLog === null && partition.resting.segmentCount <= 1) return null;
    const log = partition.openForHousekeeping();
    if (log === null || log.segments.count <= 1 || log.isBeingCompacted) return null;
    try {
      const cleanedTo = this.#host.cleanedTo(partitionDirectoryName(partition.topic, partition.index));
      const range = cleanableRange(log, partition.lastStableOffset, cleanedTo, nowMs);
      return isDue(range, log.config, nowMs) ? { partition, log, range } : null;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#failed.set(partition, roundsToSkip);
      return null;
    }
  }

  /** Lets others have their turn, and waits as long as the configured rate asks for. */
  async #pause(bytes: number, partition: Partition): Promise<void> {
    const { clock } = this.#environment.runtime;
    const { logCleanerIoMaxBytesPerSecond: rate } = this.#environment.config;
    this.#bytesSinceBreak += bytes;
    if (this.#bytesSinceBreak >= sliceBytes) {
      const delayMs = rate === Number.POSITIVE_INFINITY ? 0 : (this.#bytesSinceBreak / rate) * 1000;
      this.#bytesSinceBreak = 0;
      await new Promise<void>((resolve) => {
        if (delayMs < 1) clock.defer(resolve);
        else clock.setTimer(delayMs, resolve);
      });
    }
    if (this.#isStopped || !partition.isInUse) throw new CompactionStopped();
  }
}
