import {
  boolean,
  clientSettings,
  custom,
  integer,
  type Options,
  oneOf,
  optionalText,
  type Settings,
  type SettingTable,
  text,
  validate,
  wrongSetting,
} from "../config.ts";
import { ConfigError } from "../errors.ts";
import { bytes, type Deserializer } from "../serde.ts";
import { type Assignor, rebalanceProtocol } from "./assignors/assignor.ts";
import { cooperativeSticky } from "./assignors/cooperative-sticky.ts";
import { range } from "./assignors/range.ts";
import { type AutoOffsetReset, parseAutoOffsetReset, type ResetStrategy } from "./offset-reset.ts";

function isAssignor(value: unknown): value is Assignor {
  const { name, assign, protocols } = (value ?? {}) as Partial<Assignor>;
  if (protocols !== undefined && !(Array.isArray(protocols) && protocols.length > 0)) return false;
  return typeof name === "string" && name !== "" && typeof assign === "function";
}

/** One or more assignors, no two of a name. */
function checkAssignors(value: readonly Assignor[]): readonly Assignor[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isAssignor)) return undefined;
  return new Set(value.map((assignor) => assignor.name)).size === value.length ? value : undefined;
}

function deserializer() {
  return custom<Deserializer<unknown>>("a deserializer", bytes, (value) =>
    typeof value?.deserialize === "function" ? value : undefined,
  );
}

/** The settings of a `Consumer`: Kafka's names in camelCase and Kafka's defaults, unless a word says otherwise. */
export const consumerSettings = {
  ...clientSettings,
  /** What the broker's logs and quotas call this client, and what its member id begins with. Default: `consumer-<groupId>`, with the instance's id where there is one. */
  clientId: text(""),
  /** Whether asking for a topic may create it, where the broker is set so. Default true. */
  allowAutoCreateTopics: boolean(true),
  /** How often offsets are committed with `enableAutoCommit`. Default 5,000. */
  autoCommitIntervalMs: integer(5_000, 0),
  /** Where to begin without a committed offset: `"earliest"`, `"latest"` (default), `"none"` (an error), or `"by_duration:<ISO 8601>"`. */
  autoOffsetReset: custom<ResetStrategy, AutoOffsetReset>(
    '"earliest", "latest", "none", or "by_duration:" and an ISO 8601 duration such as PT24H',
    { kind: "latest" },
    (value) => parseAutoOffsetReset(value) ?? undefined,
  ),
  /** Whether the checksums of what is fetched are checked. Default true. */
  checkCrcs: boolean(true),
  /** The rack that this consumer is in: it then reads from a replica there, where the cluster allows it (KIP-392). Default: none. */
  clientRack: text(""),
  /** How long calls such as `commit` or `committed` may take. Default 60,000. */
  defaultApiTimeoutMs: integer(60_000, 0),
  /** Whether what the application has taken and finished is committed on an interval, before partitions are let go, and on `close`. Default true. */
  enableAutoCommit: boolean(true),
  /** Whether patterns pass over Kafka's own topics. Default true. */
  excludeInternalTopics: boolean(true),
  /** How much one answer to a fetch may hold, in bytes; a first batch that is larger comes all the same. Default 52,428,800. */
  fetchMaxBytes: integer(52_428_800, 0),
  /** How long the broker waits for `fetchMinBytes`. Default 500. */
  fetchMaxWaitMs: integer(500, 0),
  /** How much the broker waits for, in bytes. Default 1. */
  fetchMinBytes: integer(1, 0),
  /** The group. Without one there is no `subscribe` and no commit, only `assign`. Default: none. */
  groupId: optionalText(),
  /** A name that survives restarts: the group is not rebalanced by one that is over within `sessionTimeoutMs` (KIP-345). Default: none. */
  groupInstanceId: optionalText(),
  /**
   * How the group works: `"classic"` (default), in which a member divides the partitions, or `"consumer"` (KIP-848), in which the broker does: Kafka 4.0 or later. With `"consumer"` the session timeout, the heartbeat's
   * interval and the assignor are the group's, on the broker.
   */
  groupProtocol: oneOf(["classic", "consumer"], "classic"),
  /** The broker's assignor for the group, such as `"uniform"` or `"range"`, with `groupProtocol: "consumer"`. Default: the one that the broker prefers. */
  groupRemoteAssignor: optionalText(),
  /** How often the coordinator hears of this member. Default 3,000. */
  heartbeatIntervalMs: integer(3_000, 1),
  /** `"read_committed"` leaves out what transactions have not committed, and waits for what is open. Default `"read_uncommitted"`. */
  isolationLevel: oneOf(["read_uncommitted", "read_committed"], "read_uncommitted"),
  /** How keys are decoded. Default: as bytes. */
  key: deserializer(),
  /** How much one answer to a fetch may hold of one partition, in bytes; a first batch that is larger comes all the same. Default 1,048,576. */
  maxPartitionFetchBytes: integer(1_048_576, 0),
  /** How long the application may take before it asks for the next message or batch; a member that takes longer leaves the group. Default 300,000. */
  maxPollIntervalMs: integer(300_000, 1),
  /** How many records a batch may have. Default 500. */
  maxPollRecords: integer(500, 1),
  /**
   * The assignors, by preference; all members must have one in common. Rebalances are cooperative where all of them are (KIP-429): with the default, which is Kafka's, they
   * are eager by `range`, and one restart of each member with `[cooperativeSticky]` makes them cooperative. Default `[range, cooperativeSticky]`.
   */
  partitionAssignmentStrategy: custom<readonly Assignor[]>(
    "a list of assignors, such as [range, roundRobin], no two of one name",
    [range, cooperativeSticky],
    checkAssignors,
  ),
  /**
   * How much may be fetched and not yet taken, in bytes, before no more is fetched; one answer (`fetchMaxBytes`) per broker may come on top. Ottla's own; librdkafka has
   * `queued.max.messages.kbytes`. Default 67,108,864.
   */
  queuedMaxBytes: integer(67_108_864, 1),
  /** How long a member may be silent before the coordinator takes it out. Default 45,000. */
  sessionTimeoutMs: integer(45_000, 1),
  /** When it aborts, every loop ends as soon as it asks for the next message: the current one can be finished, then `close`. Default: none. */
  signal: custom<AbortSignal | null>("an AbortSignal", null, (value) =>
    value === null || value instanceof AbortSignal ? value : undefined,
  ),
  /** How values are decoded. Default: as bytes. */
  value: deserializer(),
} satisfies SettingTable;

