import { apis, errorCodes, errorName, type OffsetCommitResponse } from "@ottla/protocol";
import { sleep } from "@ottla/runtime";
import { backoffMs } from "../backoff.ts";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, type KafkaError, kafkaError, RebalanceInProgressError, TimeoutError } from "../errors.ts";
import { CommitFailedError } from "./consumer-errors.ts";
import { findCoordinator, type GroupLink } from "./group-link.ts";
import type { MembershipIdentity } from "./membership-events.ts";
import { isSameStay } from "./membership-identity.ts";
import { verdictOn } from "./membership-verdicts.ts";
import { groupByTopic, PartitionMap, type TopicPartitionOffset } from "./topic-partition.ts";

/** A commit that has not been settled. */
interface Entry {
  offsets: readonly TopicPartitionOffset[];
  /** Whether it takes in what is asked for behind it: nobody waits for its end. */
  readonly isQuiet: boolean;
  /** Whether these are the consumer's own positions: those in topics that are gone are of no use to anybody. */
  readonly arePositions: boolean;
  readonly identity: MembershipIdentity | null;
  /** Of `clock.monotonic()`. */
  readonly deadline: number;
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
  /** Resolves once nothing more is sent for it: its promise may have been rejected before, for being late. */
  readonly gone: Promise<void>;
  go(): void;
}

/** Told why offsets have not been committed. */
type CommitFailed = (error: KafkaError, offsets: readonly TopicPartitionOffset[]) => void;

/** From version 10 on topics go by id, which gains nothing here. */
const maxCommitVersion = 9;

/**
 * Sends commits, one request after the other, in the order in which they were asked for: a commit that is tried again never overtakes, nor is overtaken by, another. What
 * waits behind a request goes into the next one together. A commit belongs to the generation in which it was asked for, and fails once that is over. Where partitions are kept from one to
 * the next (cooperative rebalancing, KIP-848), it belongs to the stay in the group, and is signed with the generation of the moment: what it commits still belongs to this member, since
 * partitions are only let go of once the commits before have been settled.
 */
export class Committer {
  readonly #core: ClientCore;
  readonly #link: GroupLink;
  readonly #onCommitted: (offsets: readonly TopicPartitionOffset[]) => void;
  readonly #closing = new AbortController();
  #queue: Entry[] = [];
  #isRunning = false;
  /** So many at the head have been sent, and not been answered. */
  #inFlight = 0;
  /** So many at the head go one by one: one of them spoiled a request for the others. */
  #alone = 0;

  constructor(core: ClientCore, link: GroupLink, onCommitted: (offsets: readonly TopicPartitionOffset[]) => void) {
    this.#core = core;
    this.#link = link;
    this.#onCommitted = onCommitted;
  }

  /** Resolves when the coordinator has the offsets; tries again what may be tried again for `timeoutMs`. */
  commit(offsets: readonly TopicPartitionOffset[], timeoutMs: number, arePositions = false): Promise<void> {
    const identity = this.#link.identity();
    const refusal = this.#refusal(identity, identity);
    if (refusal !== null) return Promise.reject(refusal);
    return this.#enqueue(offsets, timeoutMs, { arePositions, identity, isQuiet: false }).promise;
  }

  /**
   * As `commit`, for who only wants to hear of failures. What is asked for behind one that has not been sent goes with it, and fails with it: without a coordinator, too, no more is kept than one offset of each
   * partition.
   */
  commitQuietly(
    offsets: readonly TopicPartitionOffset[],
    timeoutMs: number,
    arePositions: boolean,
    failed: CommitFailed,
  ): void {
    const identity = this.#link.identity();
    const refusal = this.#refusal(identity, identity);
    const tail = this.#waitingTail;
    if (refusal !== null) {
      failed(refusal, offsets);
    } else if (tail?.isQuiet && tail.arePositions === arePositions && isSame(tail.identity, identity)) {
      tail.offsets = lastOfEach([...tail.offsets, ...offsets]);
    } else {
      const entry = this.#enqueue(offsets, timeoutMs, { arePositions, identity, isQuiet: true });
      entry.promise.catch((error: KafkaError) => failed(error, entry.offsets));
    }
  }

