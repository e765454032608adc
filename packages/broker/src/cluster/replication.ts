import type { Logger } from "@ottla/runtime";
import type { Partition } from "../log/partition.ts";
import type { NodeListener } from "../node.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { type MetadataStore, MetadataUnavailableError } from "./metadata-store.ts";
import {
  mayLead,
  newReplicas,
  type PartitionReplicas,
  type ReplicaRules,
  withAnyLeader,
  withBroker,
  withLeader,
  withoutBroker,
  withPreferredLeader,
} from "./partition-replicas.ts";
import type { UsableBroker } from "./placement.ts";

/** A broker of the cluster. */
export interface ClusterBroker {
  /** `node.id` */
  readonly id: number;
  /** `broker.rack` */
  readonly rack: string | null;
}

/** A broker, and where clients reach it. */
export interface LiveBroker extends ClusterBroker {
  readonly host: string;
  readonly port: number;
}

export interface ReplicationOptions {
  readonly brokers: readonly ClusterBroker[];
  /** Whether there is one broker, which has and leads everything, come what may. */
  readonly isSole: boolean;
  readonly store: MetadataStore;
  readonly logger: Logger;
  /** `min.insync.replicas` of a partition's topic. */
  minIsr(partition: Partition): number;
  /** Somebody else leads now, or nobody (-1). */
  leaderMoved(partition: Partition, from: number, to: number): void;
}

/** How a leader is chosen: the preferred one if it can lead, whoever can, or somebody at all events. */
export type Election = "preferred" | "unclean";

/**
 * Which brokers are up, which hold a partition and which one leads it. There is one copy of every partition, so a replica is in sync exactly while its broker is up; leaders, epochs and
 * in-sync replicas are what Kafka's would be with followers that are never behind.
 */
export class Replication {
  readonly isSole: boolean;
  private readonly options: ReplicationOptions;
  private readonly brokers: readonly ClusterBroker[];
  private readonly down = new Set<number>();
  private readonly endPoints = new Map<number, readonly NodeListener[]>();
  private readonly partitions = new Map<Partition, PartitionReplicas>();
  private readonly alone: PartitionReplicas;

  constructor(options: ReplicationOptions) {
    this.options = options;
    this.isSole = options.isSole;
    this.brokers = options.brokers;
    const { id } = this.brokers[0]!;
    this.alone = { replicas: [id], isr: [id], leader: id, elr: [], lastKnownElr: [] };
  }

  /** All brokers, those that are down too, as replicas can be placed on them. */
  usable(): UsableBroker[] {
    return this.brokers.map(({ id, rack }) => ({ id, rack, isUp: this.isUp(id) }));
  }

  isRegistered(brokerId: number): boolean {
    return this.brokers.some(({ id }) => id === brokerId);
  }

  isUp(brokerId: number): boolean {
    return this.isRegistered(brokerId) && !this.down.has(brokerId);
  }

  /** The brokers that are up, as clients of a listener reach them. */
  live(listenerName: string): LiveBroker[] {
    return this.reachable(listenerName).filter(({ id }) => this.isUp(id));
  }

  /** The brokers that are down, and where they were. */
  fenced(listenerName: string): LiveBroker[] {
    return this.reachable(listenerName).filter(({ id }) => !this.isUp(id));
  }

  private reachable(listenerName: string): LiveBroker[] {
    return this.brokers.flatMap(({ id, rack }) => {
      const endPoint = this.endPoints.get(id)?.find(({ name }) => name === listenerName);
      return endPoint === undefined ? [] : [{ id, rack, host: endPoint.host, port: endPoint.port }];
    });
  }

  /** Who passes for the controller: the first broker that is up. -1 for none. */
  get controllerId(): number {
    return this.brokers.find(({ id }) => this.isUp(id))?.id ?? -1;
  }

  of(partition: Partition): PartitionReplicas {
    return this.partitions.get(partition) ?? this.alone;
  }

