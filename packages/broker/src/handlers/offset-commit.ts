import { apis, errorCodes, type OffsetCommitRequest, zeroUuid } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import type { CommittedTopic } from "../coordinator/group-events.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { TopicRows } from "./topic-rows.ts";

type Body = ResponseBody<typeof apis.offsetCommit>;
type RequestTopic = OffsetCommitRequest["topics"][number];

/** From this version on topics are named by id (KIP-848). */
const firstVersionWithTopicIds = 10;

/**
 * OffsetCommit 2-10. Only partitions that exist get to the coordinator; if none does, nobody is asked. The id of a topic is stored with its offsets, whatever the version, so that a topic of the
 * same name that is made later does not inherit them.
 */
export const offsetCommit = handler(apis.offsetCommit, [2, 10], async (request, context): Promise<Body> => {
  const usesIds = context.apiVersion >= firstVersionWithTopicIds;
  const rows = new TopicRows(({ name, topicId }) => (usesIds ? topicId : name));
  if (!context.authorize("read", "group", request.groupId)) {
    for (const topic of request.topics) rows.refuse(topic, topic.partitions, errorCodes.GROUP_AUTHORIZATION_FAILED);
    return { topics: rows.all() };
  }
  const topics: CommittedTopic[] = [];
  for (const topic of request.topics) {
    const existing = existingPartitions(topic, usesIds, context, rows);
    if (existing !== null) topics.push(existing);
  }
  if (topics.length > 0) {
    const reply = await context.groups.commitOffsets(request, context.apiVersion, topics);
    for (const topic of reply.topics) rows.add(topic, topic.partitions);
  }
  return { topics: rows.all() };
});

/** What of a topic may be committed; what may not goes into `rows`. */
function existingPartitions(
  asked: RequestTopic,
  usesIds: boolean,
  context: RequestContext,
  rows: TopicRows,
): CommittedTopic | null {
  const { cluster } = context;
  const topic = usesIds ? cluster.topicById(asked.topicId) : cluster.topic(asked.name);
  const name = topic?.name ?? asked.name;
  if (usesIds && topic === undefined) {
    rows.refuse({ name, topicId: asked.topicId }, asked.partitions, errorCodes.UNKNOWN_TOPIC_ID);
    return null;
  }
  const named = { name, topicId: topic?.id ?? zeroUuid };
  if (!context.authorize("read", "topic", name)) {
    rows.refuse(named, asked.partitions, errorCodes.TOPIC_AUTHORIZATION_FAILED);
    return null;
  }
  const exists = ({ partitionIndex }: RequestTopic["partitions"][number]) =>
    topic?.partitions[partitionIndex] !== undefined;
  const missing = asked.partitions.filter((partition) => !exists(partition));
  if (missing.length > 0 || topic === undefined) rows.refuse(named, missing, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  const partitions = asked.partitions.filter(exists);
  return partitions.length === 0 ? null : { ...named, partitions };
}
