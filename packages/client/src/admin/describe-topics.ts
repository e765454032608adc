import { apis, type ResponseValue } from "@ottla/protocol";
import type { KafkaError } from "../errors.ts";
import { answeredError, type ItemResult } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { valuesOf } from "./drive.ts";
import { describeSelector, idOrNull, type TopicSelector } from "./topics.ts";
import { authorizedOperations } from "./wire-names.ts";

/** A topic as a listing has it. */
export interface TopicListing {
  readonly topic: string;
  /** Null before Kafka 2.8. */
  readonly topicId: string | null;
  readonly isInternal: boolean;
}

export interface ListTopicsOptions extends CallOptions {
  /** Whether Kafka's own topics are listed too. Default false. */
  readonly includeInternal?: boolean | undefined;
}

/** A topic and its partitions. */
export interface TopicDescription {
  readonly topic: string;
  /** Null before Kafka 2.8. */
  readonly topicId: string | null;
  readonly isInternal: boolean;
  /** By index. */
  readonly partitions: readonly PartitionDescription[];
  /** What the principal may do, by Kafka's names; null where it was not asked for. */
  readonly authorizedOperations: readonly string[] | null;
}

/** A partition with the ids of the brokers that hold it. */
export interface PartitionDescription {
  readonly partition: number;
  /** Null while there is none. */
  readonly leader: number | null;
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number;
  /** The preferred leader first. */
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  /** Eligible leader replicas (KIP-966); null where the cluster has none, or the broker does not say. */
  readonly elr: readonly number[] | null;
  /** The last known ones of these; null as `elr`. */
  readonly lastKnownElr: readonly number[] | null;
  readonly offlineReplicas: readonly number[];
}

export interface DescribeTopicsOptions extends CallOptions {
  /** Whether to say what the principal may do (KIP-430). Default false. */
  readonly includeAuthorizedOperations?: boolean | undefined;
  /** How many partitions one request may bring, where the broker pages (KIP-966). Default 2,000. */
  readonly partitionSizeLimitPerResponse?: number | undefined;
}

type MetadataTopic = ResponseValue<typeof apis.metadata>["topics"][number];
type Page = ResponseValue<typeof apis.describeTopicPartitions>;
type PagedTopic = Page["topics"][number];
type Cursor = NonNullable<Page["nextCursor"]>;

