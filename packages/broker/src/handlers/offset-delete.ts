import { apis, errorCodes, zeroUuid } from "@ottla/protocol";
import type { TopicPartitions } from "../coordinator/group-events.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { TopicRows } from "./topic-rows.ts";

type Body = ResponseBody<typeof apis.offsetDelete>;

/** OffsetDelete 0 (KIP-496): not in topics that the group is subscribed to. */
export const offsetDelete = handler(apis.offsetDelete, [0, 0], async (request, context): Promise<Body> => {
  const { groupId } = request;
  if (!context.authorize("delete", "group", groupId)) {
    return { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED, topics: [] };
  }
  const rows = new TopicRows(({ name }) => name);
  const topics: TopicPartitions[] = [];
  for (const { name, partitions } of request.topics) {
    const asked = { name, topicId: zeroUuid };
    if (!context.authorize("read", "topic", name)) {
      rows.refuse(asked, partitions, errorCodes.TOPIC_AUTHORIZATION_FAILED);
      continue;
    }
    const topic = context.cluster.topic(name);
    const exists = (index: number) => topic?.partitions[index] !== undefined;
    const missing = partitions.filter(({ partitionIndex }) => !exists(partitionIndex));
    if (missing.length > 0 || topic === undefined) {
      rows.refuse(asked, missing, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    }
    const existing = partitions.map(({ partitionIndex }) => partitionIndex).filter(exists);
    if (existing.length > 0) topics.push({ name, partitions: existing });
  }
  if (topics.length > 0) {
    const reply = await context.groups.deleteOffsets(groupId, topics);
    if (reply.errorCode !== 0) return reply;
    for (const { name, partitions } of reply.topics) rows.add({ name, topicId: zeroUuid }, partitions);
  }
  return { errorCode: 0, topics: rows.all().map(({ name, partitions }) => ({ name, partitions })) };
});
