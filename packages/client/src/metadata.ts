import { apis, type MetadataResponse } from "@ottla/protocol";
import type { Logger, Runtime, Timer } from "@ottla/runtime";
import { backoffMs } from "./backoff.ts";
import type { BrokerAddress, BrokerPool } from "./broker-pool.ts";
import type { ClientSettings } from "./config.ts";
import { ClosedError, type KafkaError, kafkaError, TimeoutError } from "./errors.ts";
import { retry } from "./request.ts";
import { type Leader, type TopicMetadata, topicOf } from "./topic-metadata.ts";
import { waitFor } from "./wait.ts";

export type { Leader, PartitionMetadata, TopicMetadata } from "./topic-metadata.ts";

export interface MetadataOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: ClientSettings;
  readonly pool: BrokerPool;
  /** Whether asking for a topic may create it, where the broker is set so. Default true. */
  readonly allowAutoTopicCreation?: boolean | undefined;
}

/** A request for metadata that has not been sent yet, and those who wait for its answer. */
interface Round {
  topics: Set<string> | "all";
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Codes of a topic that mean that it is not there, or not for us. */
const unknownTopic = 3;
const brokerNotAvailable = 8;
const rebootstrapRequired = 129;

/** What the client knows about the cluster: brokers, topics, leaders. */
export class Metadata {
  #clusterId: string | null = null;
  #controllerId = -1;
  #brokers: readonly BrokerAddress[] = [];
  #topics = new Map<string, TopicMetadata>();
  #topicsById = new Map<string, TopicMetadata>();
  #errors = new Map<string, KafkaError>();

  readonly #options: MetadataOptions;
  readonly #listeners = new Set<() => void>();
  readonly #tracked = new Set<string>();
  #tracksAll = false;
  #next: Round | null = null;
  #isAsking = false;
  #closed = false;
  readonly #closing = new AbortController();
  /** Since when no broker could be asked, of `clock.monotonic()`; null while all is well. */
  #failingSince: number | null = null;

  /** Topics that the background has to ask for. */
  #wanted = new Set<string>();
  #wantsAll = false;
  #backgroundTimer: Timer | null = null;
  /** How often in a row the background had to ask without a pause between. */
  #streak = 0;
  #lastBackgroundAt = Number.NEGATIVE_INFINITY;
  #ageTimer: Timer | null = null;

  constructor(options: MetadataOptions) {
    this.#options = options;
  }

  get clusterId(): string | null {
    return this.#clusterId;
  }

  /** -1 while none is known. */
  get controllerId(): number {
    return this.#controllerId;
  }

  get brokers(): readonly BrokerAddress[] {
    return this.#brokers;
  }

