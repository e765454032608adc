import { apis, errorName, type FetchResponse } from "@ottla/protocol";
import type { Timer } from "@ottla/runtime";
import { backoffMs } from "../backoff.ts";
import type { ClientCore } from "../client-core.ts";
import type { KafkaError } from "../errors.ts";
import { fetchBody } from "./fetch-request.ts";
import { describeFetchFailure, endOffsetOf, type FetchedPartition, fetchError, remedyFor } from "./fetch-response.ts";
import { FetchSession, type FetchTarget } from "./fetch-session.ts";
import type { IsolationLevel } from "./list-offsets.ts";
import type { Offsets } from "./offsets.ts";
import { PartitionRecords } from "./partition-records.ts";
import type { FetchedFrame, PartitionState } from "./partition-state.ts";

export interface FetcherSettings {
  readonly checkCrcs: boolean;
  readonly clientRack: string;
  readonly fetchMaxBytes: number;
  readonly fetchMaxWaitMs: number;
  readonly fetchMinBytes: number;
  readonly maxPartitionFetchBytes: number;
  readonly metadataMaxAgeMs: number;
  readonly queuedMaxBytes: number;
}

export interface FetcherOptions {
  readonly core: ClientCore;
  readonly settings: FetcherSettings;
  readonly isolation: IsolationLevel;
  readonly offsets: Offsets;
  /** Something can be handed out. */
  readonly onData: (state: PartitionState) => void;
  /** A partition has a problem that the application has to hear of. */
  readonly onProblem: (state: PartitionState) => void;
  /** A position is not in the log. */
  readonly onOutOfRange: (state: PartitionState) => void;
}

/** What goes on with one broker. */
interface NodeFetch {
  readonly nodeId: number;
  readonly session: FetchSession;
  isInFlight: boolean;
  failures: number;
  /** Nothing is sent before this. */
  retryAt: number;
  /** Nothing is sent before this unless fewer than `fullCount` partitions are full. */
  idleUntil: number;
  fullCount: number;
}

/** What there is to fetch from one broker. */
interface Demand {
  readonly states: PartitionState[];
  fullCount: number;
}

/**
 * Fetches ahead of the application: one fetch in flight per broker, in incremental sessions. A partition is asked for until about two answers' worth of it is queued, the
 * whole until `queuedMaxBytes` are; what is queued of paused partitions makes room for others.
 *
 * A fetch that leaves a full partition out must not wait at the broker, since the application may have emptied the queue in a moment: it then asks for what is there at
 * once, and again when a partition has room or after `fetchMaxWaitMs`.
 */
export class Fetcher {
  readonly #core: ClientCore;
  readonly #options: FetcherOptions;
  readonly #settings: FetcherSettings;
  readonly #nodes = new Map<number, NodeFetch>();
  readonly #closing = new AbortController();
  #isScheduled = false;
  #timer: Timer | null = null;
  #turn = 0;

  constructor(options: FetcherOptions) {
    this.#core = options.core;
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Looks, soon, for what can be fetched. */
  poke(): void {
    if (this.#isScheduled || this.#closing.signal.aborted) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#closing.signal.aborted) this.#pump();
    });
  }

