import { errorCodes } from "@ottla/protocol";
import { ConfigError } from "../config/definition.ts";
import type { Settings } from "../config/settings.ts";
import { type NewPartitions, type NewTopic, offsetsTopicName, type Refusal, type ReplicaAssignment } from "./topic.ts";
import { validateTopicConfigs } from "./topic-configs.ts";

/** The most partitions that one request may make (Kafka's `MAX_PARTITIONS_PER_BATCH`). */
export const maxPartitionsPerRequest = 10_000;
const maxNameLength = 249;

/** A topic that may be made: every default filled in. */
export interface TopicPlan {
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** The brokers that the caller wants for each partition; null leaves it to the cluster. */
  readonly replicas: readonly (readonly number[])[] | null;
  readonly configs: ReadonlyMap<string, string>;
}

/** The brokers of the cluster. */
export interface BrokersView {
  readonly count: number;
  isRegistered(brokerId: number): boolean;
  isUp(brokerId: number): boolean;
}

/** What the rules need to know of the cluster. */
export interface ClusterView {
  readonly brokers: BrokersView;
  readonly settings: Settings;
  hasTopic(name: string): boolean;
  topicNames(): Iterable<string>;
}

/** What is wrong with a topic's name, in Kafka's words (`Topic.validate`); null if nothing. Names become directories, so nothing else may pass. */
export function checkTopicName(name: string): string | null {
  if (name === "") return "Topic name is invalid: the empty string is not allowed";
  if (name === "." || name === "..") return `Topic name is invalid: '${name}' is not allowed`;
  if (name.length > maxNameLength) {
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${maxNameLength}`;
  }
  if (/^[a-zA-Z0-9._-]+$/.test(name)) return null;
  return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
}

/** Kafka's rules for a new topic (`ReplicationControlManager.createTopic`). */
export function planTopic(topic: NewTopic, view: ClusterView): TopicPlan | Refusal {
  if (view.hasTopic(topic.name)) {
    return refusal(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${topic.name}' already exists.`);
  }
  const badName = checkTopicName(topic.name) ?? checkCollision(topic.name, view);
  if (badName !== null) return refusal(errorCodes.INVALID_TOPIC_EXCEPTION, badName);
  const configs = checkConfigs(topic.configs ?? new Map(), view.settings);
  if ("errorCode" in configs) return configs;
  const { partitionCount = -1, replicationFactor = -1, assignments = [] } = topic;
  if (assignments.length > 0) {
    const refused = checkAssignments(assignments, partitionCount, replicationFactor, view.brokers);
    if (refused !== null) return refused;
    const replicas = assignments
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ brokerIds }) => [...brokerIds]);
    const counts = { partitionCount: replicas.length, replicationFactor: replicas[0]!.length };
    return { ...counts, replicas, configs: configs.values };
  }
  if (replicationFactor < -1 || replicationFactor === 0) {
    return refusal(
      errorCodes.INVALID_REPLICATION_FACTOR,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    );
  }
  if (partitionCount < -1 || partitionCount === 0) {
    return refusal(errorCodes.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.");
  }
  const replicas = replicationFactor === -1 ? view.settings.number("default.replication.factor") : replicationFactor;
  const { count: brokerCount } = view.brokers;
  if (replicas > brokerCount) {
    return refusal(
      errorCodes.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${replicas} time(s): The target replication factor of ${replicas} cannot be reached because only ${brokerCount} broker(s) are registered or some brokers have all their log directories cordoned.`,
    );
  }
  const count = partitionCount === -1 ? view.settings.number("num.partitions") : partitionCount;
  return { partitionCount: count, replicationFactor: replicas, replicas: null, configs: configs.values };
}

/** A topic that is to grow. */
export interface GrowingTopic {
  readonly partitionCount: number;
  readonly replicationFactor: number;
}

/** Kafka's rules for adding partitions (`ReplicationControlManager.createPartitions`); null if they may be added. */
export function checkNewPartitions(request: NewPartitions, topic: GrowingTopic, brokers: BrokersView): Refusal | null {
  const { partitionCount: currentCount, replicationFactor } = topic;
  const { name, count, assignments } = request;
  if (count === currentCount) {
    return refusal(errorCodes.INVALID_PARTITIONS, `Topic already has ${currentCount} partition(s).`);
  }
  if (count < currentCount) {
    return refusal(
      errorCodes.INVALID_PARTITIONS,
      `The topic ${name} currently has ${currentCount} partition(s); ${count} would not be an increase.`,
    );
  }
  if (name === offsetsTopicName) {
    const what = `The number of partitions of ${name} is fixed: groups would be looked for in the wrong one.`;
    return refusal(errorCodes.INVALID_PARTITIONS, what);
  }
  const additional = count - currentCount;
  if (additional > maxPartitionsPerRequest) return tooManyPartitions();
  if (assignments === null) return null;
  if (assignments.length !== additional) {
    return refusal(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      `Attempted to add ${additional} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    );
  }
  for (const [n, brokerIds] of assignments.entries()) {
    const wrong = checkBrokers(brokerIds, replicationFactor, brokers) ?? checkUp(brokerIds, currentCount + n, brokers);
    if (wrong !== null) return wrong;
  }
  return null;
}

