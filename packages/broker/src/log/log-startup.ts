import { CorruptBatchError } from "@ottla/protocol";
import { DiskError } from "@ottla/runtime";
import type { Checkpoints } from "./checkpoints.ts";
import type { MarkedLog } from "./clean-shutdown.ts";
import { LogDamagedError } from "./damage.ts";
import {
  deletedDirectoryName,
  isDeletedDirectoryName,
  joinPath,
  parsePartitionDirectoryName,
  partitionDirectoryName,
} from "./file-names.ts";
import type { ExpectedPartition, StrayDirectory } from "./log-manager-options.ts";
import { syncPolicy } from "./log-syncer.ts";
import { describeLog, emptyLog, type RestingLog } from "./open-log.ts";
import { Partition } from "./partition.ts";
import type { PartitionHost, PartitionOptions } from "./partition-host.ts";
import { readTopicId, writePartitionMetadata } from "./partition-metadata.ts";
import { type RecoveredLog, type RecoveryInput, recoverLog, recoverLogInSlices } from "./recovery.ts";

/** Opens, makes and recovers partitions below one log directory. */
export class LogStartup {
  readonly #host: PartitionHost;
  readonly #checkpoints: Checkpoints;

  constructor(host: PartitionHost, checkpoints: Checkpoints) {
    this.#host = host;
    this.#checkpoints = checkpoints;
  }

  /** Directories of the log directory that are, or may be, partitions; and those that wait for their removal. */
  listDirectories(): { partitions: Set<string>; deleted: string[] } {
    const { runtime, root } = this.#host.environment;
    const partitions = new Set<string>();
    const deleted: string[] = [];
    for (const { name, isDirectory } of runtime.disk.list(root.path)) {
      if (!isDirectory) continue;
      if (isDeletedDirectoryName(name)) deleted.push(name);
      else if (parsePartitionDirectoryName(name) !== null) partitions.add(name);
    }
    return { partitions, deleted };
  }

