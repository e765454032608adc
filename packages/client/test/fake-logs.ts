import {
  apis,
  BatchBuilder,
  type BatchHeaderFields,
  BatchView,
  buildEndTransactionBatch,
  type RequestValue,
  type ResponseInput,
} from "@ottla/protocol";
import type { Heard } from "./fake-broker.ts";
import { FakeCluster, type FakePartition, type FakeTopic } from "./fake-cluster.ts";

type FetchBody = RequestValue<typeof apis.fetch>;
type FetchPart = FetchBody["topics"][number]["partitions"][number];
type FetchAnswer = NonNullable<ResponseInput<typeof apis.fetch>["responses"]>[number]["partitions"][number];

/** What one partition holds for readers. */
export class FakeLog {
  readonly leader: FakePartition;
  batches: Buffer[] = [];
  /** `lastOffset`: of the marker. */
  aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
  logStartOffset = 0;
  endOffset = 0;
  lastStableOffset: number | null = null;
  /** Where epochs end, for OffsetForLeaderEpoch. */
  epochEnds = new Map<number, number>();

  constructor(leader: FakePartition) {
    this.leader = leader;
  }

  append(count: number, fields: BatchHeaderFields = {}): Buffer {
    const builder = new BatchBuilder();
    for (let n = 0; n < count; n++) builder.append(1_000, `k${this.endOffset + n}`, `${this.endOffset + n}`);
    return this.add(
      builder.build({ partitionLeaderEpoch: this.leader.leaderEpoch, ...fields, baseOffset: this.endOffset }),
    );
  }

  end(type: "abort" | "commit", producerId: number): Buffer {
    const { leaderEpoch: partitionLeaderEpoch } = this.leader;
    const fields = { baseOffset: this.endOffset, partitionLeaderEpoch, producerId, producerEpoch: 0 };
    return this.add(buildEndTransactionBatch(type, 1_000, 0, fields));
  }

  add(batch: Buffer): Buffer {
    this.batches.push(batch);
    this.endOffset = new BatchView(batch).nextOffset;
    return batch;
  }

  /** Cuts the log, as a follower that becomes leader may have it. */
  truncate(offset: number): void {
    this.batches = this.batches.filter((batch) => new BatchView(batch).baseOffset < offset);
    this.endOffset = offset;
  }

  read(offset: number, maxBytes: number, end = this.endOffset): Buffer {
    const chosen: Buffer[] = [];
    let size = 0;
    for (const batch of this.batches) {
      const view = new BatchView(batch);
      if (view.nextOffset <= offset || view.baseOffset >= end) continue;
      if (chosen.length > 0 && size + batch.length > maxBytes) break;
      chosen.push(batch);
      size += batch.length;
    }
    return Buffer.concat(chosen);
  }
}

/** Brokers that readers can read from: Fetch with long polls and without sessions, ListOffsets, OffsetForLeaderEpoch. */
export class FakeLogs {
  readonly cluster: FakeCluster;
  readonly topic: FakeTopic;
  readonly logs: FakeLog[];
  /** What is answered for a partition instead of its records; null for the usual. */
  override: (part: FetchPart, broker: number) => Partial<FetchAnswer> | null = () => null;
  /** The error of the whole answer. */
  sessionError = 0;
  sessionId = 0;
  /** What each fetch asked for, with the broker that was asked. */
  readonly fetches: { at: number; broker: number; body: FetchBody; version: number }[] = [];

  private constructor(cluster: FakeCluster, partitionCount: number) {
    this.cluster = cluster;
    this.topic = cluster.createTopic("t", partitionCount);
    this.logs = this.topic.partitions.map((partition) => new FakeLog(partition));
    for (const [index, broker] of cluster.brokers.entries()) {
      broker.on(apis.fetch, (request) => this.#fetch(index + 1, request));
      broker.on(apis.listOffsets, ({ body }) => this.#listOffsets(index + 1, body));
      broker.on(apis.offsetForLeaderEpoch, ({ body }) => this.#epochEnds(body));
    }
  }

  static async start(options: { brokers?: number; partitions?: number } = {}): Promise<FakeLogs> {
    return new FakeLogs(await FakeCluster.start({ brokers: options.brokers ?? 1 }), options.partitions ?? 1);
  }

  async #fetch(nodeId: number, { body, version }: Heard<typeof apis.fetch>): Promise<ResponseInput<typeof apis.fetch>> {
    const { clock } = this.cluster.world;
    this.fetches.push({ at: clock.monotonic(), broker: nodeId, body, version });
    const head = {
      throttleTimeMs: 0,
      ...(version >= 7 ? { errorCode: this.sessionError, sessionId: this.sessionId } : {}),
    };
    if (this.sessionError !== 0) return { ...head, responses: [] };
    const end = clock.monotonic() + body.maxWaitMs;
    for (;;) {
      const answers = body.topics.flatMap(({ partitions }) => partitions.map((part) => this.#read(nodeId, body, part)));
      const isWorthIt = answers.some(({ errorCode, records }) => errorCode !== 0 || (records?.length ?? 0) > 0);
      if (isWorthIt || clock.monotonic() >= end || body.sessionEpoch === -1) {
        const topic = version >= 13 ? { topicId: this.topic.topicId } : { topic: "t" };
        return { ...head, responses: answers.length === 0 ? [] : [{ ...topic, partitions: answers }] };
      }
      await new Promise<void>((resolve) => clock.setTimer(5, resolve));
    }
  }

  #read(nodeId: number, body: FetchBody, part: FetchPart): FetchAnswer {
    const log = this.logs[part.partition]!;
    const stable = log.lastStableOffset ?? log.endOffset;
    const base: FetchAnswer = {
      partitionIndex: part.partition,
      errorCode: 0,
      highWatermark: log.endOffset,
      lastStableOffset: stable,
      logStartOffset: log.logStartOffset,
      abortedTransactions:
        body.isolationLevel === 1 ? log.aborted.filter(({ lastOffset }) => lastOffset >= part.fetchOffset) : null,
      records: null,
    };
    const override = this.override(part, nodeId);
    if (override !== null) return { ...base, ...override };
    if (log.leader.leaderId !== nodeId) return { ...base, errorCode: 6 };
    if (part.currentLeaderEpoch >= 0 && part.currentLeaderEpoch < log.leader.leaderEpoch)
      return { ...base, errorCode: 74 };
    if (part.fetchOffset < log.logStartOffset || part.fetchOffset > log.endOffset) return { ...base, errorCode: 1 };
    const end = body.isolationLevel === 1 ? stable : log.endOffset;
    return { ...base, records: log.read(part.fetchOffset, part.partitionMaxBytes, end) };
  }

  #listOffsets(nodeId: number, body: RequestValue<typeof apis.listOffsets>): ResponseInput<typeof apis.listOffsets> {
    const topics = body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => {
        const log = this.logs[partitionIndex]!;
        const offset = timestamp === -1 ? log.endOffset : log.logStartOffset;
        return { partitionIndex, errorCode: log.leader.leaderId === nodeId ? 0 : 6, offset, timestamp: -1 };
      }),
    }));
    return { topics };
  }

  #epochEnds(body: RequestValue<typeof apis.offsetForLeaderEpoch>): ResponseInput<typeof apis.offsetForLeaderEpoch> {
    const topics = body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, leaderEpoch }) => {
        const log = this.logs[partition]!;
        const endOffset = log.epochEnds.get(leaderEpoch) ?? log.endOffset;
        return { errorCode: 0, partition, leaderEpoch: endOffset < 0 ? -1 : leaderEpoch, endOffset };
      }),
    }));
    return { topics };
  }
}
