import type { Disk, Logger, Runtime } from "@ottla/runtime";
import { readFileIfThere } from "./atomic-file.ts";
import { checkpointFiles, parseOffsetCheckpoint } from "./checkpoint-file.ts";
import { defaultLogConfig, defaultLogManagerConfig } from "./config.ts";
import { type LogDamage, LogDamagedError } from "./damage.ts";
import { logEnvironment } from "./environment.ts";
import { joinPath, parseSegmentFileName, partitionDirectoryName } from "./file-names.ts";
import { type RecoveredLog, type RecoveryInput, recoverLogInSlices } from "./recovery.ts";

export interface RepairOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** The broker's data directory. The caller holds its lock: no broker may use it. */
  readonly dataDirectory: string;
  readonly topic: string;
  readonly index: number;
  /** The leader epoch that the metadata knows: no batch may have a later one. */
  readonly leaderEpoch: number;
  /** Whether the topic is, or was, compacted: offsets may be missing then. */
  readonly isCompacted: boolean;
}

export interface RepairResult {
  /** What was wrong, in the order it was found; empty where the log was sound. */
  readonly damages: readonly LogDamage[];
  /** Files that now hold what was set aside. */
  readonly setAside: readonly string[];
  readonly setAsideBytes: number;
  /** Bytes of a torn write that were cut off: never acknowledged, and not kept. */
  readonly cutBytes: number;
  /** The log ends here now; the next record gets this offset, even if one that was set aside had it. */
  readonly logEndOffset: number;
}

const copySize = 1024 * 1024;
/** Each round sets a tail aside, so there can't be many. */
const mostRounds = 100;

/**
 * Brings a damaged log back into a state in which a broker takes it: everything from the damage on is moved to `<dataDirectory>/set-aside/<topic>-<n>/`, nothing is thrown away. For `ottla log repair`. Rejects with a `DiskError`.
 */
export async function repairLog(options: RepairOptions): Promise<RepairResult> {
  const { runtime, logger, dataDirectory, topic, index } = options;
  const name = partitionDirectoryName(topic, index);
  const logDirectory = joinPath(dataDirectory, "log");
  const environment = logEnvironment(runtime, logger, defaultLogManagerConfig, logDirectory);
  const starts = readFileIfThere(runtime.disk, joinPath(logDirectory, checkpointFiles.logStart));
  const input: RecoveryInput = {
    directory: joinPath(logDirectory, name),
    config: defaultLogConfig,
    recoveryPoint: 0,
    logStartOffset: (starts && parseOffsetCheckpoint(starts)?.get(name)) ?? 0,
    newestEpoch: options.leaderEpoch,
    mayHaveGaps: options.isCompacted,
  };
  const shelf = new Shelf(runtime, joinPath(joinPath(dataDirectory, "set-aside"), name));
  const damages: LogDamage[] = [];
  for (let round = 0; round < mostRounds; round++) {
    try {
      const { log, report } = await recoverLogInSlices(environment, input);
      await close(log);
      const { files, bytes } = shelf;
      const result = { damages, setAside: files, setAsideBytes: bytes, cutBytes: report.cutBytes };
      return { ...result, logEndOffset: log.nextOffset };
    } catch (error) {
      if (!(error instanceof LogDamagedError)) throw error;
      damages.push(error.damage);
      await shelf.takeTail(input.directory, error.damage);
    }
  }
  throw new Error(`${input.directory} is still damaged after ${mostRounds} rounds of setting a tail aside`);
}

async function close(log: RecoveredLog["log"]): Promise<void> {
  log.seal();
  const { files } = log.takeUnsynced();
  for (const file of files) await file.sync();
  await log.syncDirectory();
  log.closeFiles();
}

/** Where damaged tails go. */
class Shelf {
  readonly files: string[] = [];
  bytes = 0;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #nowMs: number;

  constructor(runtime: Runtime, directory: string) {
    this.#disk = runtime.disk;
    this.#directory = directory;
    this.#nowMs = runtime.clock.now();
  }

  /** Copies what follows the damage, makes the copy durable, and only then cuts it off the log. */
  async takeTail(logDirectory: string, damage: LogDamage): Promise<void> {
    this.#disk.makeDirectory(this.#directory);
    const damagedName = damage.file.slice(damage.file.lastIndexOf("/") + 1);
    const damaged = parseSegmentFileName(damagedName)!;
    const later = this.#disk
      .list(logDirectory)
      .map(({ name }) => ({ name, parsed: parseSegmentFileName(name) }))
      .filter(({ parsed }) => parsed?.kind === "log" && parsed.state === "live" && parsed.offset > damaged.offset);
    await this.#copy(damage.file, damage.position, damagedName);
    for (const { name } of later) await this.#copy(joinPath(logDirectory, name), 0, name);
    await this.#disk.syncDirectory(this.#directory);
    for (const { name } of later) this.#disk.remove(joinPath(logDirectory, name));
    // An empty segment that does not start where the log ends would be in the way.
    if (damage.position === 0 && damage.offset !== damaged.offset) {
      this.#disk.remove(damage.file);
      return;
    }
    const file = this.#disk.open(damage.file, "write");
    try {
      file.truncate(damage.position);
      await file.sync();
    } finally {
      file.close();
    }
  }

  async #copy(path: string, start: number, name: string): Promise<void> {
    const target = joinPath(this.#directory, `${this.#nowMs}-${this.files.length}-${name}.from-${start}`);
    const from = this.#disk.open(path, "read");
    const to = this.#disk.open(target, "create");
    try {
      const buffer = Buffer.allocUnsafeSlow(copySize);
      for (let at = start; ; ) {
        const count = from.read(at, buffer);
        if (count === 0) break;
        to.write(at - start, [buffer.subarray(0, count)]);
        at += count;
        this.bytes += count;
      }
      await to.sync();
    } finally {
      from.close();
      to.close();
    }
    this.files.push(target);
  }
}
