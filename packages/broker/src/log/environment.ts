import { BatchView, RecordIterator } from "@ottla/protocol";
import type { Logger, Runtime } from "@ottla/runtime";
import { BufferPool } from "./buffer-pool.ts";
import type { LogManagerConfig } from "./config.ts";
import { entryBlockSize } from "./entry-file.ts";
import { OpenFiles } from "./open-files.ts";
import { RootDirectory } from "./root-directory.ts";

/** How much is read at once to find a batch behind an index entry. */
const searchBlockSize = 8192;

/** What all logs of a manager share. */
export interface LogEnvironment {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: LogManagerConfig;
  readonly root: RootDirectory;
  readonly files: OpenFiles;
  readonly buffers: BufferPool;
  /** For searches in index files and in segments; each is used within one call only. */
  readonly indexScratch: Buffer;
  readonly searchScratch: Buffer;
  /** For validation and lookups; used within one call only. */
  readonly view: BatchView;
  readonly records: RecordIterator;
}

export function logEnvironment(
  runtime: Runtime,
  logger: Logger,
  config: LogManagerConfig,
  logDirectory: string,
): LogEnvironment {
  return {
    runtime,
    logger,
    config,
    root: new RootDirectory(runtime.disk, logDirectory),
    files: new OpenFiles(runtime.disk, config.maxOpenFiles),
    buffers: new BufferPool(config.readBufferPoolBytes),
    indexScratch: Buffer.alloc(entryBlockSize),
    searchScratch: Buffer.alloc(searchBlockSize),
    view: new BatchView(),
    records: new RecordIterator(undefined, { maxDecompressedSize: config.maxDecompressedBytes }),
  };
}
