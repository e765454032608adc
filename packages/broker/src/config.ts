import type { Logger, Runtime } from "@ottla/runtime";
import { brokerDocumentation } from "./config/broker-documentation.ts";
import type { brokerTable } from "./config/broker-table.ts";
import { ConfigError, type DefinitionRow, Definitions } from "./config/definition.ts";
import { checkAssignors, checkGroupSettings } from "./config/group-configs.ts";
import { type ListenerConfig, readListeners } from "./config/listeners.ts";
import type { ownTable } from "./config/own-table.ts";
import { brokerDefinitions, requireDefinition, Settings } from "./config/settings.ts";

/** What a topic's `segment.bytes` may be at least. */
const leastSegmentBytes = 1_048_576;

type CamelCase<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;
type ValueOf<Row extends DefinitionRow> = Row[0] extends "boolean"
  ? boolean
  : Row[0] extends "int" | "short" | "double"
    ? number
    : Row[0] extends "long"
      ? number | bigint
      : Row[0] extends "list"
        ? string | readonly string[]
        : string;
type OptionsOf<Table extends Readonly<Record<string, DefinitionRow>>> = {
  readonly [Name in keyof Table & string as CamelCase<Name>]?: ValueOf<Table[Name]> | undefined;
};

/** Every broker setting of Kafka's under its name in camelCase (`num.partitions` is `numPartitions`), and this broker's own. What each does: docs/BROKER.md. */
export type BrokerSettings = OptionsOf<typeof brokerTable> & Omit<OptionsOf<typeof ownTable>, "flush">;

/** Options of `Broker.start`. */
export interface BrokerOptions extends BrokerSettings {
  /** Where topics and groups are kept. Without it everything is in memory and gone when the broker closes. */
  readonly dataDir?: string | undefined;
  /** Short for `listeners: "PLAINTEXT://<host>:<port>"`. Default 9092; 0 picks a free port. */
  readonly port?: number | undefined;
  /** See `port`. Default `localhost`: both loopback families. */
  readonly host?: string | undefined;
  /** When written records are made to survive the death of the machine (see docs/BROKER.md). Default `os`. */
  readonly flush?: "os" | "interval" | "always" | undefined;
  /** Settings under Kafka's own dotted names, as from a command line or `server.properties`. An option in camelCase takes precedence. */
  readonly config?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Where one line goes for each event that an operator cares about. Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** The outside world. Default: the real one. */
  readonly runtime?: Runtime | undefined;
}

/** What `readOptions` makes of them. */
export interface BrokerConfig {
  readonly settings: Settings;
  /** Null where none was asked for: a data directory keeps its own. */
  readonly nodeId: number | null;
  readonly listeners: readonly ListenerConfig[];
  /** Settings that were given and have no effect here. */
  readonly withoutEffect: readonly string[];
}

const notSettings: ReadonlySet<string> = new Set(["dataDir", "port", "host", "config", "logger", "runtime"]);

/** Checks the options. Throws a `ConfigError` that names the setting, the value and what is allowed. */
export function readOptions(options: BrokerOptions): BrokerConfig {
  const given = new Map<string, string>();
  const accepted: string[] = [];
  for (const [name, value] of Object.entries(options.config ?? {})) {
    // Overrides for one listener are for security protocols that are not served.
    if (/^listener\.name\.[^.]+\./.test(name)) accepted.push(name);
    else given.set(requireDefinition(name).name, textOf(name, value));
  }
  for (const [option, value] of Object.entries(options)) {
    if (notSettings.has(option) || value === undefined) continue;
    given.set(dottedName(option), textOf(option, value));
  }
  applyShortcuts(options, given);
  const settings = new Settings(given);
  refuseOffsetsTopic(settings);
  checkGroupSettings((name) => settings.number(name));
  checkAssignors(settings);
  const withoutEffect = [...given.keys()].filter((name) => !Object.hasOwn(brokerDocumentation, name));
  return {
    settings,
    nodeId: given.has("node.id") ? settings.number("node.id") : null,
    listeners: readListeners(settings),
    withoutEffect: [...withoutEffect, ...accepted],
  };
}

/** Kafka takes less, too, and then no group ever finds its coordinator: `__consumer_offsets` is a topic like any other and cannot be made. */
function refuseOffsetsTopic(settings: Settings): void {
  const name = "offsets.topic.segment.bytes";
  const value = settings.number(name);
  if (value >= leastSegmentBytes) return;
  throw new ConfigError(
    `Invalid value ${value} for configuration ${name}: Value must be at least ${leastSegmentBytes}, the least segment.bytes of a topic`,
  );
}

function applyShortcuts(options: BrokerOptions, given: Map<string, string>): void {
  if (options.port !== undefined || options.host !== undefined) {
    if (options.listeners !== undefined)
      throw new ConfigError("port and host are short for listeners: give one or the other");
    const { host = "localhost", port = 9092 } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new ConfigError(`Invalid value ${port} for port: expected a whole number from 0 to 65535`);
    }
    given.set("listeners", `PLAINTEXT://${host.includes(":") ? `[${host}]` : host}:${port}`);
  }
  const brokerId = given.get("broker.id");
  const nodeId = given.get("node.id");
  if (brokerId === undefined) return;
  if (nodeId !== undefined && nodeId !== brokerId)
    throw new ConfigError(`broker.id ${brokerId} and node.id ${nodeId} differ; give one of them`);
  given.set("node.id", brokerId);
}

function textOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  if (value === Number.POSITIVE_INFINITY) return "9223372036854775807";
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  throw new ConfigError(`Invalid value ${JSON.stringify(value)} for ${name}: expected text, a number or a boolean`);
}

/** `numPartitions` to `num.partitions`. */
function dottedName(option: string): string {
  const found = brokerDefinitions.names.find((name) => camelCase(name) === option);
  if (found !== undefined) return found;
  const camelCased = new Definitions(
    Object.fromEntries(brokerDefinitions.names.map((name) => [camelCase(name), ["string", null, ""]])),
  );
  const nearest = camelCased.nearest(option);
  throw new ConfigError(`Unknown option ${option}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
}

function camelCase(name: string): string {
  return name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
}
