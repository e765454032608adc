import { errorCodes } from "@ottla/protocol";
import { type KafkaError, kafkaError, TimeoutError } from "../errors.ts";
import { waitFor } from "../wait.ts";
import { fetchCommitted } from "./committed-offsets.ts";
import type { Committer } from "./committer.ts";
import { CommitFailedError } from "./consumer-errors.ts";
import type { CommitCallback, CommittedPosition, ConsumerCallOptions } from "./consumer-types.ts";
import type { ConsumerEngine } from "./engine.ts";
import type { GroupLink } from "./group-link.ts";
import { checkOffsets, needsGroup } from "./offset-lists.ts";
import { PartitionMap, partitionName, type TopicPartition, type TopicPartitionOffset } from "./topic-partition.ts";

type Offsets = readonly TopicPartitionOffset[];

/** What a `Consumer` offers of commits. */
export class Commits<K, V> {
  readonly #engine: ConsumerEngine<K, V>;

  constructor(engine: ConsumerEngine<K, V>) {
    this.#engine = engine;
  }

  async commit(offsets: Offsets | undefined, options: ConsumerCallOptions): Promise<void> {
    const { committer } = this.#group("Consumer.commit");
    const list = this.#toCommit("Consumer.commit", offsets);
    const { settings, core } = this.#engine;
    const { clock } = core.runtime;
    const timeoutMs = options.timeoutMs ?? settings.defaultApiTimeoutMs;
    const late = () => {
      // Callbacks of commits before this one come before.
      committer.expire();
      return new TimeoutError(`Could not commit offsets for group ${settings.groupId} within ${timeoutMs} ms`);
    };
    const done = send(committer, list, timeoutMs, offsets === undefined);
    await waitFor(clock, done, clock.monotonic() + timeoutMs, options.signal, late);
  }

  /** Everything up to the first wait happens within the call, which keeps the order. Without a callback it is over before the commit is. Does not reject. */
  async commitInBackground(callback: CommitCallback | undefined, offsets: Offsets | undefined): Promise<void> {
    const { settings } = this.#engine;
    let list = offsets ?? [];
    let failure: KafkaError | null = null;
    try {
      const { committer } = this.#group("Consumer.commitAsync");
      list = this.#toCommit("Consumer.commitAsync", offsets);
      if (callback === undefined) {
        const failed = (error: KafkaError, lost: Offsets) => this.#engine.commitFailed(error, lost);
        const timeoutMs = settings.defaultApiTimeoutMs;
        if (list.length > 0) committer.commitQuietly(list, timeoutMs, offsets === undefined, failed);
        return;
      }
      await send(committer, list, settings.defaultApiTimeoutMs, offsets === undefined);
    } catch (error) {
      failure = error as KafkaError;
    }
    try {
      if (callback !== undefined) callback(failure, list);
      else if (failure !== null) this.#engine.commitFailed(failure, list);
    } catch (error) {
      settings.logger.error("The callback of a commitAsync threw", { error });
    }
  }

  async committed(partitions: readonly TopicPartition[], options: ConsumerCallOptions): Promise<CommittedPosition[]> {
    const { link } = this.#group("Consumer.committed");
    if (partitions.length === 0) return [];
    const { core, settings } = this.#engine;
    const timeoutMs = options.timeoutMs ?? settings.defaultApiTimeoutMs;
    const found = new PartitionMap<TopicPartitionOffset>();
    for (const one of await fetchCommitted(core, link, partitions, { ...options, timeoutMs })) {
      found.set(one.topic, one.partition, one);
    }
    return partitions.map(({ topic, partition }) => {
      const { offset = null, leaderEpoch = -1, metadata = "" } = found.get(topic, partition) ?? {};
      return { topic, partition, offset, leaderEpoch, metadata };
    });
  }

  #group(what: string): { committer: Committer; link: GroupLink } {
    this.#engine.ensureOpen();
    const { committer, link } = this.#engine;
    if (committer === null || link === null) throw needsGroup(what);
    return { committer, link };
  }

  /** What is to be committed; whoever commits the current message vouches for it. */
  #toCommit(what: string, offsets: Offsets | undefined): Offsets {
    const { offsets: own, isSubscribed } = this.#engine;
    if (offsets === undefined) {
      const consumed = own.consumed();
      own.finish();
      return consumed;
    }
    const list = checkOffsets(what, offsets);
    // The coordinator would take it, over the head of whoever owns the partition now.
    const isForeign = ({ topic, partition }: TopicPartition) => own.get(topic, partition) === undefined;
    const foreign = isSubscribed ? list.find(isForeign) : undefined;
    if (foreign !== undefined) {
      const isRebalancing = this.#engine.identity.standing === "rebalancing";
      // It may come back with the round that is under way.
      if (isRebalancing) throw kafkaError(errorCodes.REBALANCE_IN_PROGRESS, `${what} of ${partitionName(foreign)}`);
      throw new CommitFailedError(`${what}: ${partitionName(foreign)} is not assigned to this consumer (any more)`);
    }
    own.vouch(list);
    return list;
  }
}

/** Nothing to commit is still worth waiting for what was committed before. */
function send(committer: Committer, list: Offsets, timeoutMs: number, arePositions: boolean): Promise<void> {
  return list.length === 0 ? committer.settled() : committer.commit(list, timeoutMs, arePositions);
}
