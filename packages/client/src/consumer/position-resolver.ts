import type { Timer } from "@ottla/runtime";
import { backoffMs } from "../backoff.ts";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, KafkaError } from "../errors.ts";
import { fetchCommitted } from "./committed-offsets.ts";
import { LogTruncationError, NoOffsetForPartitionError, PositionOutOfRangeError } from "./consumer-errors.ts";
import type { GroupLink } from "./group-link.ts";
import { askEpochEnds, type EpochEnd, knowsEpochs } from "./leader-epochs.ts";
import { askLeaders, type FoundOffset, type IsolationLevel } from "./list-offsets.ts";
import { earliestTimestamp, latestTimestamp, type ResetStrategy, resetTimestamp } from "./offset-reset.ts";
import type { Offsets } from "./offsets.ts";
import type { PartitionState } from "./partition-state.ts";
import { PartitionMap, partitionName } from "./topic-partition.ts";

export interface PositionResolverOptions {
  readonly core: ClientCore;
  readonly offsets: Offsets;
  readonly autoOffsetReset: ResetStrategy;
  readonly isolation: IsolationLevel;
  /** Null without a group: nothing is committed then. */
  readonly link: GroupLink | null;
  /** Called when a position was found, or a problem. */
  readonly onChange: () => void;
}

/**
 * Finds the positions of assigned partitions in the background: from committed offsets, from the ends of the log, and makes sure after a change of leader that the log still has
 * what was read (KIP-320). What cannot be tried again becomes the partition's `problem`.
 */
export class PositionResolver {
  readonly #core: ClientCore;
  readonly #options: PositionResolverOptions;
  readonly #closing = new AbortController();
  #timer: Timer | null = null;

  constructor(options: PositionResolverOptions) {
    this.#core = options.core;
    this.#options = options;
  }

  /** Looks at all partitions and starts what is due. */
  poke(): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#core.runtime.clock.monotonic();
    const committed: PartitionState[] = [];
    const reset: PartitionState[] = [];
    const validation: PartitionState[] = [];
    let nextAt = Number.POSITIVE_INFINITY;
    for (const state of this.#options.offsets.list()) {
      if (state.stage === "none") this.#checkLeader(state);
      if (state.stage === "none" || state.isHeld || state.isRevoked || state.problem !== null) continue;
      if (state.lookUpVersion === state.version) continue;
      if (state.retryAt > now) nextAt = Math.min(nextAt, state.retryAt);
      else if (state.stage === "committed") committed.push(state);
      else if (!this.#hasLeader(state)) continue;
      else if (state.stage === "reset") reset.push(state);
      else validation.push(state);
    }
    this.#start(committed, () => this.#findCommitted(committed));
    this.#start(reset, () => this.#reset(reset));
    this.#start(validation, () => this.#validate(validation));
    this.#wakeAt(nextAt, now);
  }

