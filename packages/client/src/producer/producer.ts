import { EventEmitter } from "node:events";
import { largestBatchSize, type RecordBytes, type RecordHeaderInput } from "@ottla/protocol";
import { type ClientCore, createClientCore } from "../client-core.ts";
import { ClosedError, KafkaError, RecordTooLargeError, SerializationError } from "../errors.ts";
import type { SerdeContext, Serializer } from "../serde.ts";
import { waitFor } from "../wait.ts";
import { AccumulatorMachine } from "./accumulator-machine.ts";
import type { Batch, Waiter } from "./batch.ts";
import { Intake } from "./intake.ts";
import { headerList, type ProducerRecord, type RecordMetadata } from "./record.ts";
import { RecordGroup } from "./send-group.ts";
import { Sender } from "./sender.ts";
import { compressionLevel, type ProducerOptions, type ProducerSettings, producerConfig } from "./settings.ts";
import type { TopicState, WaitingRecord } from "./topic-state.ts";

/** What a producer's events say of a batch. */
export interface BatchReport {
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
  /** In bytes, as it was sent. */
  readonly size: number;
  /** How often it was sent again. */
  readonly retries: number;
}

/** Events of a producer, for logs and metrics; records are settled by their promises. */
export interface ProducerEvents {
  /** A batch was acknowledged; `baseOffset` is its first record's, -1 where the broker did not say. */
  batchDelivered: [report: BatchReport & { readonly baseOffset: number }];
  /** A batch failed, and will be sent again. */
  batchRetried: [report: BatchReport, error: KafkaError];
  /** A batch was given up. */
  batchRejected: [report: BatchReport, error: KafkaError];
}

export interface SendOptions {
  /** Rejects the promise with the signal's reason. A record that is in a batch already is sent all the same. */
  readonly signal?: AbortSignal | undefined;
}

type Text = string | Uint8Array;

/**
 * Sends records (Kafka's KafkaProducer). Records that are sent at about the same time share a batch per partition, and batches for the same broker a request: see `lingerMs`, `batchSize`. Every promise is settled:
 * with the place of the record, or with the error that kept it from there.
 */
