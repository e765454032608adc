import type { Logger, Runtime } from "@ottla/runtime";
import type { LogConfig, LogManagerConfig } from "./config.ts";

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