  close(error: KafkaError): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#closing.abort(error);
  }

  /** The position's offset is not in the log: it is reset, or, with `autoOffsetReset` none, the application hears of it. */
  outOfRange(state: PartitionState): void {
    const { topic, partition, position: offset } = state;
    if (this.#options.autoOffsetReset.kind === "none") {
      state.version++;
      state.problem = new PositionOutOfRangeError({ topic, partition, offset });
      this.#options.onChange();
      return;
    }
    const { logger } = this.#core;
    logger.warn(`Offset ${offset} of ${partitionName(state)} is out of range; going on by autoOffsetReset`, {
      topic,
      partition,
    });
    state.reset("auto");
    this.poke();
  }

  #start(states: readonly PartitionState[], work: () => Promise<void>): void {
    if (states.length === 0) return;
    for (const state of states) state.lookUpVersion = state.version;
    work().then(
      () => this.#done(states),
      (error: unknown) => {
        if (this.#closing.signal.aborted) return;
        for (const state of states) if (state.lookUpVersion === state.version) this.#failed(state, error);
        this.#done(states);
      },
    );
  }

  #done(states: readonly PartitionState[]): void {
    if (this.#closing.signal.aborted) return;
    for (const state of states) if (state.lookUpVersion === state.version) state.lookUpVersion = -1;
    this.#options.onChange();
    this.poke();
  }

  async #findCommitted(states: readonly PartitionState[]): Promise<void> {
    const { link } = this.#options;
    const versions = states.map((state) => state.version);
    const { signal } = this.#closing;
    const found = new PartitionMap<{ offset: number; leaderEpoch?: number | undefined }>();
    if (link !== null) {
      const committed = await fetchCommitted(this.#core, link, states, { timeoutMs: Number.POSITIVE_INFINITY, signal });
      for (const one of committed) found.set(one.topic, one.partition, one);
    }
    const missing: PartitionState[] = [];
    for (const [n, state] of states.entries()) {
      if (state.version !== versions[n]) continue;
      const one = found.get(state.topic, state.partition);
      if (one === undefined) {
        missing.push(state);
        continue;
      }
      state.moveTo(one.offset, one.leaderEpoch ?? -1);
      state.committedOffset = one.offset;
    }
    const error = this.#options.autoOffsetReset.kind === "none" ? noOffsets(missing) : null;
    for (const state of missing) {
      state.reset("auto");
      state.problem = error;
    }
  }

  async #reset(states: readonly PartitionState[]): Promise<void> {
    const versions = states.map((state) => state.version);
    const queries = states.map(({ topic, partition, resetTo }) => ({
      topic,
      partition,
      timestamp: this.#timestamp(resetTo),
    }));
    const { isolation } = this.#options;
    const outcomes = await askLeaders(this.#core, queries, { isolation, signal: this.#closing.signal });
    for (const [n, state] of states.entries()) {
      if (state.version !== versions[n]) continue;
      const outcome = outcomes.get(state.topic, state.partition)!;
      if (outcome instanceof KafkaError) this.#failed(state, outcome);
      else this.#found(state, outcome);
    }
  }

  #found(state: PartitionState, { offset }: FoundOffset): void {
    // No record is young enough: what comes next will be.
    if (offset < 0) {
      state.reset("end");
      return;
    }
    state.moveTo(offset, -1);
    this.#core.logger.debug(`The position in ${partitionName(state)} is reset to ${offset}`);
  }

  #timestamp(target: PartitionState["resetTo"]): number {
    if (target === "beginning") return earliestTimestamp;
    const { autoOffsetReset } = this.#options;
    if (target === "end" || autoOffsetReset.kind === "none") return latestTimestamp;
    return resetTimestamp(autoOffsetReset, this.#core.runtime.clock.now());
  }

  /** Where there is no leader, new metadata are asked for, and looked at when they come. */
  #hasLeader(state: PartitionState): boolean {
    const { metadata } = this.#core;
    if (metadata.leader(state.topic, state.partition) !== undefined) return true;
    const error = metadata.topicError(state.topic);
    if (error === undefined || error.retriable) {
      metadata.invalidate(state.topic);
    } else {
      state.problem = error;
      this.#options.onChange();
    }
    return false;
  }

  /** A leader of a newer epoch may not have all that the one before it handed out. */
  #checkLeader(state: PartitionState): void {
    const leader = this.#core.metadata.leader(state.topic, state.partition);
    if (leader === undefined || leader.epoch === state.validatedEpoch) return;
    if (leader.epoch < 0 || state.positionEpoch < 0) state.validatedEpoch = leader.epoch;
    else state.stage = "validation";
  }

  async #validate(states: readonly PartitionState[]): Promise<void> {
    const byLeader = new Map<number, PartitionState[]>();
    for (const state of states) {
      const leader = this.#core.metadata.leader(state.topic, state.partition);
      if (leader === undefined) continue;
      const group = byLeader.get(leader.nodeId);
      if (group === undefined) byLeader.set(leader.nodeId, [state]);
      else group.push(state);
    }
    await Promise.all([...byLeader].map(([nodeId, group]) => this.#validateAt(nodeId, group)));
  }

  async #validateAt(nodeId: number, states: readonly PartitionState[]): Promise<void> {
    const versions = states.map((state) => state.version);
    const epochs = states.map((state) => this.#core.metadata.leader(state.topic, state.partition)?.epoch ?? -1);
    const { signal } = this.#closing;
    const outcomes = (await knowsEpochs(this.#core, nodeId, signal))
      ? await askEpochEnds(this.#core, nodeId, states, signal)
      : null;
    for (const [n, state] of states.entries()) {
      if (state.version !== versions[n]) continue;
      const outcome = outcomes?.get(state.topic, state.partition) ?? null;
      if (outcome instanceof KafkaError) this.#failed(state, outcome);
      else if (outcome !== null && (outcome.endOffset < state.position || outcome.leaderEpoch < 0))
        this.#truncated(state, outcome);
      else if (outcome === null && outcomes !== null) this.#later(state);
      else {
        state.stage = "none";
        state.validatedEpoch = epochs[n]!;
      }
    }
  }

  #truncated(state: PartitionState, { leaderEpoch, endOffset }: EpochEnd): void {
    const { topic, partition, position: offset } = state;
    const known = endOffset >= 0 && leaderEpoch >= 0;
    if (this.#options.autoOffsetReset.kind === "none") {
      state.problem = new LogTruncationError({ topic, partition, offset }, known ? endOffset : null);
      return;
    }
    this.#core.logger.warn(`${partitionName(state)} was truncated below offset ${offset}`, {
      topic,
      partition,
      endOffset,
    });
    if (known) state.moveTo(endOffset, leaderEpoch);
    else state.reset("auto");
  }

  #failed(state: PartitionState, error: unknown): void {
    if (isRetriableError(error)) this.#later(state);
    else if (error instanceof KafkaError) state.problem = error;
    else
      state.problem = new KafkaError(`Could not find the position in ${partitionName(state)}`, {
        code: "BUG",
        cause: error,
      });
  }

  #later(state: PartitionState): void {
    const { runtime, config } = this.#core;
    const pauseMs = backoffMs(config.retryBackoffMs, config.retryBackoffMaxMs, ++state.failures, runtime.random);
    state.retryAt = runtime.clock.monotonic() + pauseMs;
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

function noOffsets(states: readonly PartitionState[]): NoOffsetForPartitionError | null {
  if (states.length === 0) return null;
  return new NoOffsetForPartitionError(states.map(({ topic, partition }) => ({ topic, partition })));
}
