import { Broker, type BrokerOptions } from "@ottla/broker";
import { Admin, type NewTopic } from "@ottla/client";
import { type Logger, type Runtime, type SimProcess, type SimRandom, type SimWorld, simWorld } from "@ottla/runtime";
import { History } from "./history.ts";
import { watchBroker } from "./simulator-wire.ts";

const brokerHost = "broker";
const brokerPort = 9092;

export interface SimulatorOptions {
  /** What the broker is started with, each time; its runtime, directory and address are the simulator's. */
  readonly broker?: Omit<BrokerOptions, "runtime" | "dataDir" | "host" | "port" | "logger">;
  /** Whether everything that happens is written down line by line (`world.history`); default false, since it costs as much time as all the rest. The same happens either way. */
  readonly recording?: boolean;
}

/**
 * A broker and its clients, unchanged, in a simulated world: virtual time, an in-memory network, disks, and processes that can be paused and killed. Every chance comes from the seed, so the same seed gives the same
 * run, event for event.
 *
 * ```ts
 * const simulator = await Simulator.start(7);
 * await simulator.createTopics([{ topic: "orders", partitions: 6 }]);
 * const one = simulator.process("billing-1");
 * void runMyService({ bootstrapServers: simulator.bootstrapServers, runtime: one.runtime });
 * await simulator.run(5_000);
 * one.pause(); // longer than the session: others take over
 * await simulator.run(60_000);
 * one.resume();
 * await simulator.run(10_000);
 * ```
 * What the program promises is then checked against `simulator.history` or whatever it has written down itself.
 */
export class Simulator {
  readonly world: SimWorld;
  /** What clients did (see `recordSend`, `SimulatedMember`), and every request about groups with its answer. */
  readonly history = new History();
  /** For the test's own choices. */
  readonly random: SimRandom;
  /** For the clients' `bootstrapServers`. */
  readonly bootstrapServers = `${brokerHost}:${brokerPort}`;
  readonly #options: SimulatorOptions;
  readonly #topicNames = new Map<string, string>();
  #brokerProcess: SimProcess | null = null;
  #broker: Broker | null = null;
  #admin: Admin | null = null;
  #stalledUntilMs = 0;

  private constructor(seed: number | string, options: SimulatorOptions) {
    this.world = simWorld(seed, { recording: options.recording ?? false, historyLimit: 1_000_000 });
    this.random = this.world.random;
    this.#options = options;
  }

  /** A world with a broker that accepts connections. */
  static async start(seed: number | string, options: SimulatorOptions = {}): Promise<Simulator> {
    const simulator = new Simulator(seed, options);
    await simulator.until(simulator.startBroker());
    return simulator;
  }

  /** Milliseconds since the start. */
  get now(): number {
    return this.world.clock.monotonic();
  }

  /** When the last of the stalled connections is quick again. */
  get stalledUntilMs(): number {
    return this.#stalledUntilMs;
  }

  /** The broker; the last one, where none runs. */
  get broker(): Broker {
    if (this.#broker === null) throw new Error("the broker has not been started");
    return this.#broker;
  }

  get brokerProcess(): SimProcess {
    if (this.#brokerProcess === null) throw new Error("the broker has not been started");
    return this.#brokerProcess;
  }

  /** A client for the test's own questions, on a machine of its own. */
  get admin(): Admin {
    const { bootstrapServers } = this;
    this.#admin ??= new Admin({ bootstrapServers, runtime: this.process("admin").runtime, clientId: "admin" });
    return this.#admin;
  }

  /** Lets that much time pass. */
  run(ms: number): Promise<void> {
    return this.world.clock.runFor(ms);
  }

  /** Lets time pass until the promise has settled. Rejects after `limitMs` (an hour by default). */
  until<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.world.clock.until(promise, limitMs);
  }

  /** Lets time pass until `condition` holds, which is looked at every so often; returns whether it does within `limitMs`. */
  async settle(condition: () => boolean, limitMs: number, everyMs = 100): Promise<boolean> {
    const endMs = this.now + limitMs;
    while (!condition()) {
      if (this.now >= endMs) return false;
      await this.run(everyMs);
    }
    return true;
  }

  /** A new process, on the machine of that name. The code under test gets its `runtime`. */
  process(machine: string): SimProcess {
    return this.world.machine(machine).start();
  }

  /** Creates topics, and waits for them. */
  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    const created = await this.until(this.admin.createTopics(topics));
    for (const { topic, topicId } of created) if (topicId !== null) this.#topicNames.set(topicId, topic);
  }

