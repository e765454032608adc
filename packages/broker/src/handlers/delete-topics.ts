import { apis, type DeleteTopicsRequest, errorCodes, zeroUuid } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.deleteTopics>;
type Result = Body["responses"][number];

const unknownTopic = "This server does not host this topic-partition.";
const unknownId = "This server does not host this topic ID.";

/** DeleteTopics 1-6, by name or, from version 6 on, by id. The topic is out of sight at once; its files follow after `file.delete.delay.ms`. */
export const deleteTopics = handler(apis.deleteTopics, [1, 6], async (request, context): Promise<Body> => {
  if (!context.node.settings.boolean("delete.topic.enable")) return { responses: allDisabled(request, context) };
  const { ids, responses } = resolve(request, context);
  for (const [topicId, name] of ids) {
    const { errorCode, errorMessage } = await context.cluster.deleteTopic(topicId);
    responses.push({ name, topicId, errorCode, errorMessage });
  }
  return { responses };
});

function allDisabled(request: DeleteTopicsRequest, context: RequestContext): Result[] {
  const errorCode = context.apiVersion < 3 ? errorCodes.INVALID_REQUEST : errorCodes.TOPIC_DELETION_DISABLED;
  const errorMessage = "Topic deletion is disabled.";
  const byName = request.topicNames.map((name) => ({ name, errorCode, errorMessage }));
  return [...byName, ...request.topics.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage }))];
}

/** Which topics are meant: each must be named once, by name or by id (Kafka's `ControllerApis.deleteTopics`). */
function resolve(request: DeleteTopicsRequest, context: RequestContext) {
  const responses: Result[] = [];
  const ids = new Map<string, string>();
  const refuse = (name: string | null, topicId: string, errorCode: number, errorMessage: string | null) => {
    responses.push({ name, topicId, errorCode, errorMessage });
  };
  const names = new Map<string, number>();
  const askedIds = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const name of request.topicNames) count(names, name);
  for (const { name, topicId } of request.topics) {
    if (name !== null && topicId !== zeroUuid) {
      refuse(name, topicId, errorCodes.INVALID_REQUEST, "You may not specify both topic name and topic id.");
    } else if (name !== null) count(names, name);
    else if (topicId !== zeroUuid) count(askedIds, topicId);
    else refuse(null, zeroUuid, errorCodes.INVALID_REQUEST, "Neither topic name nor id were specified.");
  }
  for (const [topicId, times] of askedIds) {
    const topic = context.cluster.topicById(topicId);
    if (times > 1) refuse(null, topicId, errorCodes.INVALID_REQUEST, "Duplicate topic id.");
    else if (topic === undefined) refuse(null, topicId, errorCodes.UNKNOWN_TOPIC_ID, unknownId);
    else if (!mayDelete(topic.name, context)) refuse(null, topicId, errorCodes.TOPIC_AUTHORIZATION_FAILED, null);
    else ids.set(topicId, topic.name);
  }
  for (const [name, times] of names) {
    const topic = context.cluster.topic(name);
    if (times > 1) refuse(name, zeroUuid, errorCodes.INVALID_REQUEST, "Duplicate topic name.");
    else if (!mayDelete(name, context)) refuse(name, zeroUuid, errorCodes.TOPIC_AUTHORIZATION_FAILED, null);
    else if (topic === undefined) refuse(name, zeroUuid, errorCodes.UNKNOWN_TOPIC_OR_PARTITION, unknownTopic);
    else if (askedIds.has(topic.id)) {
      ids.delete(topic.id);
      refuse(
        name,
        topic.id,
        errorCodes.INVALID_REQUEST,
        "The provided topic name maps to an ID that was already supplied.",
      );
    } else ids.set(topic.id, name);
  }
  return { ids, responses };
}

function mayDelete(name: string, context: RequestContext): boolean {
  return context.authorize("delete", "cluster", "kafka-cluster") || context.authorize("delete", "topic", name);
}
