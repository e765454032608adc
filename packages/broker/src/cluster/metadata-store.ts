import type { Logger, Runtime } from "@ottla/runtime";
import { MetadataLog } from "./metadata-log.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { MetadataState } from "./metadata-state.ts";

/** What a change comes to: the records to store, none if nothing changes, and what to do and answer once they are stored. */
export interface Decision<Result> {
  readonly records: readonly MetadataRecord[];
  readonly finish: () => Result;
}

/** A change could not be stored, and none will be until the broker starts again. */
export class MetadataUnavailableError extends Error {
  override readonly name = "MetadataUnavailableError";
}

/**
 * The metadata log and the state that it adds up to. Changes happen one after the other: each decides on the state that the one before has left, is stored and synced,
 * and only then seen. So nobody relies on what could still be lost.
 */
export class MetadataStore {
  readonly state: MetadataState;
  private readonly log: MetadataLog;
  private readonly logger: Logger;
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(log: MetadataLog, state: MetadataState, logger: Logger) {
    this.log = log;
    this.state = state;
    this.logger = logger;
  }

  /** Reads what is there. Throws a `MetadataDamagedError` or a `DiskError`. */
  static open(runtime: Runtime, directory: string, logger: Logger): MetadataStore {
    const { log, changes, cutBytes } = MetadataLog.open(runtime.disk, directory);
    if (cutBytes > 0)
      logger.warn("metadata log: a change that was cut short by a crash was dropped", { bytes: cutBytes });
    const state = new MetadataState();
    for (const change of changes) for (const record of change) state.apply(record);
    return new MetadataStore(log, state, logger);
  }

  /** Runs one change. Rejects with a `MetadataUnavailableError` when it cannot be stored. */
  change<Result>(decide: () => Decision<Result>): Promise<Result> {
    const run = this.tail.then(async () => {
      const { records, finish } = decide();
      if (records.length > 0) await this.store(records);
      return finish();
    });
    this.tail = run.catch(() => {});
    return run;
  }

  /** Waits for the changes under way, then closes the file. */
  async close(): Promise<void> {
    await this.tail;
    this.log.close();
  }

  private async store(records: readonly MetadataRecord[]): Promise<void> {
    try {
      await this.log.append(records);
    } catch (error) {
      this.logger.error(
        "metadata log: a change could not be stored; nothing can be changed until the broker is restarted",
        {
          error,
        },
      );
      throw new MetadataUnavailableError("the broker's metadata log cannot be written", { cause: error });
    }
    for (const record of records) this.state.apply(record);
    if (!this.log.isDueForRewrite) return;
    try {
      await this.log.rewrite([...this.state.snapshot()]);
    } catch (error) {
      // The change itself is stored: only the next one will fail.
      this.logger.error("metadata log: its snapshot could not be written", { error });
    }
  }
}
