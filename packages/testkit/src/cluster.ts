import {
  BrokerCluster,
  type BrokerClusterOptions,
  type BrokerPlace,
  type Interceptor,
  type PartitionReplicas,
  type ServerConnection,
} from "@ottla/broker";
import type { Connected } from "./intercept-connections.ts";

/** Options of `Cluster.start`: those of a broker (docs/BROKER.md), for all of them, and: */
export interface ClusterOptions extends Omit<BrokerClusterOptions, "places"> {
  /** How many brokers, or where each one is. Their ids are 1, 2, 3 and so on. Default 3. */
  readonly brokers?: number | readonly BrokerPlace[] | undefined;
  /** The racks that the brokers are in, in turns: replicas are spread over them. Default: none. */
  readonly racks?: readonly string[] | undefined;
  /** The first broker's port; those of the others follow. Default 0: each takes a free one, and keeps it. */
  readonly port?: number | undefined;
}

/** Options of `ClusterBroker.kill`. */
export interface KillOptions {
  /**
   * For how many milliseconds the other brokers do not know (`broker.session.timeout.ms` of a real cluster: 9000): for so long clients are sent to where nobody answers. Default 0: the
   * others take over at once.
   */
  readonly noticedAfterMs?: number | undefined;
}

/** Who holds and leads a partition. Brokers are named by their ids. */
export interface ClusterPartition extends PartitionReplicas {
  /** Raised whenever the leader changes. */
  readonly leaderEpoch: number;
}

/**
 * Several brokers in this process, for tests.
 *
 * ```ts
 * await using cluster = await Cluster.start({ brokers: 3, defaultReplicationFactor: 3 });
 * const service = startMyService({ bootstrapServers: cluster.bootstrapServers });
 * await cluster.coordinator("billing")?.kill();
 * ```
 * What clients see is Kafka's: brokers that come and go, leaders, leader epochs, replicas and in-sync replicas, coordinators that move and load what the one before has stored, the errors that
 * go with it. What it is not: replication. There is one copy of every partition, which all brokers have at hand, so replicas are in sync exactly while their brokers are up, a leader is never behind
 * another, and no acknowledged record is lost with a broker. Leaders stay where they went until `electPreferredLeaders` (or Kafka's tools) brings them back: there is no
 * `auto.leader.rebalance`. Nobody reads from followers (KIP-392), and partitions cannot be reassigned to other brokers.
 */
export class Cluster implements Connected, AsyncDisposable {
  /** All brokers, those that are down too. */
  readonly brokers: readonly ClusterBroker[];
  readonly #cluster: BrokerCluster;

  private constructor(cluster: BrokerCluster, racks: readonly (string | null)[]) {
    this.#cluster = cluster;
    this.brokers = cluster.brokerIds.map((id, index) => new ClusterBroker(cluster, id, racks[index] ?? null));
  }

