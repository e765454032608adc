import { apis, zeroUuid } from "@ottla/protocol";
import type { KafkaError } from "../errors.ts";
import { answeredError } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import type { ConfigEntry } from "./configs.ts";
import { configEntry } from "./configs.ts";
import { answersBy, drive } from "./drive.ts";
import { type HasArrived, hasPartitions, isGone, untilArrived } from "./propagation.ts";
import { controllerRoute } from "./routes.ts";

/** A topic by its name or by its id. */
export type TopicSelector = string | { readonly topicId: string };

/** A topic to create. */
export interface NewTopic {
  readonly topic: string;
  /** Default: the broker's `num.partitions` (KIP-464, Kafka 2.4). Not together with `replicaAssignments`. */
  readonly partitions?: number | undefined;
  /** Default: the broker's `default.replication.factor` (KIP-464, Kafka 2.4). Not together with `replicaAssignments`. */
  readonly replicationFactor?: number | undefined;
  /** The brokers of each partition, the preferred leader first. */
  readonly replicaAssignments?: readonly (readonly number[])[] | undefined;
  /** The topic's settings by Kafka's names. */
  readonly configs?: Readonly<Record<string, string | null>> | undefined;
}

/** A topic that has been created, or would have been. What brokers before Kafka 2.4 do not say is null (the id: before 2.8; of a topic that was only validated too). */
export interface CreatedTopic {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partitions: number | null;
  readonly replicationFactor: number | null;
  readonly configs: readonly ConfigEntry[] | null;
}

export interface CreateTopicsOptions extends CallOptions {
  /** Only says whether the topics could be created. Default false. */
  readonly validateOnly?: boolean | undefined;
  /** Whether to try again, within the call's time, where a quota has been used up (KIP-599). Default true. */
  readonly retryOnQuotaViolation?: boolean | undefined;
  /**
   * Whether to wait, for five seconds at most, until the brokers that this client is connected to have heard of the change: controllers answer before that. Default true;
   * the Java client does not wait.
   */
  readonly waitUntilKnown?: boolean | undefined;
}

/** A topic to add partitions to. */
export interface NewPartitions {
  readonly topic: string;
  /** How many the topic is to have in all. */
  readonly count: number;
  /** The brokers of each new partition. Default: the cluster chooses. */
  readonly assignments?: readonly (readonly number[])[] | undefined;
}

export type CreatePartitionsOptions = CreateTopicsOptions;

export interface DeleteTopicsOptions extends CallOptions {
  /** Whether to try again, within the call's time, where a quota has been used up (KIP-599). Default true. */
  readonly retryOnQuotaViolation?: boolean | undefined;
  /**
   * Whether to wait, for five seconds at most, until the brokers that this client is connected to have heard of the change: controllers answer before that. Default true;
   * the Java client does not wait.
   */
  readonly waitUntilKnown?: boolean | undefined;
}

const notController = 41;
const throttlingQuotaExceeded = 89;

/** Of what a controller says of one topic, only these are worth another try: it may have done the rest already. */
function controllerRetries(options: { readonly retryOnQuotaViolation?: boolean | undefined }) {
  const onQuota = options.retryOnQuotaViolation ?? true;
  return ({ errorCode }: KafkaError) =>
    errorCode === notController || (onQuota && errorCode === throttlingQuotaExceeded);
}

export async function createTopics(
  context: AdminContext,
  topics: readonly NewTopic[],
  options: CreateTopicsOptions,
): Promise<CreatedTopic[]> {
  checkOptions("createTopics", options, ["validateOnly", "retryOnQuotaViolation", "waitUntilKnown"]);
  const call = new Call(context, "createTopics", options);
  const { validateOnly = false } = options;
  const api = apis.createTopics;
  const made = new Map<string, HasArrived>();
  const work = drive<NewTopic, CreatedTopic>(call, topics, {
    route: controllerRoute(call),
    api: null,
    isRetriable: controllerRetries(options),
    ask: async (target, some) => {
      const body = { topics: some.map(newTopic), timeoutMs: call.brokerTimeoutMs, validateOnly };
      const minVersion = some.some(leavesCountsOut) ? 4 : undefined;
      const { response } = await call.send(target, api, body, { minVersion });
      const answers = new Map(response.topics.map((answer) => [answer.name, answer]));
      return answersBy(some, ({ topic, partitions, replicaAssignments }) => {
        const answer = answers.get(topic);
        if (answer === undefined) return undefined;
        const { errorCode, errorMessage, topicId, numPartitions, replicationFactor, configs } = answer;
        if (errorCode !== 0) return answeredError(errorCode, `Could not create topic ${topic}`, errorMessage);
        made.set(topic, hasPartitions(replicaAssignments?.length ?? partitions ?? 1));
        return {
          topic,
          topicId: idOrNull(topicId),
          partitions: numPartitions < 0 ? null : numPartitions,
          replicationFactor: replicationFactor < 0 ? null : replicationFactor,
          configs: numPartitions < 0 ? null : (configs ?? []).map(configEntry),
        };
      });
    },
  });
  return thenUntilKnown(call, work, made, options);
}