  /** A directory that nobody expects. */
  describeStray(name: string): StrayDirectory {
    const { runtime } = this.#host.environment;
    const { topic, index } = parsePartitionDirectoryName(name)!;
    return { name, topic, index, topicId: readTopicId(runtime.disk, this.#path(name)) };
  }

  /** A partition whose log was stopped cleanly: nothing is read. */
  rested(expected: ExpectedPartition, marked: MarkedLog): Partition {
    const { resting } = marked;
    return new Partition(this.#host, { ...this.#options(expected), recoveryPoint: resting.logEndOffset }, resting);
  }

  /** A partition that has no directory yet; offline where it can't be made. */
  create(expected: ExpectedPartition): Partition {
    const { environment } = this.#host;
    const name = partitionDirectoryName(expected.topic, expected.index);
    const options = { ...this.#options(expected), recoveryPoint: 0 };
    try {
      this.#checkpoints.forget(name);
      if (environment.runtime.disk.stat(options.directory) !== null) return this.#createWhereSomethingIs(options);
      environment.runtime.disk.makeDirectory(options.directory);
      environment.root.changed();
      writePartitionMetadata(environment.runtime.disk, options.directory, expected.topicId);
      return new Partition(this.#host, options, emptyLog);
    } catch (error) {
      return this.#offline(options, error);
    }
  }

  /** A partition whose log may have been in use when the process ended. */
  async recover(expected: ExpectedPartition, deletedTopicIds: ReadonlySet<string>): Promise<Partition> {
    const { environment } = this.#host;
    const { disk } = environment.runtime;
    const options = this.#options(expected);
    try {
      const topicId = readTopicId(disk, options.directory);
      if (topicId !== null && topicId !== expected.topicId) {
        if (!deletedTopicIds.has(topicId)) return this.#foreign(options, topicId);
        this.markDeleted(expected.topic, expected.index);
        return this.create(expected);
      }
      if (topicId === null) writePartitionMetadata(disk, options.directory, expected.topicId);
      return await this.#recovered(options);
    } catch (error) {
      return this.#offline(options, error);
    }
  }

  /** Renames a partition's directory to one that waits for its removal, and returns the new path. */
  markDeleted(topic: string, index: number): string {
    const { runtime, root } = this.#host.environment;
    const name = partitionDirectoryName(topic, index);
    const path = this.#path(deletedDirectoryName(topic, index, runtime.random.bytes(16).toString("hex")));
    runtime.disk.rename(this.#path(name), path);
    root.changed();
    return path;
  }

  /** A new partition whose directory is there: left by a creation that was cut short, or somebody else's. */
  #createWhereSomethingIs(options: PartitionOptions): Partition {
    const { environment } = this.#host;
    const { disk } = environment.runtime;
    const topicId = readTopicId(disk, options.directory);
    const hasRecords = disk.list(options.directory).some(({ name, size }) => name.endsWith(".log") && size > 0);
    const isForeign = topicId === null ? hasRecords : topicId !== options.topicId;
    if (isForeign) return this.#foreign(options, topicId ?? "unknown");
    writePartitionMetadata(disk, options.directory, options.topicId);
    return this.#opened(options, recoverLog(environment, this.#recovery(options)));
  }

  async #recovered(options: PartitionOptions): Promise<Partition> {
    const { environment } = this.#host;
    const recovered = await recoverLogInSlices(environment, this.#recovery(options));
    // Where being committed means being on disk, all that was found has to be there before anybody relies on it.
    if (syncPolicy(environment.config, options.config).always) await recovered.log.sync();
    return this.#opened(options, recovered);
  }

  #recovery({ topic, index, directory, config, recoveryPoint = 0, leaderEpoch }: PartitionOptions): RecoveryInput {
    const name = partitionDirectoryName(topic, index);
    return {
      directory,
      config,
      recoveryPoint,
      logStartOffset: this.#checkpoints.logStarts.get(name) ?? 0,
      newestEpoch: leaderEpoch,
      mayHaveGaps: config.cleanupPolicy.includes("compact") || this.#checkpoints.cleaned.has(name),
    };
  }

  #opened(options: PartitionOptions, { log, report }: RecoveredLog): Partition {
    const { logger } = this.#host.environment;
    const name = partitionDirectoryName(options.topic, options.index);
    if (report.cutBytes > 0) {
      logger.warn(`${name}: cut off ${report.cutBytes} bytes of an unfinished write at offset ${log.nextOffset}`);
    }
    const stable = Math.min(log.nextOffset, log.producers.firstUnstableOffset);
    const resting = describeLog(log, log.nextOffset, stable);
    // Most logs are empty where there are many; an open one costs some kilobytes.
    if (resting.sizeInBytes === 0 && log.producers.size === 0) {
      log.closeFiles();
      return new Partition(this.#host, options, resting);
    }
    return new Partition(this.#host, options, resting, log);
  }

  #foreign(options: PartitionOptions, topicId: string): Partition {
    const partition = new Partition(this.#host, options, this.#lastKnown(options));
    partition.goOffline(
      `${options.directory} belongs to a topic with the id ${topicId}, not to ${options.topic} (${options.topicId}); move it away to start with an empty log`,
    );
    return partition;
  }

  #offline(options: PartitionOptions, error: unknown): Partition {
    const isExpected = error instanceof DiskError || error instanceof LogDamagedError;
    if (!isExpected && !(error instanceof CorruptBatchError)) throw error;
    const partition = new Partition(this.#host, options, this.#lastKnown(options));
    partition.goOffline(error.message);
    return partition;
  }

  /** What the checkpoints say of a log that can't be opened: it is written back to them as it was. */
  #lastKnown(options: PartitionOptions): RestingLog {
    const name = partitionDirectoryName(options.topic, options.index);
    const logStartOffset = this.#checkpoints.logStarts.get(name) ?? 0;
    const highWatermark = Math.max(logStartOffset, this.#checkpoints.highWatermarks.get(name) ?? 0);
    const ends = { highWatermark, lastStableOffset: highWatermark, logEndOffset: highWatermark };
    return { ...emptyLog, logStartOffset, ...ends };
  }

  #options(expected: ExpectedPartition): PartitionOptions {
    const name = partitionDirectoryName(expected.topic, expected.index);
    const recoveryPoint = this.#checkpoints.recoveryPoints.get(name) ?? 0;
    return { ...expected, directory: this.#path(name), recoveryPoint };
  }

  #path(name: string): string {
    return joinPath(this.#host.environment.root.path, name);
  }
}
