import type { Settings } from "../config/settings.ts";

/** Kafka's `ConsumerGroupMigrationPolicy`: upgrade is from classic to consumer. */
export type MigrationPolicy = "disabled" | "upgrade" | "downgrade" | "bidirectional";

/** Settings of the group coordinator, by Kafka's names. Milliseconds where the name does not say otherwise. */
export interface GroupCoordinatorConfig {
  /** `group.min.session.timeout.ms` */
  readonly groupMinSessionTimeoutMs: number;
  /** `group.max.session.timeout.ms` */
  readonly groupMaxSessionTimeoutMs: number;
  /** `group.max.size`: members of one group. */
  readonly groupMaxSize: number;
  /** `group.initial.rebalance.delay.ms`: how long a new group waits for more members. */
  readonly groupInitialRebalanceDelayMs: number;
  /** `group.consumer.max.size`: members of one KIP-848 group. */
  readonly groupConsumerMaxSize: number;
  /** `group.consumer.assignors`: names of server-side assignors, the first one for groups whose members do not say. */
  readonly groupConsumerAssignors: readonly string[];
  /** `group.consumer.migration.policy`: which groups may be converted to the other protocol while they have members. */
  readonly groupConsumerMigrationPolicy: MigrationPolicy;
  /** `group.consumer.regex.refresh.interval.ms`: how often regular expressions are resolved anew even if no topic was made. */
  readonly groupConsumerRegexRefreshIntervalMs: number;
  /** `offset.metadata.max.bytes`: longest text beside a committed offset, in characters (as Kafka counts it). */
  readonly offsetMetadataMaxBytes: number;
  /** `offsets.retention.minutes` */
  readonly offsetsRetentionMinutes: number;
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckIntervalMs: number;
  /** `offsets.topic.compression.codec`: Kafka's number of a codec. */
  readonly offsetsTopicCompressionCodec: number;
}

/** Kafka 4.3's defaults, but for the initial rebalance delay (3,000 there): nobody waits for a group to form on a laptop. */
export const defaultGroupCoordinatorConfig: GroupCoordinatorConfig = Object.freeze({
  groupMinSessionTimeoutMs: 6_000,
  groupMaxSessionTimeoutMs: 1_800_000,
  groupMaxSize: 2_147_483_647,
  groupInitialRebalanceDelayMs: 0,
  groupConsumerMaxSize: 2_147_483_647,
  groupConsumerAssignors: Object.freeze(["uniform", "range"]),
  groupConsumerMigrationPolicy: "bidirectional",
  groupConsumerRegexRefreshIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4096,
  offsetsRetentionMinutes: 10_080,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetsTopicCompressionCodec: 0,
});

/** What a broker's settings say about groups. */
export function groupCoordinatorConfig(settings: Settings): GroupCoordinatorConfig {
  return {
    groupMinSessionTimeoutMs: settings.number("group.min.session.timeout.ms"),
    groupMaxSessionTimeoutMs: settings.number("group.max.session.timeout.ms"),
    groupMaxSize: settings.number("group.max.size"),
    groupInitialRebalanceDelayMs: settings.number("group.initial.rebalance.delay.ms"),
    groupConsumerMaxSize: settings.number("group.consumer.max.size"),
    groupConsumerAssignors: settings.list("group.consumer.assignors"),
    groupConsumerMigrationPolicy: (
      settings.text("group.consumer.migration.policy") ?? ""
    ).toLowerCase() as MigrationPolicy,
    groupConsumerRegexRefreshIntervalMs: settings.number("group.consumer.regex.refresh.interval.ms"),
    offsetMetadataMaxBytes: settings.number("offset.metadata.max.bytes"),
    offsetsRetentionMinutes: settings.number("offsets.retention.minutes"),
    offsetsRetentionCheckIntervalMs: settings.number("offsets.retention.check.interval.ms"),
    offsetsTopicCompressionCodec: settings.number("offsets.topic.compression.codec"),
  };
}
