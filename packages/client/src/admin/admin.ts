import { createClientCore } from "../client-core.ts";
import type { TopicPartition, TopicPartitionOffset } from "../consumer/topic-partition.ts";
import { ClosedError } from "../errors.ts";
import { type AdminOptions, adminConfig } from "./admin-config.ts";
import type { AdminContext, CallOptions } from "./call.ts";
import * as cluster from "./cluster.ts";
import * as configs from "./configs.ts";
import * as describedGroups from "./describe-groups.ts";
import * as describedTopics from "./describe-topics.ts";
import * as features from "./features.ts";
import * as lag from "./group-lag.ts";
import * as offsets from "./group-offsets.ts";
import * as groups from "./groups.ts";
import * as records from "./records.ts";
import * as topics from "./topics.ts";

/**
 * Looks after a cluster's topics, settings, groups, offsets and records: what `org.apache.kafka.clients.admin.Admin` is to Java programs.
 *
 * Every call takes `timeoutMs` (default: `defaultApiTimeoutMs`) and `signal`, goes to the broker that can answer it, and is tried again, with back-off, while what
 * went wrong may pass. One that does not come to an end in its time rejects with an `AdminTimeoutError`.
 *
 * A call for several things rejects with an `AdminError` where one of them failed: `code` and `serverMessage` are the first failure's, `results` has
 * what became of each. `settle(items, call)` turns either outcome into one result per item.
 */
export class Admin implements AsyncDisposable {
  readonly #context: AdminContext;
  readonly #closing = new AbortController();

  /** Checks the settings; throws a `ConfigError` where one is wrong. Connects with the first call. */
  constructor(options: AdminOptions) {
    const config = adminConfig(options);
    const core = createClientCore(config, { allowAutoTopicCreation: false });
    this.#context = { config, core, closing: this.#closing.signal };
  }

