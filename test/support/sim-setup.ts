/** A broker on a simulated machine and clients on others, unchanged, in virtual time. */
import { Broker, type BrokerOptions } from "@ottla/broker";
import { type Logger, type Runtime, type SimProcess, type SimWorld, simWorld } from "@ottla/runtime";

export const bootstrapServers = "server:9092";

export class SimSetup {
  readonly world: SimWorld;
  server!: SimProcess;
  broker!: Broker;
  readonly #options: BrokerOptions;

  private constructor(seed: number, options: BrokerOptions) {
    this.world = simWorld(seed);
    this.#options = options;
  }

  static async start(seed = 1, options: BrokerOptions = {}): Promise<SimSetup> {
    const setup = new SimSetup(seed, options);
    await setup.startBroker();
    return setup;
  }

  /** Starts the broker, again where it has died, on the disk that it had. */
  async startBroker(): Promise<void> {
    this.server = this.world.machine("server").start("broker");
    const { runtime } = this.server;
    const options = { dataDir: "/data", host: "server", port: 9092, logger: this.logger("broker"), ...this.#options };
    this.broker = await this.until(Broker.start({ ...options, runtime }));
  }

  /** The world as a program on another machine has it. */
  runtime(machine = "client"): Runtime {
    return this.world.machine(machine).start().runtime;
  }

  /** Lets time pass until the promise has settled. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.world.clock.until(promise);
  }

  /** Writes what is logged into the world's history. */
  logger(name: string): Logger {
    const record = (level: string) => (message: string, fields?: Record<string, unknown>) => {
      const shown = JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value)) ?? "";
      this.world.record(`${name} ${level}: ${message} ${shown}`);
    };
    return { debug() {}, info: record("info"), warn: record("warn"), error: record("error") };
  }
}
