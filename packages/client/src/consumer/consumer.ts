import { EventEmitter } from "node:events";
import { KafkaError, TimeoutError } from "../errors.ts";
import { waitFor } from "../wait.ts";
import type { Batch, Message } from "./batch.ts";
import { Commits } from "./commits.ts";
import { type ConsumerOptions, consumerConfig } from "./consumer-config.ts";
import type { ConsumerEvents } from "./consumer-events.ts";
import type {
  CommitCallback,
  CommittedPosition,
  ConsumerCallOptions,
  ConsumerLag,
  GroupMetadata,
  OffsetForTime,
  TopicPartitionTimestamp,
} from "./consumer-types.ts";
import { ConsumerEngine, notAssigned } from "./engine.ts";
import type { RebalanceListener } from "./group-membership.ts";
import { BatchIteration, type IterationOptions, MessageIteration } from "./iteration.ts";
import { listOffsets } from "./list-offsets.ts";
import { checkOffsets, checkPartitions, checkTopic, needsGroup, withoutRepeats } from "./offset-lists.ts";
import { earliestTimestamp, latestTimestamp } from "./offset-reset.ts";
import type { PartitionState } from "./partition-state.ts";
import { Subscription } from "./subscription.ts";
import { ensureServerPatterns, SubscriptionPattern } from "./subscription-pattern.ts";
import { PartitionMap, type TopicPartition, type TopicPartitionOffset } from "./topic-partition.ts";

const defaultCloseTimeoutMs = 30_000;
/** Telling brokers that fetch sessions end is a courtesy. */
const sessionEndTimeoutMs = 1_000;

/**
 * Reads topics, alone or as a member of a group (Kafka's KafkaConsumer).
 *
 *     await using consumer = new Consumer({ bootstrapServers: "localhost:9092", groupId: "orders", key: string, value: json<Order>() });
 *     await consumer.subscribe(["order-events"]);
 *     for await (const message of consumer) await handle(message);
 *
 * A message counts as finished when the application asks for the next one: only finished messages are committed automatically, before partitions are let go of, and on `close`. `commit()` within the loop covers the
 * current message too. A loop that is left early has not finished its message: it comes again, here or in whoever gets the partition.
 *
 * Everything that needs the application (rebalance listeners, errors) happens when it asks for the next message or batch. Heartbeats go on while it is busy, for up to `maxPollIntervalMs`.
 */
export class Consumer<K = Buffer, V = Buffer> extends EventEmitter<ConsumerEvents> {
  readonly #engine: ConsumerEngine<K, V>;
  readonly #commits: Commits<K, V>;
  #closing: Promise<void> | null = null;

