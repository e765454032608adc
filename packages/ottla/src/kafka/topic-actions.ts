/** What `kafka-topics` does besides describing. Each action throws an error whose message is Kafka's. */
import { type Admin, KafkaError } from "@ottla/client";
import type { ToolContext } from "./open-admin.ts";
import { topicFilter } from "./topic-filter.ts";

export async function createTopic(admin: Admin, { options, terminal }: ToolContext): Promise<void> {
  const topic = options.value("topic") ?? "";
  const partitions = options.number("partitions");
  const replicationFactor = options.number("replication-factor");
  const replicaAssignments = parseReplicaAssignment(options.value("replica-assignment"));
  const configs = parseConfigs(options.values("config"));
  if (/[._]/.test(topic)) {
    terminal.write(
      "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid issues it is best to use either, but not both.\n",
    );
  }
  if (replicationFactor !== undefined && (replicationFactor < 1 || replicationFactor > 32_767)) {
    throw new Error("The replication factor must be between 1 and 32767 inclusive");
  }
  if (partitions !== undefined && partitions < 1) throw new Error("The partitions must be greater than 0");
  if (topic === "") throw new Error("The given topic name '' cannot be represented in a request.");
  try {
    const newTopic = { topic, partitions, replicationFactor, replicaAssignments, configs };
    await admin.createTopics([newTopic], { retryOnQuotaViolation: false });
  } catch (error) {
    const existed = error instanceof KafkaError && error.code === "TOPIC_ALREADY_EXISTS";
    if (existed && options.has("if-not-exists")) return;
    throw error;
  }
  terminal.write(`Created topic ${topic}.\n`);
}

export async function listTopics(admin: Admin, context: ToolContext): Promise<void> {
  const topics = await selectTopics(admin, context);
  context.terminal.write(`${topics.join("\n")}\n`);
}

export async function alterTopics(admin: Admin, context: ToolContext): Promise<void> {
  const { options } = context;
  const topics = await selectTopics(admin, context);
  requireTopic(topics, context);
  const count = options.number("partitions") ?? 0;
  const assignments = parseReplicaAssignment(options.value("replica-assignment"));
  // What the assignment says of the partitions that are there already is passed over.
  const described = assignments === undefined ? [] : await admin.describeTopics(topics);
  const partitionsOf = (name: string) => described.find(({ topic }) => topic === name)?.partitions.length ?? 0;
  await admin.createPartitions(
    topics.map((topic) => ({ topic, count, assignments: assignments?.slice(partitionsOf(topic)) })),
    { retryOnQuotaViolation: false },
  );
}

export async function deleteTopics(admin: Admin, context: ToolContext): Promise<void> {
  const topics = await selectTopics(admin, context);
  requireTopic(topics, context);
  await admin.deleteTopics(topics, { retryOnQuotaViolation: false });
}

/** The topics that `--topic` asks for, sorted. */
export async function selectTopics(admin: Admin, { options }: ToolContext): Promise<string[]> {
  const isSelected = topicFilter(options.value("topic"), options.has("exclude-internal"));
  return (await admin.listTopics({ includeInternal: true })).filter(isSelected);
}

/** A topic that was asked for has to be there, unless `--if-exists` says otherwise. */
export function requireTopic(topics: readonly string[], { options }: ToolContext): void {
  const topic = options.value("topic");
  if (topics.length > 0 || topic === undefined || topic === "" || options.has("if-exists")) return;
  throw new Error(`Topic '${topic}' does not exist as expected`);
}

/** `1:2,2:3` as a list of brokers per partition. */
function parseReplicaAssignment(text: string | undefined): number[][] | undefined {
  if (text === undefined || text === "") return undefined;
  const partitions = text.split(",").map((partition) => partition.split(":").map(parseBrokerId));
  for (const [index, brokers] of partitions.entries()) {
    const repeated = new Set(brokers.filter((broker, place) => brokers.indexOf(broker) !== place));
    if (repeated.size > 0) {
      throw new Error(`Partition replica lists may not contain duplicate entries: ${[...repeated].join(",")}`);
    }
    if (brokers.length !== partitions[0]?.length) {
      throw new Error(`Partition ${index} has different replication factor: [${brokers.join(", ")}]`);
    }
  }
  return partitions;
}

function parseBrokerId(text: string): number {
  const id = text.trim();
  if (!/^[+-]?\d+$/.test(id)) throw new Error(`For input string: "${id}"`);
  return Number(id);
}

/** `name=value` pairs; their values are for the broker to check. */
function parseConfigs(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const parts = pair.split(/\s*=\s*/);
      const [name = "", value = ""] = parts;
      if (parts.length !== 2 || value === "") {
        throw new Error(
          'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".',
        );
      }
      return [name.trim(), value.trim()];
    }),
  );
}