  /** Whether so much of it is queued that nothing more is asked for. */
  isFull(state: PartitionState): boolean {
    if (state.fetchOffset < 0) return true;
    const { offsets } = this.#options;
    if (offsets.queuedSize > this.#settings.queuedMaxBytes / 2) return state.queuedCount > 0;
    const enough = Math.max(1, this.#settings.maxPartitionFetchBytes);
    return state.queuedSize >= 2 * enough || (state.queuedCount >= 2 && state.queuedSize >= enough);
  }

  /** Stops, and ends the sessions at the brokers, for which it takes at most `timeoutMs`. */
  async close(error: KafkaError, timeoutMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#closing.abort(error);
    const endings = [...this.#nodes.values()].map(async ({ nodeId, session, isInFlight }) => {
      const plan = isInFlight ? null : session.planEnd();
      if (plan === null || this.#core.pool.isUnavailable(nodeId)) return;
      const limits = { ...this.#limits(), maxWaitMs: 0 };
      const body = (version: number) => fetchBody(plan, limits, version);
      await this.#core.pool.send(nodeId, apis.fetch, body, { purpose: "fetch", timeoutMs }).catch(() => {});
    });
    await Promise.all(endings);
  }

  #pump(): void {
    const now = this.#core.runtime.clock.monotonic();
    const { offsets } = this.#options;
    if (offsets.queuedSize >= this.#settings.queuedMaxBytes) this.#makeRoom();
    if (offsets.queuedSize >= this.#settings.queuedMaxBytes) return;
    let nextAt = Number.POSITIVE_INFINITY;
    const demands = new Map<number, Demand>();
    for (const state of offsets.list()) {
      if (state.stage !== "none" || state.isPaused || state.isRevoked || state.problem !== null) continue;
      if (state.retryAt > now) nextAt = Math.min(nextAt, state.retryAt);
      else this.#demand(state, demands, now);
    }
    this.#turn++;
    for (const [nodeId, demand] of demands) {
      const node = this.#node(nodeId);
      if (node.isInFlight || demand.states.length === 0) continue;
      const idleUntil = demand.fullCount >= node.fullCount && demand.fullCount > 0 ? node.idleUntil : 0;
      const notBefore = Math.max(node.retryAt, idleUntil);
      if (notBefore > now) nextAt = Math.min(nextAt, notBefore);
      else void this.#fetch(node, demand);
    }
    this.#wakeAt(nextAt, now);
  }

  #demand(state: PartitionState, demands: Map<number, Demand>, now: number): void {
    const nodeId = this.#nodeOf(state, now);
    if (nodeId === null) {
      this.#core.metadata.invalidate(state.topic);
      return;
    }
    let demand = demands.get(nodeId);
    if (demand === undefined) {
      demand = { states: [], fullCount: 0 };
      demands.set(nodeId, demand);
    }
    if (this.isFull(state)) demand.fullCount++;
    else demand.states.push(state);
  }

  #nodeOf(state: PartitionState, now: number): number | null {
    if (state.preferredReplica >= 0 && now < state.preferredReplicaUntil) return state.preferredReplica;
    state.preferredReplica = -1;
    return this.#core.metadata.leader(state.topic, state.partition)?.nodeId ?? null;
  }

  #node(nodeId: number): NodeFetch {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = {
        nodeId,
        session: new FetchSession(),
        isInFlight: false,
        failures: 0,
        retryAt: 0,
        idleUntil: 0,
        fullCount: 0,
      };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  async #fetch(node: NodeFetch, demand: Demand): Promise<void> {
    const { clock } = this.#core.runtime;
    node.isInFlight = true;
    const waits = demand.fullCount === 0;
    const plan = node.session.plan(this.#targets(demand.states));
    const limits = { ...this.#limits(), ...(waits ? {} : { maxWaitMs: 0 }) };
    const body = (version: number) => fetchBody(plan, limits, version);
    const timeoutMs = this.#core.config.requestTimeoutMs + limits.maxWaitMs;
    const options = { purpose: "fetch", timeoutMs, signal: this.#closing.signal } as const;
    try {
      const versions = plan.usesTopicIds ? {} : { maxVersion: 12 };
      const response = await this.#core.pool.send(node.nodeId, apis.fetch, body, { ...options, ...versions });
      node.isInFlight = false;
      const brought = this.#answered(node, response);
      node.idleUntil = brought || waits ? 0 : clock.monotonic() + this.#settings.fetchMaxWaitMs;
      node.fullCount = demand.fullCount;
    } catch (error) {
      node.isInFlight = false;
      if (this.#closing.signal.aborted) return;
      node.session.failed();
      this.#failed(node, demand.states, error);
    }
    this.poke();
  }

  /** Those without anything queued first, and not always the same one: an answer may be full before the last. */
  #targets(states: PartitionState[]): FetchTarget[] {
    const start = this.#turn % states.length;
    const turned = [...states.slice(start), ...states.slice(0, start)];
    turned.sort((a, b) => Number(a.queuedCount > 0) - Number(b.queuedCount > 0));
    return turned.map((state) => ({
      topic: state.topic,
      topicId: this.#core.metadata.topic(state.topic)?.topicId ?? null,
      partition: state.partition,
      fetchOffset: state.fetchOffset,
      leaderEpoch: this.#core.metadata.leader(state.topic, state.partition)?.epoch ?? -1,
      maxBytes: this.#settings.maxPartitionFetchBytes,
      version: state.version,
    }));
  }

  #limits() {
    const { fetchMaxBytes, fetchMaxWaitMs, fetchMinBytes, queuedMaxBytes, clientRack } = this.#settings;
    const room = Math.max(1, queuedMaxBytes - this.#options.offsets.queuedSize);
    return {
      maxWaitMs: fetchMaxWaitMs,
      minBytes: fetchMinBytes,
      maxBytes: Math.min(fetchMaxBytes, room),
      isolationLevel: this.#options.isolation,
      rackId: clientRack,
    };
  }

  /** Whether the answer brought anything. */
  #answered(node: NodeFetch, response: FetchResponse): boolean {
    const { session } = node;
    if (!session.answered(response.errorCode, response.sessionId)) {
      const { logger } = this.#core;
      logger.debug(
        `The fetch session with ${this.#core.pool.describe(node.nodeId)} ended: ${errorName(response.errorCode)}`,
      );
      this.#pause(node, ++node.failures - 1);
      return false;
    }
    node.failures = 0;
    const frame: FetchedFrame = { size: 0, holders: 1 };
    for (const topic of response.responses) {
      const name = topic.topic === "" ? session.topicName(topic.topicId) : topic.topic;
      if (name === undefined) continue;
      for (const partition of topic.partitions) {
        frame.size += partition.records?.length ?? 0;
        this.#takePartition(session, name, partition, frame, response);
      }
    }
    const brought = frame.holders > 1;
    this.#options.offsets.held(frame);
    return brought;
  }

  #takePartition(
    session: FetchSession,
    topic: string,
    fetched: FetchedPartition,
    frame: FetchedFrame,
    response: FetchResponse,
  ): void {
    const state = this.#options.offsets.get(topic, fetched.partitionIndex);
    const target = session.target(topic, fetched.partitionIndex);
    // A seek, a rebalance or a truncation came in between: not what is wanted any more.
    if (state === undefined || target === undefined || state.version !== target.version) return;
    if (state.fetchOffset !== target.fetchOffset || state.stage !== "none") return;
    if (fetched.errorCode !== 0) {
      this.#partitionFailed(state, fetched, response);
      return;
    }
    state.failures = 0;
    if (fetched.highWatermark >= 0) state.highWatermark = fetched.highWatermark;
    if (fetched.lastStableOffset >= 0) state.lastStableOffset = fetched.lastStableOffset;
    if (fetched.logStartOffset >= 0) state.logStartOffset = fetched.logStartOffset;
    if (fetched.preferredReadReplica >= 0) {
      state.preferredReplica = fetched.preferredReadReplica;
      state.preferredReplicaUntil = this.#core.runtime.clock.monotonic() + this.#settings.metadataMaxAgeMs;
    }
    if (fetched.records === null || fetched.records.length === 0) return;
    const bytes = asBuffer(fetched.records);
    const records = new PartitionRecords({
      place: state,
      bytes,
      fetchOffset: target.fetchOffset,
      aborted: this.#options.isolation === 1 ? (fetched.abortedTransactions ?? []) : null,
      checkCrcs: this.#settings.checkCrcs,
    });
    state.enqueue(records, frame, endOffsetOf(bytes));
    this.#options.onData(state);
  }

  #partitionFailed(state: PartitionState, fetched: FetchedPartition, response: FetchResponse): void {
    const { errorCode } = fetched;
    const { metadata, logger } = this.#core;
    const place = { topic: state.topic, partition: state.partition, offset: state.fetchOffset };
    switch (remedyFor(errorCode)) {
      case "outOfRange":
        // A follower may lag behind; and what is queued comes first.
        if (state.preferredReplica >= 0) state.preferredReplica = -1;
        else if (state.queuedCount > 0 || state.leftover !== null) this.#later(state);
        else this.#options.onOutOfRange(state);
        return;
      case "tell":
        state.problem = fetchError(errorCode, place);
        this.#options.onProblem(state);
        return;
      case "refresh":
        state.preferredReplica = -1;
        if (this.#learnLeader(state, fetched, response)) return;
        metadata.invalidate(state.topic);
        break;
      default:
        break;
    }
    this.#later(state);
    logger.debug(describeFetchFailure(errorCode, place), place);
  }

  /** KIP-951: the answer itself may say who leads now. */
  #learnLeader(state: PartitionState, { currentLeader }: FetchedPartition, response: FetchResponse): boolean {
    const { leaderId, leaderEpoch } = currentLeader;
    if (leaderId < 0) return false;
    const endpoint = response.nodeEndpoints.find(({ nodeId }) => nodeId === leaderId);
    return this.#core.metadata.updateLeader(
      state.topic,
      state.partition,
      { nodeId: leaderId, epoch: leaderEpoch },
      endpoint,
    );
  }

  #failed(node: NodeFetch, states: readonly PartitionState[], error: unknown): void {
    this.#core.logger.debug(`A fetch from ${this.#core.pool.describe(node.nodeId)} failed`, { error });
    this.#pause(node, ++node.failures);
    for (const state of states) {
      state.preferredReplica = -1;
      this.#core.metadata.invalidate(state.topic);
    }
  }

  #pause(node: NodeFetch, failures: number): void {
    node.retryAt = this.#core.runtime.clock.monotonic() + this.#backoff(failures);
  }

  #later(state: PartitionState): void {
    state.retryAt = this.#core.runtime.clock.monotonic() + this.#backoff(++state.failures);
  }

  #backoff(failures: number): number {
    const { runtime, config } = this.#core;
    return backoffMs(config.retryBackoffMs, config.retryBackoffMaxMs, failures, runtime.random);
  }

  /** What paused partitions have queued is fetched again when they go on. */
  #makeRoom(): void {
    for (const state of this.#options.offsets.list()) {
      if (!state.isPaused || state.queuedCount === 0) continue;
      state.version++;
      state.dropQueue();
      if (this.#options.offsets.queuedSize < this.#settings.queuedMaxBytes) return;
    }
  }

  #wakeAt(at: number, now: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#core.runtime.clock.setTimer(Math.max(0, at - now), () => {
      this.#timer = null;
      this.poke();
    });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
