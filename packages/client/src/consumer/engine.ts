import { type ClientCore, createClientCore } from "../client-core.ts";
import { ClosedError, KafkaError, TimeoutError } from "../errors.ts";
import type { Deserializer } from "../serde.ts";
import { waitFor } from "../wait.ts";
import { Asking } from "./asking.ts";
import { AutoCommit } from "./auto-commit.ts";
import { ClassicGroupSession } from "./classic-group-session.ts";
import { Committer } from "./committer.ts";
import type { ConsumerSettings } from "./consumer-config.ts";
import { LogTruncationError, NoOffsetForPartitionError, PositionOutOfRangeError } from "./consumer-errors.ts";
import type { ConsumerEvents } from "./consumer-events.ts";
import { ConsumerGroupSession } from "./consumer-group-session.ts";
import { Delivery } from "./delivery.ts";
import { Fetcher } from "./fetcher.ts";
import type { GroupLink } from "./group-link.ts";
import type { GroupHost, GroupMembership } from "./group-membership.ts";
import type { IsolationLevel } from "./list-offsets.ts";
import { ListenerScope } from "./listener-scope.ts";
import type { MembershipIdentity } from "./membership-events.ts";
import { Offsets } from "./offsets.ts";
import type { PartitionState } from "./partition-state.ts";
import { PositionResolver } from "./position-resolver.ts";
import type { TopicPartition, TopicPartitionOffset } from "./topic-partition.ts";
import { Wakeup } from "./wakeup.ts";

/** How the engine tells of events. */
export type Report = <E extends keyof ConsumerEvents>(event: E, ...args: ConsumerEvents[E]) => void;

/** How long somebody waits for what they ask for. */
export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Whether nobody waits any more. */
  readonly isOver?: () => boolean;
}

/**
 * The parts of a consumer and what passes between them; `Consumer` is what an application sees of it.
 */
export class ConsumerEngine<K, V> implements GroupHost {
  readonly core: ClientCore;
  readonly settings: ConsumerSettings;
  readonly isolation: IsolationLevel;
  readonly offsets = new Offsets();
  readonly asking: Asking;
  readonly delivery: Delivery<K, V>;
  readonly resolver: PositionResolver;
  readonly fetcher: Fetcher;
  /** Null without a group. */
  readonly group: GroupMembership | null;
  readonly committer: Committer | null;
  readonly link: GroupLink | null;
  /** Woken when positions or problems have changed. */
  readonly changes = new Wakeup();
  /** The loop that is under way; there is one at a time. */
  iteration: object | null = null;
  readonly listenerScope = new ListenerScope();
  readonly #report: Report;
  readonly #autoCommit: AutoCommit | null;
  #identity: MembershipIdentity = { memberId: "", generationId: -1, standing: "out" };
  #isSubscribed = false;
  #isClosing = false;
  #isClosed = false;
  #hasProblems = false;
  readonly #interrupt = () => this.asking.interrupt();
  /** What the membership has the application do at the moment. */
  #task: Promise<void> | null = null;
  /** The last `letGo` that is not over. */
  #lettingGo: Promise<void> | null = null;
  /** Of `clock.monotonic()`: when `close` gives up. */
  #closeDeadline = Number.POSITIVE_INFINITY;

