import { type DiskLock, type Logger, memoryDisk, nodeRuntime, type Runtime, silentLogger } from "@ottla/runtime";
import { BrokerSlot } from "./broker-slot.ts";
import { openDataDirectory } from "./cluster/data-directory.ts";
import type { PartitionReplicas } from "./cluster/partition-replicas.ts";
import { offsetsTopicName } from "./cluster/topic.ts";
import { ClusterState } from "./cluster-state.ts";
import { type BrokerConfig, type BrokerOptions, readOptions } from "./config.ts";
import type { Interceptor } from "./interceptor.ts";
import type { Partition } from "./log/partition.ts";
import type { ServerConnection } from "./net/connection.ts";

/** Where one broker of a cluster is. What is left out is as for the whole cluster. */
export interface BrokerPlace {
  readonly rack?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Its network and clock, where each broker is a machine of its own (in a simulation). */
  readonly runtime?: Runtime | undefined;
}

/** Options of `BrokerCluster.start`: a broker's, for all of them. */
export interface BrokerClusterOptions
  extends Omit<BrokerOptions, "nodeId" | "brokerId" | "brokerRack" | "listeners" | "advertisedListeners"> {
  /** The brokers, whose ids are 1, 2, 3 and so on. */
  readonly places: readonly BrokerPlace[];
}

interface Parts {
  readonly cluster: ClusterState;
  readonly slots: readonly BrokerSlot[];
  readonly lock: DiskLock;
}

const memoryDirectory = "/memory";
/** Settings that mean something only where there are several brokers. */
const forClusters: ReadonlySet<string> = new Set(["offsets.topic.replication.factor"]);

/**
 * Several brokers in one process, with one metadata and one copy of the data: what `Cluster` of `@ottla/testkit` is made of, and for tests as that is. Brokers are named by their ids.
 */
export class BrokerCluster {
  readonly clusterId: string;
  readonly brokerIds: readonly number[];
  private readonly parts: Parts;
  private closing: Promise<void> | null = null;

  private constructor(parts: Parts) {
    this.parts = parts;
    this.clusterId = parts.cluster.clusterId;
    this.brokerIds = parts.slots.map(({ id }) => id);
  }

  /** Resolves when all brokers accept connections. Rejects as `Broker.start` does; then nothing is left behind. */
  static async start(options: BrokerClusterOptions): Promise<BrokerCluster> {
    const { places, ...common } = options;
    const real = options.runtime ?? places[0]?.runtime ?? nodeRuntime();
    const logger = options.logger ?? silentLogger;
    const configs = places.map((place, index) => configOf(common, place, index));
    const dataDirectory = options.dataDir ?? memoryDirectory;
    const runtime: Runtime = options.dataDir === undefined ? { ...real, disk: memoryDisk(real.clock) } : real;
    warnAboutSettings(configs, logger);
    const lock = await openDataDirectory(runtime.disk, dataDirectory);
    try {
      const brokers = places.map(({ rack }, index) => ({ id: index + 1, rack: rack ?? null }));
      const { settings } = configs[0]!;
      const cluster = await ClusterState.open({ runtime, logger, settings, nodeId: 1, brokers, dataDirectory });
      const slots = configs.map((config, index) => {
        const { runtime: own = runtime } = places[index]!;
        return new BrokerSlot({ runtime: own, logger, config, cluster, nodeId: index + 1 });
      });
      const started = new BrokerCluster({ cluster, slots, lock });
      try {
        for (const slot of slots) await slot.start();
      } catch (error) {
        await started.stop();
        throw error;
      }
      return started;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** `host:port`; stays the same while the broker is down. */
  addressOf(brokerId: number): string {
    return this.slot(brokerId).address;
  }

  isUp(brokerId: number): boolean {
    return this.slot(brokerId).isUp;
  }

  /** Starts a broker that has stopped or died. */
  startBroker(brokerId: number): Promise<void> {
    return this.slot(brokerId).start();
  }

  /** Stops a broker cleanly: it hands over what it leads, finishes what is in work and closes its connections. */
  stopBroker(brokerId: number): Promise<void> {
    return this.slot(brokerId).stop();
  }

  /** Cuts a broker's connections at once; the others take over after `noticedAfterMs`. Resolves once they have, or at once where they take their time. */
  killBroker(brokerId: number, noticedAfterMs: number): Promise<void> {
    return this.slot(brokerId).kill(noticedAfterMs);
  }

  /** See `Broker.intercept`; stays through stops and starts. */
  intercept(brokerId: number, interceptor: Interceptor): () => void {
    return this.slot(brokerId).intercept(interceptor);
  }

  /** The open connections of a broker. */
  connections(brokerId: number): readonly ServerConnection[] {
    return this.slot(brokerId).connections();
  }

  /** Who holds and leads a partition; undefined where there is no such partition. */
  replicasOf(topic: string, partition: number): (PartitionReplicas & { readonly leaderEpoch: number }) | undefined {
    const found = this.parts.cluster.partition(topic, partition);
    return found && { ...this.parts.cluster.replication.of(found), leaderEpoch: found.leaderEpoch };
  }

  /** The broker that coordinates a group; -1 while nobody does, or no group has been asked for yet. */
  coordinatorOf(groupId: string): number {
    return this.replicasOf(offsetsTopicName, this.offsetsPartitionOf(groupId))?.leader ?? -1;
  }

  /** The partition of `__consumer_offsets` that holds a group. */
  offsetsPartitionOf(groupId: string): number {
    return this.parts.cluster.coordinators.partitionOf(groupId);
  }

  /** Makes a replica the leader; false where it cannot be, since it is not in sync or its broker is down. Throws where there is no such partition. */
  moveLeader(topic: string, partition: number, brokerId: number): Promise<boolean> {
    return this.parts.cluster.replication.moveLeader(this.partition(topic, partition), brokerId);
  }

  /** The preferred replica of every partition leads where it can. */
  electPreferredLeaders(): Promise<void> {
    const { cluster } = this.parts;
    const partitions = [...cluster.topics()].flatMap((topic) => topic.partitions);
    return cluster.replication.elect(partitions, "preferred");
  }

  /** Stops all brokers, and stores what is to be stored. A second call waits for the same stop. */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async stop(): Promise<void> {
    const { slots, cluster, lock } = this.parts;
    try {
      await Promise.all(slots.map((slot) => slot.close()));
      await cluster.close();
    } finally {
      lock.release();
    }
  }

  private partition(topic: string, index: number): Partition {
    const found = this.parts.cluster.partition(topic, index);
    if (found === undefined) throw new Error(`there is no partition ${topic}-${index}`);
    return found;
  }

  private slot(brokerId: number): BrokerSlot {
    const found = this.parts.slots.find(({ id }) => id === brokerId);
    if (found === undefined) throw new Error(`there is no broker ${brokerId}: they are ${this.brokerIds.join(", ")}`);
    return found;
  }
}

function configOf(common: Omit<BrokerClusterOptions, "places">, place: BrokerPlace, index: number): BrokerConfig {
  const { port = 9092 } = common;
  return readOptions({
    ...common,
    nodeId: index + 1,
    brokerRack: place.rack,
    host: place.host ?? common.host,
    port: place.port ?? (port === 0 || place.host !== undefined ? port : port + index),
  });
}

function warnAboutSettings(configs: readonly BrokerConfig[], logger: Logger): void {
  const names = (configs[0]?.withoutEffect ?? []).filter((name) => !forClusters.has(name));
  if (names.length > 0) logger.warn(`settings without effect here: ${names.join(", ")}`);
}
