import { errorCodes } from "@ottla/protocol";
import { ConfigError, type Definition, normalizeValue, splitList, toNumber } from "../config/definition.ts";
import { checkGroupSettings, groupDefinitions, validateGroupConfigs } from "../config/group-configs.ts";
import { brokerDefinitions, type Settings } from "../config/settings.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { type ConfigResource, resourceTypes } from "./metadata-state.ts";
import type { Refusal } from "./topic.ts";
import { topicDefinitions, validateTopicConfigs } from "./topic-configs.ts";
import { checkTopicName, refusal } from "./topic-rules.ts";

/** Kafka's `AlterConfigOp.OpType`. */
export const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** One change of one setting. */
export interface ConfigOperation {
  readonly name: string;
  /** See `configOperations`. */
  readonly operation: number;
  readonly value: string | null;
}

/** Changes of the settings of one topic, broker or group. */
export interface ConfigChange {
  readonly resource: ConfigResource;
  readonly operations: readonly ConfigOperation[];
  /** Whether everything that is not named goes back to its default (AlterConfigs, before KIP-339). */
  readonly replacesAll: boolean;
}

/** What the rules need to know of the cluster. */
export interface ConfigView {
  readonly nodeId: number;
  readonly settings: Settings;
  hasTopic(name: string): boolean;
  /** What is set for the resource now. */
  configsOf(resource: ConfigResource): ReadonlyMap<string, string>;
}

/** Security settings exist per listener, so not for all brokers at once; and there is no security yet. */
const perListener = /^(ssl|sasl)\./;

/**
 * Kafka's rules for changing settings (`ConfigAdminManager`, `ConfigurationControlManager`): the records that store the change, or why it is refused.
 */
export function planConfigChange(change: ConfigChange, view: ConfigView): readonly MetadataRecord[] | Refusal {
  const refused = checkShape(change) ?? checkResource(change.resource, view);
  if (refused !== null) return refused;
  const current = view.configsOf(change.resource);
  const wanted = new Map<string, string>(change.replacesAll ? [] : current);
  try {
    for (const operation of change.operations) applyOperation(wanted, operation, change.resource, view);
    const checked = validate(change.resource, wanted, view);
    if (change.resource.type === resourceTypes.topic && !view.hasTopic(change.resource.name)) {
      const what = `The topic '${change.resource.name}' does not exist.`;
      return refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, what);
    }
    return difference(change.resource, current, checked);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Kafka refuses bad values of brokers with another code than those of topics and groups (KAFKA-13609).
    const isBroker = change.resource.type === resourceTypes.broker;
    return refusal(isBroker ? errorCodes.INVALID_REQUEST : errorCodes.INVALID_CONFIG, error.message);
  }
}

function invalid(message: string): Refusal {
  return refusal(errorCodes.INVALID_REQUEST, message);
}

function checkShape(change: ConfigChange): Refusal | null {
  const names = new Set(change.operations.map((operation) => operation.name));
  if (names.size !== change.operations.length) return invalid("Error due to duplicate config keys");
  const unknown = change.operations.find(({ operation }) => operation < 0 || operation > configOperations.subtract);
  if (unknown !== undefined) return invalid(`Unknown operations type ${unknown.operation}`);
  const withoutValue = change.operations.filter(
    ({ operation, value }) => operation !== configOperations.delete && value === null,
  );
  if (withoutValue.length === 0) return null;
  return invalid(`Null value not supported for : ${withoutValue.map(({ name }) => name).join(", ")}`);
}

function checkResource(resource: ConfigResource, view: ConfigView): Refusal | null {
  switch (resource.type) {
    case resourceTypes.topic: {
      if (resource.name === "") return invalid("Default topic resources are not allowed.");
      const wrong = checkTopicName(resource.name);
      return wrong === null ? null : refusal(errorCodes.INVALID_TOPIC_EXCEPTION, wrong);
    }
    case resourceTypes.broker:
      return resource.name === "" ? null : checkBrokerId(resource.name, view.nodeId, "Node id", ",");
    case resourceTypes.group:
      return resource.name === "" ? invalid("Default group resources are not allowed.") : null;
    case resourceTypes.brokerLogger:
      return invalid("The loggers of this broker cannot be changed while it runs.");
    default:
      return invalid(`Unknown resource type ${resource.type}`);
  }
}

