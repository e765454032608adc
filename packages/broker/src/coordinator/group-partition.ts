import { type Codec, type ConsumerGroupHeartbeatRequest, errorCodes } from "@ottla/protocol";
import type { Logger, Runtime } from "@ottla/runtime";
import type { AppendOutcome } from "../log/outcomes.ts";
import { CommitGate } from "./commit-gate.ts";
import type { GroupSurroundings } from "./consumer-group-machine.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type ConsumerHeartbeatReply,
  consumerHeartbeatError,
  type Effects,
  type GroupEvent,
  type Heartbeat,
  type Instant,
  type Joiner,
  type ReplyBody,
  type ReplyKind,
  type TopicsChangedEvent,
  type TopicsDeletedEvent,
} from "./group-events.ts";
import { GroupMachine } from "./group-machine.ts";
import { codecOfSetting, storableBatches } from "./group-record-codec.ts";
import type { GroupRecord } from "./group-records.ts";
import { GroupReplay, ReplayError } from "./group-replay.ts";
import type { OffsetsLog } from "./offsets-log.ts";
import { WaitingRequests } from "./waiting-requests.ts";

/** How long a partition that failed is left alone before it is tried again; it doubles with each failure that follows. */
const firstRetryDelayMs = 1_000;
const maxRetryDelayMs = 60_000;

export interface GroupPartitionOptions {
  readonly index: number;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: GroupCoordinatorConfig;
  readonly surroundings: GroupSurroundings;
  /** The partition of `__consumer_offsets`, which is made if need be. */
  open(): OffsetsLog | Promise<OffsetsLog>;
}

/** How many deleted topics a partition that is not there remembers until it is. */
const maxDeletedTopics = 10_000;

/**
 * - `idle`: nobody has asked yet. `queued`: it will be loaded soon. `opening`: the partition is being made. `loading`: it is being replayed.
 * - `failed`: it could not be loaded, or an append failed; tried again later.
 */
type State = "idle" | "queued" | "opening" | "loading" | "active" | "failed" | "closed";

/**
 * One partition of `__consumer_offsets` and the machine that stands for it: feeds the machine one event at a time, appends its records, one batch an event, and
 * lets answers go once the records that they rest on are below the high watermark. When an append fails the machine is thrown away, whoever waits
 * is told NOT_COORDINATOR, and the log is replayed.
 */
export class GroupPartition {
  private readonly options: GroupPartitionOptions;
  private readonly codec: Codec;
  private state: State = "idle";
  private machine: GroupMachine;
  private partition: OffsetsLog | null = null;
  private opening: Promise<void> | null = null;
  private retryAt = 0;
  private retryDelayMs = firstRetryDelayMs;
  /** What requests are told while it has failed. */
  private failedCode = 0;
  private readonly instant = { wall: 0, monotonic: 0 };
  private readonly waiting = new WaitingRequests();
  private readonly gate = new CommitGate();
  /** Appends whose outcome is not known yet: a replay has to wait for them. */
  private unsettled = 0;
  /** Changes whenever the machine is thrown away. */
  private life = 0;
  private readonly timer: DeadlineTimer;
  private deletedTopics: TopicsDeletedEvent[] = [];
  private stopWatching: (() => void) | null = null;

  constructor(options: GroupPartitionOptions) {
    this.options = options;
    this.codec = codecOfSetting(options.config.offsetsTopicCompressionCodec);
    this.machine = new GroupMachine(options.config, options.logger, options.surroundings);
    this.timer = new DeadlineTimer(options.runtime.clock, () => this.timerFired());
  }

  get isActive(): boolean {
    return this.state === "active";
  }

  /** Whether there may be groups in it. */
  get isUsed(): boolean {
    return this.state !== "idle" && this.state !== "opening";
  }

  /** What a request is told now; 0 when it is served. */
  get errorCode(): number {
    switch (this.state) {
      case "active":
        return 0;
      case "failed":
        return this.failedCode;
      case "closed":
        return errorCodes.NOT_COORDINATOR;
      default:
        return errorCodes.COORDINATOR_LOAD_IN_PROGRESS;
    }
  }

