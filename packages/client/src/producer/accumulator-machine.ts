import { BatchBuilder, largestBatchSize, type RecordBytes, type RecordHeaderInput } from "@ottla/protocol";
import { backoffMs } from "../backoff.ts";
import { type KafkaError, TimeoutError } from "../errors.ts";
import type {
  AccumulatorEffect,
  AccumulatorEvent,
  AccumulatorSettings,
  AccumulatorWorld,
  BatchAnswer,
  SentBatch,
  SentRequest,
} from "./accumulator-events.ts";
import { Batch, type BatchQueue } from "./batch.ts";
import {
  countOf,
  judgeAnswer,
  judgeFailure,
  leftOut,
  recordErrors,
  type Verdict,
  withDoubt,
} from "./delivery-rules.ts";
import { Dispatcher } from "./dispatcher.ts";
import { IdentityKeeper } from "./identity-keeper.ts";
import { IncompleteBatches } from "./incomplete-batches.ts";
import { Readiness } from "./readiness.ts";
import { splitBatch } from "./split-batch.ts";

/** A flush: over when nothing that was there at its start is left. */
interface Flush {
  readonly token: number;
  /** Batches from this order on came later. */
  readonly before: number;
  left: number;
}

/**
 * Gathers records into batches and says which go out when: Kafka's RecordAccumulator, Sender and the idempotent half of its TransactionManager as one pure machine. Appending a
 * record is a plain call; all else is an event with the time (of `clock.monotonic()`) at which it happens, answered by what is to be done.
 *
 * A batch goes out when it is full, has lingered, is flushed, or when another batch for the same broker does. Retried batches go back to where their order says.
 */
export class AccumulatorMachine {
  /** Whether something has become ready since the last event: the driver should soon say `poll`. */
  wantsPoll = false;
  /** Whether records wait for memory; then nothing lingers. */
  isExhausted = false;
  #usedMemory = 0;
  #nextOrder = 0;
  #effects: AccumulatorEffect[] = [];
  #flushes: Flush[] = [];
  readonly #settings: AccumulatorSettings;
  readonly #world: AccumulatorWorld;
  readonly #incomplete = new IncompleteBatches();
  readonly #readiness: Readiness;
  readonly #identity = new IdentityKeeper();
  readonly #dispatcher: Dispatcher;

  constructor(settings: AccumulatorSettings, world: AccumulatorWorld) {
    this.#settings = settings;
    this.#world = world;
    this.#readiness = new Readiness(settings.lingerMs);
    this.#dispatcher = new Dispatcher(settings, world, this.#readiness, this.#identity);
  }

  /** Bytes of `bufferMemory` that batches hold. */
  get usedMemory(): number {
    return this.#usedMemory;
  }

  /** Batches whose fate is not known. */
  get incompleteCount(): number {
    return this.#incomplete.count;
  }