export function tooManyPartitions(): Refusal {
  return refusal(errorCodes.POLICY_VIOLATION, "Excessively large number of partitions per request.");
}

export function refusal(errorCode: number, errorMessage: string | null): Refusal {
  return { errorCode, errorMessage };
}

/** Names that differ only in `.` and `_` would share a metric name in Kafka, which refuses the second one. */
function checkCollision(name: string, view: ClusterView): string | null {
  if (!/[._]/.test(name)) return null;
  const unified = name.replaceAll(".", "_");
  for (const existing of view.topicNames()) {
    if (existing.length === name.length && existing.replaceAll(".", "_") === unified) {
      return `Topic '${name}' collides with existing topic: ${existing}`;
    }
  }
  return null;
}

function checkConfigs(
  configs: ReadonlyMap<string, string | null>,
  settings: Settings,
): { readonly values: Map<string, string> } | Refusal {
  try {
    return { values: validateTopicConfigs(configs, settings) };
  } catch (error) {
    if (error instanceof ConfigError) return refusal(errorCodes.INVALID_CONFIG, error.message);
    throw error;
  }
}

function checkAssignments(
  assignments: readonly ReplicaAssignment[],
  partitionCount: number,
  replicationFactor: number,
  brokers: BrokersView,
): Refusal | null {
  const because = "A manual partition assignment was specified, but";
  if (replicationFactor !== -1) {
    return refusal(errorCodes.INVALID_REQUEST, `${because} replication factor was not set to -1.`);
  }
  if (partitionCount !== -1) {
    return refusal(errorCodes.INVALID_REQUEST, `${because} numPartitions was not set to -1.`);
  }
  const seen = new Set<number>();
  const replicas = assignments[0]?.brokerIds.length ?? 1;
  for (const { partitionIndex, brokerIds } of assignments) {
    if (seen.has(partitionIndex)) {
      const what = `Found multiple manual partition assignments for partition ${partitionIndex}`;
      return refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, what);
    }
    seen.add(partitionIndex);
    const wrong = checkBrokers(brokerIds, replicas, brokers) ?? checkUp(brokerIds, partitionIndex, brokers);
    if (wrong !== null) return wrong;
  }
  for (let index = 0; index < assignments.length; index++) {
    if (seen.has(index)) continue;
    return refusal(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      "partitions should be a consecutive 0-based integer sequence",
    );
  }
  return null;
}

/** Somebody has to lead the partition at once. */
function checkUp(brokerIds: readonly number[], partitionIndex: number, brokers: BrokersView): Refusal | null {
  if (brokerIds.some((id) => brokers.isUp(id))) return null;
  const what = `All brokers specified in the manual partition assignment for partition ${partitionIndex} are fenced or in controlled shutdown.`;
  return refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, what);
}

function checkBrokers(brokerIds: readonly number[], replicas: number, brokers: BrokersView): Refusal | null {
  const wrong = (what: string) =>
    refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, `The manual partition assignment includes ${what}`);
  if (brokerIds.length === 0) return wrong("an empty replica list.");
  let previous: number | null = null;
  for (const brokerId of brokerIds.toSorted((a, b) => a - b)) {
    if (!brokers.isRegistered(brokerId)) return wrong(`broker ${brokerId}, but no such broker is registered.`);
    if (brokerId === previous) return wrong(`the broker ${brokerId} more than once.`);
    previous = brokerId;
  }
  if (brokerIds.length === replicas) return null;
  return wrong(
    `a partition with ${brokerIds.length} replica(s), but this is not consistent with previous partitions, which have ${replicas} replica(s).`,
  );
}
