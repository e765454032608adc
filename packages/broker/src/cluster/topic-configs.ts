import { ConfigError, Definitions, normalizeValue, splitList, toNumber } from "../config/definition.ts";
import type { SettingName, Settings } from "../config/settings.ts";
import { topicSynonyms, topicTable } from "../config/topic-table.ts";
import type { CompressionType, LogConfig } from "../log/config.ts";

export const topicDefinitions = new Definitions(topicTable);

/** The name of a topic setting. */
export type TopicSettingName = keyof typeof topicTable;

/**
 * Checks what is set for a topic, all of it, as Kafka's `LogConfig.validate` does, and returns it in the form in which it is shown. Throws a `ConfigError` in Kafka's words.
 */
export function validateTopicConfigs(
  configs: ReadonlyMap<string, string | null>,
  settings: Settings,
): Map<string, string> {
  for (const name of configs.keys()) {
    if (topicDefinitions.get(name) === undefined) throw new ConfigError(`Unknown topic config name: ${name}`);
  }
  const withoutValue = [...configs].filter(([, value]) => value === null).map(([name]) => name);
  if (withoutValue.length > 0)
    throw new ConfigError(`Null value not supported for topic configs: ${withoutValue.join(",")}`);
  const normalized = new Map<string, string>();
  for (const [name, value] of configs) normalized.set(name, normalizeValue(topicDefinitions.get(name)!, value!));
  const inForce = (name: TopicSettingName) => normalized.get(name) ?? topicDefault(name, settings) ?? "";
  const [shortest, longest] = [inForce("min.compaction.lag.ms"), inForce("max.compaction.lag.ms")];
  if (BigInt(shortest) > BigInt(longest)) {
    throw new ConfigError(
      `conflict topic config setting min.compaction.lag.ms (${shortest}) > max.compaction.lag.ms (${longest})`,
    );
  }
  if (normalized.get("remote.storage.enable") === "true") {
    throw new ConfigError(
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
    );
  }
  return normalized;
}

/** What a topic that says nothing about a setting gets: the broker's setting of the same meaning, or Kafka's default. */
export function topicDefault(name: TopicSettingName, settings: Settings): string | null {
  switch (name) {
    case "retention.ms":
      return textOf(settings.retentionMs);
    case "segment.ms":
      return textOf(settings.segmentMs);
    case "segment.jitter.ms":
      return textOf(settings.segmentJitterMs);
    case "flush.ms":
      return textOf(settings.flushMs);
    default: {
      const synonym = topicSynonyms[name]?.[0];
      return synonym === undefined ? topicDefinitions.get(name)!.defaultText : settings.text(synonym as SettingName);
    }
  }
}

/** A topic's settings as its log wants them. The overrides have been validated. */
export function logConfigOf(overrides: ReadonlyMap<string, string>, settings: Settings): LogConfig {
  const text = (name: TopicSettingName) => overrides.get(name) ?? topicDefault(name, settings) ?? "";
  const number = (name: TopicSettingName) => toNumber(text(name));
  const internalSegmentBytes = overrides.get("internal.segment.bytes");
  return {
    cleanupPolicy: splitList(text("cleanup.policy")) as ("delete" | "compact")[],
    compressionType: text("compression.type") as CompressionType,
    compressionGzipLevel: number("compression.gzip.level"),
    compressionLz4Level: number("compression.lz4.level"),
    compressionZstdLevel: number("compression.zstd.level"),
    deleteRetentionMs: number("delete.retention.ms"),
    fileDeleteDelayMs: number("file.delete.delay.ms"),
    // With flush=always every topic is synced before its records are committed.
    flushMessages: settings.text("flush") === "always" ? 1 : number("flush.messages"),
    flushMs: number("flush.ms"),
    indexIntervalBytes: number("index.interval.bytes"),
    maxCompactionLagMs: number("max.compaction.lag.ms"),
    maxMessageBytes: number("max.message.bytes"),
    messageTimestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    messageTimestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    messageTimestampType: text("message.timestamp.type") as LogConfig["messageTimestampType"],
    minCleanableDirtyRatio: number("min.cleanable.dirty.ratio"),
    minCompactionLagMs: number("min.compaction.lag.ms"),
    retentionBytes: number("retention.bytes"),
    retentionMs: number("retention.ms"),
    segmentBytes: internalSegmentBytes === undefined ? number("segment.bytes") : toNumber(internalSegmentBytes),
    segmentIndexBytes: number("segment.index.bytes"),
    segmentJitterMs: number("segment.jitter.ms"),
    segmentMs: number("segment.ms"),
  };
}

function textOf(value: number): string {
  return value === Number.POSITIVE_INFINITY ? "9223372036854775807" : String(value);
}