  /**
   * Creates topics, and resolves when the brokers know them (`waitUntilKnown`). Rejects with `TOPIC_ALREADY_EXISTS`, `INVALID_TOPIC_EXCEPTION`, `INVALID_PARTITIONS`,
   * `INVALID_REPLICATION_FACTOR`, `INVALID_REPLICA_ASSIGNMENT`, `INVALID_CONFIG`, `POLICY_VIOLATION`. CreateTopics; KIP-4, KIP-464, KIP-525.
   */
  createTopics(
    newTopics: readonly topics.NewTopic[],
    options: topics.CreateTopicsOptions = {},
  ): Promise<topics.CreatedTopic[]> {
    return topics.createTopics(this.#context, newTopics, options);
  }

  /** Deletes topics with all their records, by name or by id (KIP-516, Kafka 2.8). Rejects with `UNKNOWN_TOPIC_OR_PARTITION`, `UNKNOWN_TOPIC_ID`, `TOPIC_DELETION_DISABLED`. */
  deleteTopics(selected: readonly topics.TopicSelector[], options: topics.DeleteTopicsOptions = {}): Promise<void> {
    return topics.deleteTopics(this.#context, selected, options);
  }

  /** Adds partitions to topics, up to `count` in all; the records that are there stay where they are. Rejects with `INVALID_PARTITIONS` where `count` is not more than there are. KIP-195. */
  createPartitions(
    newPartitions: readonly topics.NewPartitions[],
    options: topics.CreatePartitionsOptions = {},
  ): Promise<void> {
    return topics.createPartitions(this.#context, newPartitions, options);
  }

  /** The names of all topics, sorted. */
  async listTopics(options: describedTopics.ListTopicsOptions = {}): Promise<string[]> {
    return (await this.listTopicListings(options)).map(({ topic }) => topic);
  }

  /** All topics with their ids, sorted by name. */
  listTopicListings(options: describedTopics.ListTopicsOptions = {}): Promise<describedTopics.TopicListing[]> {
    return describedTopics.listTopicListings(this.#context, options);
  }

  /** Topics with their partitions, leaders and replicas. Rejects with `UNKNOWN_TOPIC_OR_PARTITION`, `UNKNOWN_TOPIC_ID`. DescribeTopicPartitions (KIP-966), or Metadata where the broker does not have it. */
  describeTopics(
    selected: readonly topics.TopicSelector[],
    options: describedTopics.DescribeTopicsOptions = {},
  ): Promise<describedTopics.TopicDescription[]> {
    return describedTopics.describeTopics(this.#context, selected, options);
  }

  /** The settings of topics, brokers and groups, and where their values come from. Rejects with `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST`. KIP-133, KIP-226, KIP-569. */
  describeConfigs(
    resources: readonly configs.DescribeConfigsResource[],
    options: configs.DescribeConfigsOptions = {},
  ): Promise<configs.ConfigDescription[]> {
    return configs.describeConfigs(this.#context, resources, options);
  }

  /** Changes single settings and leaves the others as they are; a resource's changes are made all or none. Brokers may take some milliseconds to hear of it. Rejects with `INVALID_CONFIG`, `UNKNOWN_TOPIC_OR_PARTITION`. KIP-339. */
  incrementalAlterConfigs(
    resources: readonly configs.AlterConfigsResource[],
    options: configs.AlterConfigsOptions = {},
  ): Promise<void> {
    return configs.incrementalAlterConfigs(this.#context, resources, options);
  }

  /** All groups of all brokers, sorted by id. KIP-518, KIP-848. */
  listGroups(options: groups.ListGroupsOptions = {}): Promise<groups.GroupListing[]> {
    return groups.listGroups(this.#context, options);
  }

  /**
   * Groups with their members and what these own. Rejects with `GROUP_ID_NOT_FOUND`; brokers before Kafka 4.0 describe a group that does not exist
   * as `"Dead"` instead. ConsumerGroupDescribe (KIP-848), DescribeGroups for classic groups.
   */
  describeGroups(
    groupIds: readonly string[],
    options: describedGroups.DescribeGroupsOptions = {},
  ): Promise<describedGroups.GroupDescription[]> {
    return describedGroups.describeGroups(this.#context, groupIds, options);
  }

  /** Deletes groups and their committed offsets. Rejects with `NON_EMPTY_GROUP` where there are members, `GROUP_ID_NOT_FOUND`. KIP-229. */
  deleteGroups(groupIds: readonly string[], options: CallOptions = {}): Promise<void> {
    return groups.deleteGroups(this.#context, groupIds, options);
  }

  /** Removes members from a group, or all it has; those that live will join again. Rejects with `UNKNOWN_MEMBER_ID`. KIP-345, Kafka 2.4. */
  removeMembers(
    groupId: string,
    members: readonly groups.MemberToRemove[] | "all",
    options: groups.RemoveMembersOptions = {},
  ): Promise<void> {
    return groups.removeMembers(this.#context, groupId, members, options);
  }

  /** What a group has committed, for all partitions or those given; partitions without a committed offset are left out. OffsetFetch; KIP-88, KIP-709. */
  listGroupOffsets(
    groupId: string,
    partitions?: readonly TopicPartition[],
    options: offsets.ListGroupOffsetsOptions = {},
  ): Promise<offsets.CommittedOffset[]> {
    return offsets.listGroupOffsets(this.#context, groupId, partitions, options);
  }

  /**
   * How far a group is behind, for each partition that it has committed an offset for or that a member owns, with its owner. Rejects with `GROUP_ID_NOT_FOUND`.
   * As `kafka-consumer-groups --describe` has it.
   */
  groupLag(groupId: string, options: lag.GroupLagOptions = {}): Promise<lag.PartitionLag[]> {
    return lag.groupLag(this.#context, groupId, options);
  }

  /** Commits offsets on behalf of a group without members. Rejects with `UNKNOWN_MEMBER_ID` where it has some, `UNKNOWN_TOPIC_OR_PARTITION`, `OFFSET_METADATA_TOO_LARGE`. KIP-396. */
  alterGroupOffsets(
    groupId: string,
    newOffsets: readonly TopicPartitionOffset[],
    options: CallOptions = {},
  ): Promise<void> {
    return offsets.alterGroupOffsets(this.#context, groupId, newOffsets, options);
  }

  /** Deletes committed offsets. Rejects with `GROUP_SUBSCRIBED_TO_TOPIC` for a topic that members consume, `GROUP_ID_NOT_FOUND` (of the group as a whole). KIP-496. */
  deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[], options: CallOptions = {}): Promise<void> {
    return offsets.deleteGroupOffsets(this.#context, groupId, partitions, options);
  }

  /** Offsets by where they are in the log or in time. Rejects with `UNKNOWN_TOPIC_OR_PARTITION`, once a fresh topic has had five seconds to become known. KIP-396, KIP-734. */
  listOffsets(
    queries: readonly records.OffsetQuery[],
    options: records.ListOffsetsOptions = {},
  ): Promise<records.ListedOffset[]> {
    return records.listOffsets(this.#context, queries, options);
  }

  /** Deletes the records before an offset of each partition. Rejects with `OFFSET_OUT_OF_RANGE`, `POLICY_VIOLATION` (a compacted topic). KIP-107. */
  deleteRecords(
    before: readonly records.RecordsToDelete[],
    options: CallOptions = {},
  ): Promise<records.DeletedRecords[]> {
    return records.deleteRecords(this.#context, before, options);
  }

  /** The idempotent and transactional producers that partitions remember. KIP-664, Kafka 2.8. */
  describeProducers(
    partitions: readonly TopicPartition[],
    options: records.DescribeProducersOptions = {},
  ): Promise<records.PartitionProducers[]> {
    return records.describeProducers(this.#context, partitions, options);
  }

  /** The cluster's id, controller and brokers. KIP-700. */
  describeCluster(options: cluster.DescribeClusterOptions = {}): Promise<cluster.ClusterDescription> {
    return cluster.describeCluster(this.#context, options);
  }

  /** The features that the brokers support and those that the cluster has switched on: `group.version` 1 means that it has KIP-848's groups. KIP-584, Kafka 2.7. */
  describeFeatures(options: features.DescribeFeaturesOptions = {}): Promise<features.FeatureMetadata> {
    return features.describeFeatures(this.#context, options);
  }

  /** What lies in the log directories of these brokers (default: all). KIP-113. */
  describeLogDirs(brokerIds?: readonly number[], options: CallOptions = {}): Promise<cluster.BrokerLogDirs[]> {
    return cluster.describeLogDirs(this.#context, brokerIds, options);
  }

  /** Elects leaders of these partitions, or of all that need it. Rejects with `PREFERRED_LEADER_NOT_AVAILABLE`, `ELIGIBLE_LEADERS_NOT_AVAILABLE`. KIP-460. */
  electLeaders(
    type: cluster.ElectionType,
    partitions: readonly TopicPartition[] | "all",
    options: CallOptions = {},
  ): Promise<cluster.ElectedLeader[]> {
    return cluster.electLeaders(this.#context, type, partitions, options);
  }

  /** Replicas that are being moved, of all partitions or those given. KIP-455, Kafka 2.4. */
  listPartitionReassignments(
    partitions?: readonly TopicPartition[],
    options: CallOptions = {},
  ): Promise<cluster.PartitionReassignment[]> {
    return cluster.listPartitionReassignments(this.#context, partitions, options);
  }

  /** Closes the connections; calls under way reject with a `ClosedError`. A second call does nothing. */
  async close(): Promise<void> {
    this.#context.core.close();
    this.#closing.abort(new ClosedError("The client has been closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
