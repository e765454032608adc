import { apis, errorCodes, zeroUuid } from "@ottla/protocol";
import { sleep } from "@ottla/runtime";
import { backoffMs } from "../backoff.ts";
import type { ClientCore } from "../client-core.ts";

/** The first version of Metadata in which topics may be asked for by id. */
const firstIdVersion = 12;

/**
 * The names of the topics that a KIP-848 coordinator speaks of by id: from the metadata; where those do not know (yet), by asking for the id until somebody does. A name that was once
 * found is kept while it is of use: a topic may be deleted while its partitions are still to be let go of.
 */
export class TopicNames {
  readonly #core: ClientCore;
  readonly #onFound: () => void;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, string>();
  #wanted: ReadonlySet<string> = new Set();
  #isAsking = false;

  constructor(core: ClientCore, signal: AbortSignal, onFound: () => void) {
    this.#core = core;
    this.#signal = signal;
    this.#onFound = onFound;
  }

  /** Undefined where it is not known. */
  nameOf(topicId: string): string | undefined {
    const name = this.#core.metadata.topicById(topicId)?.name ?? this.#known.get(topicId);
    if (name !== undefined) this.#known.set(topicId, name);
    return name;
  }

  /** Forgets all names but those of these topics. */
  keep(topicIds: ReadonlySet<string>): void {
    for (const topicId of this.#known.keys()) if (!topicIds.has(topicId)) this.#known.delete(topicId);
  }

  /** Has these looked up, and no others any more. */
  want(topicIds: Iterable<string>): void {
    this.#wanted = new Set(topicIds);
    if (this.#wanted.size > 0 && !this.#isAsking) void this.#ask();
  }

  /** Metadata have come: they may know what is wanted. */
  metadataChanged(): void {
    const found = [...this.#wanted].some((topicId) => this.nameOf(topicId) !== undefined);
    if (found) this.#found();
  }

  /** What is still wanted after that will be asked for again. */
  #found(): void {
    this.#wanted = new Set([...this.#wanted].filter((topicId) => this.nameOf(topicId) === undefined));
    this.#onFound();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    const { runtime, config, logger } = this.#core;
    for (let failures = 0; this.#wanted.size > 0 && !this.#signal.aborted; ) {
      try {
        if (await this.#askOnce([...this.#wanted])) {
          failures = 0;
          this.#found();
          continue;
        }
      } catch (error) {
        logger.debug("Could not ask for the names of topics", { error });
      }
      const pauseMs = backoffMs(config.retryBackoffMs, config.retryBackoffMaxMs, ++failures, runtime.random);
      await sleep(runtime.clock, pauseMs, this.#signal).catch(() => {});
    }
    this.#isAsking = false;
  }

  /** Whether there was an answer for one of them. */
  async #askOnce(topicIds: readonly string[]): Promise<boolean> {
    const body = {
      topics: topicIds.map((topicId) => ({ topicId, name: null })),
      allowAutoTopicCreation: false,
    };
    const options = { minVersion: firstIdVersion, signal: this.#signal };
    const { topics } = await this.#core.pool.send("any", apis.metadata, body, options);
    let found = false;
    for (const { errorCode, topicId, name } of topics) {
      if (errorCode !== errorCodes.NONE || name === null || topicId === zeroUuid) continue;
      this.#known.set(topicId, name);
      found = true;
    }
    return found;
  }
}
