import { type DiskLock, type Logger, memoryDisk, nodeRuntime, type Runtime, silentLogger } from "@ottla/runtime";
import { addressOf, BrokerServer, type BrokerServerOptions } from "./broker-server.ts";
import { openDataDirectory } from "./cluster/data-directory.ts";
import { ClusterState } from "./cluster-state.ts";
import { type BrokerConfig, type BrokerOptions, readOptions } from "./config.ts";
import type { Interceptor } from "./interceptor.ts";
import type { ServerConnection } from "./net/connection.ts";
import type { NodeListener } from "./node.ts";

/** Where a broker without a data directory keeps its files, in memory. */
const memoryDirectory = "/memory";

interface Parts {
  readonly logger: Logger;
  readonly dataDir: string | null;
  readonly lock: DiskLock;
  readonly cluster: ClusterState;
  readonly server: BrokerServer;
  readonly startedInMs: number;
}

/**
 * A Kafka broker in this process: one node, one durable copy.
 *
 * ```ts
 * await using broker = await Broker.start({ port: 0, dataDir: "./data" });
 * const producer = new Producer({ bootstrapServers: broker.bootstrapServers });
 * ```
 */
export class Broker implements AsyncDisposable {
  /** `node.id` */
  readonly nodeId: number;
  /** Kafka's base64url form. */
  readonly clusterId: string;
  /** Null when everything is in memory. */
  readonly dataDir: string | null;
  /** How long the start took. */
  readonly startedInMs: number;
  private readonly parts: Parts;
  private closing: Promise<void> | null = null;

  private constructor(parts: Parts) {
    this.parts = parts;
    this.nodeId = parts.server.nodeId;
    this.clusterId = parts.cluster.clusterId;
    this.dataDir = parts.dataDir;
    this.startedInMs = parts.startedInMs;
  }

  /**
   * Starts a broker; resolves when it accepts connections. Rejects with a `ConfigError` (a wrong option), a `DataDirectoryError` (in use, foreign, unreadable), a
   * `MetadataDamagedError`, a `DiskError` or a `NetworkError` (`EADDRINUSE`, ...); then nothing is left behind.
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const config = readOptions(options);
    const real = options.runtime ?? nodeRuntime();
    const logger = options.logger ?? silentLogger;
    const began = real.clock.monotonic();
    const dataDir = options.dataDir ?? null;
    const runtime: Runtime = dataDir === null ? { ...real, disk: memoryDisk(real.clock) } : real;
    warnAboutSettings(config, logger);
    const lock = await openDataDirectory(runtime.disk, dataDir ?? memoryDirectory);
    try {
      const { settings } = config;
      const cluster = await ClusterState.open({
        runtime,
        logger,
        settings,
        nodeId: config.nodeId,
        dataDirectory: dataDir ?? memoryDirectory,
      });
      const server = await startServer({ runtime, logger, config, cluster, nodeId: cluster.nodeId });
      const startedInMs = runtime.clock.monotonic() - began;
      const broker = new Broker({ logger, dataDir, lock, cluster, server, startedInMs });
      broker.announce();
      return broker;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The port of the first listener. */
  get port(): number {
    return this.parts.server.ports[0]!;
  }

  /** Where each listener can be reached. */
  get listeners(): readonly NodeListener[] {
    return this.parts.server.endPoints;
  }

  /** `host:port` of the first listener as clients are told it. */
  get address(): string {
    return addressOf(this.listeners[0]!);
  }

  /** What to give to a client. */
  get bootstrapServers(): string {
    return this.address;
  }

  /** For tests: lets something stand between clients and broker (see `intercept` of `@ottla/testkit`). Returns the way to take it out again. */
  intercept(interceptor: Interceptor): () => void {
    return this.parts.server.intercept(interceptor);
  }

  /** For tests: the open connections. */
  connections(): readonly ServerConnection[] {
    return this.parts.server.connections();
  }

  /**
   * Stops accepting, lets requests in work finish (for at most `shutdown.timeout.ms`), stores what is to be stored and marks the stop as a clean one. A second call waits for the
   * same stop.
   */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async stop(): Promise<void> {
    const { logger, lock, cluster, server } = this.parts;
    const node = server.nodeId;
    logger.info("stopping", { node });
    try {
      await server.stop({ handsOver: false });
      await cluster.close();
    } finally {
      lock.release();
    }
    logger.info("stopped", { node });
  }

  private announce(): void {
    const { logger, server, cluster, dataDir, startedInMs } = this.parts;
    logger.info("ready", {
      node: server.nodeId,
      clusterId: cluster.clusterId,
      listeners: this.listeners.map(({ name, host, port }) => `${name}://${host}:${port}`).join(","),
      dataDir: dataDir ?? "none: everything is in memory and gone when the broker stops",
      ms: Math.round(startedInMs),
    });
  }
}

async function startServer(options: BrokerServerOptions): Promise<BrokerServer> {
  try {
    return await BrokerServer.start(options);
  } catch (error) {
    await options.cluster.close();
    throw error;
  }
}

function warnAboutSettings({ withoutEffect }: BrokerConfig, logger: Logger): void {
  if (withoutEffect.length > 0) logger.warn(`settings without effect here: ${withoutEffect.join(", ")}`);
}