export type ConsumerSettings = Settings<typeof consumerSettings>;

/** What `new Consumer` takes. `key` and `value` decide what messages hold. */
export type ConsumerOptions<K = Buffer, V = Buffer> = Omit<Options<typeof consumerSettings>, "key" | "value"> & {
  readonly key?: Deserializer<K> | undefined;
  readonly value?: Deserializer<V> | undefined;
};

/** Checks the options and fills in the defaults; throws a `ConfigError`. */
export function consumerConfig<K, V>(options: ConsumerOptions<K, V>): ConsumerSettings {
  // Deserializers of any type pass for those of an unknown one: they only give.
  const settings = validate("Consumer", consumerSettings, options as Options<typeof consumerSettings>);
  checkProtocol(options, settings);
  if (settings.groupProtocol === "classic" && settings.heartbeatIntervalMs >= settings.sessionTimeoutMs) {
    const allowed = `below sessionTimeoutMs (${settings.sessionTimeoutMs}), and better at most a third of it`;
    throw wrongSetting("Consumer", "heartbeatIntervalMs", settings.heartbeatIntervalMs, allowed);
  }
  if (settings.groupInstanceId !== null && settings.groupId === null) {
    throw new ConfigError("Consumer setting groupInstanceId needs a groupId", "groupInstanceId");
  }
  if (rebalanceProtocol(settings.partitionAssignmentStrategy) === null) {
    const names = settings.partitionAssignmentStrategy.map(({ name }) => name).join(", ");
    throw new ConfigError(
      `Consumer setting partitionAssignmentStrategy: ${names} have no rebalance protocol in common, eager or cooperative`,
      "partitionAssignmentStrategy",
    );
  }
  if (options.enableAutoCommit === true && settings.groupId === null) {
    throw new ConfigError("Consumer setting enableAutoCommit needs a groupId", "enableAutoCommit");
  }
  return { ...settings, clientId: settings.clientId || defaultClientId(settings.groupId, settings.groupInstanceId) };
}

/** What each group protocol leaves to the other, with where to find it there. */
const foreignSettings = {
  classic: { groupRemoteAssignor: "the members divide the partitions themselves: set partitionAssignmentStrategy" },
  consumer: {
    sessionTimeoutMs: "the group's own setting on the broker decides: consumer.session.timeout.ms",
    heartbeatIntervalMs: "the group's own setting on the broker decides: consumer.heartbeat.interval.ms",
    partitionAssignmentStrategy: "the broker divides the partitions: set groupRemoteAssignor",
  },
} as const;

/** A setting that would have no effect is refused, as Java's `ConsumerConfig` does. */
function checkProtocol(options: object, { groupProtocol }: ConsumerSettings): void {
  for (const [name, why] of Object.entries(foreignSettings[groupProtocol])) {
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    throw new ConfigError(
      `Consumer setting ${name} cannot be used with groupProtocol "${groupProtocol}": ${why}`,
      name,
    );
  }
}

/** Brokers build a member's id from this, so that a person can tell members apart (as Java's `ConsumerConfig` does, less its counter). */
function defaultClientId(groupId: string | null, groupInstanceId: string | null): string {
  return ["consumer", groupId, groupInstanceId].filter((part) => part !== null).join("-");
}
