import type { Timer } from "@ottla/runtime";
import { addressOf, BrokerServer, type BrokerServerOptions } from "./broker-server.ts";
import type { BrokerConfig } from "./config.ts";
import { type Interceptor, Interceptors } from "./interceptor.ts";
import type { ServerConnection } from "./net/connection.ts";

/** A broker's place in a cluster, in which it runs, stops, dies and runs again: same id, same port, same interceptors. */
export class BrokerSlot {
  readonly id: number;
  private readonly options: BrokerServerOptions;
  private readonly interceptors = new Interceptors();
  private config: BrokerConfig;
  private server: BrokerServer | null = null;
  private lastAddress = "";
  /** When the others are told of its death. */
  private notice: Timer | null = null;
  /** Starts and stops come one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  constructor(options: BrokerServerOptions) {
    this.options = options;
    this.id = options.nodeId;
    this.config = options.config;
  }

  get isUp(): boolean {
    return this.server !== null;
  }

  get address(): string {
    return this.lastAddress;
  }

  intercept(interceptor: Interceptor): () => void {
    return this.interceptors.add(interceptor);
  }

  connections(): readonly ServerConnection[] {
    return this.server?.connections() ?? [];
  }

  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.server !== null) return;
      await this.bury();
      const { config, interceptors } = this;
      const server = await BrokerServer.start({ ...this.options, config, interceptors });
      this.server = server;
      this.lastAddress = addressOf(server.endPoints[0]!);
      // It comes back where it was: clients know no other place.
      const listeners = config.listeners.map((listener, index) => ({ ...listener, port: server.ports[index]! }));
      this.config = { ...config, listeners };
      this.options.logger.info("broker started", { node: this.id, address: this.lastAddress });
    });
  }

  stop(): Promise<void> {
    return this.inTurn(async () => {
      const { server } = this;
      if (server === null) return;
      this.options.logger.info("broker stops", { node: this.id });
      await server.stop({ handsOver: true });
      if (this.server === server) this.server = null;
    });
  }

  /** Cuts it off before it returns. */
  async kill(noticedAfterMs: number): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    this.options.logger.info("broker killed", { node: this.id });
    const dead = server.kill();
    if (noticedAfterMs > 0) {
      this.notice = this.options.runtime.clock.setTimer(noticedAfterMs, () => void this.bury(true));
      await dead;
    } else {
      await Promise.all([dead, this.bury(true)]);
    }
  }

  /** For the end of the whole cluster: nobody takes over. */
  close(): Promise<void> {
    return this.inTurn(async () => {
      this.notice?.cancel();
      const { server } = this;
      this.server = null;
      await server?.stop({ handsOver: false });
    });
  }

  /** Tells the others that it has died, if they do not know yet. */
  private async bury(isNew = this.notice !== null): Promise<void> {
    this.notice?.cancel();
    this.notice = null;
    if (isNew) await this.options.cluster.replication.brokerDown(this.id);
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.tail.then(work);
    this.tail = done.catch(() => {});
    return done;
  }
}
