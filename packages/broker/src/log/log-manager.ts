import { errorCodes } from "@ottla/protocol";
import { DiskError, type Timer } from "@ottla/runtime";
import { Checkpoints } from "./checkpoints.ts";
import { type MarkedLog, takeCleanShutdown, writeCleanShutdown } from "./clean-shutdown.ts";
import { defaultLogManagerConfig, type LogConfig } from "./config.ts";
import { type LogEnvironment, logEnvironment } from "./environment.ts";
import { joinPath, partitionDirectoryName } from "./file-names.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { ExpectedPartition, LogManagerOptions, StrayDirectory } from "./log-manager-options.ts";
import { LogStartup } from "./log-startup.ts";
import type { Partition } from "./partition.ts";
import type { PartitionHost } from "./partition-host.ts";
import { SyncScheduler } from "./sync-scheduler.ts";

export type { ExpectedPartition, LogManagerOptions, StrayDirectory } from "./log-manager-options.ts";

const noIds: ReadonlySet<string> = new Set();
/** How many logs are closed at the same time: each has files to sync. */
const closedAtOnce = 32;

/**
 * All partitions' logs below one data directory (Kafka's `LogManager`): opening and recovery, creation and deletion, checkpoints, retention,
 * compaction, syncs, the bound on open files, the clean-shutdown mark.
 */
export class LogManager {
  /** What retention, compaction and checkpoints do in the background; tests and tools may ask for a round. */
  readonly housekeeping: Housekeeping;

  readonly #environment: LogEnvironment;
  readonly #dataDirectory: string;
  readonly #checkpoints: Checkpoints;
  readonly #startup: LogStartup;
  readonly #partitions = new Map<string, Partition>();
  readonly #byTopic = new Map<string, Partition[]>();
  readonly #removals = new Set<Timer>();
  #strays: StrayDirectory[] = [];
  #wasCleanShutdown = false;
  /** Whether the log directory was made by this start. */
  readonly #isNew: boolean;
  #isClosed = false;

