import { addToSequence, apis, BatchView, RecordIterator, type RequestValue, type ResponseInput } from "@ottla/protocol";
import { type SimProcess, type SimWorld, simWorld } from "@ottla/runtime";
import { FakeBroker, type Heard } from "./fake-broker.ts";

interface KnownBatch {
  readonly epoch: number;
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
}

/** A partition's log with Kafka's rules for sequences. */
export class FakePartition {
  leaderId: number;
  leaderEpoch = 0;
  readonly values: string[] = [];
  readonly #producers = new Map<number, KnownBatch[]>();

  constructor(leaderId: number) {
    this.leaderId = leaderId;
  }

  /** Kafka's code, and the base offset. */
  append(records: Buffer): { errorCode: number; baseOffset: number } {
    const view = new BatchView(records);
    if (!view.isCrcValid()) return { errorCode: 2, baseOffset: -1 };
    const { producerId, producerEpoch: epoch, baseSequence, lastSequence } = view;
    const baseOffset = this.values.length;
    if (producerId >= 0) {
      const known = this.#producers.get(producerId) ?? [];
      const last = known.at(-1);
      if (last !== undefined && epoch < last.epoch) return { errorCode: 47, baseOffset: -1 };
      const same = known.find(
        (one) => one.epoch === epoch && one.baseSequence === baseSequence && one.lastSequence === lastSequence,
      );
      if (same !== undefined) return { errorCode: 0, baseOffset: same.baseOffset };
      const expected = last === undefined ? null : last.epoch === epoch ? addToSequence(last.lastSequence, 1) : 0;
      if (expected !== null && expected !== baseSequence) return { errorCode: 45, baseOffset: -1 };
      const next = { epoch, baseSequence, lastSequence, baseOffset };
      this.#producers.set(producerId, [...known, next].slice(-5));
    }
    const iterator = new RecordIterator(view);
    while (iterator.next()) this.values.push(iterator.value()?.toString() ?? "null");
    return { errorCode: 0, baseOffset };
  }

  /** Forgets what is known of producers, as after retention. */
  forgetProducers(): void {
    this.#producers.clear();
  }
}

export interface FakeTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: FakePartition[];
}

type ProduceBody = RequestValue<typeof apis.produce>;
type ProducePart = ProduceBody["topicData"][number]["partitionData"][number];

/** Scripted brokers with topics, on a simulated network. */
export class FakeCluster {
  readonly world: SimWorld;
  readonly client: SimProcess;
  readonly brokers: FakeBroker[] = [];
  readonly topics = new Map<string, FakeTopic>();
  autoCreate = false;
  nextProducerId = 1000;
  /** Asked before a batch is appended; a code refuses it. */
  refuse: (topic: string, partition: number, part: ProducePart, broker: number) => number = () => 0;

  private constructor(seed: number | string) {
    this.world = simWorld(seed);
    this.client = this.world.machine("client").start();
  }

  static async start(options: { brokers?: number; seed?: number | string } = {}): Promise<FakeCluster> {
    const cluster = new FakeCluster(options.seed ?? 1);
    for (let nodeId = 1; nodeId <= (options.brokers ?? 1); nodeId++) await cluster.#addBroker(nodeId);
    return cluster;
  }

  get bootstrapServers(): string {
    return this.brokers.map((_, index) => `broker${index + 1}:9092`).join(",");
  }

  broker(nodeId: number): FakeBroker {
    return this.brokers[nodeId - 1]!;
  }

  createTopic(name: string, partitionCount: number): FakeTopic {
    const partitions = Array.from(
      { length: partitionCount },
      (_, index) => new FakePartition(1 + (index % this.brokers.length)),
    );
    const topicId = Buffer.from(name.padEnd(16, "-").slice(0, 16)).toString("base64url");
    const topic = { name, topicId, partitions };
    this.topics.set(name, topic);
    return topic;
  }

  /** Restarts a broker that was stopped. */
  async restart(nodeId: number): Promise<void> {
    await this.world.clock.until(this.broker(nodeId).listen());
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.world.clock.until(promise);
  }

  async #addBroker(nodeId: number): Promise<void> {
    const process = this.world.machine(`broker${nodeId}`).start();
    const broker = new FakeBroker(process.runtime);
    broker.on(apis.metadata, (request) => this.#metadata(request));
    broker.on(apis.produce, ({ body, version }) => this.#produce(nodeId, body, version));
    broker.on(apis.initProducerId, () => ({
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: this.nextProducerId++,
      producerEpoch: 0,
    }));
    this.brokers.push(broker);
    await this.world.clock.until(broker.listen());
  }

  #metadata({ body, version }: Heard<typeof apis.metadata>): ResponseInput<typeof apis.metadata> {
    const names = body.topics?.map((topic) => topic.name ?? "") ?? [...this.topics.keys()];
    const all = version === 0 && names.length === 0 ? [...this.topics.keys()] : names;
    return {
      brokers: this.brokers.map((_, index) => ({
        nodeId: index + 1,
        host: `broker${index + 1}`,
        port: 9092,
        rack: null,
      })),
      clusterId: "fake",
      controllerId: 1,
      topics: all.map((name) => {
        if (!this.topics.has(name) && this.autoCreate) this.createTopic(name, 1);
        const topic = this.topics.get(name);
        if (topic === undefined) return { errorCode: 3, name, partitions: [] };
        return {
          errorCode: 0,
          name,
          topicId: topic.topicId,
          partitions: topic.partitions.map((partition, partitionIndex) => ({
            errorCode: partition.leaderId < 0 ? 5 : 0,
            partitionIndex,
            leaderId: partition.leaderId,
            leaderEpoch: partition.leaderEpoch,
            replicaNodes: [],
            isrNodes: [],
          })),
        };
      }),
    };
  }

  #produce(nodeId: number, body: ProduceBody, version: number): ResponseInput<typeof apis.produce> {
    const responses = body.topicData.map((data) => {
      const topic = [...this.topics.values()].find((one) =>
        version >= 13 ? one.topicId === data.topicId : one.name === data.name,
      );
      const partitionResponses = data.partitionData.map((part) => {
        const partition = topic?.partitions[part.index];
        const unknown = version >= 13 ? 100 : 3;
        let outcome = { errorCode: unknown, baseOffset: -1 };
        if (topic !== undefined && partition !== undefined) {
          const refusal = partition.leaderId === nodeId ? this.refuse(topic.name, part.index, part, nodeId) : 6;
          outcome = refusal === 0 ? partition.append(part.records!) : { errorCode: refusal, baseOffset: -1 };
        }
        return { index: part.index, ...outcome, recordErrors: [], errorMessage: null };
      });
      return { name: data.name, topicId: data.topicId, partitionResponses };
    });
    return { responses, throttleTimeMs: 0 };
  }
}
