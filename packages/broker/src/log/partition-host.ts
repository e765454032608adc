import type { LogConfig } from "./config.ts";
import type { LogEnvironment } from "./environment.ts";
import type { SyncScheduler } from "./sync-scheduler.ts";

/** What a partition needs of the manager that it belongs to. */
export interface PartitionHost {
  readonly environment: LogEnvironment;
  readonly syncs: SyncScheduler;
  /** The log start offset was moved by a request: it has to survive a restart. Throws a `DiskError`. */
  logStartMoved(): void;
  /** Makes the log start offsets survive the machine too. Rejects with a `DiskError`. */
  syncLogStarts(): Promise<void>;
}

/** Which partition it is. */
export interface PartitionOptions {
  readonly topic: string;
  readonly index: number;
  readonly topicId: string;
  readonly leaderEpoch: number;
  readonly config: LogConfig;
  readonly directory: string;
  /** Up to here the log is known to be on disk, where that is not all of it. */
  readonly recoveryPoint?: number;
}