  private constructor(options: LogManagerOptions) {
    const config = { ...defaultLogManagerConfig, ...options.config };
    const logDirectory = joinPath(options.dataDirectory, "log");
    this.#isNew = options.runtime.disk.stat(logDirectory) === null;
    options.runtime.disk.makeDirectory(logDirectory);
    this.#dataDirectory = options.dataDirectory;
    this.#environment = logEnvironment(options.runtime, options.logger, config, logDirectory);
    this.#checkpoints = new Checkpoints(options.runtime.disk, logDirectory, options.logger);
    const host: PartitionHost = {
      environment: this.#environment,
      syncs: new SyncScheduler(config.backgroundSyncBytes, config.maxUnsyncedBytes),
      logStartMoved: () => this.#checkpoints.writeLogStartsNow(this.partitions()),
      syncLogStarts: () => this.#checkpoints.writeLogStarts(this.partitions()),
    };
    this.#startup = new LogStartup(host, this.#checkpoints);
    this.housekeeping = new Housekeeping(this.#environment, this.#checkpoints, () => this.partitions());
  }

  /**
   * Opens what is there. After a clean stop nothing is read but the mark; else every expected log is recovered first, and one that is damaged is offline while the rest works.
   * Rejects with a `DiskError` only where the directory itself cannot be used.
   */
  static async open(options: LogManagerOptions): Promise<LogManager> {
    const manager = new LogManager(options);
    await manager.#open(options);
    manager.housekeeping.start();
    return manager;
  }

  /** Directories that nobody expects, as found by `open`. */
  get strays(): readonly StrayDirectory[] {
    return this.#strays;
  }

  /** True when the last process stopped cleanly. */
  get wasCleanShutdown(): boolean {
    return this.#wasCleanShutdown;
  }

  /** The partition, or undefined where there is none. */
  partition(topic: string, index: number): Partition | undefined {
    return this.#partitions.get(partitionDirectoryName(topic, index));
  }

  /** All partitions, in no order. */
  partitions(): Iterable<Partition> {
    return this.#partitions.values();
  }

  /** Makes an empty partition (its directory at once). A partition whose directory cannot be made is offline from the start. */
  createPartition(expected: ExpectedPartition): Partition {
    const partition = this.#startup.create(expected);
    this.#add(partition);
    return partition;
  }

  /** Makes a stray directory's log the partition's: for data that Apache Kafka wrote. Recovers it first, all of it; `expected` has to name the stray's topic, partition and topic id. */
  async adopt(stray: StrayDirectory, expected: ExpectedPartition): Promise<Partition> {
    this.#strays = this.#strays.filter((other) => other !== stray);
    const partition = await this.#startup.recover(expected, noIds);
    this.#add(partition);
    return partition;
  }

  /** Removes a stray directory with all that is in it. */
  removeStray(stray: StrayDirectory): void {
    this.#strays = this.#strays.filter((other) => other !== stray);
    this.#removeDirectory(stray.topic, stray.index, 0);
  }

  /** Closes and removes all partitions of a topic: out of sight at once (renamed to Kafka's `-delete`), off the disk after `file.delete.delay.ms`. Who waits gets UNKNOWN_TOPIC_OR_PARTITION. */
  deleteTopic(topic: string): void {
    for (const partition of this.#byTopic.get(topic) ?? []) {
      const name = partitionDirectoryName(topic, partition.index);
      this.#partitions.delete(name);
      partition.close(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
      this.#removeDirectory(topic, partition.index, partition.config.fileDeleteDelayMs);
      this.#checkpoints.setCleaned(name, null).catch((error: unknown) => this.#warn("writing checkpoints", error));
    }
    this.#byTopic.delete(topic);
  }

  /** New settings for all partitions of a topic. */
  updateTopicConfig(topic: string, config: LogConfig): void {
    for (const partition of this.#byTopic.get(topic) ?? []) partition.updateConfig(config);
  }

  /** For DescribeLogDirs: path and total size of the logs. */
  describe(): { readonly path: string; readonly sizeInBytes: number } {
    let sizeInBytes = 0;
    for (const partition of this.partitions()) sizeInBytes += partition.sizeInBytes;
    return { path: this.#environment.root.path, sizeInBytes };
  }

  /** Writes what is queued, syncs, writes snapshots, checkpoints and the clean-shutdown mark, closes every file. A second call does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.housekeeping.stop();
    for (const timer of this.#removals) timer.cancel();
    const marked = await this.#restAll();
    try {
      await this.#environment.root.sync();
      await this.#checkpoints.write(this.partitions());
      await writeCleanShutdown(this.#environment.runtime.disk, this.#dataDirectory, marked);
    } catch (error) {
      this.#warn("writing the clean-shutdown mark", error);
    }
    for (const partition of this.partitions()) partition.close(errorCodes.KAFKA_STORAGE_ERROR);
  }

  async #open(options: LogManagerOptions): Promise<void> {
    const { runtime, logger } = this.#environment;
    const startedMs = runtime.clock.monotonic();
    const mark = await takeCleanShutdown(runtime.disk, this.#dataDirectory);
    this.#wasCleanShutdown = mark !== null;
    // Names that the process before has made are not durable either: it may have died before it synced them.
    if (this.#isNew || mark === null) await runtime.disk.syncDirectory(this.#dataDirectory);
    if (mark === null) this.#environment.root.changed();
    const { partitions: found, deleted } = this.#startup.listDirectories();
    let recovered = 0;
    for (const expected of options.partitions) {
      const name = partitionDirectoryName(expected.topic, expected.index);
      const isThere = found.delete(name);
      const marked = mark?.get(name);
      if (!isThere) this.#add(this.#startup.create(expected));
      else if (marked?.topicId === expected.topicId) this.#add(this.#startup.rested(expected, marked));
      else {
        this.#add(await this.#startup.recover(expected, options.deletedTopicIds ?? noIds));
        recovered++;
      }
    }
    this.#findStrays(found, options.deletedTopicIds ?? noIds);
    for (const name of deleted) this.#removeLater(joinPath(this.#environment.root.path, name), 0);
    if (recovered > 0) {
      const durationMs = Math.round(runtime.clock.monotonic() - startedMs);
      logger.info(`recovered ${recovered} logs after an unclean stop`, { durationMs });
    }
  }

  #findStrays(names: Iterable<string>, deletedTopicIds: ReadonlySet<string>): void {
    for (const name of names) {
      const stray = this.#startup.describeStray(name);
      if (stray.topicId !== null && deletedTopicIds.has(stray.topicId)) this.removeStray(stray);
      else this.#strays.push(stray);
    }
  }

  #add(partition: Partition): void {
    this.#partitions.set(partitionDirectoryName(partition.topic, partition.index), partition);
    const others = this.#byTopic.get(partition.topic);
    if (others === undefined) this.#byTopic.set(partition.topic, [partition]);
    else others.push(partition);
  }

  async #restAll(): Promise<Map<string, MarkedLog>> {
    const marked = new Map<string, MarkedLog>();
    const open: Partition[] = [];
    const rest = async (partition: Partition) => {
      const resting = await partition.rest();
      const { topic, index, topicId } = partition;
      if (resting !== null) marked.set(partitionDirectoryName(topic, index), { topicId, resting });
    };
    for (const partition of this.partitions()) {
      if (partition.openLog === null) await rest(partition);
      else open.push(partition);
    }
    for (let i = 0; i < open.length; i += closedAtOnce) await Promise.all(open.slice(i, i + closedAtOnce).map(rest));
    return marked;
  }

  #removeDirectory(topic: string, index: number, delayMs: number): void {
    try {
      this.#removeLater(this.#startup.markDeleted(topic, index), delayMs);
    } catch (error) {
      this.#warn(`removing the directory of ${topic}-${index}`, error);
    }
  }

  #removeLater(path: string, delayMs: number): void {
    const { clock, disk } = this.#environment.runtime;
    const timer = clock.setTimer(delayMs, () => {
      this.#removals.delete(timer);
      try {
        disk.remove(path);
      } catch (error) {
        this.#warn(`removing ${path}`, error);
      }
    });
    this.#removals.add(timer);
  }

  #warn(what: string, error: unknown): void {
    if (!(error instanceof DiskError)) throw error;
    this.#environment.logger.warn(`${what} failed: ${error.message}`);
  }
}
