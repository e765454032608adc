import { type Admin, type ConfigEntry, settle, type TopicDescription } from "@ottla/client";
import type { AlterTopicOptions, ConnectionOptions, CreateTopicOptions, ListTopicsOptions } from "./command-options.ts";
import { plainWords, withAdmin } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { counted, printJson, printLine, printTable } from "./output.ts";

/** A partition with the offsets of its first record and of the next one to come; null where it has no leader to ask. */
interface PartitionSize {
  readonly partition: number;
  readonly leader: number | null;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly startOffset: number | null;
  readonly endOffset: number | null;
}

interface TopicSize {
  readonly topic: string;
  readonly topicId: string | null;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionSize[];
  /** Offsets between start and end: where a log was compacted, some of them hold no message. */
  readonly messages: number;
}

export function listTopics(options: ListTopicsOptions, context: CommandContext): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const names = await admin.listTopics({ includeInternal: options.internal ?? false });
    const topics = await measure(admin, await admin.describeTopics(names));
    const { terminal } = context;
    if (options.json) return printJson(terminal, topics.map(summary));
    if (topics.length === 0) return printLine(terminal, "there are no topics; `ottla topics create <name>` makes one");
    printTable(
      terminal,
      ["topic", "partitions", "replicas", "messages"],
      topics.map((it) => [it.topic, it.partitions.length, it.partitions[0]?.replicas.length ?? 0, it.messages]),
    );
  });
}

function summary({ topic, topicId, isInternal, partitions, messages }: TopicSize) {
  const replicationFactor = partitions[0]?.replicas.length ?? 0;
  return { topic, topicId, isInternal, partitions: partitions.length, replicationFactor, messages };
}

export function describeTopics(
  names: readonly string[],
  options: ConnectionOptions,
  context: CommandContext,
): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const topics = await measure(admin, await admin.describeTopics(names));
    const configs = await admin.describeConfigs(names.map((name) => ({ type: "topic", name })));
    const own = configs.map((it) => it.configs.filter(({ isDefault }) => !isDefault));
    const { terminal } = context;
    if (options.json) {
      const described = topics.map((topic, index) => ({ ...topic, configs: asObject(own[index] ?? []) }));
      return printJson(terminal, described);
    }
    for (const [index, topic] of topics.entries()) {
      if (index > 0) printLine(terminal);
      printLine(
        terminal,
        `${topic.topic}: ${counted(topic.partitions.length, "partition")}, ${counted(topic.messages, "message")}`,
      );
      for (const { name, value } of own[index] ?? []) printLine(terminal, `  ${name} = ${value}`);
      printTable(
        terminal,
        ["partition", "leader", "replicas", "in sync", "start", "end"],
        topic.partitions.map((it) => [
          ...[it.partition, it.leader, it.replicas.join(","), it.isr.join(",")],
          ...[it.startOffset, it.endOffset],
        ]),
      );
    }
  });
}

function asObject(configs: readonly ConfigEntry[]): Record<string, string | null> {
  return Object.fromEntries(configs.map(({ name, value }) => [name, value]));
}

/** Asks for the offsets of all partitions that have a leader. */
async function measure(admin: Admin, topics: readonly TopicDescription[]): Promise<TopicSize[]> {
  const places = topics.flatMap(({ topic, partitions }) =>
    partitions.filter(({ leader }) => leader !== null).map(({ partition }) => ({ topic, partition })),
  );
  const [starts, ends] = await Promise.all(
    (["earliest", "latest"] as const).map(async (at) => {
      const listed = places.length === 0 ? [] : await admin.listOffsets(places.map((place) => ({ ...place, at })));
      return new Map(listed.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]));
    }),
  );
  return topics.map(({ topic, topicId, isInternal, partitions }) => {
    const sizes = partitions.map(({ partition, leader, replicas, isr }) => ({
      ...{ partition, leader, replicas, isr },
      startOffset: starts?.get(`${topic}-${partition}`) ?? null,
      endOffset: ends?.get(`${topic}-${partition}`) ?? null,
    }));
    const messages = sizes.reduce((sum, it) => sum + (it.endOffset ?? 0) - (it.startOffset ?? 0), 0);
    return { topic, topicId, isInternal, partitions: sizes, messages };
  });
}

export function createTopic(topic: string, options: CreateTopicOptions, context: CommandContext): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const { partitions, replicationFactor, config: configs } = options;
    const [result] = await settle([topic], admin.createTopics([{ topic, partitions, replicationFactor, configs }]));
    const { terminal } = context;
    if (result?.error?.code === "TOPIC_ALREADY_EXISTS" && options.ifNotExists) {
      if (options.json) return printJson(terminal, { topic, created: false });
      return printLine(terminal, `${topic} exists already`);
    }
    if (result?.error) throw result.error;
    const count = result?.value?.partitions ?? partitions ?? null;
    if (options.json) return printJson(terminal, { topic, created: true, partitions: count });
    printLine(terminal, `created ${topic}${count === null ? "" : ` with ${counted(count, "partition")}`}`);
  });
}

export function alterTopic(topic: string, options: AlterTopicOptions, context: CommandContext): Promise<void> {
  const { partitions, set = {}, unset = [] } = options;
  const changes = [
    ...Object.entries(set).map(([name, value]) => ({ name, operation: "set" as const, value })),
    ...unset.map((name) => ({ name, operation: "delete" as const })),
  ];
  if (partitions === undefined && changes.length === 0) {
    throw new CommandError("nothing to change: give --partitions, --set or --unset");
  }
  return withAdmin(options, context, async (admin) => {
    if (changes.length > 0) await admin.incrementalAlterConfigs([{ type: "topic", name: topic, configs: changes }]);
    if (partitions !== undefined) await admin.createPartitions([{ topic, count: partitions }]);
    const { terminal } = context;
    if (options.json) return printJson(terminal, { topic, partitions, set, unset });
    for (const [name, value] of Object.entries(set)) printLine(terminal, `${topic}: ${name} = ${value}`);
    for (const name of unset) printLine(terminal, `${topic}: ${name} is back to its default`);
    if (partitions !== undefined) printLine(terminal, `${topic} has ${counted(partitions, "partition")} now`);
  });
}

export function deleteTopics(
  names: readonly string[],
  options: ConnectionOptions & { readonly ifExists?: boolean },
  context: CommandContext,
): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    const nothings = admin.deleteTopics(names).then(() => names.map(() => null));
    const results = await settle(names, nothings);
    const deleted = results.filter(({ error }) => error === null).map(({ item }) => item);
    const { terminal } = context;
    if (!options.json) for (const name of deleted) printLine(terminal, `deleted ${name}`);
    for (const { item, error } of results) {
      if (error === null || (error.code === "UNKNOWN_TOPIC_OR_PARTITION" && options.ifExists)) continue;
      throw new CommandError(plainWords(error, item), { cause: error });
    }
    if (options.json) printJson(terminal, deleted);
  });
}