  /** All topics that are known, by name. */
  get topics(): ReadonlyMap<string, TopicMetadata> {
    return this.#topics;
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  topicById(topicId: string): TopicMetadata | undefined {
    return this.#topicsById.get(topicId);
  }

  /** Why the last refresh found no topic of that name; undefined where it found one or was not asked. */
  topicError(name: string): KafkaError | undefined {
    return this.#errors.get(name);
  }

  /** Undefined while the partition is unknown or has no leader. */
  leader(topic: string, partition: number): Leader | undefined {
    const known = this.#topics.get(topic)?.partitions[partition];
    return known === undefined || known.leaderId < 0 ? undefined : { nodeId: known.leaderId, epoch: known.leaderEpoch };
  }

  /**
   * Asks a broker, once, for these topics, or for all topics there are. Calls at the same time share requests. Resolves when the answer has been taken in, whatever
   * it says of single topics (`topicError`); rejects when no broker answered.
   */
  refresh(topics: readonly string[] | "all", signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#next === null) {
      this.#next = newRound();
      if (!this.#isAsking) queueMicrotask(() => void this.#askRounds());
    }
    const round = this.#next;
    if (topics === "all") round.topics = "all";
    else if (round.topics !== "all") for (const topic of topics) round.topics.add(topic);
    const { clock } = this.#options.runtime;
    return waitFor(clock, round.promise, Number.POSITIVE_INFINITY, signal, closedError);
  }

  /**
   * Resolves with the topic once it is known (at once where it is), refreshing with back-off until `deadline` (of `clock.monotonic()`). Rejects with the topic's own error
   * (an `UnknownTopicOrPartitionError` where it does not exist), or with what kept the brokers from being asked.
   */
  async ensureTopic(name: string, deadline: number, signal?: AbortSignal): Promise<TopicMetadata> {
    const { clock, random } = this.#options.runtime;
    const { retryBackoffMs, retryBackoffMaxMs } = this.#options.config;
    const late = () => new TimeoutError(`Could not learn about topic ${name} in time: no broker has answered`);
    return retry({ clock, random, retryBackoffMs, retryBackoffMaxMs, deadline, signal }, async () => {
      const known = this.#topics.get(name);
      if (known !== undefined) return known;
      await waitFor(clock, this.refresh([name], signal), deadline, undefined, late);
      const topic = this.#topics.get(name);
      if (topic === undefined) throw this.#errors.get(name) ?? topicError(name, unknownTopic);
      return topic;
    });
  }

  /** Says that what is known of a topic's leaders is out of date: it stays readable, and a refresh starts soon (with back-off, shared). */
  invalidate(topic: string): void {
    this.#wanted.add(topic);
    this.#startBackground();
  }

  /** As `invalidate`, for all topics there are. */
  invalidateAll(): void {
    this.#wantsAll = true;
    this.#startBackground();
  }

  /** Takes over a newer leader that a Produce or Fetch answer named (KIP-951); false where it is not newer than what is known. */
  updateLeader(topic: string, partition: number, leader: Leader, endpoint?: BrokerAddress): boolean {
    const known = this.#topics.get(topic);
    const before = known?.partitions[partition];
    if (known === undefined || before === undefined || leader.nodeId < 0 || leader.epoch <= before.leaderEpoch) {
      return false;
    }
    if (endpoint !== undefined) this.#options.pool.addBroker(endpoint);
    const partitions = known.partitions.with(partition, {
      ...before,
      leaderId: leader.nodeId,
      leaderEpoch: leader.epoch,
    });
    this.#set({ ...known, partitions });
    this.#notify();
    return true;
  }

  /** Keeps the topics fresh: they are asked for again every `metadataMaxAgeMs`. */
  track(topics: Iterable<string>): void {
    for (const topic of topics) this.#tracked.add(topic);
    this.#watchAge();
  }

  /** Stops keeping these fresh. */
  untrack(topics: Iterable<string>): void {
    for (const topic of topics) this.#tracked.delete(topic);
    this.#watchAge();
  }

  /** As `track`, for all topics there are: for subscriptions by pattern. */
  trackAll(on: boolean): void {
    this.#tracksAll = on;
    this.#watchAge();
  }

  /** Called after each refresh that was taken in, and after `updateLeader`. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backgroundTimer?.cancel();
    this.#ageTimer?.cancel();
    this.#listeners.clear();
    this.#closing.abort(closedError());
    this.#next?.reject(closedError());
  }

  /** One request at a time; what is asked meanwhile goes into the next one, since the one under way may be answered by older knowledge. */
  async #askRounds(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#next !== null && !this.#closed) {
      const round = this.#next;
      this.#next = null;
      try {
        await this.#ask(round.topics);
        this.#failingSince = null;
        round.resolve();
      } catch (error) {
        this.#failed(error);
        round.reject(error);
      }
    }
    this.#isAsking = false;
  }