  /** Connects to nothing yet. Throws a `ConfigError`. */
  constructor(options: ConsumerOptions<K, V>) {
    super();
    const settings = consumerConfig(options);
    this.#engine = new ConsumerEngine<K, V>(settings, (event, ...args) => {
      try {
        (this.emit as (name: string, ...args: unknown[]) => boolean).call(this, event, ...args);
      } catch (error) {
        settings.logger.error(`A listener of the consumer's event ${event} threw`, { error });
      }
    });
    this.#commits = new Commits(this.#engine);
  }

  get clientId(): string {
    return this.#engine.settings.clientId;
  }

  // What is read

  /**
   * Joins the group, once the application asks for the first message, and reads what the group assigns of these topics: names, or a pattern, to which topics may come and go. Takes the place
   * of an earlier subscription; none at all is `unsubscribe`. The listener is told, and awaited, when partitions come and go. Throws where partitions were assigned by hand, or without a `groupId`.
   * A `SubscriptionPattern` is one that the server resolves: only with `groupProtocol: "consumer"`.
   */
  async subscribe(
    topics: string | readonly string[] | RegExp | SubscriptionPattern,
    listener?: RebalanceListener,
  ): Promise<void> {
    const engine = this.#open();
    const { group } = engine;
    if (group === null) throw needsGroup("Consumer.subscribe");
    const list = typeof topics === "string" ? [topics] : topics;
    const isPattern = list instanceof RegExp || list instanceof SubscriptionPattern;
    if (list instanceof SubscriptionPattern) ensureServerPatterns(engine.settings);
    if (!isPattern) for (const topic of list) checkTopic("Consumer.subscribe", topic);
    if (engine.isLettingGo) await engine.letGone("Consumer.subscribe");
    if (!engine.isSubscribed && engine.offsets.size > 0) throw bothWays();
    if (!isPattern && list.length === 0) return this.unsubscribe();
    engine.isSubscribed = true;
    group.subscribe(new Subscription(list, engine.settings.excludeInternalTopics), listener);
    engine.asking.interrupt();
  }

  /** Reads these partitions, and no others, outside of any rebalance. Takes the place of an earlier `assign`; positions in partitions that stay are kept. */
  async assign(partitions: readonly TopicPartition[]): Promise<void> {
    const engine = this.#open();
    const wanted = withoutRepeats(checkPartitions("Consumer.assign", partitions));
    if (engine.isLettingGo) await engine.letGone("Consumer.assign");
    if (engine.isSubscribed) throw bothWays();
    const keep = new PartitionMap<true>();
    for (const { topic, partition } of wanted) keep.set(topic, partition, true);
    const dropped = engine.offsets.list().filter(({ topic, partition }) => !keep.has(topic, partition));
    if (dropped.length > 0) {
      engine.stop(dropped);
      await engine.commitFinished();
      engine.offsets.remove(dropped);
    }
    engine.offsets.add(wanted);
    engine.core.metadata.track(new Set(wanted.map(({ topic }) => topic)));
    engine.settled();
  }

  /** Lets go of everything, as for a rebalance, and leaves the group. Rejects where a rebalance listener calls it: it would wait for the listener's end. */
  async unsubscribe(): Promise<void> {
    const engine = this.#open();
    engine.listenerScope.ensureOutside("Consumer.unsubscribe");
    await engine.letGo("the consumer unsubscribed");
  }

  /** The partitions that this consumer reads, sorted. */
  assignment(): TopicPartition[] {
    return this.#engine.offsets.list().map(placeOf);
  }

  /** The topics that it subscribes to; with a `RegExp` those that match at the moment, with a `SubscriptionPattern` none: the server alone knows. */
  subscription(): string[] {
    const { group, core } = this.#engine;
    return [...(group?.subscription?.topics(core.metadata) ?? [])];
  }

  /** Messages one by one. Ends when the consumer is closed; rejects when it cannot go on. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<K, V>, undefined, undefined> {
    return this.messages();
  }

  /** Messages one by one, with options. */
  messages(options: IterationOptions = {}): AsyncIterableIterator<Message<K, V>, undefined, undefined> {
    return new MessageIteration(this.#engine, options);
  }

  /** A partition's messages at a time, at most `maxPollRecords`: the fast path. `commit()` within the loop covers the current batch, and a loop that is left early has not finished it. */
  batches(options: IterationOptions = {}): AsyncIterableIterator<Batch<K, V>, undefined, undefined> {
    return new BatchIteration(this.#engine, options);
  }

  /**
   * The next batch, or null where there is none within `timeoutMs`: for programs that cannot loop. As in a loop over `batches()`, the batch before it counts as finished then, and listeners run.
   */
  async poll(options: ConsumerCallOptions & { readonly timeoutMs: number }): Promise<Batch<K, V> | null> {
    const engine = this.#open();
    if (typeof options?.timeoutMs !== "number" || !(options.timeoutMs >= 0)) {
      const what = `Consumer.poll takes { timeoutMs }, a number from 0 on, not ${JSON.stringify(options)}`;
      throw new KafkaError(what, { code: "INVALID_ARGUMENT" });
    }
    engine.ensureReadable();
    const reader = {};
    engine.iteration = reader;
    try {
      return await engine.ask(() => engine.delivery.takeBatch(), options);
    } finally {
      if (engine.iteration === reader) engine.iteration = null;
    }
  }

  // Commits

  /**
   * Commits, and resolves when the coordinator has it: where each partition stands, the current message or batch included (the caller vouches for it), or the given offsets: of the record to go on
   * with, that is the last one's plus one. Retries what can be retried. Rejects with a `CommitFailedError` where this consumer no longer owns what it read, with a `RebalanceInProgressError` in the middle of a rebalance.
   */
  async commit(offsets?: readonly TopicPartitionOffset[], options: ConsumerCallOptions = {}): Promise<void> {
    await this.#commits.commit(offsets, options);
  }

  /**
   * Commits like `commit` and returns at once. Commits reach the coordinator in the order of the calls, those of `commit` among them. Without a callback a failure becomes the event `commitFailed`.
   */
  commitAsync(callback?: CommitCallback, offsets?: readonly TopicPartitionOffset[]): void {
    void this.#commits.commitInBackground(callback, offsets);
  }

  /** What the group has committed for these partitions (default: those assigned), in the order asked for. */
  async committed(
    partitions?: readonly TopicPartition[],
    options: ConsumerCallOptions = {},
  ): Promise<CommittedPosition[]> {
    const asked = partitions === undefined ? this.assignment() : checkPartitions("Consumer.committed", partitions);
    return this.#commits.committed(asked, options);
  }

  // Positions

  /** The next offset that the application gets of an assigned partition; finds out first where to begin, if need be. */
  async position(partition: TopicPartition, options: ConsumerCallOptions = {}): Promise<number> {
    const engine = this.#open();
    const [place] = checkPartitions("Consumer.position", [partition]);
    const timeoutMs = options.timeoutMs ?? engine.settings.defaultApiTimeoutMs;
    const late = () =>
      new TimeoutError(`Could not find the position in ${place!.topic}-${place!.partition} within ${timeoutMs} ms`);
    const deadline = engine.core.runtime.clock.monotonic() + timeoutMs;
    return engine.position(this.#state(place!), deadline, options.signal, late);
  }

  /** Goes on from this offset in an assigned partition; what was fetched of it is dropped, the rest of the current batch of messages too. */
  seek(to: TopicPartitionOffset): void {
    const engine = this.#open();
    const [{ offset, leaderEpoch = -1, ...place }] = checkOffsets("Consumer.seek", [to]) as [TopicPartitionOffset];
    const state = this.#state(place);
    engine.offsets.sought(state);
    state.moveTo(offset, leaderEpoch);
    engine.positionsChanged();
  }

  /** Goes on from the start of these partitions (default: all that are assigned). */
  seekToBeginning(partitions?: readonly TopicPartition[]): void {
    this.#seekToEnd("Consumer.seekToBeginning", "beginning", partitions);
  }

  /** Goes on from the end of these partitions (default: all that are assigned), as it is when it is looked up. */
  seekToEnd(partitions?: readonly TopicPartition[]): void {
    this.#seekToEnd("Consumer.seekToEnd", "end", partitions);
  }

  /** Hands out nothing of these partitions until `resume`. Letting go of a partition forgets it: eager, each rebalance does. */
  pause(partitions: readonly TopicPartition[]): void {
    const engine = this.#open();
    for (const place of checkPartitions("Consumer.pause", partitions)) this.#state(place).isPaused = true;
    engine.asking.interrupt();
    engine.fetcher.poke();
  }

  resume(partitions: readonly TopicPartition[]): void {
    const engine = this.#open();
    for (const place of checkPartitions("Consumer.resume", partitions)) this.#state(place).isPaused = false;
    engine.positionsChanged();
  }

  /** The partitions that are paused. */
  paused(): TopicPartition[] {
    return this.#engine.offsets
      .list()
      .filter((state) => state.isPaused)
      .map(placeOf);
  }

  // The log

  /** The first offset that each partition has. */
  beginningOffsets(
    partitions: readonly TopicPartition[],
    options: ConsumerCallOptions = {},
  ): Promise<(TopicPartition & { offset: number })[]> {
    return this.#listEnds("Consumer.beginningOffsets", partitions, earliestTimestamp, options);
  }

  /** The offset behind the last record of each partition that the application may see: the last stable offset with `read_committed`. */
  endOffsets(
    partitions: readonly TopicPartition[],
    options: ConsumerCallOptions = {},
  ): Promise<(TopicPartition & { offset: number })[]> {
    return this.#listEnds("Consumer.endOffsets", partitions, latestTimestamp, options);
  }

  /** The first offset of each partition whose timestamp is the given one or later. */
  async offsetsForTimes(
    timestamps: readonly TopicPartitionTimestamp[],
    options: ConsumerCallOptions = {},
  ): Promise<OffsetForTime[]> {
    const engine = this.#open();
    const places = checkPartitions("Consumer.offsetsForTimes", timestamps);
    const queries = timestamps.map(({ timestamp }, n) => {
      if (Number.isSafeInteger(timestamp) && timestamp >= 0) return { ...places[n]!, timestamp };
      throw new KafkaError(`Consumer.offsetsForTimes: ${timestamp} is not a timestamp`, { code: "INVALID_ARGUMENT" });
    });
    const found = await listOffsets(engine.core, queries, this.#listOptions(options));
    return found.map(({ topic, partition, offset, timestamp, leaderEpoch }) =>
      offset < 0
        ? { topic, partition, offset: null, timestamp: null, leaderEpoch: -1 }
        : { topic, partition, offset, timestamp, leaderEpoch },
    );
  }

  /** How far behind this consumer is in each assigned partition; finds out first where to begin, if need be. */
  async lag(options: ConsumerCallOptions = {}): Promise<ConsumerLag[]> {
    const places = this.assignment();
    // What is let go of meanwhile is left out.
    const positions = places.map((place) => this.position(place, options).catch(unlessUnassigned));
    await Promise.all(positions);
    const ends = await this.endOffsets(places, options);
    const lags: ConsumerLag[] = [];
    for (const { topic, partition, offset: endOffset } of ends) {
      const position = this.#engine.offsets.get(topic, partition)?.position ?? -1;
      if (position >= 0) lags.push({ topic, partition, position, endOffset, lag: Math.max(0, endOffset - position) });
    }
    return lags;
  }

  // The group, and the end

  /** Has the group assigned anew, once the application asks for the next message. With `groupProtocol: "consumer"` it does nothing but warn, as in Java: the broker decides. */
  enforceRebalance(reason = "the application asked for a rebalance"): void {
    const engine = this.#open();
    if (!engine.isSubscribed) throw needsGroup("Consumer.enforceRebalance");
    engine.group!.rejoin(reason);
  }

  /** Who this consumer is in its group, as of the last assignment that it has taken; null without one. For transactions, which commit offsets in the name of that member. */
  groupMetadata(): GroupMetadata | null {
    const { settings, identity, group } = this.#engine;
    if (settings.groupId === null) return null;
    const { groupId, groupInstanceId } = settings;
    const generationId = group?.takenGenerationId ?? identity.generationId;
    return { groupId, memberId: generationId < 0 ? "" : identity.memberId, generationId, groupInstanceId };
  }

  /**
   * Ends every loop, commits what is finished (with `enableAutoCommit`), tells the listener, leaves the group and closes the connections. Takes at most `timeoutMs` (default 30,000): then it gives up what is not done. Rejects with what
   * the listener failed with, after all the rest. A second call waits for the first. Rejects at once, and closes nothing, where a rebalance listener calls it: it would wait for the listener's end.
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#engine.listenerScope.ensureOutside("Consumer.close");
    this.#closing ??= this.#close(options.timeoutMs ?? defaultCloseTimeoutMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    const engine = this.#engine;
    const { clock } = engine.core.runtime;
    const deadline = clock.monotonic() + timeoutMs;
    engine.beginClosing(deadline);
    try {
      const late = () => new TimeoutError(`Could not close the consumer cleanly within ${timeoutMs} ms`);
      await waitFor(clock, engine.letGo("the consumer is being closed"), deadline, undefined, late);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      engine.core.logger.warn(error.message);
    } finally {
      const leftMs = Math.max(0, deadline - clock.monotonic());
      await engine.shutDown(Math.min(leftMs, sessionEndTimeoutMs));
    }
  }

  #open(): ConsumerEngine<K, V> {
    this.#engine.ensureOpen();
    return this.#engine;
  }

  #state({ topic, partition }: TopicPartition): PartitionState {
    const state = this.#engine.offsets.get(topic, partition);
    if (state === undefined) throw notAssigned({ topic, partition });
    return state;
  }

  #seekToEnd(what: string, end: "beginning" | "end", partitions: readonly TopicPartition[] | undefined): void {
    const engine = this.#open();
    const places = partitions === undefined ? this.assignment() : checkPartitions(what, partitions);
    for (const state of places.map((place) => this.#state(place))) {
      engine.offsets.sought(state);
      state.reset(end);
    }
    engine.positionsChanged();
  }

  async #listEnds(
    what: string,
    partitions: readonly TopicPartition[],
    timestamp: number,
    options: ConsumerCallOptions,
  ) {
    const engine = this.#open();
    const queries = checkPartitions(what, partitions).map((place) => ({ ...place, timestamp }));
    const found = await listOffsets(engine.core, queries, this.#listOptions(options));
    return found.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  }

  #listOptions({ timeoutMs, signal }: ConsumerCallOptions) {
    const { isolation, settings } = this.#engine;
    return { isolation, signal, timeoutMs: timeoutMs ?? settings.defaultApiTimeoutMs };
  }
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

function unlessUnassigned(error: unknown): void {
  if (!(error instanceof KafkaError) || error.code !== "NOT_ASSIGNED") throw error;
}

function bothWays(): KafkaError {
  const what = "Partitions are either subscribed to or assigned by hand: unsubscribe first";
  return new KafkaError(what, { code: "SUBSCRIBED_AND_ASSIGNED" });
}
