import { brokerDocumentation } from "../config/broker-documentation.ts";
import type { Definition, Definitions, SettingType } from "../config/definition.ts";
import { brokerSynonym, groupDefinitions } from "../config/group-configs.ts";
import { groupDocumentation } from "../config/group-documentation.ts";
import {
  brokerDefinitions,
  type ConfigSynonym,
  configSources,
  type SettingName,
  type Settings,
} from "../config/settings.ts";
import { topicDocumentation } from "../config/topic-documentation.ts";
import { topicSynonyms } from "../config/topic-table.ts";
import { type TopicSettingName, topicDefault, topicDefinitions } from "./topic-configs.ts";

/** A setting as DescribeConfigs shows it. */
export interface ConfigEntry {
  readonly name: string;
  /** Null where there is none or it is secret. */
  readonly value: string | null;
  readonly source: number;
  readonly isSensitive: boolean;
  readonly isReadOnly: boolean;
  /** The value's type as a number on the wire. */
  readonly type: number;
  /** All values that bear on it, the one in force first. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly documentation: string;
}

const noEffect = "Accepted for the sake of Apache Kafka's tools; it has no effect here.";

/** Kafka's `ConfigType`. */
const typeNumbers: Readonly<Record<SettingType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

/** All settings of a topic. */
export function describeTopicConfigs(overrides: ReadonlyMap<string, string>, settings: Settings): ConfigEntry[] {
  return shownNames(topicDefinitions).map((definition) => {
    const name = definition.name as TopicSettingName;
    const value = overrides.get(name) ?? topicDefault(name, settings);
    const broker = topicSynonyms[name]?.[0];
    const inherited = broker === undefined ? [] : settings.synonyms(broker);
    const own = overrides.has(name) ? [{ name, value, source: configSources.dynamicTopic }] : [];
    return entry(definition, value, [...own, ...inherited], false, topicDocumentation[name]);
  });
}

/** All settings of this broker. */
export function describeBrokerConfigs(settings: Settings): ConfigEntry[] {
  return shownNames(brokerDefinitions).map((definition) => {
    const name = definition.name as SettingName;
    return entry(
      definition,
      settings.text(name),
      settings.synonyms(name),
      !definition.isDynamic,
      brokerDocumentation[name],
    );
  });
}

/** What was set for all brokers while they ran. */
export function describeDefaultBrokerConfigs(configs: ReadonlyMap<string, string>): ConfigEntry[] {
  return [...configs].flatMap(([name, value]) => {
    const definition = brokerDefinitions.get(name);
    if (definition === undefined) return [];
    const synonyms = [{ name, value, source: configSources.dynamicDefaultBroker }];
    return [entry(definition, value, synonyms, !definition.isDynamic, brokerDocumentation[name as SettingName])];
  });
}

/** All settings of a group. */
export function describeGroupConfigs(overrides: ReadonlyMap<string, string>, settings: Settings): ConfigEntry[] {
  return shownNames(groupDefinitions).map((definition) => {
    const { name } = definition;
    const broker = brokerSynonym(name);
    const value = overrides.get(name) ?? (broker === null ? definition.defaultText : settings.text(broker));
    const own = overrides.has(name) ? [{ name, value, source: configSources.dynamicGroup }] : [];
    const standard = [{ name, value: definition.defaultText, source: configSources.default }];
    const inherited = broker === null ? standard : settings.synonyms(broker);
    return entry(definition, value, [...own, ...inherited], false, groupDocumentation[name]);
  });
}

function shownNames(definitions: Definitions): Definition[] {
  return definitions.names.map((name) => definitions.get(name)!).filter((definition) => !definition.isInternal);
}

function entry(
  definition: Definition,
  value: string | null,
  synonyms: readonly ConfigSynonym[],
  isReadOnly: boolean,
  documentation: string | undefined,
): ConfigEntry {
  const isSensitive = definition.type === "password";
  return {
    name: definition.name,
    value: isSensitive ? null : value,
    source: synonyms[0]?.source ?? configSources.default,
    isSensitive,
    isReadOnly,
    type: typeNumbers[definition.type],
    synonyms: isSensitive ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms,
    documentation: documentation ?? noEffect,
  };
}