  /**
   * Starts all brokers; resolves when they accept connections. With a `dataDir` everything is there again at the next start (of a `Broker`, too, which then leads everything). Rejects as
   * `Broker.start` does.
   */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { brokers = 3, racks = [], ...common } = options;
    const given = typeof brokers === "number" ? Array.from({ length: brokers }, () => ({})) : brokers;
    if (given.length === 0) throw new RangeError("a cluster has at least one broker");
    const places = given.map((place: BrokerPlace, index) => ({
      ...place,
      rack: place.rack ?? (racks.length === 0 ? undefined : racks[index % racks.length]),
    }));
    const cluster = await BrokerCluster.start({ port: 0, ...common, places });
    return new Cluster(
      cluster,
      places.map(({ rack }) => rack ?? null),
    );
  }

  /** Kafka's base64url form. */
  get clusterId(): string {
    return this.#cluster.clusterId;
  }

  /** What to give to a client: all brokers, those that are down too. */
  get bootstrapServers(): string {
    return this.brokers.map(({ address }) => address).join(",");
  }

  /** The broker of an id. Throws where there is none. */
  broker(id: number): ClusterBroker {
    const found = this.brokers.find((broker) => broker.id === id);
    if (found === undefined) throw new RangeError(`there is no broker ${id} among ${this.brokers.length}`);
    return found;
  }

  /** Who holds and leads a partition; undefined where there is no such partition. */
  partition(topic: string, partition: number): ClusterPartition | undefined {
    return this.#cluster.replicasOf(topic, partition);
  }

  /** The broker that leads a partition; undefined where nobody does. */
  leader(topic: string, partition: number): ClusterBroker | undefined {
    return this.#find(this.partition(topic, partition)?.leader);
  }

  /** The broker that coordinates a group: the leader of its partition of `__consumer_offsets`. Undefined where nobody does, and before any client has asked for a coordinator. */
  coordinator(groupId: string): ClusterBroker | undefined {
    return this.#find(this.#cluster.coordinatorOf(groupId));
  }

  /** Moves the leadership of a partition to another replica. Rejects where that one is not in sync. */
  async moveLeader(topic: string, partition: number, to: number | ClusterBroker): Promise<void> {
    const id = typeof to === "number" ? to : to.id;
    if (await this.#cluster.moveLeader(topic, partition, id)) return;
    const { replicas, isr } = this.partition(topic, partition)!;
    const which = `its replicas are ${replicas.join(", ")}, of which ${isr.join(", ") || "none"} are in sync`;
    throw new Error(`broker ${id} cannot lead ${topic}-${partition}: ${which}`);
  }

  /** Moves the coordinator of a group to another broker, with that of all groups in the same partition of `__consumer_offsets`. Rejects as `moveLeader` does. */
  async moveCoordinator(groupId: string, to: number | ClusterBroker): Promise<void> {
    await this.moveLeader("__consumer_offsets", this.#cluster.offsetsPartitionOf(groupId), to);
  }

  /** Gives the leadership of all partitions back to their first replicas where those are in sync, as `kafka-leader-election` and, every five minutes, Kafka's controller do. */
  electPreferredLeaders(): Promise<void> {
    return this.#cluster.electPreferredLeaders();
  }

  /** Intercepts on all brokers, whether they are up or not. */
  intercept(interceptor: Interceptor): () => void {
    const removals = this.brokers.map((broker) => broker.intercept(interceptor));
    return () => {
      for (const remove of removals) remove();
    };
  }

  connections(): readonly ServerConnection[] {
    return this.brokers.flatMap((broker) => broker.connections());
  }

  /** Stops all brokers. A second call waits for the same stop. */
  close(): Promise<void> {
    return this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #find(id: number | undefined): ClusterBroker | undefined {
    return this.brokers.find((broker) => broker.id === id);
  }
}

/** One broker of a `Cluster`. */
export class ClusterBroker implements Connected {
  readonly id: number;
  readonly rack: string | null;
  readonly #cluster: BrokerCluster;

  constructor(cluster: BrokerCluster, id: number, rack: string | null) {
    this.#cluster = cluster;
    this.id = id;
    this.rack = rack;
  }

  /** `host:port` as clients are told it; the same before and after a restart. */
  get address(): string {
    return this.#cluster.addressOf(this.id);
  }

  get isUp(): boolean {
    return this.#cluster.isUp(this.id);
  }

  /** Stops it as an operator would: what it leads and coordinates moves first, what is in work is finished. Nothing to do where it is down. */
  stop(): Promise<void> {
    return this.#cluster.stopBroker(this.id);
  }

  /** Cuts its connections at once, without a word: what it has done it has done, but nobody hears of it. Resolves once the others have taken over. */
  kill({ noticedAfterMs = 0 }: KillOptions = {}): Promise<void> {
    return this.#cluster.killBroker(this.id, noticedAfterMs);
  }

  /** Starts it again where it was: it is in sync at once and leads what nobody else does. Nothing to do where it is up. */
  start(): Promise<void> {
    return this.#cluster.startBroker(this.id);
  }

  intercept(interceptor: Interceptor): () => void {
    return this.#cluster.intercept(this.id, interceptor);
  }

  connections(): readonly ServerConnection[] {
    return this.#cluster.connections(this.id);
  }
}