export async function listTopicListings(context: AdminContext, options: ListTopicsOptions): Promise<TopicListing[]> {
  checkOptions("listTopics", options, ["includeInternal"]);
  const call = new Call(context, "listTopics", options);
  const body = (version: number) => ({
    // Version 0 has no null: no names at all stand for all topics.
    topics: version === 0 ? [] : null,
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
  });
  const { response } = await call.ask(apis.metadata, body);
  if (response.errorCode !== 0) throw answeredError(response.errorCode, "Could not list the topics");
  const { includeInternal = false } = options;
  return response.topics
    .flatMap(({ name, topicId, isInternal }) =>
      name === null || (isInternal && !includeInternal) ? [] : { topic: name, topicId: idOrNull(topicId), isInternal },
    )
    .sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

export async function describeTopics(
  context: AdminContext,
  topics: readonly TopicSelector[],
  options: DescribeTopicsOptions,
): Promise<TopicDescription[]> {
  checkOptions("describeTopics", options, ["includeAuthorizedOperations", "partitionSizeLimitPerResponse"]);
  const names = topics.filter((topic) => typeof topic === "string");
  const javaName = topics.length > 0 && names.length === 0 ? "describeTopicsWithIds" : "describeTopicPartitions";
  const call = new Call(context, javaName, options);
  const ids = topics.flatMap((topic) => (typeof topic === "string" ? [] : topic.topicId));
  const [named, identified] = await Promise.all([
    names.length === 0 ? new Map() : describeNamed(call, [...new Set(names)], options),
    ids.length === 0 ? new Map() : describeByMetadata(call, { ids: [...new Set(ids)] }, options),
  ]);
  const results = topics.map((item): ItemResult<TopicSelector, TopicDescription> => {
    const found = typeof item === "string" ? named.get(item) : identified.get(item.topicId);
    if (found !== undefined && !("errorCode" in found)) return { item, value: found, error: null };
    return { item, value: null, error: found ?? unknownTopic(describeSelector(item)) };
  });
  return valuesOf(results);
}

type Found = Map<string, TopicDescription | KafkaError>;

/** Page by page where the broker can (Kafka 3.8 and newer), so that no answer is too large; otherwise by Metadata. */
async function describeNamed(call: Call, names: readonly string[], options: DescribeTopicsOptions): Promise<Found> {
  const api = apis.describeTopicPartitions;
  const { pool } = call.core;
  const paged = await call.retry(() => call.share(pool.supports("any", api, call.signal)));
  return paged === null ? describeByMetadata(call, { names }, options) : describePaged(call, names, options);
}

async function describePaged(call: Call, names: readonly string[], options: DescribeTopicsOptions): Promise<Found> {
  const found: Found = new Map();
  const sorted = names.toSorted();
  const { partitionSizeLimitPerResponse: responsePartitionLimit = 2_000 } = options;
  for (let cursor: Cursor | null = null; ; ) {
    const first: string = cursor?.topicName ?? "";
    const topics = sorted.filter((name) => name >= first).map((name) => ({ name }));
    const page: Page = (await call.ask(apis.describeTopicPartitions, { topics, responsePartitionLimit, cursor }))
      .response;
    for (const topic of page.topics) takePage(found, topic, options);
    const next: Cursor | null = page.nextCursor;
    // A cursor that stands still would be asked for again for ever.
    if (next === null || (next.topicName === first && next.partitionIndex === cursor?.partitionIndex)) return found;
    cursor = next;
  }
}

function takePage(found: Found, topic: PagedTopic, options: DescribeTopicsOptions): void {
  const { name, errorCode } = topic;
  if (name === null) return;
  if (errorCode !== 0) {
    found.set(name, answeredError(errorCode, `Could not describe topic ${name}`));
    return;
  }
  const before = found.get(name);
  const partitions = before !== undefined && "partitions" in before ? [...before.partitions] : [];
  for (const partition of topic.partitions) {
    const description = {
      ...descriptionOf(partition),
      elr: partition.eligibleLeaderReplicas,
      lastKnownElr: partition.lastKnownElr,
    };
    // The partition that the cursor names may come twice.
    const at = partitions.findIndex((one) => one.partition === description.partition);
    if (at < 0) partitions.push(description);
    else partitions[at] = description;
  }
  found.set(name, topicDescription(topic, name, partitions, options));
}

async function describeByMetadata(
  call: Call,
  asked: { readonly names: readonly string[] } | { readonly ids: readonly string[] },
  options: DescribeTopicsOptions,
): Promise<Found> {
  const byId = "ids" in asked;
  const topics = byId ? asked.ids.map((topicId) => ({ topicId, name: null })) : asked.names.map((name) => ({ name }));
  const { includeAuthorizedOperations: includeTopicAuthorizedOperations = false } = options;
  const body = (version: number) => ({
    topics,
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
    ...(version >= 8 ? { includeTopicAuthorizedOperations } : {}),
  });
  const { response } = await call.ask(apis.metadata, body, { minVersion: byId ? 12 : undefined });
  if (response.errorCode !== 0) throw answeredError(response.errorCode, "Could not describe topics");
  const found: Found = new Map();
  for (const topic of response.topics) {
    const key = byId ? topic.topicId : (topic.name ?? "");
    found.set(key, metadataTopic(topic, byId ? `with id ${key}` : key, options));
  }
  return found;
}

function metadataTopic(
  topic: MetadataTopic,
  asked: string,
  options: DescribeTopicsOptions,
): TopicDescription | KafkaError {
  if (topic.errorCode !== 0 || topic.name === null)
    return answeredError(topic.errorCode || unknownTopicOrPartition, `Could not describe topic ${asked}`);
  const partitions = topic.partitions.map((partition) => ({
    ...descriptionOf(partition),
    elr: null,
    lastKnownElr: null,
  }));
  return topicDescription(topic, topic.name, partitions, options);
}

function topicDescription(
  topic: MetadataTopic | PagedTopic,
  name: string,
  partitions: PartitionDescription[],
  options: DescribeTopicsOptions,
): TopicDescription {
  const operations = authorizedOperations(topic.topicAuthorizedOperations);
  return {
    topic: name,
    topicId: idOrNull(topic.topicId),
    isInternal: topic.isInternal,
    partitions: partitions.sort((a, b) => a.partition - b.partition),
    // A broker that pages says so unasked.
    authorizedOperations: options.includeAuthorizedOperations ? operations : null,
  };
}

function descriptionOf(partition: MetadataTopic["partitions"][number] | PagedTopic["partitions"][number]) {
  const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes, offlineReplicas } = partition;
  return {
    partition: partitionIndex,
    leader: leaderId < 0 ? null : leaderId,
    leaderEpoch,
    replicas: replicaNodes,
    isr: isrNodes,
    offlineReplicas,
  };
}

const unknownTopicOrPartition = 3;

function unknownTopic(topic: string): KafkaError {
  return answeredError(unknownTopicOrPartition, `Could not describe topic ${topic}`);
}
