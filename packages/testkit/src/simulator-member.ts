import { Consumer, type ConsumerOptions, string, type TopicPartition } from "@ottla/client";
import { type SimProcess, sleep } from "@ottla/runtime";
import type { PartitionKey } from "./history.ts";
import { outcomeOf, partitionKey } from "./recording.ts";
import type { Simulator } from "./simulator.ts";

/**
 * How an application commits: automatically; after each message or batch and waiting for it; without waiting; offsets named one by one; with `poll` in place of a loop; only
 * when partitions are taken away, and now and then.
 */
export const commitStyles = ["auto", "autoBatch", "message", "batch", "async", "named", "poll", "onRevoke"] as const;
export type CommitStyle = (typeof commitStyles)[number];

export interface SimulatedMemberOptions {
  readonly style: CommitStyle;
  readonly topics: readonly string[] | RegExp;
  readonly consumer: Omit<
    ConsumerOptions<string, string>,
    "bootstrapServers" | "runtime" | "clientId" | "key" | "value"
  >;
  /** How long the handler takes for the next message or batch. */
  readonly workMs: () => number;
  /** How long `onPartitionsRevoked` takes. */
  readonly revokingMs: () => number;
}

/** How often the style `onRevoke` commits all the same, in batches. */
const batchesPerCommit = 8;

type Batch = Awaited<ReturnType<Consumer<string, string>["poll"]>> & object;

/** One life of a group's member: a process with an application that writes into the simulator's history all that it sees and does. */
export class SimulatedMember {
  readonly name: string;
  readonly process: SimProcess;
  readonly startedMs: number;
  readonly consumer: Consumer<string, string>;
  /** What ended its loop, unless it was closed. */
  error: unknown = null;
  /** Whether its loop has ended, or its process. */
  isOver = false;
  /** Takes the next handler this long, once. */
  slowMs = 0;
  /** Whether it is in such a handler. */
  isSlow = false;
  readonly #simulator: Simulator;
  readonly #options: SimulatedMemberOptions;
  readonly #owned = new Set<PartitionKey>();
  readonly #loop: Promise<void>;
  #batches = 0;
  #isClosing = false;

  constructor(simulator: Simulator, name: string, options: SimulatedMemberOptions) {
    this.name = name;
    this.#simulator = simulator;
    this.#options = options;
    this.process = simulator.process(name);
    this.startedMs = simulator.now;
    this.consumer = new Consumer({
      ...options.consumer,
      bootstrapServers: simulator.bootstrapServers,
      runtime: this.process.runtime,
      clientId: name,
      key: string,
      value: string,
      logger: simulator.logger(name),
    });
    this.#loop = this.#run();
  }

  /** What it owns, as its listener was told. */
  get owned(): ReadonlySet<PartitionKey> {
    return this.#owned;
  }

  async subscribe(topics: readonly string[] | RegExp): Promise<void> {
    await this.consumer.subscribe(topics, {
      onPartitionsAssigned: (partitions) => {
        for (const partition of partitions) this.#owned.add(partitionKey(partition));
        this.#noteOwned();
      },
      onPartitionsRevoked: (partitions) => this.#letGo(partitions, true),
      onPartitionsLost: (partitions) => this.#letGo(partitions, false),
    });
  }

  /** Dies without a word. */
  kill(): void {
    this.#end();
  }

  /** Stops as a service does that is shut down. */
  async close(): Promise<void> {
    this.#isClosing = true;
    try {
      await this.consumer.close();
      await this.#loop;
    } finally {
      this.#end();
    }
  }

