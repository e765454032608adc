import type { Logger, Runtime } from "@ottla/runtime";
import type { ClusterState } from "./cluster-state.ts";
import type { BrokerConfig } from "./config.ts";
import { Dispatcher } from "./dispatch.ts";
import { handlers } from "./handlers/table.ts";
import type { Interceptor, Interceptors } from "./interceptor.ts";
import type { ServerConnection } from "./net/connection.ts";
import { Listeners } from "./net/listener.ts";
import { Node, type NodeListener } from "./node.ts";

export interface BrokerServerOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: BrokerConfig;
  readonly cluster: ClusterState;
  readonly nodeId: number;
  /** Those that outlive the server; by default its own. */
  readonly interceptors?: Interceptors;
}

interface Parts extends BrokerServerOptions {
  readonly node: Node;
  readonly requests: Dispatcher;
  readonly listeners: Listeners;
}

/** One broker as it runs: its node, its coordinator, its listeners. It is started once and ends once; the cluster's state outlives it. */
export class BrokerServer {
  readonly nodeId: number;
  private readonly parts: Parts;

  private constructor(parts: Parts) {
    this.parts = parts;
    this.nodeId = parts.nodeId;
  }

  /** Resolves when connections are accepted. Rejects with a `NetworkError`. */
  static async start(options: BrokerServerOptions): Promise<BrokerServer> {
    const { runtime, logger, config, cluster, nodeId } = options;
    const { settings } = config;
    cluster.join(nodeId, settings);
    const groups = cluster.coordinators.make(nodeId);
    const node = new Node({ id: nodeId, runtime, logger, settings, groups });
    const requests = new Dispatcher(node, cluster, handlers, options.interceptors);
    const listeners = new Listeners({ runtime, logger, settings, requests });
    try {
      await listeners.listen(config.listeners);
    } catch (error) {
      cluster.coordinators.remove(nodeId, groups);
      throw error;
    }
    groups.start();
    await cluster.replication.brokerUp(nodeId, listeners.endPoints);
    return new BrokerServer({ ...options, node, requests, listeners });
  }

  /** The ports that are listened on, in the order of the configuration. */
  get ports(): readonly number[] {
    return this.parts.listeners.ports;
  }

  /** Where each listener can be reached. */
  get endPoints(): readonly NodeListener[] {
    return this.parts.listeners.endPoints;
  }

  /** See `Broker.intercept`. */
  intercept(interceptor: Interceptor): () => void {
    return this.parts.requests.intercept(interceptor);
  }

  /** The open connections. */
  connections(): readonly ServerConnection[] {
    return this.parts.listeners.open;
  }

  /** Hands over what it leads if others go on, stops accepting and lets requests in work finish, for at most `shutdown.timeout.ms`. */
  async stop({ handsOver }: { readonly handsOver: boolean }): Promise<void> {
    const { config, node, cluster, listeners } = this.parts;
    if (handsOver) await cluster.replication.brokerDown(node.id);
    await listeners.stopAccepting();
    const finished = listeners.finish(config.settings.number("shutdown.timeout.ms"));
    // Long polls are answered with what there is, members that wait for their group are sent away.
    node.beginClosing();
    node.groups.beginClosing();
    await finished;
    this.end();
  }

  /** Ends at once, as the death of its process would: connections are cut, nobody is answered. The cluster has still to be told. */
  async kill(): Promise<void> {
    const { node, listeners } = this.parts;
    node.die();
    const destroyed = listeners.destroy();
    node.beginClosing();
    this.end();
    await destroyed;
  }

  private end(): void {
    const { node, cluster } = this.parts;
    node.groups.close();
    cluster.coordinators.remove(node.id, node.groups);
  }
}

/** `host:port`, as clients are told it. */
export function addressOf({ host, port }: NodeListener): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
