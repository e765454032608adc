import { apis, type CreateTopicsRequest, errorCodes } from "@ottla/protocol";
import { describeTopicConfigs } from "../cluster/describe-configs.ts";
import { resourceTypes } from "../cluster/metadata-state.ts";
import type { NewTopic, TopicOutcome } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.createTopics>;
type Result = Body["topics"][number];
type AskedTopic = CreateTopicsRequest["topics"][number];

/** The metadata topic of a KRaft cluster: nobody makes it. */
const metadataTopic = "__cluster_metadata";

/** CreateTopics 2-7. A topic is there when the answer says so: it has been synced to the metadata log. `timeoutMs` is not looked at. */
export const createTopics = handler(apis.createTopics, [2, 7], async (request, context): Promise<Body> => {
  const counts = new Map<string, number>();
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1);
  const mayCreateAll = context.authorize("create", "cluster", "kafka-cluster");
  const mayCreate = (name: string) =>
    name !== metadataTopic && (mayCreateAll || context.authorize("create", "topic", name));
  const wanted = request.topics.filter(({ name }) => counts.get(name) === 1 && mayCreate(name));
  const outcomes = await context.cluster.createTopics(wanted.map(newTopic), request.validateOnly);
  const topics = wanted.map((asked, index) => result(asked.name, outcomes[index]!, context));
  for (const [name, count] of counts) {
    if (count > 1) topics.push(refused(name, errorCodes.INVALID_REQUEST, "Duplicate topic name."));
    else if (!mayCreate(name))
      topics.push(refused(name, errorCodes.TOPIC_AUTHORIZATION_FAILED, "Authorization failed."));
  }
  return { topics };
});

function newTopic(asked: AskedTopic): NewTopic {
  return {
    name: asked.name,
    partitionCount: asked.numPartitions,
    replicationFactor: asked.replicationFactor,
    assignments: asked.assignments,
    configs: new Map(asked.configs.map(({ name, value }) => [name, value])),
  };
}

function refused(name: string, errorCode: number, errorMessage: string | null): Result {
  return { name, errorCode, errorMessage, configs: [] };
}

function result(name: string, outcome: TopicOutcome, context: RequestContext): Result {
  if (outcome.errorCode !== errorCodes.NONE) return refused(name, outcome.errorCode, outcome.errorMessage);
  const made = {
    name,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    ...(outcome.topic === null ? {} : { topicId: outcome.topic.id }),
  };
  // Before version 5 there is no place for the rest.
  if (context.apiVersion < 5) return made;
  if (!context.authorize("describeConfigs", "topic", name)) {
    return { ...made, configs: [], topicConfigErrorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED };
  }
  const stored = context.cluster.configsOf({ type: resourceTypes.topic, name });
  const configs = describeTopicConfigs(outcome.topic === null ? outcome.configs : stored, context.node.settings);
  return {
    ...made,
    numPartitions: outcome.partitionCount,
    replicationFactor: outcome.replicationFactor,
    configs: configs.map((config) => ({
      name: config.name,
      value: config.value,
      readOnly: config.isReadOnly,
      configSource: config.source,
      isSensitive: config.isSensitive,
    })),
  };
}