  constructor(settings: ConsumerSettings, report: Report) {
    this.settings = settings;
    this.#report = report;
    this.core = createClientCore(settings, { allowAutoTopicCreation: settings.allowAutoCreateTopics });
    this.isolation = settings.isolationLevel === "read_committed" ? 1 : 0;
    const { core, offsets, isolation } = this;
    const { clock } = core.runtime;
    this.asking = new Asking(clock);
    this.delivery = new Delivery<K, V>({
      offsets,
      key: settings.key as Deserializer<K>,
      value: settings.value as Deserializer<V>,
      maxPollRecords: settings.maxPollRecords,
      onTaken: () => this.fetcher.poke(),
    });
    const { groupId } = settings;
    this.link = groupId === null ? null : this.#makeLink(groupId);
    this.committer = this.link === null ? null : new Committer(core, this.link, (done) => this.#committed(done));
    const GroupSession = settings.groupProtocol === "consumer" ? ConsumerGroupSession : ClassicGroupSession;
    this.group = groupId === null ? null : new GroupSession({ core, settings, groupId, offsets, host: this });
    const { autoOffsetReset } = settings;
    const link = this.link;
    const onChange = () => this.positionsChanged();
    this.resolver = new PositionResolver({ core, offsets, isolation, autoOffsetReset, link, onChange });
    this.fetcher = new Fetcher({
      core,
      settings,
      isolation,
      offsets,
      onData: (state) => this.#arrived(state),
      onProblem: () => this.positionsChanged(),
      onOutOfRange: (state) => this.resolver.outOfRange(state),
    });
    core.metadata.onChange(() => this.#metadataChanged());
    settings.signal?.addEventListener("abort", this.#interrupt);
    const commits = groupId !== null && settings.enableAutoCommit;
    this.#autoCommit = commits
      ? new AutoCommit(clock, settings.autoCommitIntervalMs, () => this.commitFinished())
      : null;
  }

  get identity(): MembershipIdentity {
    return this.#identity;
  }

  /** Whether `close` has been called. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** No loop goes on. */
  get #isEnding(): boolean {
    return this.#isClosing || this.settings.signal?.aborted === true;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  set isSubscribed(on: boolean) {
    this.#isSubscribed = on;
    if (on) this.#autoCommit?.start();
  }

  /** Throws unless somebody may begin to read: only one can at a time. */
  ensureReadable(): void {
    this.ensureOpen();
    this.listenerScope.ensureOutside("A request for messages");
    if (this.iteration !== null) {
      const what = "The consumer is being iterated already: end that loop, or call return() of its iterator, first";
      throw new KafkaError(what, { code: "ALREADY_ITERATING" });
    }
    if (!this.#isSubscribed && this.offsets.size === 0 && !this.#isEnding) {
      throw new KafkaError("The consumer has nothing to read: subscribe or assign first", { code: "NOT_SUBSCRIBED" });
    }
  }

  /** Throws once nothing can be asked of the cluster any more. */
  ensureOpen(): void {
    if (this.#isClosed) throw closedError();
  }

  /**
   * What the application asks for, as soon as `take` has it; null once the consumer is closed or has nothing to read any more, or after `timeoutMs`. All that has to happen when the application asks happens here.
   */
  async ask<T>(take: () => T | null, options: AskOptions = {}): Promise<T | null> {
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
    const { asking, group } = this;
    this.offsets.finish();
    asking.ask();
    group?.resume();
    const deadline =
      timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : this.core.runtime.clock.monotonic() + timeoutMs;
    await asking.yield();
    for (;;) {
      signal?.throwIfAborted();
      if (this.#isEnding || options.isOver?.() || (!this.#isSubscribed && this.offsets.size === 0)) return null;
      asking.isInterrupted = false;
      if (group?.hasTask && this.#lettingGo === null) {
        await this.#runTask(group);
        continue;
      }
      this.#throwProblem();
      const taken = take();
      if (taken !== null) return taken;
      if (this.core.runtime.clock.monotonic() >= deadline) return null;
      await asking.wait(deadline, signal);
    }
  }

  /** New or other partitions, positions or pauses. */
  positionsChanged(): void {
    for (const state of this.offsets.list()) {
      if (state.problem !== null) this.#hasProblems = true;
      else this.delivery.offer(state);
    }
    this.resolver.poke();
    this.fetcher.poke();
    this.asking.interrupt();
    this.changes.wake();
  }

  /** Resolves with the partition's position once that is known. */
  async position(
    state: PartitionState,
    deadline: number,
    signal: AbortSignal | undefined,
    late: () => KafkaError,
  ): Promise<number> {
    state.isHeld = false;
    this.resolver.poke();
    while (!state.hasPosition) {
      if (state.problem !== null) throw state.problem;
      if (state.isRevoked) throw notAssigned(state);
      this.ensureOpen();
      await waitFor(this.core.runtime.clock, this.changes.wait(), deadline, signal, late);
    }
    return state.position;
  }

  // What the group wants

  attention(): void {
    this.asking.interrupt();
  }

  stop(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.offsets.get(topic, partition);
      if (state !== undefined) state.isRevoked = true;
    }
    this.asking.isInterrupted = true;
    this.delivery.putBack();
  }

  /** Commits what the application has finished, where it does not do so itself. Failures are reported, not thrown. */
  async commitFinished(): Promise<void> {
    if (!this.settings.enableAutoCommit || this.committer === null) return;
    const offsets = this.offsets.finished();
    if (offsets.length === 0 || (this.#isSubscribed && this.#identity.standing === "out")) return;
    const { committer, settings } = this;
    const timeoutMs = Math.min(settings.defaultApiTimeoutMs, settings.maxPollIntervalMs, this.#closingMs);
    const done = committer.commit(offsets, timeoutMs, true);
    await this.#whileClosing(done).catch((error: KafkaError) => {
      // Callbacks of commits before this one come before.
      committer.expire();
      this.commitFailed(error, offsets);
    });
  }

  async commitsSettled(): Promise<void> {
    if (this.committer !== null) await this.#whileClosing(this.committer.settled()).catch(() => {});
  }

  /** How long one thing may take when the consumer closes, at most half of what is left: the listener has to be heard, and the coordinator, too. */
  get #closingMs(): number {
    const { clock } = this.core.runtime;
    return Math.max(0, Math.round((this.#closeDeadline - clock.monotonic()) / 2));
  }

  /** The promise; when the consumer closes for no longer than `#closingMs`. */
  #whileClosing<T>(promise: Promise<T>): Promise<T> {
    const { clock } = this.core.runtime;
    const timeoutMs = this.#closingMs;
    const what = `Could not commit offsets for group ${this.settings.groupId} within ${timeoutMs} ms, while the consumer closes`;
    return waitFor(clock, promise, clock.monotonic() + timeoutMs, undefined, () => new TimeoutError(what));
  }

  settled(): void {
    this.#autoCommit?.start();
    this.positionsChanged();
  }

  setIdentity(identity: MembershipIdentity): void {
    this.#identity = identity;
  }

  pollTimedOut(busyMs: number): void {
    const { maxPollIntervalMs, maxPollRecords, groupId, groupInstanceId } = this.settings;
    const what =
      groupInstanceId === null
        ? `has left group ${groupId}, its partitions go to others`
        : `stands still in group ${groupId}, its partitions go to others when its session is over`;
    const message =
      `The application has not asked for the next message for ${Math.round(busyMs)} ms, longer than maxPollIntervalMs (${maxPollIntervalMs}): ` +
      `this consumer ${what}, and it joins again when the application asks. ` +
      `Raise maxPollIntervalMs, or do less between two asks (maxPollRecords is ${maxPollRecords})`;
    this.core.logger.warn(message, { busyMs, maxPollIntervalMs, groupId });
    this.#report("pollTimedOut", { busyMs, maxPollIntervalMs, maxPollRecords, message });
  }

  polledAt(): number {
    return this.asking.polledAt;
  }

  async runListener(call: () => Promise<void> | void): Promise<void> {
    // Where `close` has given up, nobody waits for it any more.
    if (!this.#isClosed) await this.listenerScope.run(call);
  }

  report(event: "assigned" | "revoked" | "lost", partitions: readonly TopicPartition[]): void {
    this.#report(event, partitions);
  }

  commitFailed(error: KafkaError, offsets: readonly TopicPartitionOffset[]): void {
    this.core.logger.warn(error.message, { error });
    this.#report("commitFailed", error, offsets);
  }

  // The end

  /**
   * Lets go of what is assigned, after a last commit and the listener, and leaves the group if there is one. Calls take their turns, and meanwhile the application does nothing for the membership: what that wants has no
   * meaning any more.
   */
  letGo(reason: string): Promise<void> {
    const before = this.#lettingGo?.catch(() => {});
    const done = before === undefined ? this.#letGo(reason) : before.then(() => this.#letGo(reason));
    const work = done.finally(() => {
      if (this.#lettingGo === work) this.#lettingGo = null;
      this.asking.interrupt();
    });
    this.#lettingGo = work;
    return work;
  }

  /** Resolves, at once where nothing is being let go of, when something new can begin. Rejects where a listener that is being waited for calls it. */
  async letGone(what: string): Promise<void> {
    this.listenerScope.ensureOutside(what);
    await this.#lettingGo?.catch(() => {});
    if (this.#isClosing) throw closedError();
  }

  get isLettingGo(): boolean {
    return this.#lettingGo !== null;
  }

  async #letGo(reason: string): Promise<void> {
    // What the application has not finished it never will: neither this consumer's commits nor the listener's cover it.
    this.offsets.abandon();
    await this.#task?.catch(() => {});
    if (this.#isClosed) return;
    const { group } = this;
    try {
      if (group !== null && this.#isSubscribed) await group.leave(reason, this.#identity.standing);
      else await this.commitFinished();
    } finally {
      this.stop(this.offsets.list());
      await this.commitsSettled();
      this.offsets.remove(this.offsets.list());
      this.#isSubscribed = false;
    }
  }

  /** Ends every iteration; calls go on to work until `shutDown`, at `deadline` (monotonic) at the latest. */
  beginClosing(deadline: number): void {
    this.#isClosing = true;
    this.#closeDeadline = deadline;
    this.#autoCommit?.stop();
    this.asking.interrupt();
  }

  async shutDown(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.settings.signal?.removeEventListener("abort", this.#interrupt);
    const error = closedError();
    this.resolver.close(error);
    this.group?.close(error);
    this.committer?.close(error);
    await this.fetcher.close(error, timeoutMs);
    this.changes.wake();
    this.core.close();
  }

  async #runTask(group: GroupMembership): Promise<void> {
    // A listener is the application's: the time that it takes counts.
    this.asking.ask();
    const task = group.runTask();
    this.#task = task;
    try {
      await task;
    } finally {
      if (this.#task === task) this.#task = null;
    }
  }

  /** What waits for the application to decide stays until it has sought; all else is tried again once it has been told. */
  #throwProblem(): void {
    if (!this.#hasProblems) return;
    const failed = this.offsets.list().filter((state) => state.problem !== null && !state.isRevoked);
    const problem = failed[0]?.problem;
    if (problem === undefined || problem === null) {
      this.#hasProblems = false;
      return;
    }
    const stays =
      problem instanceof NoOffsetForPartitionError ||
      problem instanceof PositionOutOfRangeError ||
      problem instanceof LogTruncationError;
    if (!stays) {
      for (const state of failed) if (state.problem === problem) state.problem = null;
      this.positionsChanged();
    }
    throw problem;
  }

  #arrived(state: PartitionState): void {
    this.delivery.offer(state);
    this.asking.wake();
  }

  #metadataChanged(): void {
    if (this.#isClosing) return;
    this.group?.metadataChanged();
    this.resolver.poke();
    this.fetcher.poke();
  }

  #committed(offsets: readonly TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const state = this.offsets.get(topic, partition);
      if (state !== undefined) state.committedOffset = offset;
    }
    this.#report("committed", offsets);
  }

  #makeLink(groupId: string): GroupLink {
    return {
      groupId,
      groupInstanceId: this.settings.groupInstanceId,
      groupProtocol: this.settings.groupProtocol,
      identity: () => (this.#isSubscribed ? this.#identity : null),
      commitRefused: (errorCode, identity) => this.group?.commitRefused(errorCode, identity),
      coordinatorLost: (reason) => {
        this.core.coordinators.invalidate(groupId);
        this.group?.coordinatorLost(reason);
      },
    };
  }
}

export function closedError(): ClosedError {
  return new ClosedError("The consumer has been closed");
}

export function notAssigned({ topic, partition }: TopicPartition): KafkaError {
  return new KafkaError(`Partition ${topic}-${partition} is not assigned to this consumer`, { code: "NOT_ASSIGNED" });
}
