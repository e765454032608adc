import { type Logger, nodeRuntime, type Runtime, silentLogger } from "@ottla/runtime";
import { DataDirectoryError, openDataDirectory } from "./cluster/data-directory.ts";
import { MetadataLog } from "./cluster/metadata-log.ts";
import { type MetadataState, resourceTypes } from "./cluster/metadata-state.ts";
import { MetadataStore } from "./cluster/metadata-store.ts";
import { readFileIfThere } from "./log/atomic-file.ts";
import { checkpointFiles, parseOffsetCheckpoint } from "./log/checkpoint-file.ts";
import { joinPath, partitionDirectoryName } from "./log/file-names.ts";
import { type RepairResult, repairLog } from "./log/repair.ts";

export interface RepairPartitionOptions {
  /** Of a broker that is not running. */
  readonly dataDir: string;
  readonly topic: string;
  readonly partition: number;
  /** Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** Default: the real one. */
  readonly runtime?: Runtime | undefined;
}

/**
 * Sets the damaged tail of a partition aside, so that a broker takes the partition again: nothing is thrown away, see `RepairResult`. What is sound is left as it is. Rejects with a
 * `DataDirectoryError` (in use, not an Ottla broker's, no such partition), a `MetadataDamagedError` or a `DiskError`.
 */
export async function repairPartition(options: RepairPartitionOptions): Promise<RepairResult> {
  const { dataDir, topic, partition, logger = silentLogger, runtime = nodeRuntime() } = options;
  if (!MetadataLog.isIn(runtime.disk, dataDir)) {
    throw new DataDirectoryError(`data directory ${dataDir} is not an Ottla broker's (it has no metadata.log)`);
  }
  const lock = await openDataDirectory(runtime.disk, dataDir);
  try {
    const store = MetadataStore.open(runtime, dataDir, logger);
    try {
      requirePartition(store.state, options);
      const { leaderEpoch } = store.state;
      const isCompacted = mayBeCompacted(runtime, store.state, options);
      return await repairLog({
        runtime,
        logger,
        dataDirectory: dataDir,
        topic,
        index: partition,
        leaderEpoch,
        isCompacted,
      });
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

function requirePartition(state: MetadataState, { dataDir, topic, partition }: RepairPartitionOptions): void {
  const known = [...state.topics.values()].find(({ name }) => name === topic);
  if (known === undefined) throw new DataDirectoryError(`data directory ${dataDir} has no topic ${topic}`);
  if (partition < known.partitionCount) return;
  throw new DataDirectoryError(
    `topic ${topic} has no partition ${partition}: it has ${known.partitionCount}, from 0 on`,
  );
}

/** Whether offsets may be missing: the topic asks for compaction, or the cleaner has been there. */
function mayBeCompacted(
  runtime: Runtime,
  state: MetadataState,
  { dataDir, topic, partition }: RepairPartitionOptions,
): boolean {
  const policy = state.configsOf({ type: resourceTypes.topic, name: topic }).get("cleanup.policy") ?? "";
  if (policy.includes("compact")) return true;
  const path = joinPath(joinPath(dataDir, "log"), checkpointFiles.cleaner);
  const checkpoint = readFileIfThere(runtime.disk, path);
  const cleaned = checkpoint === null ? null : parseOffsetCheckpoint(checkpoint);
  return cleaned?.has(partitionDirectoryName(topic, partition)) ?? false;
}
