import type { Logger, Runtime } from "@ottla/runtime";
import { groupSettingsProvider } from "../config/group-configs.ts";
import type { Settings } from "../config/settings.ts";
import { GroupCoordinator } from "../coordinator/coordinator.ts";
import { groupCoordinatorConfig } from "../coordinator/group-config.ts";
import type { GroupSettingsProvider } from "../coordinator/group-settings.ts";
import { partitionForGroup } from "../coordinator/java-hash.ts";
import type { TopicDescription, TopicImage } from "../coordinator/topic-image.ts";
import type { Partition } from "../log/partition.ts";
import { type ConfigResource, resourceTypes } from "./metadata-state.ts";
import { offsetsTopicName, type Topic } from "./topic.ts";

/** The cluster, as far as coordinators need it. */
export interface CoordinatedTopics {
  topic(name: string): Topic | undefined;
  topicById(id: string): Topic | undefined;
  topics(): Iterable<Topic>;
  /** A partition of `__consumer_offsets`; the topic is made if need be. */
  offsetsPartition(index: number): Partition | Promise<Partition>;
  isLeader(partition: Partition, nodeId: number): boolean;
  /** What is set for a group. */
  configsOf(resource: ConfigResource): ReadonlyMap<string, string>;
}

export interface GroupCoordinatorsOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly cluster: CoordinatedTopics;
  /** Whether there is one broker, which coordinates everything, what is still to be made too. */
  readonly isSole: boolean;
}

/** The group coordinators of the cluster's brokers: each has the groups in those partitions of `__consumer_offsets` that its broker leads. */
export class GroupCoordinators {
  private readonly options: GroupCoordinatorsOptions;
  private readonly running = new Map<number, GroupCoordinator>();
  private readonly groupSettings: GroupSettingsProvider;

  constructor(options: GroupCoordinatorsOptions) {
    this.options = options;
    const { settings, cluster } = options;
    this.groupSettings = groupSettingsProvider(settings, (groupId) =>
      cluster.configsOf({ type: resourceTypes.group, name: groupId }),
    );
  }

  /** How many partitions `__consumer_offsets` has, or will have once it is made. */
  get partitionCount(): number {
    const { cluster, settings } = this.options;
    return cluster.topic(offsetsTopicName)?.partitions.length ?? settings.number("offsets.topic.num.partitions");
  }

  /** The partition of `__consumer_offsets` that holds a group. */
  partitionOf(groupId: string): number {
    return partitionForGroup(groupId, this.partitionCount);
  }

  /** A coordinator for a broker that starts. */
  make(nodeId: number): GroupCoordinator {
    const { runtime, logger, settings, cluster, isSole } = this.options;
    const existing = () => cluster.topic(offsetsTopicName)?.partitions ?? [];
    const leads = (index: number) => {
      const partition = existing()[index];
      return partition !== undefined && cluster.isLeader(partition, nodeId);
    };
    const coordinator = new GroupCoordinator({
      runtime,
      logger,
      config: groupCoordinatorConfig(settings),
      partitionCount: this.partitionCount,
      existing,
      partitionFor: (index) => cluster.offsetsPartition(index),
      topics: topicImage(cluster),
      groupSettings: this.groupSettings,
      ...(isSole ? {} : { leads }),
    });
    this.running.set(nodeId, coordinator);
    return coordinator;
  }

  /** The broker has stopped. */
  remove(nodeId: number, coordinator: GroupCoordinator): void {
    if (this.running.get(nodeId) === coordinator) this.running.delete(nodeId);
  }

  /** The leadership of a partition of `__consumer_offsets` has moved; -1 stands for nobody. */
  leaderMoved(index: number, from: number, to: number): void {
    if (from !== to) this.running.get(from)?.resigned(index);
    this.running.get(to)?.elected(index);
  }

  /** A topic was deleted: what groups have committed in it is forgotten. */
  topicDeleted(topic: Topic): void {
    for (const coordinator of this.running.values()) coordinator.onTopicDeleted(topic);
    this.topicsChanged([topic.name]);
  }

  /** Topics were made, deleted or have more partitions. */
  topicsChanged(names: readonly string[]): void {
    for (const coordinator of this.running.values()) coordinator.onTopicsChanged(names);
  }
}

function topicImage(cluster: CoordinatedTopics): TopicImage {
  const describe = (topic: Topic | undefined): TopicDescription | undefined =>
    topic && { id: topic.id, name: topic.name, partitionCount: topic.partitions.length };
  return {
    topicByName: (name) => describe(cluster.topic(name)),
    topicById: (id) => describe(cluster.topicById(id)),
    names: () => Array.from(cluster.topics(), ({ name }) => name),
  };
}