  /** The last one, unless it has been sent, or its time is over. */
  get #waitingTail(): Entry | undefined {
    const tail = this.#queue.length > this.#inFlight ? this.#queue.at(-1) : undefined;
    return tail !== undefined && tail.deadline > this.#core.runtime.clock.monotonic() ? tail : undefined;
  }

  #enqueue(
    offsets: readonly TopicPartitionOffset[],
    timeoutMs: number,
    kind: Pick<Entry, "arePositions" | "identity" | "isQuiet">,
  ): Entry {
    const deadline = this.#core.runtime.clock.monotonic() + timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    const entry: Entry = { ...kind, offsets, deadline, promise, resolve, reject, gone, go };
    this.#queue.push(entry);
    if (!this.#isRunning) void this.#run();
    return entry;
  }

  /** Resolves once all that was asked for so far has been settled, one way or the other, and nothing of it is under way any more. */
  async settled(): Promise<void> {
    await this.#queue.at(-1)?.gone;
  }

  /** Rejects what has waited for too long, in order; what has been sent may still arrive. */
  expire(): void {
    const now = this.#core.runtime.clock.monotonic();
    for (const entry of this.#queue) if (entry.deadline <= now) entry.reject(this.#late(undefined));
  }

  /** Rejects what waits. */
  close(error: KafkaError): void {
    this.#closing.abort(error);
    for (const entry of this.#queue.splice(0)) {
      entry.reject(error);
      entry.go();
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let failures = 0;
    let last: unknown;
    while (this.#queue.length > 0) {
      const group = this.#nextGroup(last);
      if (group.length === 0) continue;
      try {
        this.#inFlight = group.length;
        await this.#attempt(group);
        this.#inFlight = 0;
        this.#settle(group, (entry) => entry.resolve());
        failures = 0;
        last = undefined;
      } catch (error) {
        this.#inFlight = 0;
        if (this.#closing.signal.aborted) return;
        last = error;
        if (isRetriableError(error)) await this.#pause(++failures);
        else this.#failed(group, error);
      }
    }
    this.#isRunning = false;
  }

  /** The commits at the head that may share a request; those that cannot succeed any more are rejected. */
  #nextGroup(last: unknown): Entry[] {
    const now = this.#core.runtime.clock.monotonic();
    const current = this.#link.identity();
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const refusal = head.deadline <= now ? this.#late(last) : this.#refusal(head.identity, current);
      if (refusal === null) break;
      this.#settle([head], (entry) => entry.reject(refusal));
    }
    if (this.#alone > 0) return this.#queue.slice(0, 1);
    const head = this.#queue[0];
    const end = this.#queue.findIndex((entry) => !isSame(entry.identity, head?.identity ?? null));
    return this.#queue.slice(0, end < 0 ? this.#queue.length : end);
  }

  #settle(group: readonly Entry[], how: (entry: Entry) => void): void {
    this.#queue.splice(0, group.length);
    this.#alone = Math.max(0, this.#alone - group.length);
    for (const entry of group) {
      how(entry);
      entry.go();
    }
  }

  #failed(group: readonly Entry[], error: unknown): void {
    const concernsAll = error instanceof CommitFailedError || error instanceof RebalanceInProgressError;
    if (group.length > 1 && !concernsAll) this.#alone = group.length;
    else this.#settle(group, (entry) => entry.reject(error));
  }

  async #attempt(group: readonly Entry[]): Promise<void> {
    const offsets = this.#merge(group);
    if (offsets.length === 0) return;
    const { signal } = this.#closing;
    try {
      const nodeId = await findCoordinator(this.#core, this.#link, signal);
      const identity = this.#signature(group[0]!.identity);
      // Behind a JoinGroup on the same connection it would wait for the round to end.
      const purpose = identity?.standing === "rebalancing" ? "default" : "coordinator";
      const options = { purpose, maxVersion: maxCommitVersion, signal } as const;
      const response = await this.#core.pool.send(nodeId, apis.offsetCommit, this.#request(offsets, identity), options);
      this.#check(response, identity);
    } catch (error) {
      // Without an answer nobody knows; the coordinator may be somewhere else by now.
      if (isRetriableError(error) && error.errorCode === null) this.#link.coordinatorLost(error.message);
      else if (error instanceof TimeoutError) this.#link.coordinatorLost(error.message);
      throw error;
    }
    this.#onCommitted(offsets);
  }

  /** Who signs: the member as it is now, unless it is no longer the one that asked. */
  #signature(asked: MembershipIdentity | null): MembershipIdentity | null {
    const current = this.#link.identity();
    return isSame(asked, current) ? current : asked;
  }

  /** One offset per partition: the last that was asked for. */
  #merge(group: readonly Entry[]): TopicPartitionOffset[] {
    return lastOfEach(
      group.flatMap(({ offsets, arePositions }) =>
        arePositions ? offsets.filter(({ topic }) => !this.#isGone(topic)) : offsets,
      ),
    );
  }

  /** Without this a topic's deletion would hold up the rebalance that it causes, for as long as commits are retried. */
  #isGone(topic: string): boolean {
    const { metadata } = this.#core;
    if (metadata.topic(topic) !== undefined) return false;
    return metadata.topicError(topic)?.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  }

  #request(offsets: readonly TopicPartitionOffset[], identity: MembershipIdentity | null) {
    return (version: number) => ({
      groupId: this.#link.groupId,
      generationIdOrMemberEpoch: identity?.generationId ?? -1,
      memberId: identity?.memberId ?? "",
      ...(version >= 7 && identity !== null ? { groupInstanceId: this.#link.groupInstanceId } : {}),
      topics: [...groupByTopic(offsets)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch ?? -1,
          committedMetadata: metadata ?? "",
        })),
      })),
    });
  }

  /** Throws what the answer means, after Kafka's OffsetCommitResponseHandler. */
  #check(response: OffsetCommitResponse, identity: MembershipIdentity | null): void {
    const unauthorized: string[] = [];
    for (const { name, partitions } of response.topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode === errorCodes.NONE) continue;
        if (errorCode === errorCodes.TOPIC_AUTHORIZATION_FAILED) unauthorized.push(name);
        else throw this.#error(errorCode, name, partitionIndex, identity);
      }
    }
    if (unauthorized.length === 0) return;
    const topics = [...new Set(unauthorized)].join(", ");
    throw kafkaError(errorCodes.TOPIC_AUTHORIZATION_FAILED, `Could not commit offsets of ${topics}`);
  }

  #error(errorCode: number, topic: string, partition: number, identity: MembershipIdentity | null): KafkaError {
    const what = `Could not commit the offset of ${topic}-${partition} for group ${this.#link.groupId}`;
    if (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) this.#core.metadata.invalidate(topic);
    const verdict = verdictOn("OffsetCommit", errorCode);
    switch (verdict) {
      case "moved":
        this.#link.coordinatorLost(`OffsetCommit answered ${errorName(errorCode)}`);
        break;
      case "staleEpoch":
        // The coordinator is ahead: the next answer to a heartbeat brings its epoch, or the news that all is lost.
        return kafkaError(errorCode, what, { retriable: this.#link.groupProtocol === "consumer" });
      case "rebalancing":
      case "fenced":
      case "unknownMember":
      case "illegalGeneration":
        return this.#refused(verdict, errorCode, what, identity);
      default:
        break;
    }
    return kafkaError(errorCode, what);
  }

  /** The coordinator does not take commits from the one who signed: not yet, or not any more. */
  #refused(
    verdict: "rebalancing" | "fenced" | "unknownMember" | "illegalGeneration",
    errorCode: number,
    what: string,
    signed: MembershipIdentity | null,
  ): KafkaError {
    const current = this.#link.identity();
    // The round that it met is one that this member knows of, or has been through since.
    const isKnown =
      signed !== null && (signed.standing === "rebalancing" || signed.generationId !== current?.generationId);
    if (isKnown && (verdict === "rebalancing" || verdict === "illegalGeneration") && isSame(signed, current)) {
      return this.#rebalancing(true);
    }
    if (isKnown && current?.standing === "rebalancing") return this.#rebalancing(false);
    if (signed !== null) this.#link.commitRefused(errorCode, signed);
    if (verdict === "rebalancing") return this.#rebalancing(false);
    if (verdict === "fenced" && !isKnown) return kafkaError(errorCode, what);
    const why = signed === null ? "a group with members takes no commits from others" : this.#outOfGroup;
    return new CommitFailedError(`${what}: ${errorName(errorCode)}: ${why}`, { errorCode });
  }

  /** Why a commit that was asked for by one cannot be sent by the other; null where it can. */
  #refusal(asked: MembershipIdentity | null, current: MembershipIdentity | null): KafkaError | null {
    if (this.#closing.signal.aborted) return this.#closing.signal.reason as KafkaError;
    if (asked === null || current === null) return asked === current ? null : this.#outdated();
    const keeps = current.standing === "stable" || (current.standing === "rebalancing" && current.stay !== undefined);
    if (keeps && isSame(asked, current)) return null;
    return current.standing === "rebalancing" ? this.#rebalancing(false) : this.#outdated();
  }

  #rebalancing(retriable: boolean): RebalanceInProgressError {
    const what = `Could not commit offsets for group ${this.#link.groupId}: this consumer is in the middle of a rebalance`;
    return new RebalanceInProgressError(`${what}; ask for the next message to complete it`, {
      code: "REBALANCE_IN_PROGRESS",
      errorCode: errorCodes.REBALANCE_IN_PROGRESS,
      retriable,
    });
  }

  #outdated(): CommitFailedError {
    return new CommitFailedError(`Could not commit offsets for group ${this.#link.groupId}: ${this.#outOfGroup}`);
  }

  get #outOfGroup(): string {
    const isClassic = this.#link.groupProtocol === "classic";
    const session = isClassic ? "sessionTimeoutMs" : "the group's session timeout (consumer.session.timeout.ms)";
    return (
      "this consumer is no longer the member that read them, and its partitions may belong to others. " +
      `A handler that takes longer than maxPollIntervalMs, or a process that is stopped for longer than ${session}, has that effect`
    );
  }

  #late(cause: unknown): KafkaError {
    if (cause instanceof RebalanceInProgressError) return this.#rebalancing(false);
    return new TimeoutError(`Could not commit offsets for group ${this.#link.groupId} in time`, { cause });
  }

  async #pause(failures: number): Promise<void> {
    const { runtime, config } = this.#core;
    const pauseMs = backoffMs(config.retryBackoffMs, config.retryBackoffMaxMs, failures, runtime.random);
    await sleep(runtime.clock, pauseMs, this.#closing.signal).catch(() => {});
  }
}

function lastOfEach(offsets: readonly TopicPartitionOffset[]): TopicPartitionOffset[] {
  const last = new PartitionMap<TopicPartitionOffset>();
  for (const one of offsets) last.set(one.topic, one.partition, one);
  return [...last.values()];
}

function isSame(a: MembershipIdentity | null, b: MembershipIdentity | null): boolean {
  return a === b || (a !== null && b !== null && isSameStay(a, b));
}
