/** `kafka-topics --describe` (Kafka's TopicCommand.TopicService.describeTopic). */
import {
  type Admin,
  AuthorizationError,
  type ConfigEntry,
  type PartitionDescription,
  type PartitionReassignment,
  type TopicDescription,
  type TopicPartition,
  UnsupportedVersionError,
} from "@ottla/client";
import type { ToolContext } from "./open-admin.ts";
import type { ParsedOptions } from "./option-parser.ts";
import { requireTopic, selectTopics } from "./topic-actions.ts";
import { isInternalTopic } from "./topic-filter.ts";
import { partitionLine, topicLine } from "./topic-tables.ts";

export async function describeTopics(admin: Admin, context: ToolContext): Promise<void> {
  const { options, terminal } = context;
  const topics = await selectDescriptions(admin, context);
  const [configs, cluster, moves] = await Promise.all([
    admin.describeConfigs(topics.map(({ topic }) => ({ type: "topic", name: topic }))),
    admin.describeCluster(),
    listMoves(admin, topics),
  ]);
  const liveBrokers = new Set(cluster.brokers.map(({ nodeId }) => nodeId));
  for (const [index, topic] of topics.entries()) {
    const entries = configs[index]?.configs ?? [];
    const moveOf = (partition: number) =>
      moves.find((move) => move.topic === topic.topic && move.partition === partition) ?? null;
    if (isHeaderShown(options, entries)) terminal.write(header(topic, entries, moveOf(0)));
    for (const partition of topic.partitions) {
      const move = moveOf(partition.partition);
      if (!isPartitionShown(options, { partition, move, minIsr: minIsrOf(entries), liveBrokers })) continue;
      terminal.write(partitionLine({ ...partition, topic: topic.topic, move }));
    }
  }
}

/** By id where one was given, else by name; sorted. */
async function selectDescriptions(admin: Admin, context: ToolContext): Promise<TopicDescription[]> {
  const { options } = context;
  const topicId = parseTopicId(options.value("topic-id"));
  if (topicId !== undefined) {
    const listings = await admin.listTopicListings({ includeInternal: true });
    const listing = listings.find((it) => it.topicId === topicId);
    const isLeftOut = listing !== undefined && options.has("exclude-internal") && isInternalTopic(listing.topic);
    if (listing !== undefined && !isLeftOut) return admin.describeTopics([{ topicId }]);
    if (options.has("if-exists")) return [];
    throw new Error(`TopicId '${topicId}' does not exist as expected`);
  }
  const topics = await selectTopics(admin, context);
  requireTopic(topics, context);
  if (topics.length === 0) return [];
  const partitionSizeLimitPerResponse = options.number("partition-size-limit-per-response");
  return admin.describeTopics(topics, { partitionSizeLimitPerResponse });
}

const zeroId = "AAAAAAAAAAAAAAAAAAAAAA";

/** Checks an id as Kafka's `Uuid.fromString` does; the id of zeros counts as none. */
function parseTopicId(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.length > 24)
    throw new Error(`Input string with prefix \`${text.slice(0, 24)}\` is too long to be decoded as a base64 UUID`);
  const size = Buffer.from(text, "base64url").length;
  if (size !== 16) {
    throw new Error(
      `Input string \`${text}\` decoded as ${size} bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID`,
    );
  }
  return text === zeroId ? undefined : text;
}

/** Replicas that are on the move; none where the broker does not say. */
async function listMoves(admin: Admin, topics: readonly TopicDescription[]): Promise<PartitionReassignment[]> {
  const partitions: TopicPartition[] = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition }) => ({ topic, partition })),
  );
  if (partitions.length === 0) return [];
  try {
    return await admin.listPartitionReassignments(partitions);
  } catch (error) {
    if (error instanceof UnsupportedVersionError || error instanceof AuthorizationError) return [];
    throw error;
  }
}

const reports = [
  "unavailable-partitions",
  "under-replicated-partitions",
  "under-min-isr-partitions",
  "at-min-isr-partitions",
] as const;

/** The first line of a topic is left out of the reports on partitions, and of `--topics-with-overrides` where nothing is overridden. */
function isHeaderShown(options: ParsedOptions, configs: readonly ConfigEntry[]): boolean {
  if (reports.some((report) => options.has(report))) return false;
  return !options.has("topics-with-overrides") || configs.some(({ isDefault }) => !isDefault);
}

function header(
  { topic, topicId, partitions }: TopicDescription,
  configs: readonly ConfigEntry[],
  move: PartitionReassignment | null,
): string {
  const first = partitions[0];
  return topicLine({
    topic,
    topicId,
    partitionCount: partitions.length,
    replicationFactor: first === undefined ? 0 : replicaCount(first, move),
    configs: configs.filter(({ isDefault }) => !isDefault),
  });
}

interface ShownPartition {
  readonly partition: PartitionDescription;
  readonly move: PartitionReassignment | null;
  readonly minIsr: number;
  readonly liveBrokers: ReadonlySet<number>;
}

function isPartitionShown(options: ParsedOptions, { partition, move, minIsr, liveBrokers }: ShownPartition): boolean {
  if (options.has("topics-with-overrides")) return false;
  if (!reports.some((report) => options.has(report))) return true;
  const { leader, isr } = partition;
  return (
    (options.has("under-replicated-partitions") && replicaCount(partition, move) > isr.length) ||
    (options.has("unavailable-partitions") && (leader === null || !liveBrokers.has(leader))) ||
    (options.has("under-min-isr-partitions") && (leader === null || isr.length < minIsr)) ||
    (options.has("at-min-isr-partitions") && isr.length === minIsr)
  );
}

function minIsrOf(configs: readonly ConfigEntry[]): number {
  return Number(configs.find(({ name }) => name === "min.insync.replicas")?.value ?? 1);
}

/** Replicas without those that are only on their way. */
function replicaCount({ replicas }: PartitionDescription, move: PartitionReassignment | null): number {
  return move === null ? replicas.length : move.replicas.length - move.addingReplicas.length;
}