export class Producer<K = Text, V = Text> extends EventEmitter<ProducerEvents> {
  readonly #settings: ProducerSettings;
  readonly #core: ClientCore;
  readonly #machine: AccumulatorMachine;
  readonly #sender: Sender;
  readonly #intake: Intake;
  readonly #key: Serializer<unknown>;
  readonly #value: Serializer<unknown>;
  /** Records below this size in bytes need no closer look. */
  readonly #safeSize: number;
  /** The `resolve` of the promise that was made last: the promise is all that is made per record. */
  #resolve!: Waiter;
  readonly #capture = (resolve: Waiter) => {
    this.#resolve = resolve;
  };
  #closing: Promise<void> | null = null;

  /** Connects to nothing before the first record. Throws a `ConfigError`. */
  constructor(options: ProducerOptions<K, V>) {
    super();
    const settings = producerConfig(options);
    this.#settings = settings;
    this.#key = settings.key;
    this.#value = settings.value;
    this.#safeSize = Math.min(settings.maxRequestSize, settings.bufferMemory) / 4;
    this.#core = createClientCore(settings);
    const { metadata, runtime } = this.#core;
    this.#machine = new AccumulatorMachine(
      {
        ...settings,
        isIdempotent: settings.enableIdempotence,
        codec: settings.compression,
        level: compressionLevel(settings),
      },
      { leader: (topic, partition) => metadata.leader(topic, partition), random: runtime.random },
    );
    this.#sender = new Sender({
      core: this.#core,
      machine: this.#machine,
      acks: settings.acks === "all" ? -1 : settings.acks,
      onSettled: () => this.#intake.resume(),
      onDelivered: (batch, baseOffset) => this.#emitDelivered(batch, baseOffset),
      onRetried: (batch, error) => this.#emitFailed("batchRetried", batch, error),
      onRejected: (batch, error) => this.#emitFailed("batchRejected", batch, error),
    });
    this.#intake = new Intake({ core: this.#core, machine: this.#machine, sender: this.#sender, settings });
  }

  /** Bytes of `bufferMemory` that are taken. */
  get bufferedBytes(): number {
    return this.#machine.usedMemory;
  }

  /**
   * Sends a record; resolves when it is acknowledged as `acks` says. Key, value and headers are encoded before it returns. Rejects with a `KafkaError`: a `SerializationError`, a `RecordTooLargeError`, an
   * `UnknownTopicOrPartitionError`, a `BufferExhaustedError` (no memory within `maxBlockMs`), a `TimeoutError` (not delivered within `deliveryTimeoutMs`), or the broker's own. `possiblyPersisted` says whether the record may be in the log
   * all the same.
   */
  send(record: ProducerRecord<K, V>, options?: SendOptions): Promise<RecordMetadata> {
    try {
      if (this.#closing !== null) throw closedError();
      const signal = options?.signal;
      if (signal !== undefined) return this.#sendAbortable(record, signal);
      const promise = new Promise<RecordMetadata>(this.#capture as never);
      this.#take(record, this.#resolve, -1, this.#core.runtime.clock.now());
      return promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends records together; resolves when all are acknowledged, with their places in the order of the call. Cheaper than a `send` for each, and nothing lingers: the records go out at the end of the turn, with
   * whatever else waits for the same partitions, as soon as the broker has less than `maxInFlight` requests in work. Where some fail it rejects, once all are settled, with a `SendAllError` that says which.
   */
  sendAll(records: readonly ProducerRecord<K, V>[], options?: SendOptions): Promise<RecordMetadata[]> {
    if (this.#closing !== null) return Promise.reject(closedError());
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const group = new RecordGroup(records.length);
    const now = this.#core.runtime.clock.now();
    for (let slot = 0; slot < records.length; slot++) {
      try {
        this.#take(records[slot]!, group, slot, now);
      } catch (error) {
        group.failed(slot, asKafkaError(error));
      }
    }
    if (signal === undefined) return group.promise;
    return waitFor(this.#core.runtime.clock, group.promise, Number.POSITIVE_INFINITY, signal, closedError);
  }

  /** Sends everything now, without lingering; resolves when every record sent before the call is delivered or given up (its own promise tells which). */
  async flush(): Promise<void> {
    const waited = this.#intake.isWaiting;
    await Promise.all([this.#sender.flush(), this.#intake.drained()]);
    if (waited) await this.#sender.flush();
  }

  /**
   * Flushes, then closes the connections; a second call waits for the first. After `timeoutMs` (default: no limit but `deliveryTimeoutMs`) what is left is given up: its promises reject with a `ClosedError`.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? Number.POSITIVE_INFINITY);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    const { clock } = this.#core.runtime;
    const error = new ClosedError("The producer was closed before the record was sent");
    await waitFor(clock, this.flush(), clock.monotonic() + timeoutMs, undefined, () => error).catch(() => {});
    this.#intake.close(error);
    this.#sender.abort(error);
    this.#sender.close();
    this.#core.close();
  }

  /** Gets a record on its way: into a batch at once (null), or into the line of those that wait. */
  #take(record: ProducerRecord<K, V>, waiter: Waiter, slot: number, now: number): WaitingRecord | null {
    const topic = this.#intake.topic(record.topic);
    const key = record.key ?? null;
    const keyBytes = key === null ? null : serialize(this.#key, key, topic.keyContext);
    const valueBytes = record.value === null ? null : serialize(this.#value, record.value, topic.valueContext);
    const headers = record.headers === undefined ? undefined : headerList(record.headers, topic.name);
    const timestamp = record.timestamp ?? now;
    const partition = record.partition ?? -1;
    this.#check(record, topic, keyBytes, valueBytes, headers);
    const batch = this.#intake.place(topic, partition, timestamp, keyBytes, valueBytes, headers, record);
    if (batch === null) {
      return this.#wait({
        topic,
        key: keyBytes,
        value: valueBytes,
        headers,
        timestamp,
        partition,
        original: record,
        waiter,
        slot,
      });
    }
    batch.await(timestamp, waiter, slot);
    // The records of a group have brought their company with them.
    if (slot >= 0 && batch.lingers) this.#machine.hasten(batch);
    // A batch has begun, or one is full: either is news to the sender.
    if (batch.recordCount === 1 || this.#machine.wantsPoll) this.#sender.wake();
    return null;
  }

  #wait(record: Omit<WaitingRecord, "deadline">): WaitingRecord {
    const waiting = { ...record, deadline: this.#core.runtime.clock.monotonic() + this.#settings.maxBlockMs };
    this.#intake.wait(waiting);
    return waiting;
  }

  #sendAbortable(record: ProducerRecord<K, V>, signal: AbortSignal): Promise<RecordMetadata> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const promise = new Promise<RecordMetadata>(this.#capture as never);
    const waiting = this.#take(record, this.#resolve, -1, this.#core.runtime.clock.now());
    const withdraw = () => {
      if (waiting !== null) this.#intake.withdraw(waiting);
    };
    signal.addEventListener("abort", withdraw, { once: true });
    const { clock } = this.#core.runtime;
    return waitFor(clock, promise, Number.POSITIVE_INFINITY, signal, closedError).finally(() =>
      signal.removeEventListener("abort", withdraw),
    );
  }

  #check(
    record: ProducerRecord<K, V>,
    topic: TopicState,
    key: RecordBytes,
    value: RecordBytes,
    headers: RecordHeaderInput[] | undefined,
  ): void {
    const { timestamp, partition } = record;
    if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0)) {
      throw invalid(topic, `timestamp ${timestamp}`, "a whole number of milliseconds, 0 or more");
    }
    if (partition !== undefined && !(Number.isSafeInteger(partition) && partition >= 0)) {
      throw invalid(topic, `partition ${partition}`, "a whole number, 0 or more");
    }
    const characters = (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
    if (headers === undefined && characters + 100 < this.#safeSize) return;
    const size = largestBatchSize(key, value, headers);
    const { maxRequestSize, bufferMemory } = this.#settings;
    const [setting, limit] =
      maxRequestSize < bufferMemory ? ["maxRequestSize", maxRequestSize] : ["bufferMemory", bufferMemory];
    if (size <= limit) return;
    const what = `A record for topic ${topic.name} takes up to ${size} bytes, more than the ${limit} of ${setting}`;
    throw new RecordTooLargeError(what, { code: "MESSAGE_TOO_LARGE", errorCode: 10 });
  }

  #emitDelivered(batch: Batch, baseOffset: number): void {
    if (this.listenerCount("batchDelivered") === 0) return;
    const told = { ...report(batch), baseOffset };
    apart(() => this.emit("batchDelivered", told));
  }

  #emitFailed(event: "batchRetried" | "batchRejected", batch: Batch, error: KafkaError): void {
    if (this.listenerCount(event) === 0) return;
    const told = report(batch);
    apart(() => this.emit(event, told, error));
  }
}

/** Calls listeners. What they throw is the program's affair: it surfaces as an uncaught exception, and the producer goes on. */
function apart(emit: () => void): void {
  try {
    emit();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function serialize(serializer: Serializer<unknown>, value: unknown, context: SerdeContext): string | Uint8Array {
  let bytes: string | Uint8Array;
  try {
    bytes = serializer.serialize(value, context);
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    const what = `Could not serialize the ${context.part} of a record for topic ${context.topic}`;
    throw new SerializationError(`${what}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (typeof bytes === "string" || bytes instanceof Uint8Array) return bytes;
  throw new SerializationError(
    `The serializer of ${context.part}s for topic ${context.topic} gave neither bytes nor a string`,
  );
}

function report(batch: Batch): BatchReport {
  const { topic, partition } = batch.queue;
  return { topic, partition, recordCount: batch.recordCount, size: batch.size, retries: batch.attempts };
}

function invalid(topic: TopicState, what: string, allowed: string): KafkaError {
  return new KafkaError(`A record for topic ${topic.name} has ${what}, which must be ${allowed}`, {
    code: "INVALID_RECORD",
  });
}

function closedError(): ClosedError {
  return new ClosedError("The producer has been closed");
}

function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  return new KafkaError(error instanceof Error ? error.message : String(error), { code: "SEND_FAILED", cause: error });
}
