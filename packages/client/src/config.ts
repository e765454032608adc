import { type Logger, type Runtime, silentLogger } from "@ottla/runtime";
import { ConfigError } from "./errors.ts";

/**
 * One setting: what is allowed, in words that complete "must be ...", the value that it has when it is left out, and the check. `In` is what a program writes,
 * `Out` what the rest of the client reads.
 */
export interface Setting<Out, In = Out> {
  readonly allowed: string;
  /** Null where the setting must be given. */
  readonly fallback: { readonly value: Out } | null;
  /** The checked value; undefined where it is not allowed. */
  readonly check: (value: In) => Out | undefined;
}

/** A setting that must be given. */
export interface RequiredSetting<Out, In = Out> extends Setting<Out, In> {
  readonly fallback: null;
}

/** A setting with a default. */
export interface OptionalSetting<Out, In = Out> extends Setting<Out, In> {
  readonly fallback: { readonly value: Out };
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds settings of every type
export type SettingTable = Readonly<Record<string, Setting<any, any>>>;

type InOf<S> = S extends Setting<infer _Out, infer In> ? In : never;
type OutOf<S> = S extends Setting<infer Out, infer _In> ? Out : never;
type RequiredNames<T extends SettingTable> = { [K in keyof T]: T[K] extends { fallback: null } ? K : never }[keyof T];

/** What a program hands to a constructor: Kafka's names in camelCase; what is left out (or undefined) has its default. */
export type Options<T extends SettingTable> = { readonly [K in keyof Pick<T, RequiredNames<T>>]: InOf<T[K]> } & {
  readonly [K in keyof Omit<T, RequiredNames<T>>]?: InOf<T[K]> | undefined;
};

/** The settings after validation: every one has a value. */
export type Settings<T extends SettingTable> = { readonly [K in keyof T]: OutOf<T[K]> };

/** A whole number from `min` to `max`; Kafka's int, or long where `max` says so. */
export function integer(fallback: number, min: number, max = 2147483647): OptionalSetting<number> {
  const allowed =
    max === 2147483647 || max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more${max === 2147483647 ? " (at most 2147483647)" : ""}`
      : `a whole number from ${min} to ${max}`;
  return {
    allowed,
    fallback: { value: fallback },
    check: (value) => (Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined),
  };
}

/** A whole number of Kafka's type long. */
export function long(fallback: number, min: number): OptionalSetting<number> {
  return integer(fallback, min, Number.MAX_SAFE_INTEGER);
}

export function boolean(fallback: boolean): OptionalSetting<boolean> {
  return {
    allowed: "true or false",
    fallback: { value: fallback },
    check: (value) => (typeof value === "boolean" ? value : undefined),
  };
}

export function text(fallback: string): OptionalSetting<string> {
  return {
    allowed: "a string",
    fallback: { value: fallback },
    check: (value) => (typeof value === "string" ? value : undefined),
  };
}

/** A string that is not empty, or null (the default). */
export function optionalText(): OptionalSetting<string | null> {
  return {
    allowed: "a string that is not empty",
    fallback: { value: null },
    check: (value) => (value === null || (typeof value === "string" && value !== "") ? value : undefined),
  };
}

/** One of the given values. */
export function oneOf<const T extends string | number>(values: readonly T[], fallback: NoInfer<T>): OptionalSetting<T> {
  return {
    allowed: `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
    fallback: { value: fallback },
    check: (value) => (values.includes(value) ? value : undefined),
  };
}

/** Anything that `check` lets through: for settings that are objects or functions. */
export function custom<Out, In = Out>(
  allowed: string,
  fallback: Out,
  check: (value: In) => Out | undefined,
): OptionalSetting<Out, In> {
  return { allowed, fallback: { value: fallback }, check };
}

