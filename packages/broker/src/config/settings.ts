import { brokerTable } from "./broker-table.ts";
import { ConfigError, type Definition, Definitions, normalizeValue, splitList, toNumber } from "./definition.ts";
import { ownTable } from "./own-table.ts";

/** Kafka's broker settings and this broker's own. */
export const brokerDefinitions = new Definitions({ ...brokerTable, ...ownTable });

/** The name of a broker setting, Kafka's or our own. */
export type SettingName = keyof typeof brokerTable | keyof typeof ownTable;

/** Where a setting's value comes from (Kafka's `ConfigSource`, with its numbers on the wire). */
export const configSources = {
  dynamicTopic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  dynamicGroup: 8,
} as const;

/** One of the values that a setting could have taken, in the order of precedence. */
export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: number;
}

/** Settings that say the same in other units or under an older name, the strongest first (Kafka's `brokerConfigSynonyms`). */
const synonymGroups: readonly (readonly string[])[] = [
  ["log.roll.ms", "log.roll.hours"],
  ["log.roll.jitter.ms", "log.roll.jitter.hours"],
  ["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
  ["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
];

const none: ReadonlyMap<string, string> = new Map();

/**
 * The broker's settings in force: what was changed for this broker while it ran, for all brokers while it ran, what it was started with, the default; the
 * first of these that says something.
 */
export class Settings {
  /** What the broker was started with. */
  readonly statics: ReadonlyMap<string, string>;
  private dynamicBroker: ReadonlyMap<string, string> = none;
  private dynamicDefault: ReadonlyMap<string, string> = none;
  private readonly changeListeners = new Set<() => void>();

  /** Throws a `ConfigError` for an unknown setting or a value that it does not take. */
  constructor(statics: ReadonlyMap<string, string>) {
    const checked = new Map<string, string>();
    for (const [name, text] of statics) checked.set(name, normalizeValue(requireDefinition(name), text));
    this.statics = checked;
  }

  /** Takes over what is stored in the cluster's metadata; the values have been validated before. */
  setDynamic(forAllBrokers: ReadonlyMap<string, string>, forThisBroker: ReadonlyMap<string, string>): void {
    this.dynamicDefault = forAllBrokers;
    this.dynamicBroker = forThisBroker;
    for (const listener of this.changeListeners) listener();
  }

  /** Calls back after every change while the broker runs. */
  onChange(listener: () => void): void {
    this.changeListeners.add(listener);
  }

  /** The value as text; null where nothing was said and there is no default. */
  text(name: SettingName): string | null {
    return this.explicit(name) ?? requireDefinition(name).defaultText;
  }

  /** The value of a number; Kafka's largest long is Infinity. */
  number(name: SettingName): number {
    const text = this.text(name);
    if (text === null) throw new ConfigError(`${name} has no value`);
    return toNumber(text);
  }

  boolean(name: SettingName): boolean {
    return this.text(name) === "true";
  }

  list(name: SettingName): string[] {
    return splitList(this.text(name) ?? "");
  }

  /** What was said about a setting, if anything was. */
  explicit(name: string): string | undefined {
    return this.dynamicBroker.get(name) ?? this.dynamicDefault.get(name) ?? this.statics.get(name);
  }

  /**
   * All values that bear on a setting, the one in force first, as Kafka lists them: what only an older or coarser name says is left out when nothing stands
   * above it under the name itself.
   */
  synonyms(name: string): ConfigSynonym[] {
    const names = synonymGroups.find((group) => group.includes(name)) ?? [name];
    const found: ConfigSynonym[] = [];
    const collect = (values: (name: string) => string | null | undefined, source: number) => {
      for (const synonym of names) {
        const value = values(synonym);
        if (value !== undefined && value !== null) found.push({ name: synonym, value, source });
      }
    };
    collect((synonym) => this.dynamicBroker.get(synonym), configSources.dynamicBroker);
    collect((synonym) => this.dynamicDefault.get(synonym), configSources.dynamicDefaultBroker);
    collect((synonym) => this.statics.get(synonym), configSources.staticBroker);
    collect((synonym) => brokerDefinitions.get(synonym)?.defaultText, configSources.default);
    const first = found.findIndex((synonym) => synonym.name === name);
    return first < 0 ? [] : found.slice(first);
  }

  /** `log.retention.ms`, or what the coarser settings say; -1 keeps for ever. */
  get retentionMs(): number {
    const milliseconds = this.firstOf(
      ["log.retention.ms", 1],
      ["log.retention.minutes", 60_000],
      ["log.retention.hours", 3_600_000],
    );
    return milliseconds < 0 ? -1 : milliseconds;
  }

  get segmentMs(): number {
    return this.firstOf(["log.roll.ms", 1], ["log.roll.hours", 3_600_000]);
  }

  get segmentJitterMs(): number {
    return this.firstOf(["log.roll.jitter.ms", 1], ["log.roll.jitter.hours", 3_600_000]);
  }

  get flushMs(): number {
    return this.firstOf(["log.flush.interval.ms", 1], ["log.flush.scheduler.interval.ms", 1]);
  }

  private firstOf(...choices: readonly (readonly [SettingName, number])[]): number {
    for (const [name, factor] of choices) {
      const text = this.text(name);
      if (text !== null) return toNumber(text) * factor;
    }
    throw new ConfigError(`${choices[0]?.[0]} has no value`);
  }
}

/** The definition of a broker setting. Throws a `ConfigError` that names the nearest one where there is none. */
export function requireDefinition(name: string): Definition {
  const definition = brokerDefinitions.get(name);
  if (definition !== undefined) return definition;
  const nearest = brokerDefinitions.nearest(name);
  throw new ConfigError(`Unknown broker setting ${name}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
}
