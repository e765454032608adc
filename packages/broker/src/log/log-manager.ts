import type { Logger, Runtime } from "@ottla/runtime";
import type { LogConfig, LogManagerConfig } from "./config.ts";
import type { Partition } from "./partition.ts";

/** A partition that the cluster's metadata says should be there. */
export interface ExpectedPartition {
  readonly topic: string;
  readonly index: number;
  /** Kafka's base64url form. */
  readonly topicId: string;
  /** The epoch of this start; see `Partition.leaderEpoch`. */
  readonly leaderEpoch: number;
  readonly config: LogConfig;
}

export interface LogManagerOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** The broker's data directory: logs live in `<dataDirectory>/log/`, the clean-shutdown mark beside it. The caller holds the directory's lock. */
  readonly dataDirectory: string;
  /** What is missing takes the default. */
  readonly config?: Partial<LogManagerConfig>;
  /** Every partition that should exist: a missing directory is made, empty. */
  readonly partitions: Iterable<ExpectedPartition>;
  /** Topic ids that are known to be deleted: their left-over directories are removed. Others that nobody expects are left alone and listed in `strays`. */
  readonly deletedTopicIds?: ReadonlySet<string>;
}

/** A directory in `<dataDirectory>/log` that no expected partition stands for: another broker's data, or a topic whose deletion was cut short. */
export interface StrayDirectory {
  readonly name: string;
  readonly topic: string;
  readonly index: number;
  /** Null where `partition.metadata` is missing or unreadable. */
  readonly topicId: string | null;
}

/**
 * All partitions' logs below one data directory (Kafka's `LogManager`): opening and recovery, creation and deletion, checkpoints, retention,
 * compaction, syncs, the bound on open files, the clean-shutdown mark.
 */
export class LogManager {
  /**
   * Opens what is there. After a clean stop nothing is read but the mark; else every expected log is recovered first, and one that is damaged is offline while the rest works.
   * Rejects with a `DiskError` only where the directory itself cannot be used.
   */
  static open(_options: LogManagerOptions): Promise<LogManager> {
    throw new Error("not built yet");
  }

  /** Directories that nobody expects, as found by `open`. */
  declare readonly strays: readonly StrayDirectory[];
  /** True when the last process stopped cleanly. */
  declare readonly wasCleanShutdown: boolean;

  /** The partition, or undefined where there is none. */
  partition(_topic: string, _index: number): Partition | undefined {
    throw new Error("not built yet");
  }

  /** All partitions, in no order. */
  partitions(): Iterable<Partition> {
    throw new Error("not built yet");
  }

  /** Makes an empty partition (its directory at once). A partition whose directory cannot be made is offline from the start. */
  createPartition(_partition: ExpectedPartition): Partition {
    throw new Error("not built yet");
  }

  /** Makes a stray directory's log the partition's: for data that Apache Kafka wrote. Recovers it first. */
  adopt(_stray: StrayDirectory, _partition: ExpectedPartition): Promise<Partition> {
    throw new Error("not built yet");
  }

  /** Closes and removes all partitions of a topic: out of sight at once (renamed to Kafka's `-delete`), off the disk after `file.delete.delay.ms`. Who waits gets UNKNOWN_TOPIC_OR_PARTITION. */
  deleteTopic(_topic: string): void {
    throw new Error("not built yet");
  }

  /** New settings for all partitions of a topic. */
  updateTopicConfig(_topic: string, _config: LogConfig): void {
    throw new Error("not built yet");
  }

  /** Free for DescribeLogDirs: path and total size of the logs. */
  describe(): { readonly path: string; readonly sizeInBytes: number } {
    throw new Error("not built yet");
  }

  /** Writes what is queued, syncs, writes snapshots, checkpoints and the clean-shutdown mark, closes every file. */
  close(): Promise<void> {
    throw new Error("not built yet");
  }
}