  async #ask(topics: ReadonlySet<string> | "all"): Promise<void> {
    const names = topics === "all" ? null : [...topics].map((name) => ({ name }));
    const allowAutoTopicCreation = this.#options.allowAutoTopicCreation ?? true;
    const body = (version: number) => ({
      // Version 0 has no null: no names at all stand for all topics.
      topics: version === 0 ? (names ?? []) : names,
      ...(version >= 4 ? { allowAutoTopicCreation } : {}),
    });
    const signal = this.#closing.signal;
    const response = await this.#options.pool.send("any", apis.metadata, body, { signal });
    if (response.errorCode === rebootstrapRequired) this.#options.pool.rebootstrap();
    if (response.errorCode !== 0) throw kafkaError(response.errorCode, "Could not fetch metadata");
    // A broker that is just starting knows nobody, not even itself.
    if (response.brokers.length === 0) {
      throw kafkaError(brokerNotAvailable, "Could not fetch metadata: no broker is named", { retriable: true });
    }
    this.#take(response, topics);
  }

  #take(response: MetadataResponse, asked: ReadonlySet<string> | "all"): void {
    this.#clusterId = response.clusterId;
    this.#controllerId = response.controllerId;
    this.#brokers = response.brokers;
    this.#options.pool.updateBrokers(response.brokers);
    const answered = new Set<string>();
    for (const topic of response.topics) {
      if (topic.name === null) continue;
      answered.add(topic.name);
      if (topic.errorCode === 0) this.#set(this.#newer(topicOf(topic, topic.name)));
      else this.#setError(topic.name, topic.errorCode);
    }
    const expected = asked === "all" ? [...this.#topics.keys()] : asked;
    for (const name of expected) if (!answered.has(name)) this.#setError(name, unknownTopic);
    this.#notify();
  }

  #set(topic: TopicMetadata): void {
    this.#forgetId(topic.name);
    this.#topics.set(topic.name, topic);
    if (topic.topicId !== null) this.#topicsById.set(topic.topicId, topic);
    this.#errors.delete(topic.name);
  }

  #setError(name: string, code: number): void {
    const error = topicError(name, code);
    const isNews = this.#errors.get(name)?.errorCode !== code;
    if (isNews && this.#tracked.has(name)) this.#options.logger.warn(error.message, { topic: name });
    this.#errors.set(name, error);
    // A topic whose leaders are just being elected is still what it was.
    if (error.retriable && code !== unknownTopic) return;
    this.#forgetId(name);
    this.#topics.delete(name);
  }

  #forgetId(name: string): void {
    const topicId = this.#topics.get(name)?.topicId;
    if (topicId !== undefined && topicId !== null) this.#topicsById.delete(topicId);
  }

  /** A broker may lag behind: leaders of older epochs than those known are not taken over, unless the topic was created anew. */
  #newer(topic: TopicMetadata): TopicMetadata {
    const known = this.#topics.get(topic.name);
    if (known === undefined || known.topicId !== topic.topicId) return topic;
    const partitions = topic.partitions.map((partition) => {
      const before = known.partitions[partition.index];
      return before !== undefined && partition.leaderEpoch < before.leaderEpoch ? before : partition;
    });
    return { ...topic, partitions };
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const now = this.#options.runtime.clock.monotonic();
    this.#failingSince ??= now;
    const { metadataRecoveryStrategy, metadataRecoveryRebootstrapTriggerMs } = this.#options.config;
    const isDue = now - this.#failingSince >= metadataRecoveryRebootstrapTriggerMs;
    this.#options.logger.debug("Could not refresh metadata", { error });
    if (metadataRecoveryStrategy !== "rebootstrap" || !isDue) return;
    this.#failingSince = now;
    this.#options.pool.rebootstrap();
  }

  #startBackground(): void {
    if (this.#backgroundTimer !== null || this.#closed) return;
    const { clock, random } = this.#options.runtime;
    const { retryBackoffMs, retryBackoffMaxMs } = this.#options.config;
    const sinceLast = clock.monotonic() - this.#lastBackgroundAt;
    if (sinceLast > 2 * retryBackoffMaxMs) this.#streak = 0;
    const pauseMs = Math.max(0, backoffMs(retryBackoffMs, retryBackoffMaxMs, this.#streak, random) - sinceLast);
    this.#backgroundTimer = clock.setTimer(pauseMs, () => void this.#askInBackground());
  }

  async #askInBackground(): Promise<void> {
    const topics = this.#wanted;
    const all = this.#wantsAll;
    this.#wanted = new Set();
    this.#wantsAll = false;
    this.#streak++;
    this.#lastBackgroundAt = this.#options.runtime.clock.monotonic();
    try {
      await this.refresh(all ? "all" : [...topics]);
      this.#backgroundTimer = null;
      if (this.#wanted.size > 0 || this.#wantsAll) this.#startBackground();
    } catch {
      this.#backgroundTimer = null;
      for (const topic of topics) this.#wanted.add(topic);
      this.#wantsAll ||= all;
      this.#startBackground();
    }
  }

  #watchAge(): void {
    const isNeeded = (this.#tracked.size > 0 || this.#tracksAll) && !this.#closed;
    if (!isNeeded) {
      this.#ageTimer?.cancel();
      this.#ageTimer = null;
      return;
    }
    if (this.#ageTimer !== null) return;
    const { metadataMaxAgeMs, retryBackoffMs } = this.#options.config;
    this.#ageTimer = this.#options.runtime.clock.setTimer(Math.max(metadataMaxAgeMs, retryBackoffMs), () => {
      this.#ageTimer = null;
      for (const topic of this.#tracked) this.#wanted.add(topic);
      this.#wantsAll ||= this.#tracksAll;
      this.#startBackground();
      this.#watchAge();
    });
  }
}

function newRound(): Round {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Those who wait hear of it; where nobody does any more, nobody has to.
  promise.catch(() => {});
  return { topics: new Set(), promise, resolve, reject };
}

function topicError(name: string, code: number): KafkaError {
  return kafkaError(code, `Could not find topic ${name}`);
}

function closedError(): ClosedError {
  return new ClosedError("The client has been closed");
}