/** One address of `bootstrapServers`. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, `[::1]:9092`; null where it is neither. */
export function parseAddress(address: string): Address | null {
  const match = /^(?:[A-Za-z][A-Za-z0-9_]*:\/\/)?(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(
    address.trim(),
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port >= 1 && port <= 65535 ? { host, port } : null;
}

function parseAddresses(value: string | readonly string[]): Address[] | undefined {
  const parts = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(parts) || parts.length === 0) return undefined;
  const addresses: Address[] = [];
  for (const part of parts) {
    const address = typeof part === "string" ? parseAddress(part) : null;
    if (address === null) return undefined;
    addresses.push(address);
  }
  return addresses;
}

/** The settings that all clients share. */
export const clientSettings = {
  /** Where to ask for the cluster first: `host:port`, several separated by commas or as an array. */
  bootstrapServers: {
    allowed: "host:port, or several of them (an array, or one string with commas)",
    fallback: null,
    check: parseAddresses,
  } as RequiredSetting<readonly Address[], string | readonly string[]>,
  /** What the broker's logs and quotas call this client. Default: none. */
  clientId: text(""),
  /** Idle connections are closed after this; -1 keeps them. Default 540,000 (Admin: 300,000). */
  connectionsMaxIdleMs: long(540_000, -1),
  /** Metadata older than this are fetched anew. Default 300,000. */
  metadataMaxAgeMs: long(300_000, 0),
  /** Whether the bootstrap addresses are asked again when no known broker answers (KIP-899). Default `"rebootstrap"`. */
  metadataRecoveryStrategy: oneOf(["rebootstrap", "none"], "rebootstrap"),
  /** With `"rebootstrap"`: go back to the bootstrap addresses when metadata could not be had for so long (KIP-1102). Default 300,000. */
  metadataRecoveryRebootstrapTriggerMs: long(300_000, 0),
  /** A first pause before a broker is connected to again; it doubles with every failure. Default 50. */
  reconnectBackoffMs: long(50, 0),
  /** The longest pause before a broker is connected to again. Default 1,000. */
  reconnectBackoffMaxMs: long(1_000, 0),
  /** How long an answer may take. Default 30,000. */
  requestTimeoutMs: integer(30_000, 0),
  /** A first pause before a failed request is tried again; it doubles with every failure. Default 100. */
  retryBackoffMs: long(100, 0),
  /** The longest pause before a failed request is tried again. Default 1,000. */
  retryBackoffMaxMs: long(1_000, 0),
  /** How long a first try to connect may take; it doubles with every failure. Default 10,000. */
  socketConnectionSetupTimeoutMs: long(10_000, 1),
  /** The longest that a try to connect may take. Default 30,000. */
  socketConnectionSetupTimeoutMaxMs: long(30_000, 1),
  /** Only `"PLAINTEXT"` until Ottla has TLS and SASL. */
  securityProtocol: oneOf(["PLAINTEXT"], "PLAINTEXT"),
  /** The largest answer that is accepted, in bytes; librdkafka's `receive.message.max.bytes` (the Java client has no bound). Default 104,857,600. */
  receiveMessageMaxBytes: integer(104_857_600, 1_000),
  /** Where the client's log lines go. Default: nowhere. */
  logger: custom<Logger>("a Logger", silentLogger, (value) => (typeof value?.info === "function" ? value : undefined)),
  /** The outside world: clock, randomness, network. Default: the real one. */
  runtime: custom<Runtime | null>("a Runtime", null, (value) =>
    value === null || (typeof value?.clock === "object" && typeof value.network === "object") ? value : undefined,
  ),
} satisfies SettingTable;

export type ClientSettings = Settings<typeof clientSettings>;
export type ClientOptions = Options<typeof clientSettings>;

/**
 * Checks `options` against a table and fills in the defaults. `owner` is the class that is being constructed.
 * Throws a `ConfigError` that names the setting, its value and what is allowed; an unknown name is answered with the nearest known one, or with what
 * `elsewhere` says of it (names that Kafka has and the table has not).
 */
export function validate<T extends SettingTable>(
  owner: string,
  table: T,
  options: Options<T>,
  elsewhere: Readonly<Record<string, string>> = {},
): Settings<T> {
  const given: Readonly<Record<string, unknown>> = options ?? {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) throw new ConfigError(unknownSetting(owner, table, name, elsewhere), name);
  }
  const settings: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(table)) {
    const value = given[name];
    if (value === undefined) {
      if (setting.fallback === null) {
        throw new ConfigError(`${owner} needs the setting ${name}: it must be ${setting.allowed}`, name);
      }
      settings[name] = setting.fallback.value;
      continue;
    }
    const checked: unknown = setting.check(value);
    if (checked === undefined) throw wrongSetting(owner, name, value, setting.allowed);
    settings[name] = checked;
  }
  return settings as Settings<T>;
}

/** The error for a value that is not allowed; `allowed` completes "must be ...". */
export function wrongSetting(owner: string, name: string, value: unknown, allowed: string): ConfigError {
  return new ConfigError(`${owner} setting ${name} is ${show(value)}, but must be ${allowed}`, name);
}

function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  const shown = JSON.stringify(value);
  return shown === undefined ? String(value) : shown.length > 100 ? `${shown.slice(0, 100)}...` : shown;
}

function unknownSetting(
  owner: string,
  table: SettingTable,
  name: string,
  elsewhere: Readonly<Record<string, string>>,
): string {
  const known = elsewhere[camelCase(name)];
  if (known !== undefined) return `${owner} has no setting ${name}: ${known}`;
  if (/^(ssl|sasl)([A-Z.]|$)/.test(name)) return `${owner} has no setting ${name}: Ottla has no TLS and no SASL yet`;
  const nearest = nearestName(name, Object.keys(table));
  const hint = nearest === null ? `it knows ${Object.keys(table).sort().join(", ")}` : `did you mean ${nearest}?`;
  return `${owner} has no setting ${name}: ${hint}`;
}

/** The known name that is nearest to `name` (Kafka's spelling with dots counts as the same); null where none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const camel = camelCase(name);
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(camel.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(camel.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function camelCase(name: string): string {
  return name.replace(/[._-]+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
