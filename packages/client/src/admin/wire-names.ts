/** Names for what the protocol has numbers for. */

/** What settings belong to. */
export type ConfigResourceType = "topic" | "broker" | "brokerLogger" | "clientMetrics" | "group";

/** Kafka's ConfigResource.Type. */
export const configResourceTypes: Readonly<Record<ConfigResourceType, number>> = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
};

/** Where a setting's value comes from: Kafka's ConfigEntry.ConfigSource. */
export type ConfigSource = (typeof sources)[number];

const sources = [
  "UNKNOWN",
  "DYNAMIC_TOPIC_CONFIG",
  "DYNAMIC_BROKER_CONFIG",
  "DYNAMIC_DEFAULT_BROKER_CONFIG",
  "STATIC_BROKER_CONFIG",
  "DEFAULT_CONFIG",
  "DYNAMIC_BROKER_LOGGER_CONFIG",
  "DYNAMIC_CLIENT_METRICS_CONFIG",
  "DYNAMIC_GROUP_CONFIG",
] as const;

export function configSource(code: number): ConfigSource {
  return sources[code] ?? "UNKNOWN";
}

/** The type of a setting's value: Kafka's ConfigEntry.ConfigType. */
export type ConfigType = (typeof types)[number];

const types = ["UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"] as const;

export function configType(code: number): ConfigType {
  return types[code] ?? "UNKNOWN";
}

/** Kafka's AclOperation, by its code; the first three (unknown, any, all) are never answered. */
const operations = [
  ...[null, null, null],
  ...["READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
  ...["IDEMPOTENT_WRITE", "CREATE_TOKENS", "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT"],
];

const notAsked = -2_147_483_648;

/** What the principal may do (KIP-430), by Kafka's names; null where it was not asked for. */
export function authorizedOperations(bits: number): string[] | null {
  if (bits === notAsked) return null;
  return operations.flatMap((name, code) => (name !== null && (bits & (1 << code)) !== 0 ? [name] : []));
}

/** Kafka's GroupType; `"Unknown"` where the broker does not say (before Kafka 3.8). */
export type GroupType = "Classic" | "Consumer" | "Share" | "Streams" | "Unknown";

/** Kafka's GroupState, by the names that brokers and Kafka's tools use. */
export type GroupState =
  | "PreparingRebalance"
  | "CompletingRebalance"
  | "Stable"
  | "Dead"
  | "Empty"
  | "Assigning"
  | "Reconciling"
  | "NotReady"
  | "Unknown";

const knownTypes = ["Classic", "Consumer", "Share", "Streams"] as const;

/** Brokers spell types in lower case. */
export function groupType(name: string): GroupType {
  return knownTypes.find((type) => type.toLowerCase() === name.toLowerCase()) ?? "Unknown";
}

/** As the broker names it. */
export function groupState(name: string): GroupState {
  return name === "" ? "Unknown" : (name as GroupState);
}