  /** Sees to it that the partition is there and being loaded. Null when there is nothing to wait for; a promise while the partition is being made. */
  prepare(): Promise<void> | null {
    const isWaiting = this.state === "idle" || this.state === "queued";
    if (isWaiting || (this.state === "failed" && this.canRetry())) this.open();
    return this.opening;
  }

  /** It exists and will be prepared soon: until then requests are not told that their groups do not exist. */
  queue(): void {
    if (this.state === "idle") this.state = "queued";
  }

  /** Asks the machine for something; `refuse` makes the answer of an error code. */
  ask<K extends ReplyKind, Body extends ReplyBody<K>>(
    kind: K,
    event: (ticket: number) => GroupEvent,
    refuse: (errorCode: number) => Body,
  ): Promise<Body> | Body {
    if (this.state !== "active") return refuse(this.errorCode);
    return new Promise((resolve) => {
      const ticket = this.waiting.add({
        kind,
        resolve: (reply) => resolve(reply.body as Body),
        refuse: (errorCode) => resolve(refuse(errorCode)),
      });
      this.feed(event(ticket));
    });
  }

  /** Reads the machine's state; the answer waits until what it rests on is below the high watermark. */
  read<T>(read: (machine: GroupMachine) => T, refuse: (errorCode: number) => T): Promise<T> | T {
    if (this.state !== "active") return refuse(this.errorCode);
    const answer = read(this.machine);
    if (this.gate.isOpen) return answer;
    return new Promise((resolve) => {
      this.gate.pass({ deliver: () => resolve(answer), refuse: (errorCode) => resolve(refuse(errorCode)) });
    });
  }

  /** Returns the error code of the answer. */
  heartbeat(beat: Heartbeat): Promise<number> | number {
    if (this.state !== "active") {
      const { errorCode } = this;
      // While groups are being loaded nobody is sent away.
      return errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS ? 0 : errorCode;
    }
    const answer = this.machine.heartbeat(beat, this.now());
    this.timer.set(this.machine.deadline());
    if (this.gate.isOpen) return answer;
    return new Promise((resolve) => this.gate.pass({ deliver: () => resolve(answer), refuse: resolve }));
  }

