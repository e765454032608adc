import type { ClientCore } from "../client-core.ts";
import { RebalanceListenerError } from "./consumer-errors.ts";
import type { GroupHost, RebalanceListener } from "./group-membership.ts";
import type { Offsets } from "./offsets.ts";
import { namePartitions, PartitionMap, type TopicPartition } from "./topic-partition.ts";

export interface PartitionHandoverOptions {
  readonly core: ClientCore;
  readonly groupId: string;
  readonly offsets: Offsets;
  readonly host: GroupHost;
}

/** What has to change so that a member has what it is meant to have. */
export interface PartitionChange {
  /** Owned, and not meant. */
  readonly leaving: readonly TopicPartition[];
  /** Meant, and not owned. */
  readonly coming: readonly TopicPartition[];
}

/**
 * Lets go of partitions and takes others in, with all that belongs to it: nothing more is handed out, commits, the listener, events. Partitions that are not named keep flowing. Whoever
 * uses it sees to it that the application has asked, and that one thing happens at a time.
 */
export class PartitionHandover {
  listener: RebalanceListener = {};
  readonly #core: ClientCore;
  readonly #groupId: string;
  readonly #offsets: Offsets;
  readonly #host: GroupHost;

  constructor(options: PartitionHandoverOptions) {
    this.#core = options.core;
    this.#groupId = options.groupId;
    this.#offsets = options.offsets;
    this.#host = options.host;
  }

  /** What is owned, by topic and number. */
  owned(): TopicPartition[] {
    return this.#offsets.list().map(placeOf);
  }

  /** How what is owned differs from `target`. */
  change(target: Iterable<TopicPartition>): PartitionChange {
    const meant = new PartitionMap<true>();
    const coming: TopicPartition[] = [];
    for (const place of target) {
      meant.set(place.topic, place.partition, true);
      if (this.#offsets.get(place.topic, place.partition) === undefined) coming.push(placeOf(place));
    }
    return { leaving: this.owned().filter(({ topic, partition }) => !meant.has(topic, partition)), coming };
  }

  /**
   * Before others may have them: commits what is finished (where the consumer is to do so), tells the listener, and waits for the commits that it has set going. Rejects with a
   * `RebalanceListenerError` after all has been done.
   */
  async revoke(partitions: readonly TopicPartition[]): Promise<void> {
    this.#host.stop(partitions);
    try {
      await this.#host.commitFinished();
      await this.#call("onPartitionsRevoked", partitions);
    } finally {
      // What is committed from now on leaves them out: it might come to the coordinator after the next owner's commits.
      this.#offsets.remove(partitions);
      // What the listener has set going is still of this generation.
      await this.#host.commitsSettled();
      this.#host.report("revoked", partitions);
    }
  }

  /** Others may have them already: tells the listener. Rejects with a `RebalanceListenerError` after all has been done. */
  async lose(partitions: readonly TopicPartition[]): Promise<void> {
    this.#host.stop(partitions);
    try {
      await this.#call("onPartitionsLost", partitions);
    } finally {
      this.#offsets.remove(partitions);
      this.#host.report("lost", partitions);
    }
  }

  /**
   * Takes partitions in that are not owned yet (none at all is told the listener, too, as Kafka's does), and looks up their positions once the listener has run. Rejects with a
   * `RebalanceListenerError` after all has been done.
   */
  async takeIn(partitions: readonly TopicPartition[]): Promise<void> {
    const added = this.#offsets.add(partitions);
    for (const state of added) state.isHeld = true;
    const { logger, metadata } = this.#core;
    logger.debug(`Assigned by group ${this.#groupId}: ${namePartitions(partitions)}`);
    metadata.track(new Set(partitions.map(({ topic }) => topic)));
    this.#host.report("assigned", partitions);
    try {
      await this.#call("onPartitionsAssigned", partitions);
    } finally {
      for (const state of added) state.isHeld = false;
      this.#host.settled();
    }
  }

  async #call(method: keyof RebalanceListener, partitions: readonly TopicPartition[]): Promise<void> {
    const { listener } = this;
    const isMissing = method === "onPartitionsLost" && listener.onPartitionsLost === undefined;
    try {
      await this.#host.runListener(() => listener[isMissing ? "onPartitionsRevoked" : method]?.(partitions));
    } catch (cause) {
      const error = new RebalanceListenerError(method, cause);
      // Of several only the first is thrown, and of one that comes too late for `close` none.
      this.#core.logger.error(error.message, { error });
      throw error;
    }
  }
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
