import { BatchBuilder } from "@ottla/protocol";
import {
  type RecordingLogger,
  recordingLogger,
  type SimMachine,
  type SimProcess,
  type SimWorld,
  simWorld,
} from "@ottla/runtime";
import { Broker } from "../src/broker.ts";
import type { BrokerOptions } from "../src/config.ts";
import { FrameClient } from "./frame-client.ts";

/** Where the simulated broker keeps its data, if it does. */
export const dataDir = "/data";

/** A broker on a simulated machine and clients beside it, in virtual time. */
export class SimBroker {
  readonly world: SimWorld;
  readonly logger: RecordingLogger = recordingLogger();
  readonly machine: SimMachine;
  readonly options: BrokerOptions;
  process: SimProcess;
  broker!: Broker;
  private readonly clientSide: SimProcess;

  private constructor(world: SimWorld, options: BrokerOptions) {
    this.world = world;
    this.options = options;
    this.machine = world.machine("server");
    this.process = this.machine.start();
    this.clientSide = world.machine("client").start();
  }

  static async start(options: BrokerOptions = {}): Promise<SimBroker> {
    const one = new SimBroker(simWorld(1), { host: "server", port: 9092, ...options });
    await one.startAgain();
    return one;
  }

  /** Starts a broker on the same disk, in a new process unless the old one is alive. */
  async startAgain(options: BrokerOptions = {}): Promise<void> {
    if (!this.process.isAlive) this.process = this.machine.start();
    const { runtime } = this.process;
    this.broker = await this.until(Broker.start({ ...this.options, ...options, runtime, logger: this.logger }));
  }

  connect(port = 9092): Promise<FrameClient> {
    return this.until(FrameClient.connect(this.clientSide.runtime.network, port, "server"));
  }

  /** Lets time pass until the promise is settled. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.world.clock.until(promise);
  }

  run(milliseconds: number): Promise<void> {
    return this.world.clock.runFor(milliseconds);
  }

  async close(): Promise<void> {
    await this.until(this.broker.close());
  }
}

/** One batch with these values; keys where given. */
export function batchOf(
  values: readonly string[],
  options: {
    readonly key?: string;
    readonly timestampMs?: number;
    readonly producerId?: number;
    readonly baseSequence?: number;
  } = {},
): Buffer {
  const builder = new BatchBuilder({ codec: "none" });
  for (const value of values) {
    builder.append(
      options.timestampMs ?? 1_767_225_600_000,
      options.key === undefined ? null : Buffer.from(options.key),
      Buffer.from(value),
      [],
    );
  }
  const { producerId = -1, baseSequence = -1 } = options;
  return builder.build({ producerId, producerEpoch: producerId < 0 ? -1 : 0, baseSequence });
}