/** Whether a resource's name is this broker's id; Kafka words it a little differently in each place. */
export function checkBrokerId(name: string, nodeId: number, what: string, comma: string): Refusal | null {
  if (!/^[+-]?\d+$/.test(name)) return invalid(`${what} must be an integer, but it is: ${name}`);
  if (Number(name) === nodeId) return null;
  return invalid(`Unexpected broker id, expected ${nodeId}${comma} but received ${name}`);
}

function definitionOf(type: number, name: string): Definition | undefined {
  if (type === resourceTypes.topic) return topicDefinitions.get(name);
  return (type === resourceTypes.group ? groupDefinitions : brokerDefinitions).get(name);
}

function applyOperation(
  wanted: Map<string, string>,
  { name, operation, value }: ConfigOperation,
  resource: ConfigResource,
  view: ConfigView,
): void {
  if (operation === configOperations.delete) {
    wanted.delete(name);
    return;
  }
  if (operation === configOperations.set) {
    wanted.set(name, value!);
    return;
  }
  const definition = definitionOf(resource.type, name);
  if (definition?.type !== "list") {
    const verb = operation === configOperations.append ? "APPEND" : "SUBTRACT";
    if (resource.type === resourceTypes.broker) {
      throw new ConfigError(`Config value ${verb.toLowerCase()} is not allowed for config key: ${name}`);
    }
    throw new ConfigError(`Can't ${verb} to key ${name} because its type is not LIST.`);
  }
  const inForce = resource.type === resourceTypes.broker ? view.settings.explicit(name) : undefined;
  const items = splitList(wanted.get(name) ?? inForce ?? definition.defaultText ?? "");
  const given = splitList(value!);
  const kept =
    operation === configOperations.append
      ? [...items, ...given.filter((item) => !items.includes(item))]
      : items.filter((item) => !given.includes(item));
  wanted.set(name, kept.join(","));
}

function validate(
  resource: ConfigResource,
  wanted: ReadonlyMap<string, string>,
  view: ConfigView,
): Map<string, string> {
  if (resource.type === resourceTypes.topic) return validateTopicConfigs(wanted, view.settings);
  if (resource.type === resourceTypes.group) return validateGroupConfigs(wanted, view.settings);
  const checked = validateBrokerConfigs(wanted, resource.name !== "");
  checkGroupSettings((name) => {
    const value = checked.get(name);
    return value === undefined ? view.settings.number(name) : toNumber(value);
  });
  return checked;
}

function validateBrokerConfigs(wanted: ReadonlyMap<string, string>, isPerBroker: boolean): Map<string, string> {
  const names = [...wanted.keys()];
  const unknown = names.find((name) => brokerDefinitions.get(name) === undefined);
  if (unknown !== undefined) throw new ConfigError(`Unknown broker config name: ${unknown}`);
  const fixed = names.filter((name) => brokerDefinitions.get(name)?.isDynamic === false);
  if (fixed.length > 0) throw new ConfigError(`Cannot update these configs dynamically: [${fixed.join(", ")}]`);
  const secure = names.filter((name) => perListener.test(name));
  if (secure.length > 0) {
    const where = isPerBroker
      ? "These security configs can be dynamically updated only per-listener using the listener prefix"
      : "Cannot update these configs at default cluster level, broker id must be specified";
    throw new ConfigError(`${where}: [${secure.join(", ")}]`);
  }
  return new Map([...wanted].map(([name, value]) => [name, normalizeValue(brokerDefinitions.get(name)!, value)]));
}

function difference(
  resource: ConfigResource,
  current: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): MetadataRecord[] {
  const record = (name: string, value: string | null): MetadataRecord => ({
    kind: "config",
    resourceType: resource.type,
    resourceName: resource.name,
    name,
    value,
  });
  const set = [...wanted].filter(([name, value]) => current.get(name) !== value);
  const removed = [...current.keys()].filter((name) => !wanted.has(name));
  return [...set.map(([name, value]) => record(name, value)), ...removed.map((name) => record(name, null))];
}
