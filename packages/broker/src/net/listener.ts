import type { Clock, Listener, Logger, Runtime, Socket, Timer } from "@ottla/runtime";
import { isEveryAddress, isLoopback, type ListenerConfig } from "../config/listeners.ts";
import type { Settings } from "../config/settings.ts";
import type { ConnectionFate } from "../interceptor.ts";
import type { NodeListener } from "../node.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { FramePool } from "./frame-pool.ts";
import { RequestMemory } from "./request-memory.ts";

/** What takes requests. */
export interface RequestTaker {
  dispatch(exchange: Exchange): void;
  overlaps(frame: Buffer): boolean;
  /** What becomes of a new connection. */
  meet(connection: Connection): ConnectionFate;
}

export interface ListenersOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly requests: RequestTaker;
}

interface Bound {
  readonly config: ListenerConfig;
  readonly listener: Listener;
}

/** The longest and shortest time between two looks for connections that are idle or stuck. */
const sweepBounds = [20, 30_000] as const;

/** All listeners and connections of a broker, with the limits that are about connections. */
export class Listeners implements ConnectionHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: RequestMemory;
  readonly frames = new FramePool();
  readonly maxFrameSize: number;
  readonly maxQueuedRequests: number;
  private readonly runtime: Runtime;
  private readonly settings: Settings;
  private readonly requests: RequestTaker;
  private readonly bound: Bound[] = [];
  private readonly connections = new Set<Connection>();
  private readonly countByAddress = new Map<string, number>();
  private lastId = 0;
  private sweep: Timer | null = null;
  private isFinishing = false;
  private allClosed: (() => void) | null = null;

  constructor({ runtime, logger, settings, requests }: ListenersOptions) {
    this.runtime = runtime;
    this.clock = runtime.clock;
    this.logger = logger;
    this.settings = settings;
    this.requests = requests;
    this.memory = new RequestMemory(settings.number("queued.max.request.bytes"));
    this.maxFrameSize = settings.number("socket.request.max.bytes");
    this.maxQueuedRequests = settings.number("queued.max.requests");
  }

  /** Begins to accept connections; all or none. Rejects with a `NetworkError`. */
  async listen(configs: readonly ListenerConfig[]): Promise<void> {
    try {
      for (const config of configs) {
        const { host, port } = config;
        const listener = await this.runtime.network.listen(
          { host: isEveryAddress(host) && host !== "0.0.0.0" ? "" : host, port },
          (socket) => {
            this.accept(socket, config);
          },
        );
        this.bound.push({ config, listener });
      }
    } catch (error) {
      await this.stopAccepting();
      throw error;
    }
    for (const { host } of configs) {
      if (isLoopback(host)) continue;
      const where = host === "" ? "every address" : host;
      this.logger.warn(
        `listening on ${where} without authentication: whoever reaches it can read and write everything`,
      );
    }
  }

  /** Where each listener can be reached. */
  get endPoints(): NodeListener[] {
    return this.bound.map(({ config, listener }) => {
      const host = config.host === "" || isEveryAddress(config.host) ? "localhost" : config.host;
      return {
        name: config.name,
        host: config.advertised?.host ?? host,
        port: config.advertised?.port ?? listener.port,
      };
    });
  }

  /** The ports that are listened on, in the order of the configuration. */
  get ports(): number[] {
    return this.bound.map(({ listener }) => listener.port);
  }

  /** The open connections. */
  get open(): readonly Connection[] {
    return [...this.connections];
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  dispatch(exchange: Exchange): void {
    this.requests.dispatch(exchange);
  }

  overlaps(frame: Buffer): boolean {
    return this.requests.overlaps(frame);
  }

  connectionClosed(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    const left = (this.countByAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.countByAddress.delete(connection.address);
    else this.countByAddress.set(connection.address, left);
    if (this.connections.size > 0) return;
    this.sweep?.cancel();
    this.sweep = null;
    this.allClosed?.();
  }

  async stopAccepting(): Promise<void> {
    this.isFinishing = true;
    await Promise.all(this.bound.map(({ listener }) => listener.close()));
  }

  /** Closes everything at once: nobody is answered any more. */
  async destroy(): Promise<void> {
    const stopped = this.stopAccepting();
    for (const connection of [...this.connections]) connection.destroy();
    await stopped;
  }

  /** Lets every connection finish what is in work, closes it, and after `timeoutMs` closes what is left. */
  async finish(timeoutMs: number): Promise<void> {
    this.isFinishing = true;
    if (this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimer(timeoutMs, () => {
        this.logger.warn("connections were cut off in their work at shutdown", { connections: this.connections.size });
        for (const connection of [...this.connections]) connection.destroy();
        resolve();
      });
      this.allClosed = () => {
        timer.cancel();
        resolve();
      };
      for (const connection of [...this.connections]) connection.finish();
    });
  }

  private accept(socket: Socket, config: ListenerConfig): void {
    const refused = this.isFinishing ? "the broker is shutting down" : this.refuse(socket.remoteAddress);
    if (refused !== null) {
      this.logger.warn("connection refused", { client: socket.remoteAddress, listener: config.name, reason: refused });
      socket.destroy();
      return;
    }
    const { name, host, advertised } = config;
    const told = advertised ?? { host: isEveryAddress(host) ? socket.localAddress : host, port: socket.localPort };
    const connection = new Connection(++this.lastId, socket, { name, ...told }, this);
    this.connections.add(connection);
    this.countByAddress.set(connection.address, (this.countByAddress.get(connection.address) ?? 0) + 1);
    this.planSweep();
    connection.start();
    const fate = this.requests.meet(connection);
    if (fate === "refuse") connection.destroy();
    else if (fate === "swallow") connection.freeze();
  }

  private refuse(address: string): string | null {
    const maxCount = this.settings.number("max.connections");
    if (this.connections.size >= maxCount) return `max.connections (${maxCount}) are open`;
    const maxOfAddress = this.maxConnectionsOf(address);
    if ((this.countByAddress.get(address) ?? 0) < maxOfAddress) return null;
    return `max.connections.per.ip (${maxOfAddress}) are open`;
  }

  private maxConnectionsOf(address: string): number {
    const overrides = this.settings.text("max.connections.per.ip.overrides") ?? "";
    for (const override of overrides === "" ? [] : overrides.split(",")) {
      const colon = override.lastIndexOf(":");
      if (override.slice(0, colon).trim() === address) return Number(override.slice(colon + 1));
    }
    return this.settings.number("max.connections.per.ip");
  }

  private planSweep(): void {
    if (this.sweep !== null) return;
    const shortest = Math.min(this.maxIdleMs, this.settings.number("socket.frame.timeout.ms"));
    const [least, most] = sweepBounds;
    this.sweep = this.clock.setTimer(Math.min(most, Math.max(least, shortest / 4)), () => {
      this.sweep = null;
      this.closeStuck();
      if (this.connections.size > 0) this.planSweep();
    });
  }

  private get maxIdleMs(): number {
    const milliseconds = this.settings.number("connections.max.idle.ms");
    return milliseconds < 0 ? Number.POSITIVE_INFINITY : milliseconds;
  }

  /** Closes connections that say nothing, that never finish their request, and that do not read their answers. */
  private closeStuck(): void {
    const now = this.clock.monotonic();
    const idleBefore = now - this.maxIdleMs;
    const frameBefore = now - this.settings.number("socket.frame.timeout.ms");
    for (const connection of [...this.connections]) {
      if (connection.frameStartedMs >= 0 && connection.frameStartedMs < frameBefore) {
        connection.close("its request did not arrive within socket.frame.timeout.ms");
      } else if (connection.lastActiveMs >= idleBefore) {
        // Active enough.
      } else if (connection.isSending) {
        connection.close("it did not read its answers within connections.max.idle.ms");
      } else if (!connection.isBusy) {
        connection.destroy();
      }
    }
  }
}