  #end(): void {
    const { history, now } = this.#simulator;
    if (!this.isOver) history.add({ type: "crash", process: this.name, timeMs: now });
    this.isOver = true;
    this.process.kill();
  }

  async #run(): Promise<void> {
    try {
      await this.subscribe(this.#options.topics);
      await this.#loops[this.#options.style]();
    } catch (error) {
      this.error = error;
    }
    // One that is being closed has things to do yet.
    if (!this.#isClosing) this.#end();
  }

  readonly #loops: Readonly<Record<CommitStyle, () => Promise<void>>> = {
    auto: () => this.#eachMessage(false),
    message: () => this.#eachMessage(true),
    autoBatch: () => this.#eachBatch(async () => {}),
    batch: () => this.#eachBatch(() => this.#commit()),
    async: () => this.#eachBatch(async () => this.#commitInBackground()),
    named: () => this.#eachBatch((batch) => this.#commit(batch)),
    onRevoke: () =>
      this.#eachBatch(async () => {
        if (++this.#batches % batchesPerCommit === 0) await this.#commit();
      }),
    poll: () => this.#polls(),
  };

  async #eachMessage(commits: boolean): Promise<void> {
    this.#ask();
    for await (const message of this.consumer) {
      const partition = partitionKey(message);
      const { offset } = message;
      this.#handed([{ partition, offset, value: String(message.value) }]);
      await this.#work();
      this.#done(partition, offset, offset);
      if (commits) await this.#commit();
      this.#ask();
    }
  }

  async #eachBatch(finish: (batch: Batch) => Promise<void>): Promise<void> {
    this.#ask();
    for await (const batch of this.consumer.batches()) {
      await this.#handle(batch);
      await finish(batch);
      this.#ask();
    }
  }

  async #polls(): Promise<void> {
    this.#ask();
    while (!this.#isClosing) {
      const batch = await this.consumer.poll({ timeoutMs: 1_000 });
      if (batch !== null) {
        await this.#handle(batch);
        await this.#commit();
      }
      this.#ask();
    }
  }

  async #handle(batch: Batch): Promise<void> {
    const partition = partitionKey(batch);
    const records = [...batch].map(({ offset, value }) => ({ partition, offset, value: String(value) }));
    this.#handed(records);
    await this.#work();
    this.#done(partition, batch.firstOffset, batch.lastOffset);
  }

  async #work(): Promise<void> {
    this.isSlow = this.slowMs > 0;
    const ms = this.isSlow ? this.slowMs : this.#options.workMs();
    this.slowMs = 0;
    if (ms > 0) await sleep(this.process.runtime.clock, ms);
    this.isSlow = false;
  }

  async #commit(batch?: Batch): Promise<void> {
    const { history } = this.#simulator;
    const { groupId: group, generationId: generation } = this.consumer.groupMetadata()!;
    const places = batch === undefined ? undefined : [{ ...placeOf(batch), offset: batch.nextOffset }];
    const offsets = batch === undefined ? {} : { [partitionKey(batch)]: batch.nextOffset };
    let outcome: "ok" | "fail" | "info" = "ok";
    try {
      await this.consumer.commit(places, { timeoutMs: 5_000 });
    } catch (error) {
      outcome = outcomeOf(error);
    }
    const timeMs = this.#simulator.now;
    history.add({ type: "commit", process: this.name, timeMs, group, generation, outcome, offsets });
  }

  #commitInBackground(): void {
    const { history } = this.#simulator;
    const { groupId: group, generationId: generation } = this.consumer.groupMetadata()!;
    this.consumer.commitAsync((error, list) => {
      const offsets = Object.fromEntries(list.map((one) => [partitionKey(one), one.offset]));
      const outcome = error === null ? "ok" : outcomeOf(error);
      const timeMs = this.#simulator.now;
      history.add({ type: "commit", process: this.name, timeMs, group, generation, outcome, offsets });
    });
  }

  async #letGo(partitions: readonly TopicPartition[], isRevoked: boolean): Promise<void> {
    const keys = partitions.map(partitionKey);
    for (const key of keys) this.#owned.delete(key);
    this.#noteOwned();
    if (isRevoked) {
      if (this.#options.style === "onRevoke") await this.#commit();
      const ms = this.#options.revokingMs();
      if (ms > 0) await sleep(this.process.runtime.clock, ms);
    }
    const { history, now } = this.#simulator;
    const group = this.consumer.groupMetadata()!.groupId;
    history.add({ type: "release", process: this.name, timeMs: now, group, partitions: keys });
  }

  #noteOwned(): void {
    const { history, now } = this.#simulator;
    const { groupId: group, generationId: generation, groupInstanceId: instanceId } = this.consumer.groupMetadata()!;
    const partitions = [...this.#owned].sort();
    history.add({ type: "assign", process: this.name, timeMs: now, group, generation, partitions, instanceId });
  }

  #handed(records: { partition: PartitionKey; offset: number; value: string }[]): void {
    this.#simulator.history.add({ type: "poll", process: this.name, timeMs: this.#simulator.now, records });
  }

  #done(partition: PartitionKey, first: number, last: number): void {
    const { history, now } = this.#simulator;
    history.add({ type: "done", process: this.name, timeMs: now, partition, first, last });
  }

  #ask(): void {
    this.#simulator.history.add({ type: "ask", process: this.name, timeMs: this.#simulator.now });
  }
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
