/** Kafka's types of settings (its `ConfigDef.Type`). */
export type SettingType = "boolean" | "string" | "int" | "short" | "long" | "double" | "list" | "class" | "password";

/**
 * One setting as data: type, default as text (null: none), allowed values as Kafka prints them (empty: any), and flags: `dynamic` (may be changed while
 * the broker runs), `internal` (not shown to clients).
 */
export type DefinitionRow = readonly [
  type: SettingType,
  defaultText: string | null,
  allowed: string,
  flags?: "dynamic" | "internal" | "dynamic internal",
];

/** One setting. */
export interface Definition {
  readonly name: string;
  readonly type: SettingType;
  readonly defaultText: string | null;
  readonly allowed: string;
  readonly isDynamic: boolean;
  readonly isInternal: boolean;
}

/** A value that a setting does not take, or a setting that does not exist. The message is Kafka's own where Kafka has one. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const bounds: Partial<Record<SettingType, readonly [bigint, bigint]>> = {
  short: [-32_768n, 32_767n],
  int: [-2_147_483_648n, 2_147_483_647n],
  long: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};

/** The settings of one table, by name. */
export class Definitions {
  private readonly table: Readonly<Record<string, DefinitionRow>>;

  constructor(table: Readonly<Record<string, DefinitionRow>>) {
    this.table = table;
  }

  get names(): string[] {
    return Object.keys(this.table);
  }

  get(name: string): Definition | undefined {
    const row = Object.hasOwn(this.table, name) ? this.table[name] : undefined;
    if (row === undefined) return undefined;
    const [type, defaultText, allowed, flags = ""] = row;
    return {
      name,
      type,
      defaultText,
      allowed,
      isDynamic: flags.includes("dynamic"),
      isInternal: flags.includes("internal"),
    };
  }

  /** The known name that is closest to an unknown one, if any is close. */
  nearest(name: string): string | undefined {
    let best: string | undefined;
    let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1;
    for (const candidate of this.names) {
      const distance = editDistance(name, candidate, bestDistance);
      if (distance < bestDistance) {
        best = candidate;
        bestDistance = distance;
      }
    }
    return best;
  }
}

/** Levenshtein's distance, or `limit` as soon as it is at least that. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    if (Math.min(...next) >= limit) return limit;
    row = next;
  }
  return row[to.length]!;
}

/**
 * Reads a setting's text as Kafka's `ConfigDef` does and returns it in the form in which Kafka shows it (trimmed, `007` as `7`).
 * Throws a `ConfigError` in Kafka's words.
 */
export function normalizeValue(definition: Definition, text: string): string {
  const value = parse(definition, text);
  const complaint = checkAllowed(definition, value);
  if (complaint !== null) throw invalidValue(definition.name, shown(definition, value), complaint);
  return value;
}

export function invalidValue(name: string, value: string | null, complaint: string): ConfigError {
  return new ConfigError(`Invalid value ${value} for configuration ${name}: ${complaint}`);
}

/** The items of a list setting. */
export function splitList(text: string): string[] {
  return text.trim() === "" ? [] : text.trim().split(/\s*,\s*/);
}

/** A number as text: Kafka's largest long, which a double cannot hold, becomes Infinity. */
export function toNumber(text: string): number {
  return text === "9223372036854775807" ? Number.POSITIVE_INFINITY : Number(text);
}

function parse(definition: Definition, text: string): string {
  const trimmed = text.trim();
  switch (definition.type) {
    case "boolean": {
      const lower = trimmed.toLowerCase();
      if (lower === "true" || lower === "false") return lower;
      throw invalidValue(definition.name, text, "Expected value to be either true or false");
    }
    case "short":
    case "int":
    case "long": {
      const [lowest, highest] = bounds[definition.type]!;
      const number = /^[+-]?\d+$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, "")) : undefined;
      if (number === undefined || number < lowest || number > highest) {
        throw invalidValue(definition.name, text, `Not a number of type ${definition.type.toUpperCase()}`);
      }
      return String(number);
    }
    case "double": {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) {
        throw invalidValue(definition.name, text, "Not a number of type DOUBLE");
      }
      return javaDouble(Number(trimmed));
    }
    case "list":
      return splitList(trimmed).join(",");
    default:
      return trimmed;
  }
}

/** A double as Java prints it. */
function javaDouble(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? value.toFixed(1) : String(value);
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${exponent.replace("+", "")}`;
}

/** What is wrong with a parsed value, in Kafka's words; null if nothing. */
function checkAllowed(definition: Definition, value: string): string | null {
  const { allowed, type } = definition;
  if (allowed === "") return null;
  if (allowed === "non-empty string") return value === "" ? "String must be non-empty" : null;
  if (allowed === "non-null string") return null;
  if (allowed === "non-empty list") return null; // An empty list is these settings' own default.
  if (allowed.startsWith("[partitionId]")) return checkThrottledReplicas(value);
  const range = /^\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\](?: or (-?\d+))?$/.exec(allowed);
  if (range !== null) return checkRange(Number(value), range);
  const anyCase = allowed.startsWith("(case insensitive) ");
  const choices = allowed.slice(allowed.indexOf("[") + 1, -1).split(", ");
  if (type === "list") return checkList(definition.name, splitList(value), choices);
  if (choices.some((choice) => choice.startsWith("by_duration:"))) return checkOffsetReset(definition.name, value);
  const fits = choices.some((choice) => choice === value || (anyCase && choice.toLowerCase() === value.toLowerCase()));
  return fits ? null : `String must be one of${anyCase ? " (case insensitive)" : ""}: ${choices.join(", ")}`;
}

/** `share.auto.offset.reset` takes a duration behind `by_duration:`, too (Kafka's `ShareGroupAutoOffsetResetStrategy`). */
function checkOffsetReset(name: string, value: string): string | null {
  const duration = /^by_duration:P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/;
  if (value === "earliest" || value === "latest" || duration.test(value)) return null;
  const allowed = "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.";
  return `Invalid value \`${value}\` for configuration ${name}. ${allowed}`;
}

function checkRange(value: number, [, least = "", most, or]: RegExpExecArray): string | null {
  if (or !== undefined) {
    const fits = value === Number(or) || (value >= Number(least) && value <= Number(most));
    return fits ? null : `Value must be between ${least} and ${most} or equal to ${or}`;
  }
  if (value < Number(least)) return `Value must be at least ${least}`;
  if (most !== undefined && value > Number(most)) return `Value must be no more than ${most}`;
  return null;
}

function checkList(name: string, items: readonly string[], choices: readonly string[]): string | null {
  if (new Set(items).size !== items.length) return `Configuration '${name}' values must not be duplicated.`;
  if (items.includes("")) return `Configuration '${name}' values must not be empty.`;
  return items.every((item) => choices.includes(item)) ? null : `String must be one of: ${choices.join(", ")}`;
}

function checkThrottledReplicas(value: string): string | null {
  if (value === "" || value === "*" || splitList(value).every((item) => /^\d+:\d+$/.test(item))) return null;
  return "Must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...";
}

/** What an error message may show of a value. */
function shown(definition: Definition, value: string): string {
  return definition.type === "password" ? "[hidden]" : value;
}
