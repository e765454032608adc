import { Producer, type ProducerOptions, type TopicPartition } from "@ottla/client";
import { type SimProcess, type SimRandom, sleep } from "@ottla/runtime";
import type { Outcome } from "./history.ts";
import { recordSend } from "./recording.ts";
import type { Simulator } from "./simulator.ts";

/** More than a producer's five requests at a time. */
const trainLength = 7;

export interface LoadOptions {
  readonly name: string;
  /** The topics and how many partitions each has by now: looked at for each record. */
  readonly partitions: ReadonlyMap<string, number>;
  /** How many records are sent at a time, at most, and how long the pause between two times is. */
  readonly burst: number;
  readonly pauseMs: number;
  /** How often a train of batches goes to one partition, each on its way before the one before it is answered: 0 to 1. */
  readonly trainChance: number;
  readonly producer: Omit<ProducerOptions<string, string>, "bootstrapServers" | "runtime" | "clientId">;
}

/** A process that sends records with values of their own, until it is told to stop or dies. */
export class SimulatedLoad {
  readonly process: SimProcess;
  readonly name: string;
  readonly #simulator: Simulator;
  readonly #options: LoadOptions;
  readonly #random: SimRandom;
  readonly #pending = new Set<Promise<Outcome>>();
  readonly #producer: Producer;
  readonly #done: Promise<void>;
  #isStopped = false;
  #count = 0;

  constructor(simulator: Simulator, options: LoadOptions) {
    this.#simulator = simulator;
    this.#options = options;
    this.name = options.name;
    this.#random = simulator.random.fork(`load ${options.name}`);
    this.process = simulator.process(options.name);
    this.#producer = new Producer({
      ...options.producer,
      bootstrapServers: simulator.bootstrapServers,
      runtime: this.process.runtime,
      clientId: options.name,
      logger: simulator.logger(options.name),
    });
    this.#done = this.#run();
  }

  /** Stops sending, and resolves once it is known of everything what became of it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    await Promise.all(this.#pending);
    await this.#producer.close();
  }

  async #run(): Promise<void> {
    const { burst, pauseMs } = this.#options;
    while (!this.#isStopped) {
      if (this.#random.chance(this.#options.trainChance)) await this.#sendTrain();
      const count = 1 + this.#random.integer(burst);
      for (let n = 0; n < count; n++) this.#send(this.#place());
      await sleep(this.process.runtime.clock, 1 + this.#random.integer(2 * pauseMs));
    }
  }

  /** As many batches as may be on their way at a time, to one partition. */
  async #sendTrain(): Promise<void> {
    const place = this.#place();
    for (let n = 0; n < trainLength; n++) {
      this.#send(place);
      await sleep(this.process.runtime.clock, 1 + this.#random.integer(4));
    }
  }

  #place(): TopicPartition {
    const [topic, count] = this.#random.pick([...this.#options.partitions]);
    return { topic, partition: this.#random.integer(count) };
  }

  #send(place: TopicPartition): void {
    const { history } = this.#simulator;
    const recorder = { history, clock: this.#simulator.world.clock, process: this.name };
    const sending = recordSend(recorder, this.#producer, place, `${this.name}-${this.#count++}`);
    this.#pending.add(sending);
    void sending.then(() => this.#pending.delete(sending));
  }
}
