import type { Settings } from "../config/settings.ts";

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
    offsetMetadataMaxBytes: settings.number("offset.metadata.max.bytes"),
    offsetsRetentionMinutes: settings.number("offsets.retention.minutes"),
    offsetsRetentionCheckIntervalMs: settings.number("offsets.retention.check.interval.ms"),
    offsetsTopicCompressionCodec: settings.number("offsets.topic.compression.codec"),
  };
}