  /** Adds a record to the partition's open batch; null where there is none or it has no room. */
  append(
    queue: BatchQueue,
    timestamp: number,
    key: RecordBytes,
    value: RecordBytes,
    headers: RecordHeaderInput[] | undefined,
  ): Batch | null {
    const batch = queue.last;
    if (batch === undefined || batch.state !== "open") return null;
    if (batch.builder.append(timestamp, key, value, headers) === 0) {
      this.#close(batch);
      return null;
    }
    if (batch.builder.estimatedSize >= this.#settings.batchSize) this.#close(batch);
    return batch;
  }

  /** Begins a batch with a record; null where there is no memory for it. */
  open(
    queue: BatchQueue,
    now: number,
    timestamp: number,
    key: RecordBytes,
    value: RecordBytes,
    headers: RecordHeaderInput[] | undefined,
  ): Batch | null {
    const { batchSize, bufferMemory, codec, level, lingerMs } = this.#settings;
    const memory = Math.max(batchSize, largestBatchSize(key, value, headers));
    // Where nothing else is there, a batch may be larger than all memory: it could never be sent otherwise.
    if (this.#usedMemory > 0 && this.#usedMemory + memory > bufferMemory) return null;
    const builder = new BatchBuilder({
      codec,
      maxSize: batchSize,
      initialSize: queue.sizeHint,
      expectedRatio: queue.compressionRatio,
      ...(level === undefined ? {} : { level }),
    });
    builder.append(timestamp, key, value, headers);
    const batch = new Batch({ queue, builder, order: this.#nextOrder++, part: 0, createdAt: now, memory });
    this.#usedMemory += memory;
    queue.batches.push(batch);
    this.#incomplete.add(batch);
    if (queue.batches.length === 1) this.#readiness.enlist(queue, now);
    if (builder.estimatedSize >= batchSize) this.#close(batch);
    else if (lingerMs === 0 || this.isExhausted || queue.batches.length > 1) this.#markReady(queue);
    return batch;
  }

  /** The batch need not wait for more records. */
  hasten(batch: Batch): void {
    batch.lingers = false;
    this.#markReady(batch.queue);
  }

  /** When the next `poll` is due at the latest, of `clock.monotonic()`; Infinity where nothing waits. */
  deadline(): number {
    const oldest = this.#incomplete.oldest;
    if (oldest === null) return Number.POSITIVE_INFINITY;
    return Math.min(oldest.createdAt + this.#settings.deliveryTimeoutMs, this.#readiness.deadline());
  }

  handle(event: AccumulatorEvent, now: number): AccumulatorEffect[] {
    this.#effects = [];
    this.#react(event, now);
    this.#expireOld(now);
    this.#readiness.advance(now, (batch) => this.#dispatcher.isBackingOff(batch, now));
    if (this.isExhausted || this.#flushes.length > 0) this.#readiness.endLinger();
    this.#dispatcher.send(now, this.#effects);
    this.wantsPoll = false;
    return this.#effects;
  }

  #react(event: AccumulatorEvent, now: number): void {
    switch (event.type) {
      case "poll":
        break;
      case "connected":
        this.#dispatcher.connected(event.nodeId);
        break;
      case "disconnected":
        this.#dispatcher.disconnected(event.nodeId, event.error, this.#effects);
        break;
      case "answered":
        this.#dispatcher.landed(event.request.nodeId);
        for (const [index, sent] of event.request.sent.entries()) {
          this.#answered(sent, event.answers[index], event.broker, now);
        }
        break;
      case "failed":
        this.#dispatcher.landed(event.request.nodeId);
        for (const sent of event.request.sent) this.#failed(sent, event.error, now);
        break;
      case "unsent":
        this.#unsent(event.request, now);
        break;
      case "identified":
        this.#identity.identified({ id: event.id, epoch: event.epoch });
        break;
      case "notIdentified":
        this.#identity.failed();
        this.#rejectAll(event.error);
        break;
      case "flush":
        this.#flushes.push({ token: event.token, before: this.#nextOrder, left: this.#incomplete.count });
        this.#endFlushes();
        break;
      case "abort":
        this.#rejectAll(event.error);
        break;
    }
  }

  #answered(sent: SentBatch, answer: BatchAnswer | undefined, broker: string, now: number): void {
    if (answer === undefined) {
      this.#failed(sent, leftOut(sent.batch, broker), now);
      return;
    }
    if (!this.#land(sent.batch)) return;
    const verdict = judgeAnswer(sent, answer, this.#mayRetry(sent.batch, now), broker);
    if (verdict.error === null) this.#deliver(sent.batch, answer);
    else this.#carryOut(sent.batch, verdict, verdict.error, answer, now);
  }

  #failed({ batch }: SentBatch, error: KafkaError, now: number): void {
    if (!this.#land(batch)) return;
    this.#carryOut(batch, judgeFailure(error, this.#mayRetry(batch, now)), error, null, now);
  }

  /** A batch is back; false where it was given up meanwhile. */
  #land(batch: Batch): boolean {
    batch.queue.inFlightCount--;
    if (batch.state !== "done") return true;
    this.#settleSequences(batch.queue);
    return false;
  }

  #mayRetry(batch: Batch, now: number): boolean {
    const { retries, deliveryTimeoutMs } = this.#settings;
    return batch.attempts < retries && now < batch.createdAt + deliveryTimeoutMs;
  }

  #deliver(batch: Batch, answer: BatchAnswer): void {
    const { baseOffset, logAppendTimeMs } = answer;
    batch.queue.acknowledge(batch);
    this.#finish(batch);
    this.#settleSequences(batch.queue);
    this.#effects.push({ type: "delivered", batch, baseOffset, logAppendTimeMs });
  }

  #carryOut(batch: Batch, verdict: Verdict, error: KafkaError, answer: BatchAnswer | null, now: number): void {
    const { queue } = batch;
    batch.possiblyPersisted ||= verdict.possiblyPersisted;
    batch.lastError = error;
    if (verdict.refreshes) this.#effects.push({ type: "refresh", topic: queue.topic });
    if (verdict.fate === "split") this.#split(batch, now);
    else if (verdict.fate === "retry") {
      if (verdict.raisesEpoch) this.#identity.raiseEpoch(queue);
      this.#retry(batch, error, now);
    } else {
      const said = batch.possiblyPersisted && !error.possiblyPersisted ? withDoubt(error) : error;
      this.#reject(batch, recordErrors(said, answer), verdict.raisesEpoch);
    }
  }

  #retry(batch: Batch, error: KafkaError, now: number): void {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#settings;
    batch.attempts++;
    batch.retryAt = now + backoffMs(retryBackoffMs, retryBackoffMaxMs, batch.attempts, this.#world.random);
    this.#putBack(batch, now);
    this.#effects.push({ type: "retried", batch, error });
  }

  #putBack(batch: Batch, now: number): void {
    batch.state = "queued";
    batch.queue.putBack(batch);
    this.#readiness.enlist(batch.queue, now);
  }

  #unsent(request: SentRequest, now: number): void {
    this.#dispatcher.landed(request.nodeId);
    this.#dispatcher.hungUp(request.nodeId);
    for (const { batch } of request.sent) if (this.#land(batch)) this.#putBack(batch, now);
  }

  #split(batch: Batch, now: number): void {
    const parts = splitBatch(batch);
    this.#incomplete.replace(batch, parts);
    batch.queue.replace(batch, parts);
    for (const flush of this.#flushes) if (batch.order < flush.before) flush.left += parts.length - 1;
    batch.state = "done";
    this.#readiness.enlist(batch.queue, now);
  }

  /** Too old: it is given up wherever it is. What is in flight may still arrive, so nothing new follows it before that is clear. */
  #expire(batch: Batch): void {
    const { queue, recordCount } = batch;
    const at = queue.batches.indexOf(batch);
    if (at >= 0) queue.batches.splice(at, 1);
    const { topic, partition } = queue;
    const leader = this.#world.leader(topic, partition);
    const cause = batch.lastError ?? (leader === undefined ? null : this.#dispatcher.errorOf(leader.nodeId));
    const why =
      cause !== null ? `. ${cause.message}` : leader === undefined ? ": the partition has no known leader" : "";
    const { deliveryTimeoutMs } = this.#settings;
    const what = `Gave up ${countOf(recordCount)} for partition ${partition} of topic ${topic} after ${deliveryTimeoutMs} ms (deliveryTimeoutMs)${why}`;
    const possiblyPersisted = batch.possiblyPersisted || batch.state === "inFlight";
    const error = new TimeoutError(what, { possiblyPersisted, retriable: false, ...(cause === null ? {} : { cause }) });
    this.#reject(batch, () => error, false);
  }

  #expireOld(now: number): void {
    for (let oldest = this.#incomplete.oldest; oldest !== null; oldest = this.#incomplete.oldest) {
      if (oldest.createdAt + this.#settings.deliveryTimeoutMs > now) return;
      this.#expire(oldest);
      this.#readiness.enlist(oldest.queue, now);
    }
  }

  #rejectAll(error: KafkaError): void {
    for (const batch of this.#incomplete.all()) {
      const isOut = batch.state === "inFlight" || batch.possiblyPersisted;
      batch.queue.batches.length = 0;
      this.#readiness.forget(batch.queue);
      const said = isOut ? withDoubt(error) : error;
      this.#reject(batch, () => said, false);
    }
  }