  /** A partition is there. Where no replicas are known the first broker has it. */
  add(partition: Partition, replicas: readonly number[] | undefined): void {
    if (this.isSole) return;
    const state = newReplicas(replicas ?? this.alone.replicas, (id) => this.isUp(id));
    this.partitions.set(partition, state);
    partition.inSync = () => this.of(partition).isr.length >= this.rules(partition).minIsr;
    if (state.leader >= 0) this.options.leaderMoved(partition, -1, state.leader);
  }

  /** Its topic was deleted. */
  remove(partition: Partition): void {
    this.partitions.delete(partition);
  }

  /** A broker has stopped or died: others lead what it led. */
  brokerDown(brokerId: number): Promise<void> {
    return this.change(() => {
      this.down.add(brokerId);
      return this.changed((state, rules) => withoutBroker(state, brokerId, rules));
    });
  }

  /** A broker has started and accepts connections. */
  brokerUp(brokerId: number, endPoints: readonly NodeListener[]): Promise<void> {
    return this.change(() => {
      this.down.delete(brokerId);
      this.endPoints.set(brokerId, endPoints);
      return this.changed((state, rules) => withBroker(state, brokerId, rules));
    });
  }

  /** Makes a leader of a replica that may be one; resolves with whether it leads now. */
  async moveLeader(partition: Partition, brokerId: number): Promise<boolean> {
    await this.change(() => {
      const rules = this.rules(partition);
      const state = this.of(partition);
      const can = state.leader !== brokerId && mayLead(state, brokerId, rules);
      return can ? [[partition, withLeader(state, brokerId, rules)]] : [];
    });
    return this.of(partition).leader === brokerId;
  }

  /** Chooses leaders anew. */
  elect(partitions: Iterable<Partition>, election: Election): Promise<void> {
    const choose = election === "preferred" ? withPreferredLeader : withAnyLeader;
    return this.change(() => this.changed(choose, partitions));
  }

  private changed(
    change: (state: PartitionReplicas, rules: ReplicaRules) => PartitionReplicas,
    partitions: Iterable<Partition> = this.partitions.keys(),
  ): [Partition, PartitionReplicas][] {
    return Array.from(partitions, (partition): [Partition, PartitionReplicas] => [
      partition,
      change(this.of(partition), this.rules(partition)),
    ]).filter(([partition, state]) => state !== this.of(partition));
  }

  private rules(partition: Partition): ReplicaRules {
    const minIsr = Math.min(this.options.minIsr(partition), this.of(partition).replicas.length);
    return { minIsr, isUp: (id) => this.isUp(id) };
  }

  /** Stores the largest of the new leader epochs first: after a restart none is given out twice. */
  private async change(decide: () => readonly [Partition, PartitionReplicas][]): Promise<void> {
    const { store, logger } = this.options;
    if (this.isSole) return;
    try {
      await store.change(() => {
        const changes = decide();
        const epochs = changes.map(([partition, { leader }]) =>
          leader === this.of(partition).leader ? -1 : partition.leaderEpoch + 1,
        );
        const largest = epochs.reduce((a, b) => Math.max(a, b), -1);
        const records: MetadataRecord[] =
          largest > store.state.leaderEpoch ? [{ kind: "leaderEpoch", leaderEpoch: largest }] : [];
        return { records, finish: () => this.apply(changes) };
      });
    } catch (error) {
      if (!(error instanceof MetadataUnavailableError)) throw error;
      logger.error("leaders stay where they are: the metadata log cannot be written", { error });
    }
  }

  private apply(changes: readonly [Partition, PartitionReplicas][]): void {
    const moved: [Partition, number, number][] = [];
    for (const [partition, state] of changes) {
      const before = this.of(partition).leader;
      // Deleted while the change was stored.
      if (!this.partitions.has(partition)) continue;
      this.partitions.set(partition, state);
      if (before !== state.leader) moved.push([partition, before, state.leader]);
    }
    for (const [partition, from, to] of moved) {
      partition.changeLeader(partition.leaderEpoch + 1);
      this.options.leaderMoved(partition, from, to);
    }
  }
}