  /** ConsumerGroupHeartbeat: one that changes nothing is answered without an event. */
  consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    joiner: Joiner,
    uuid: string,
  ): Promise<ConsumerHeartbeatReply> | ConsumerHeartbeatReply {
    if (this.state !== "active") return consumerHeartbeatError(this.errorCode);
    const answer = this.machine.quickHeartbeat(request, joiner, this.now());
    if (answer === null) {
      return this.ask(
        "consumerHeartbeat",
        (ticket) => ({ ...request, ...joiner, type: "consumerHeartbeat", ticket, uuid }),
        consumerHeartbeatError,
      );
    }
    this.timer.set(this.machine.deadline());
    if (this.gate.isOpen) return answer;
    return new Promise((resolve) => {
      const refuse = (errorCode: number) => resolve(consumerHeartbeatError(errorCode));
      this.gate.pass({ deliver: () => resolve(answer), refuse });
    });
  }

  /** While the partition is not there its groups need not know: they look at the topics after a replay. */
  topicsChanged(event: TopicsChangedEvent): void {
    if (this.state === "active") this.feed(event);
  }

  /** Offsets of topics that are gone; kept for later while the partition is not there. */
  topicsDeleted(event: TopicsDeletedEvent): void {
    if (this.state === "active") this.feed(event);
    else if (this.state !== "idle" && this.state !== "closed") {
      this.deletedTopics.push(event);
      if (this.deletedTopics.length > maxDeletedTopics) this.deletedTopics.shift();
    }
  }

  expireOffsets(): void {
    if (this.state === "active") this.feed({ type: "expireOffsets" });
  }

  /**
   * Whoever asks from now on is told NOT_COORDINATOR, and so is who waits for what other members do. What has been decided is still answered once it
   * is committed.
   */
  beginClosing(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.timer.cancel();
    this.waiting.refuseAll(errorCodes.NOT_COORDINATOR);
  }

  /** Nobody waits any more. */
  close(): void {
    this.beginClosing();
    this.throwAway();
  }

  private open(): void {
    let partition: OffsetsLog | Promise<OffsetsLog>;
    try {
      partition = this.options.open();
    } catch (error) {
      this.fail("cannot be opened", error, errorCodes.COORDINATOR_NOT_AVAILABLE);
      return;
    }
    if (!(partition instanceof Promise)) {
      this.load(partition);
      return;
    }
    this.state = "opening";
    const { life } = this;
    this.opening = partition.then(
      (opened) => {
        this.opening = null;
        if (this.life === life && this.state === "opening") this.load(opened);
      },
      (error) => {
        this.opening = null;
        if (this.life !== life || this.state !== "opening") return;
        this.fail("cannot be opened", error, errorCodes.COORDINATOR_NOT_AVAILABLE);
      },
    );
  }

  private load(partition: OffsetsLog): void {
    this.state = "loading";
    this.partition = partition;
    this.machine = new GroupMachine(this.options.config, this.options.logger, this.options.surroundings);
    this.continueLoading(new GroupReplay(partition, this.machine, this.options.logger), this.life);
  }

  private continueLoading(replay: GroupReplay, life: number): void {
    if (this.life !== life || this.state !== "loading") return;
    let isDone: boolean;
    try {
      isDone = replay.step();
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error;
      this.fail(error.message, error);
      return;
    }
    if (isDone) this.activate();
    else this.options.runtime.clock.defer(() => this.continueLoading(replay, life));
  }

  private activate(): void {
    this.state = "active";
    this.retryDelayMs = firstRetryDelayMs;
    this.awaitHighWatermark();
    this.feed({ type: "loaded" });
    const deleted = this.deletedTopics;
    this.deletedTopics = [];
    for (const event of deleted) if (this.isActive) this.feed(event);
  }

  /** What was replayed counts as one append that is committed once the high watermark is there. */
  private awaitHighWatermark(): void {
    const partition = this.partition!;
    const end = partition.logEndOffset;
    if (partition.highWatermark >= end) return;
    const append = this.gate.begin();
    this.stopWatching = partition.onAdvance(() => {
      if (partition.highWatermark < end) return;
      this.stopWatching?.();
      this.stopWatching = null;
      this.gate.commit(append);
    });
  }

  private feed(event: GroupEvent): void {
    const { life } = this;
    this.handleAll(event);
    if (this.life === life) this.timer.set(this.machine.deadline());
  }

  /** Handles an event and what follows from it. A throw is a fault in the machine, which nobody can trust after it. */
  private handleAll(event: GroupEvent): void {
    try {
      let next: GroupEvent | null = event;
      while (next !== null) next = this.handle(next);
    } catch (error) {
      this.fail(`an event (${event.type}) could not be handled`, error);
    }
  }

  /** Handles one event; returns the one that follows from it. */
  private handle(event: GroupEvent): GroupEvent | null {
    const { life } = this;
    const now = this.now();
    const effects: Effects = this.machine.handle(event, now);
    const refusal = effects.records.length === 0 ? 0 : this.append(effects, now);
    if (this.life !== life) return null;
    if (refusal !== 0) return { type: "rejected", event, errorCode: refusal };
    for (const reply of effects.replies) {
      const answer = this.waiting.take(reply);
      if (answer !== null) this.gate.pass(answer);
    }
    return effects.next;
  }

  /** Appends the records and applies them. Returns 0, or the code that who asked is told where the log refuses them. */
  private append(effects: Effects, now: Instant): number {
    const partition = this.partition!;
    const maxSize = effects.divisible ? partition.config.maxMessageBytes : undefined;
    const batches = storableBatches(effects.records, now.wall, this.codec, maxSize);
    if (batches === null) return errorCodes.UNKNOWN_SERVER_ERROR;
    const { life } = this;
    let start = 0;
    for (const { bytes, recordCount } of batches) {
      const records = effects.records.slice(start, start + recordCount);
      start += recordCount;
      const refusal = this.appendBatch(partition, bytes, records);
      if (refusal !== 0 || this.life !== life) return refusal;
    }
    return 0;
  }

  private appendBatch(partition: OffsetsLog, bytes: Buffer, records: readonly GroupRecord[]): number {
    const { life } = this;
    const baseOffset = partition.logEndOffset;
    const append = this.gate.begin();
    let early: AppendOutcome | null = null;
    let isReturned = false;
    this.unsettled++;
    partition.append(bytes, { origin: "coordinator", acks: "committed" }, (outcome) => {
      this.unsettled--;
      if (!isReturned) early = outcome;
      else if (this.life === life) this.settled(append, outcome);
      else if (this.unsettled === 0) this.reload();
    });
    isReturned = true;
    if (this.life !== life) return 0;
    const outcome = early as AppendOutcome | null;
    if (outcome !== null && outcome.errorCode !== 0) {
      // Nothing of it is in the log, and nothing has been applied.
      this.gate.takeBack();
      if (isRefusal(outcome.errorCode)) return errorCodes.UNKNOWN_SERVER_ERROR;
      if (outcome.errorCode === errorCodes.NOT_ENOUGH_REPLICAS) return errorCodes.COORDINATOR_NOT_AVAILABLE;
      this.appendFailed(outcome);
      return 0;
    }
    for (const [n, record] of records.entries()) this.machine.apply(record, { offset: baseOffset + n, producerId: -1 });
    if (outcome !== null) this.gate.commit(append);
    return 0;
  }

  private settled(append: number, outcome: AppendOutcome): void {
    if (outcome.errorCode === 0) this.gate.commit(append);
    else this.appendFailed(outcome);
  }

  /** What the machine holds may not be what the log holds: it is replayed. */
  private appendFailed(outcome: AppendOutcome): void {
    this.fail(`an append failed: ${outcome.errorMessage ?? outcome.errorCode}`, null);
    if (this.unsettled === 0) this.reload();
  }

  private reload(): void {
    const { partition, life } = this;
    if (partition === null || partition.offline !== null || partition.closed) return;
    this.options.runtime.clock.defer(() => {
      if (this.life === life && this.state === "failed") this.open();
    });
  }

  private fail(what: string, error: unknown, code: number = errorCodes.NOT_COORDINATOR): void {
    const { index, logger, runtime } = this.options;
    logger.error(
      `group coordinator: partition ${index} of __consumer_offsets: ${what}`,
      error === null ? {} : { error },
    );
    this.throwAway();
    if (this.state === "closed") return;
    this.state = "failed";
    this.failedCode = code;
    this.retryAt = runtime.clock.monotonic() + this.retryDelayMs;
    this.retryDelayMs = Math.min(this.retryDelayMs * 2, maxRetryDelayMs);
  }

  private canRetry(): boolean {
    return this.unsettled === 0 && this.options.runtime.clock.monotonic() >= this.retryAt;
  }

  /** The machine and everybody who waits for it are gone. */
  private throwAway(): void {
    this.life++;
    this.timer.cancel();
    this.stopWatching?.();
    this.stopWatching = null;
    this.gate.reset(errorCodes.NOT_COORDINATOR);
    this.waiting.refuseAll(errorCodes.NOT_COORDINATOR);
  }

  private timerFired(): void {
    const { life } = this;
    const { clock } = this.options.runtime;
    while (this.life === life && this.machine.deadline() <= clock.monotonic()) this.handleAll({ type: "timer" });
    if (this.life === life) this.timer.set(this.machine.deadline());
  }

  /** The present: one object for every event. */
  private now(): Instant {
    const { clock } = this.options.runtime;
    this.instant.wall = clock.now();
    this.instant.monotonic = clock.monotonic();
    return this.instant;
  }
}

/** The log is well, but does not take these records. */
function isRefusal(errorCode: number): boolean {
  return (
    errorCode === errorCodes.MESSAGE_TOO_LARGE ||
    errorCode === errorCodes.RECORD_LIST_TOO_LARGE ||
    errorCode === errorCodes.INVALID_RECORD ||
    errorCode === errorCodes.INVALID_TIMESTAMP
  );
}
