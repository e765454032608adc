import type { GroupSettings, GroupSettingsProvider } from "../coordinator/group-settings.ts";
import { ConfigError, Definitions, normalizeValue, splitList, toNumber } from "./definition.ts";
import { brokerDefinitions, type SettingName, type Settings } from "./settings.ts";
import { groupTable } from "./topic-table.ts";

/** What can be set for a group (Kafka's `GroupConfig`). Settings of share and streams groups are kept and checked as Kafka does, and have no effect: there are no such groups. */
export const groupDefinitions = new Definitions(groupTable);

type GroupSettingName = keyof typeof groupTable;

/** Values of groups that the broker's own settings keep within bounds, in the order in which Kafka complains. */
const bounded: readonly (readonly [GroupSettingName, least: SettingName | null, most: SettingName])[] = [
  bounds("consumer.heartbeat.interval.ms"),
  bounds("consumer.session.timeout.ms"),
  bounds("consumer.assignment.interval.ms"),
  bounds("share.heartbeat.interval.ms"),
  bounds("share.session.timeout.ms"),
  bounds("share.record.lock.duration.ms"),
  bounds("share.delivery.count.limit"),
  bounds("share.partition.max.record.locks"),
  bounds("share.assignment.interval.ms"),
  bounds("streams.heartbeat.interval.ms"),
  bounds("streams.session.timeout.ms"),
  ["streams.num.standby.replicas", null, "group.streams.max.standby.replicas"],
  bounds("streams.assignment.interval.ms"),
];

const kinds = ["consumer", "share", "streams"] as const;

/** Server-side assignors there are. Kafka can load others from its class path. */
const assignors = ["uniform", "range"];

/** `consumer.session.timeout.ms` to `group.consumer.min.session.timeout.ms` and its sibling. */
function bounds(name: GroupSettingName): readonly [GroupSettingName, SettingName, SettingName] {
  const [kind = "", ...rest] = name.split(".");
  const sibling = (which: string) => `group.${kind}.${which}.${rest.join(".")}` as SettingName;
  return [name, sibling("min"), sibling("max")];
}

/** The broker setting that a group setting takes its value from where the group has none (Kafka's `ALL_GROUP_CONFIG_SYNONYMS`); null where only Kafka's default stands behind it. */
export function brokerSynonym(name: string): SettingName | null {
  const candidate = `group.${name}`;
  return brokerDefinitions.get(candidate) === undefined ? null : (candidate as SettingName);
}

/** Checks all that is set for a group as Kafka's `GroupConfig.validate` does and returns it in the form in which it is shown. Throws a `ConfigError` in Kafka's words. */
export function validateGroupConfigs(configs: ReadonlyMap<string, string>, settings: Settings): Map<string, string> {
  const unknown = [...configs.keys()].find((name) => groupDefinitions.get(name) === undefined);
  if (unknown !== undefined) throw new ConfigError(`Unknown group config name: ${unknown}`);
  const checked = new Map<string, string>();
  for (const [name, value] of configs) checked.set(name, normalizeValue(groupDefinitions.get(name)!, value));
  const inForce = (name: GroupSettingName) => toNumber(checked.get(name) ?? settings.text(brokerSynonym(name)!) ?? "");
  for (const [name, least, most] of bounded) {
    if (least !== null && inForce(name) < settings.number(least)) {
      throw new ConfigError(`${name} must be greater than or equal to ${least}`);
    }
    if (inForce(name) > settings.number(most)) throw new ConfigError(`${name} must be less than or equal to ${most}`);
  }
  for (const kind of kinds) {
    const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`] as const;
    if (inForce(session) <= inForce(heartbeat)) throw new ConfigError(`${session} must be greater than ${heartbeat}`);
  }
  return checked;
}

/** How the broker's own settings of groups must go together (Kafka's `GroupCoordinatorConfig`). `number` gives a setting's value. Throws a `ConfigError` in Kafka's words. */
export function checkGroupSettings(number: (name: SettingName) => number): void {
  for (const kind of kinds) {
    checkWithin(number, kind, "heartbeat.interval.ms");
    checkWithin(number, kind, "session.timeout.ms");
    const [heartbeat, session] = [`group.${kind}.heartbeat.interval.ms`, `group.${kind}.session.timeout.ms`] as const;
    if (number(heartbeat) >= number(session)) throw new ConfigError(`${heartbeat} must be less than ${session}`);
    checkWithin(number, kind, "assignment.interval.ms");
  }
}

function checkWithin(
  number: (name: SettingName) => number,
  kind: (typeof kinds)[number],
  rest: "heartbeat.interval.ms" | "session.timeout.ms" | "assignment.interval.ms",
): void {
  const [value, least, most] = [`group.${kind}.${rest}`, `group.${kind}.min.${rest}`, `group.${kind}.max.${rest}`] as [
    SettingName,
    SettingName,
    SettingName,
  ];
  if (number(most) < number(least)) throw new ConfigError(`${most} must be greater than or equal to ${least}`);
  if (number(value) < number(least)) throw new ConfigError(`${value} must be greater than or equal to ${least}`);
  if (number(value) > number(most)) throw new ConfigError(`${value} must be less than or equal to ${most}`);
}

/** Whether there is every assignor that `group.consumer.assignors` names; Kafka takes names of classes, too. Throws a `ConfigError`. */
export function checkAssignors(settings: Settings): void {
  const name = "group.consumer.assignors";
  const text = settings.text(name) ?? "";
  const names = splitList(text);
  if (names.length > 0 && names.every((one) => assignors.includes(one)) && new Set(names).size === names.length) return;
  throw new ConfigError(
    `Invalid value ${text} for configuration ${name}: expected ${assignors.join(", ")} or both, the first being the default`,
  );
}

/** Whether members may speak KIP-848's protocol (`group.coordinator.rebalance.protocols`). */
export function servesConsumerProtocol(settings: Settings): boolean {
  return settings.list("group.coordinator.rebalance.protocols").includes("consumer");
}

/**
 * Says what holds for a group: what is set for it, within the bounds that the broker has now (Kafka's `GroupConfig.evaluate`), or else the broker's value. `overridesOf` gives
 * what is set for a group at present.
 */
export function groupSettingsProvider(
  settings: Settings,
  overridesOf: (groupId: string) => ReadonlyMap<string, string>,
): GroupSettingsProvider {
  const none: ReadonlyMap<string, string> = new Map();
  let usual: GroupSettings | null = null;
  settings.onChange(() => {
    usual = null;
  });
  return (groupId) => {
    const overrides = overridesOf(groupId);
    if (overrides.size > 0) return settingsInForce(settings, overrides);
    usual ??= settingsInForce(settings, none);
    return usual;
  };
}

function settingsInForce(settings: Settings, overrides: ReadonlyMap<string, string>): GroupSettings {
  const value = (name: GroupSettingName): number => {
    const [, least, most] = bounds(name);
    const own = overrides.get(name);
    if (own === undefined) return settings.number(brokerSynonym(name)!);
    return Math.min(settings.number(most), Math.max(settings.number(least), Number(own)));
  };
  return Object.freeze({
    consumerSessionTimeoutMs: value("consumer.session.timeout.ms"),
    consumerHeartbeatIntervalMs: value("consumer.heartbeat.interval.ms"),
    consumerAssignmentIntervalMs: value("consumer.assignment.interval.ms"),
  });
}