  /** Starts the broker, again where it has died, on the disk that it had. Resolves in virtual time: somebody has to let it pass. */
  async startBroker(): Promise<void> {
    const process = this.world.machine(brokerHost).start("broker");
    this.#brokerProcess = process;
    const { history } = this;
    const { clock } = this.world;
    const network = watchBroker(process.runtime.network, { history, clock, topicNames: this.#topicNames });
    const runtime: Runtime = { ...process.runtime, network };
    const logger = this.#brokerLogger();
    const place = { dataDir: "/data", host: brokerHost, port: brokerPort };
    this.#broker = await Broker.start({ ...this.#options.broker, ...place, logger, runtime });
  }

  /** SIGKILL. */
  killBroker(): void {
    this.note("kill broker");
    this.brokerProcess.kill();
  }

  /** The power of the broker's machine fails: what was not synced is lost, all or in part. */
  crashBroker(): void {
    this.note("crash the broker's machine");
    this.world.machine(brokerHost).crash();
  }

  /** Nothing gets through between a machine and the broker: neither way, or only one. */
  cut(machine: string, ways: "both" | "toBroker" | "fromBroker" = "both"): void {
    this.note(`cut ${machine} ${ways}`);
    if (ways !== "fromBroker") this.world.network.cut(machine, brokerHost);
    if (ways !== "toBroker") this.world.network.cut(brokerHost, machine);
  }

  /** Undoes `cut`. */
  heal(machine: string): void {
    this.note(`heal ${machine}`);
    this.world.network.heal(machine, brokerHost);
    this.world.network.heal(brokerHost, machine);
  }

  /** Connections between a machine and the broker break. */
  reset(machine: string): void {
    this.note(`reset ${machine}`);
    this.world.network.reset(machine, brokerHost);
  }

  /** The connections that a machine has to the broker take that long to get anything through; a new one is as quick as ever, and overtakes them. */
  stall(machine: string, ms: number): void {
    this.note(`stall ${machine} for ${ms} ms`);
    this.world.network.stall(machine, brokerHost, ms);
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.now + ms);
  }

  /** The wall clock of a machine, or of the broker's, jumps. */
  jump(machine: string, ms: number): void {
    this.note(`clock of ${machine} jumps ${ms} ms`);
    this.world.machine(machine).skewMs += ms;
  }

  /** Writes down what is done to the system. */
  note(what: string): void {
    this.history.add({ type: "note", process: "simulator", timeMs: this.now, what });
    this.world.record(`note ${what}`);
  }

  /** Conversions from one protocol to the other happen within the broker; nothing on the network says when. */
  #brokerLogger(): Logger {
    const logger = this.logger("broker");
    const info: Logger["info"] = (message, fields) => {
      if (conversions.has(message)) this.note("the group is converted");
      logger.info(message, fields);
    };
    return { ...logger, info };
  }

  /** Writes what is logged into the world's history. */
  logger(name: string): Logger {
    if (this.#options.recording !== true) return silent;
    const record = (level: string) => (message: string, fields?: Record<string, unknown>) => {
      const shown = JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value)) ?? "";
      this.world.record(`${name} ${level}: ${message} ${shown}`);
    };
    return { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") };
  }
}

const conversions: ReadonlySet<string> = new Set([
  "consumer group has become a classic one",
  "a member of the consumer protocol joins a classic group",
]);

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