/** Waits for what was done even where something else failed: the caller may go on with it. */
async function thenUntilKnown<T>(
  call: Call,
  work: Promise<T>,
  made: ReadonlyMap<string, HasArrived>,
  { validateOnly = false, waitUntilKnown = true }: CreateTopicsOptions,
): Promise<T> {
  try {
    return await work;
  } finally {
    if (waitUntilKnown && !validateOnly) await untilArrived(call, made);
  }
}

function newTopic({ topic, partitions, replicationFactor, replicaAssignments, configs }: NewTopic) {
  return {
    name: topic,
    numPartitions: partitions ?? -1,
    replicationFactor: replicationFactor ?? -1,
    assignments: (replicaAssignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
  };
}

/** Whether the broker has to choose a number, which it can from version 4 on. */
function leavesCountsOut({ partitions, replicationFactor, replicaAssignments }: NewTopic): boolean {
  return replicaAssignments === undefined && ((partitions ?? -1) === -1 || (replicationFactor ?? -1) === -1);
}

export async function deleteTopics(
  context: AdminContext,
  topics: readonly TopicSelector[],
  options: DeleteTopicsOptions,
): Promise<void> {
  checkOptions("deleteTopics", options, ["retryOnQuotaViolation", "waitUntilKnown"]);
  const call = new Call(context, "deleteTopics", options);
  const made = new Map<string, HasArrived>();
  const work = drive<TopicSelector, null>(call, topics, {
    route: controllerRoute(call),
    api: null,
    isRetriable: controllerRetries(options),
    ask: async (target, some) => {
      const body = (version: number) => ({
        ...(version >= 6 ? { topics: some.map(selected) } : { topicNames: some.map(String) }),
        timeoutMs: call.brokerTimeoutMs,
      });
      const minVersion = some.some((topic) => typeof topic !== "string") ? 6 : undefined;
      const { response } = await call.send(target, apis.deleteTopics, body, { minVersion });
      return answersBy(some, (topic) => {
        const answer = response.responses.find(({ name, topicId }) =>
          typeof topic === "string" ? name === topic : topicId === topic.topicId,
        );
        if (answer === undefined) return undefined;
        const { errorCode, errorMessage, name } = answer;
        if (errorCode !== 0)
          return answeredError(errorCode, `Could not delete topic ${describeSelector(topic)}`, errorMessage);
        if (name !== null) made.set(name, isGone(idOrNull(answer.topicId)));
        return null;
      });
    },
  });
  await thenUntilKnown(call, work, made, options);
}

export async function createPartitions(
  context: AdminContext,
  topics: readonly NewPartitions[],
  options: CreatePartitionsOptions,
): Promise<void> {
  checkOptions("createPartitions", options, ["validateOnly", "retryOnQuotaViolation", "waitUntilKnown"]);
  const call = new Call(context, "createPartitions", options);
  const { validateOnly = false } = options;
  const made = new Map<string, HasArrived>();
  const work = drive<NewPartitions, null>(call, topics, {
    route: controllerRoute(call),
    api: null,
    isRetriable: controllerRetries(options),
    ask: async (target, some) => {
      const body = {
        topics: some.map(({ topic, count, assignments }) => ({
          name: topic,
          count,
          assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
        })),
        timeoutMs: call.brokerTimeoutMs,
        validateOnly,
      };
      const { response } = await call.send(target, apis.createPartitions, body);
      const answers = new Map(response.results.map((answer) => [answer.name, answer]));
      return answersBy(some, ({ topic, count }) => {
        const answer = answers.get(topic);
        if (answer === undefined) return undefined;
        const { errorCode, errorMessage } = answer;
        if (errorCode !== 0)
          return answeredError(errorCode, `Could not add partitions to topic ${topic}`, errorMessage);
        made.set(topic, hasPartitions(count));
        return null;
      });
    },
  });
  await thenUntilKnown(call, work, made, options);
}

function selected(topic: TopicSelector) {
  return typeof topic === "string" ? { name: topic, topicId: zeroUuid } : { name: null, topicId: topic.topicId };
}

/** For messages. */
export function describeSelector(topic: TopicSelector): string {
  return typeof topic === "string" ? topic : `with id ${topic.topicId}`;
}

/** Null for the id of which the broker does not know. */
export function idOrNull(topicId: string): string | null {
  return topicId === zeroUuid ? null : topicId;
}
