import { BatchView } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { expect } from "vitest";
import type { KafkaError } from "../src/errors.ts";
import type {
  AccumulatorEffect,
  AccumulatorSettings,
  BatchAnswer,
  SentRequest,
} from "../src/producer/accumulator-events.ts";
import { AccumulatorMachine } from "../src/producer/accumulator-machine.ts";
import type { BatchQueue } from "../src/producer/batch.ts";
import { PartitionQueue } from "../src/producer/partition-queue.ts";

const defaults: AccumulatorSettings = {
  batchSize: 1000,
  bufferMemory: 1_000_000,
  deliveryTimeoutMs: 120_000,
  isIdempotent: true,
  lingerMs: 5,
  maxInFlight: 5,
  maxRequestSize: 1_000_000,
  retries: 2_147_483_647,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  codec: "none",
  level: undefined,
};

/** The machine with a driver that remembers: time is what the test says. */
export class Harness {
  readonly machine: AccumulatorMachine;
  readonly leaders = new Map<string, { nodeId: number; epoch: number }>();
  readonly queues = new Map<string, BatchQueue>();
  readonly requests: SentRequest[] = [];
  /** The batches as they were sent. */
  readonly bytesOf = new Map<SentRequest, Buffer[]>();
  readonly outcomes = new Map<string, number | KafkaError>();
  now = 0;
  count = 0;

  constructor(settings: Partial<AccumulatorSettings> = {}, options: { identified?: boolean } = {}) {
    const world = {
      leader: (topic: string, partition: number) => this.leaders.get(`${topic}-${partition}`),
      random: simRandom(1),
    };
    this.machine = new AccumulatorMachine({ ...defaults, ...settings }, world);
    for (const partition of [0, 1, 2]) this.leaders.set(`t-${partition}`, { nodeId: 1, epoch: 0 });
    this.do({ type: "connected", nodeId: 1 });
    if (options.identified !== false) this.do({ type: "identified", id: 7, epoch: 0 });
  }

  queue(partition: number): BatchQueue {
    const known = this.queues.get(`t-${partition}`) ?? new PartitionQueue("t", partition);
    this.queues.set(`t-${partition}`, known);
    return known;
  }

  /** Appends a record; false where there is no memory. */
  append(partition = 0, size = 50, name = `r${this.count}`): boolean {
    const value = name.padEnd(size, ".");
    const queue = this.queue(partition);
    const batch =
      this.machine.append(queue, 1, null, value, undefined) ??
      this.machine.open(queue, this.now, 1, null, value, undefined);
    if (batch === null) return false;
    this.count++;
    const group = {
      delivered: (_: number, metadata: { offset: number }) => void this.outcomes.set(name, metadata.offset),
      failed: (_: number, error: KafkaError) => void this.outcomes.set(name, error),
    };
    batch.await(1, group, 0);
    return true;
  }

  do(event: Parameters<AccumulatorMachine["handle"]>[0]): AccumulatorEffect[] {
    const effects = this.machine.handle(event, this.now);
    for (const effect of effects) {
      if (effect.type === "send") {
        this.requests.push(effect.request);
        this.bytesOf.set(
          effect.request,
          effect.request.sent.map(({ batch }) => batch.encode()),
        );
      }
      if (effect.type === "delivered") effect.batch.deliver(effect.baseOffset, effect.logAppendTimeMs);
      if (effect.type === "rejected") effect.batch.reject(effect.errorOf);
    }
    return effects;
  }

  poll(now = this.now): AccumulatorEffect[] {
    this.now = now;
    return this.do({ type: "poll" });
  }

  answer(request: SentRequest, codes: readonly (number | Partial<BatchAnswer>)[]): AccumulatorEffect[] {
    const answers = codes.map((code) => ({
      ...{ errorCode: 0, errorMessage: null, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [] },
      ...(typeof code === "number" ? { errorCode: code } : code),
    }));
    return this.do({ type: "answered", request, answers, broker: "broker 1" });
  }

  /** The first batch of a partition goes alone; with it out of the way the others are pipelined. */
  warm(...partitions: number[]): this {
    for (const partition of partitions) this.answer(this.sendOne(partition), [0]);
    this.requests.length = 0;
    this.outcomes.clear();
    this.count = 0;
    return this;
  }

  /** Fills a batch of the partition and sends it. */
  sendOne(partition = 0): SentRequest {
    const before = this.requests.length;
    this.append(partition, 950);
    this.poll();
    expect(this.requests).toHaveLength(before + 1);
    return this.requests[before]!;
  }

  /** `epoch:sequence` of each batch, as it was sent. */
  sequences(request: SentRequest): string[] {
    return this.bytesOf.get(request)!.map((bytes) => {
      const view = new BatchView(bytes);
      expect(view.isCrcValid()).toBe(true);
      return `${view.producerEpoch}:${view.baseSequence}`;
    });
  }
}
