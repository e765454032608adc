import type { MetadataRecord } from "./metadata-records.ts";

/** A topic as the metadata log knows it. */
export interface TopicMetadata {
  readonly topicId: string;
  readonly name: string;
  readonly partitionCount: number;
}

/** What a setting belongs to; the numbers are those of DescribeConfigs. */
export interface ConfigResource {
  readonly type: number;
  readonly name: string;
}

export const resourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

const noReplicas: readonly (readonly number[])[] = [];
const noConfigs: ReadonlyMap<string, string> = new Map();
/** How many deleted topics are remembered: their directories may still have to be removed after a crash. */
const maxDeletedTopics = 1000;

/** What all the records of the metadata log add up to. Changed by `apply` alone. */
export class MetadataState {
  clusterId: string | null = null;
  nodeId = -1;
  leaderEpoch = -1;
  nextProducerId = 0;
  readonly topics = new Map<string, TopicMetadata>();
  readonly deletedTopicIds = new Set<string>();
  private readonly replicas = new Map<string, (readonly number[])[]>();
  private readonly configs = new Map<string, Map<string, string>>();

  /** What is set for a resource, by name. */
  configsOf(resource: ConfigResource): ReadonlyMap<string, string> {
    return this.configs.get(configKey(resource)) ?? noConfigs;
  }

  /** The brokers of a topic's partitions, by index; nothing for those of a broker that is alone. */
  replicasOf(topicId: string): readonly (readonly number[])[] {
    return this.replicas.get(topicId) ?? noReplicas;
  }

  /** Names of the resources of a type that have anything set. */
  configuredNames(type: number): string[] {
    const prefix = `${type}:`;
    return [...this.configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  apply(record: MetadataRecord): void {
    switch (record.kind) {
      case "cluster":
        this.clusterId = record.clusterId;
        this.nodeId = record.nodeId;
        break;
      case "leaderEpoch":
        this.leaderEpoch = record.leaderEpoch;
        break;
      case "topic":
        this.topics.set(record.topicId, record);
        break;
      case "partitionCount": {
        const topic = this.topics.get(record.topicId);
        if (topic !== undefined) this.topics.set(record.topicId, { ...topic, partitionCount: record.partitionCount });
        break;
      }
      case "topicRemoved":
        this.removeTopic(record.topicId);
        break;
      case "config":
        this.setConfig({ type: record.resourceType, name: record.resourceName }, record.name, record.value);
        break;
      case "replicas":
        this.setReplicas(record);
        break;
      case "producerIds":
        this.nextProducerId = record.nextProducerId;
        break;
    }
  }

  /** The records that lead to this state from nothing. */
  *snapshot(): Iterable<MetadataRecord> {
    if (this.clusterId !== null) yield { kind: "cluster", clusterId: this.clusterId, nodeId: this.nodeId };
    yield { kind: "leaderEpoch", leaderEpoch: this.leaderEpoch };
    yield { kind: "producerIds", nextProducerId: this.nextProducerId };
    for (const topicId of this.deletedTopicIds) yield { kind: "topicRemoved", topicId };
    for (const { topicId, name, partitionCount } of this.topics.values()) {
      yield { kind: "topic", topicId, name, partitionCount };
      const partitions = this.replicasOf(topicId).map((brokerIds) => ({ brokerIds: [...brokerIds] }));
      if (partitions.length > 0) yield { kind: "replicas", topicId, firstPartition: 0, partitions };
    }
    for (const [key, values] of this.configs) {
      const separator = key.indexOf(":");
      const resource = { resourceType: Number(key.slice(0, separator)), resourceName: key.slice(separator + 1) };
      for (const [name, value] of values) yield { kind: "config", ...resource, name, value };
    }
  }

  private removeTopic(topicId: string): void {
    const topic = this.topics.get(topicId);
    this.topics.delete(topicId);
    this.replicas.delete(topicId);
    if (topic !== undefined) this.configs.delete(configKey({ type: resourceTypes.topic, name: topic.name }));
    this.deletedTopicIds.add(topicId);
    if (this.deletedTopicIds.size <= maxDeletedTopics) return;
    for (const oldest of this.deletedTopicIds) {
      this.deletedTopicIds.delete(oldest);
      break;
    }
  }

  private setReplicas({ topicId, firstPartition, partitions }: Extract<MetadataRecord, { kind: "replicas" }>): void {
    const known = this.replicas.get(topicId) ?? [];
    // A broker that was alone with this directory for a while may have added partitions without a word.
    while (known.length < firstPartition) known.push([this.nodeId]);
    for (const [n, { brokerIds }] of partitions.entries()) known[firstPartition + n] = brokerIds;
    this.replicas.set(topicId, known);
  }

  private setConfig(resource: ConfigResource, name: string, value: string | null): void {
    const key = configKey(resource);
    const values = this.configs.get(key) ?? new Map<string, string>();
    if (value === null) values.delete(name);
    else values.set(name, value);
    if (values.size === 0) this.configs.delete(key);
    else this.configs.set(key, values);
  }
}

function configKey(resource: ConfigResource): string {
  return `${resource.type}:${resource.name}`;
}