  #reject(batch: Batch, errorOf: (index: number) => KafkaError, raisesEpoch: boolean): void {
    batch.queue.giveUp(batch, raisesEpoch);
    if (raisesEpoch) this.#identity.raiseEpoch(batch.queue);
    this.#finish(batch);
    this.#settleSequences(batch.queue);
    this.#effects.push({ type: "rejected", batch, errorOf });
  }

  #finish(batch: Batch): void {
    batch.state = "done";
    this.#incomplete.remove(batch);
    this.#usedMemory -= batch.memory;
    for (const flush of this.#flushes) if (batch.order < flush.before) flush.left--;
    this.#endFlushes();
  }

  #endFlushes(): void {
    if (this.#flushes.length === 0) return;
    for (const { token, left } of this.#flushes) if (left === 0) this.#effects.push({ type: "flushed", token });
    this.#flushes = this.#flushes.filter((flush) => flush.left > 0);
  }

  #settleSequences(queue: BatchQueue): void {
    if (queue.leftGap()) this.#identity.raiseEpoch(queue);
  }

  #close(batch: Batch): void {
    batch.state = "queued";
    batch.queue.noteSize(batch.builder.capacity, this.#settings.batchSize);
    this.#markReady(batch.queue);
  }

  #markReady(queue: BatchQueue): void {
    this.#readiness.markReady(queue);
    this.wantsPoll = true;
  }
}
