import type { RecordBytes, RecordHeaderInput } from "@ottla/protocol";
import type { Timer } from "@ottla/runtime";
import type { ClientCore } from "../client-core.ts";
import {
  BufferExhaustedError,
  type ClosedError,
  KafkaError,
  TimeoutError,
  UnknownTopicOrPartitionError,
} from "../errors.ts";
import type { AccumulatorMachine } from "./accumulator-machine.ts";
import type { Batch } from "./batch.ts";
import { Fifo } from "./fifo.ts";
import { KeyPartitioner, roughSize, StickyPartitioner } from "./partitioner.ts";
import type { Sender } from "./sender.ts";
import type { ProducerSettings } from "./settings.ts";
import { type OriginalRecord, TopicState, type WaitingRecord } from "./topic-state.ts";

export interface IntakeOptions {
  readonly core: ClientCore;
  readonly machine: AccumulatorMachine;
  readonly sender: Sender;
  readonly settings: ProducerSettings;
}

/** Somebody who waits until certain records wait no longer. */
interface Drain {
  readonly left: Set<WaitingRecord>;
  readonly resolve: () => void;
}

/** Brings records into batches; those that have to wait, for metadata or for memory, wait in the order in which they came. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #topics = new Map<string, TopicState>();
  readonly #keys = new KeyPartitioner();
  /** Records whose partition is known to be there, and that wait for memory. */
  readonly #waiting = new Fifo<WaitingRecord>();
  #timer: Timer | null = null;
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;
  #drains: Drain[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#stopListening = options.core.metadata.onChange(() => this.#takeMetadata());
  }

  topic(name: string): TopicState {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    if (typeof name !== "string" || name === "") {
      throw new KafkaError(`A record's topic is ${JSON.stringify(name)}, but must be a name`, {
        code: "INVALID_RECORD",
      });
    }
    const { core, settings } = this.#options;
    const isAdaptive = settings.partitionerAdaptivePartitioningEnable;
    const sticky = new StickyPartitioner(core.runtime.random, settings.batchSize, isAdaptive);
    const topic = new TopicState(name, sticky, core.runtime.clock.monotonic());
    topic.metadata = core.metadata.topic(name);
    this.#topics.set(name, topic);
    return topic;
  }

  /** Appends a record to a batch of its partition; null where it has to wait (`wait`). Throws what a partitioner throws. */
  place(
    topic: TopicState,
    partition: number,
    timestamp: number,
    key: RecordBytes,
    value: RecordBytes,
    headers: RecordHeaderInput[] | undefined,
    original: OriginalRecord,
  ): Batch | null {
    if (topic.metadata === undefined || topic.waiting.length > 0 || this.#waiting.length > 0) return null;
    if (partition >= topic.metadata.partitions.length) return null;
    return this.#append(topic, partition, timestamp, key, value, headers, original);
  }

  /** Keeps a record until it can be placed, its deadline passes or it is withdrawn. */
  wait(record: WaitingRecord): void {
    const { topic } = record;
    const isKnown = topic.metadata !== undefined && record.partition < topic.metadata.partitions.length;
    if (isKnown && topic.waiting.length === 0) {
      this.#waiting.push(record);
      this.#setExhausted();
    } else {
      topic.waiting.push(record);
      if (!topic.isLearning) void this.#learn(topic);
    }
    this.#watchDeadlines();
  }

  /** Takes a waiting record back; false where it is in a batch already, or settled. */
  withdraw(record: WaitingRecord): boolean {
    const { waiting } = record.topic;
    const at = waiting.indexOf(record);
    if (at >= 0) waiting.splice(at, 1);
    else if (!this.#waiting.remove(record)) return false;
    this.#left([record]);
    return true;
  }

  /** Memory has become free. */
  resume(): void {
    const { machine, sender } = this.#options;
    const before = this.#waiting.length;
    for (let head = this.#waiting.head; head !== undefined && this.#admit(head); head = this.#waiting.head) {
      this.#waiting.drop();
      this.#left([head]);
    }
    machine.isExhausted = this.#waiting.length > 0;
    if (this.#waiting.length === before) return;
    sender.wake();
  }

  /** Whether records wait that are in no batch. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || [...this.#topics.values()].some((topic) => topic.waiting.length > 0);
  }

  /** Resolves once nothing of what waits here now does: what comes later may wait on. */
  drained(): Promise<void> {
    const left = new Set(this.#waiting);
    for (const topic of this.#topics.values()) for (const record of topic.waiting) left.add(record);
    if (left.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drains.push({ left, resolve });
    });
  }

  /** Gives up all that waits. */
  close(error: ClosedError): void {
    this.#stopListening();
    this.#closing.abort(error);
    this.#timer?.cancel();
    this.#timer = null;
    const unplaced = [...this.#topics.values()].flatMap((topic) => topic.waiting.splice(0));
    const records = [...this.#waiting.takeAll(), ...unplaced];
    for (const record of records) fail(record, error);
    this.#left(records);
  }

  #append(
    topic: TopicState,
    wanted: number,
    timestamp: number,
    key: RecordBytes,
    value: RecordBytes,
    headers: RecordHeaderInput[] | undefined,
    original: OriginalRecord,
  ): Batch | null {
    const { machine, settings } = this.#options;
    const isSticky = wanted < 0 && settings.partitioner === null && (key === null || settings.partitionerIgnoreKeys);
    const partition = wanted >= 0 ? wanted : isSticky ? this.#stick(topic) : this.#choose(topic, key, original);
    const queue = topic.queue(partition);
    let batch = machine.append(queue, timestamp, key, value, headers);
    if (batch === null) {
      const now = this.#options.core.runtime.clock.monotonic();
      topic.lastUsedAt = now;
      batch = machine.open(queue, now, timestamp, key, value, headers);
      if (batch === null) return null;
    }
    if (isSticky) topic.sticky.note(roughSize(key) + roughSize(value) + 16, batch.state !== "open");
    return batch;
  }

  #stick(topic: TopicState): number {
    return topic.sticky.current(topic.metadata!, topic.queues);
  }

  #choose(topic: TopicState, key: RecordBytes, original: OriginalRecord): number {
    const { partitioner } = this.#options.settings;
    const { partitions } = topic.metadata!;
    if (partitioner === null) return this.#keys.partition(key!, partitions.length);
    const partition = partitioner({
      topic: topic.name,
      key: original.key ?? null,
      value: original.value,
      partitionCount: partitions.length,
      available: partitions.filter((one) => one.leaderId >= 0).map((one) => one.index),
    });
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions.length) return partition;
    const what = `The partitioner chose partition ${partition} of topic ${topic.name}, which has ${partitions.length}`;
    throw new KafkaError(what, { code: "INVALID_PARTITION" });
  }

  /** Gets a waiting record into a batch, or settles it with an error; false where it has to wait on. */
  #admit(record: WaitingRecord): boolean {
    const { topic, partition, timestamp, key, value, headers, original, waiter, slot } = record;
    try {
      if (topic.metadata === undefined) throw new UnknownTopicOrPartitionError(`Topic ${topic.name} is gone`, unknown);
      if (partition >= topic.metadata.partitions.length) throw outOfRange(topic, partition);
      const batch = this.#append(topic, partition, timestamp, key, value, headers, original);
      if (batch === null) return false;
      batch.await(timestamp, waiter, slot);
      if (slot >= 0 && batch.lingers) this.#options.machine.hasten(batch);
    } catch (error) {
      fail(record, error);
    }
    return true;
  }

  /** Finds out about a topic for the records that wait for it. */
  async #learn(topic: TopicState): Promise<void> {
    const { metadata, runtime } = this.#options.core;
    topic.isLearning = true;
    for (let head = topic.waiting[0]; head !== undefined; head = topic.waiting[0]) {
      try {
        topic.metadata = await metadata.ensureTopic(topic.name, head.deadline, this.#closing.signal);
        const count = topic.metadata.partitions.length;
        // The topic may have grown since it was looked at.
        if (topic.waiting.some((record) => record.partition >= count)) await metadata.refresh([topic.name]);
        metadata.track([topic.name]);
        const records = topic.waiting.splice(0);
        for (const record of records) {
          if (this.#waiting.length === 0 && this.#admit(record)) this.#left([record]);
          else this.#waiting.push(record);
        }
        if (this.#waiting.length > 0) this.#setExhausted();
        this.#watchDeadlines();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const now = runtime.clock.monotonic();
        const isFinal = !(error instanceof KafkaError) || !error.retriable;
        const given = topic.waiting.filter((record) => isFinal || record === head || record.deadline <= now);
        topic.waiting = topic.waiting.filter((record) => !given.includes(record));
        for (const record of given) fail(record, this.#unlearned(topic, error));
        this.#left(given);
      }
      this.#options.sender.wake();
    }
    topic.isLearning = false;
  }

  #unlearned(topic: TopicState, error: unknown): unknown {
    if (!(error instanceof KafkaError) || error instanceof UnknownTopicOrPartitionError || !error.retriable)
      return error;
    const { maxBlockMs } = this.#options.settings;
    const what = `Could not find out where topic ${topic.name} is within ${maxBlockMs} ms (maxBlockMs). ${error.message}`;
    return new TimeoutError(what, { cause: error });
  }

  #setExhausted(): void {
    const { machine, sender } = this.#options;
    if (!machine.isExhausted) {
      machine.isExhausted = true;
      machine.wantsPoll = true;
    }
    sender.wake();
  }

  #takeMetadata(): void {
    const { core, settings } = this.#options;
    const now = core.runtime.clock.monotonic();
    for (const topic of this.#topics.values()) {
      topic.metadata = core.metadata.topic(topic.name);
      if (now - topic.lastUsedAt < settings.metadataMaxIdleMs || !topic.isIdle || topic.isLearning) continue;
      this.#topics.delete(topic.name);
      core.metadata.untrack([topic.name]);
    }
  }

  /** Metadata have deadlines of their own; this is about those who wait for memory. */
  #watchDeadlines(): void {
    const { head } = this.#waiting;
    if (head === undefined || this.#timer !== null) return;
    const { clock } = this.#options.core.runtime;
    this.#timer = clock.setTimer(Math.ceil(Math.max(0, head.deadline - clock.monotonic())), () => {
      this.#timer = null;
      this.#expire(clock.monotonic());
      this.#watchDeadlines();
    });
  }

  #expire(now: number): void {
    const { maxBlockMs, bufferMemory } = this.#options.settings;
    for (let record = this.#waiting.head; record !== undefined; record = this.#waiting.head) {
      if (record.deadline > now) break;
      this.#waiting.drop();
      const what = `No room for a record for topic ${record.topic.name} within ${maxBlockMs} ms (maxBlockMs): the ${bufferMemory} bytes of bufferMemory are taken`;
      fail(record, new BufferExhaustedError(what));
      this.#left([record]);
    }
    this.#options.machine.isExhausted = this.#waiting.length > 0;
  }

  /** These records wait no longer. */
  #left(records: readonly WaitingRecord[]): void {
    if (this.#drains.length === 0) return;
    for (const { left, resolve } of this.#drains) {
      for (const record of records) left.delete(record);
      if (left.size === 0) resolve();
    }
    this.#drains = this.#drains.filter(({ left }) => left.size > 0);
  }
}

const unknown = { code: "UNKNOWN_TOPIC_OR_PARTITION", errorCode: 3, retriable: true };

function outOfRange(topic: TopicState, partition: number): KafkaError {
  const count = topic.metadata?.partitions.length ?? 0;
  const what = `Topic ${topic.name} has no partition ${partition}: it has ${count}, 0 to ${count - 1}`;
  return new UnknownTopicOrPartitionError(what, { ...unknown, retriable: false });
}

/** Tells whoever waits for a record that it was not sent. */
function fail(record: WaitingRecord, error: unknown): void {
  const { waiter, slot } = record;
  if (typeof waiter === "function") waiter(Promise.reject(error));
  else
    waiter.failed(
      slot,
      error instanceof KafkaError ? error : new KafkaError(String(error), { code: "SEND_FAILED", cause: error }),
    );
}
