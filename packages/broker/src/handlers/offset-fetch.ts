import { apis, errorCodes, type OffsetFetchRequest, zeroUuid } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import type { FetchedGroup } from "../coordinator/coordinator.ts";
import { type FetchedTopic, type FetchedTopicOffsets, nothingFetched } from "../coordinator/offsets-machine.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.offsetFetch>;

/** From this version on an answer has an error of its own, and null stands for all topics. */
const firstVersionWithError = 2;
/** From this version on one request asks for several groups (KIP-709). */
const firstVersionWithGroups = 8;
/** From this version on topics are named by id (KIP-848). */
const firstVersionWithTopicIds = 10;

/** What is asked for of one group; of all topics where `topics` is null. */
interface AskedGroup {
  readonly groupId: string;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly topics: readonly FetchedTopic[] | null;
}

/**
 * OffsetFetch 1-10, of one group or (8) of several, in given or (2) all topics. Offsets in a topic that was deleted and made anew are not shown. From version 10 on, where a topic
 * is its id, topics that do not exist any more are left out of "all topics".
 */
export const offsetFetch = handler(apis.offsetFetch, [1, 10], async (request, context): Promise<Body> => {
  const asked = askedGroups(request, context.apiVersion);
  const answers = await Promise.all(asked.map((group) => fetchGroup(group, request.requireStable, context)));
  if (context.apiVersion >= firstVersionWithGroups) {
    return { groups: answers.map((answer, n) => ({ groupId: asked[n]!.groupId, ...answer })) };
  }
  const { errorCode, topics } = answers[0]!;
  if (context.apiVersion >= firstVersionWithError || errorCode === 0) return { errorCode, topics };
  return { topics: (asked[0]!.topics ?? []).map((topic) => refused(topic, errorCode)) };
});

function askedGroups(request: OffsetFetchRequest, apiVersion: number): AskedGroup[] {
  const withoutId = (name: string, partitionIndexes: readonly number[]) => ({
    name,
    topicId: zeroUuid,
    partitionIndexes,
  });
  if (apiVersion >= firstVersionWithGroups) return request.groups;
  const topics = request.topics?.map(({ name, partitionIndexes }) => withoutId(name, partitionIndexes)) ?? null;
  return [{ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }];
}

async function fetchGroup(group: AskedGroup, requireStable: boolean, context: RequestContext): Promise<FetchedGroup> {
  const { groups } = context;
  if (!context.authorize("describe", "group", group.groupId)) {
    return { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED, topics: [] };
  }
  if (group.topics === null) {
    const answer = await groups.fetchOffsets(group, null, requireStable);
    return { ...answer, topics: visibleTopics(answer.topics, context) };
  }
  const wanted: FetchedTopic[] = [];
  const refusedTopics: FetchedTopicOffsets[] = [];
  for (const asked of group.topics) {
    const topic = resolve(asked, context);
    if (topic === null) refusedTopics.push(refused(asked, errorCodes.UNKNOWN_TOPIC_ID));
    else if (context.authorize("describe", "topic", topic.name)) wanted.push(topic);
    else refusedTopics.push(refused(topic, errorCodes.TOPIC_AUTHORIZATION_FAILED));
  }
  const answer = await groups.fetchOffsets(group, wanted, requireStable);
  return answer.errorCode === 0 ? { ...answer, topics: [...answer.topics, ...refusedTopics] } : answer;
}

/** The topic with both its names, as far as it exists; null where an id means nothing. */
function resolve(asked: FetchedTopic, { apiVersion, cluster }: RequestContext): FetchedTopic | null {
  if (apiVersion < firstVersionWithTopicIds) return { ...asked, topicId: cluster.topic(asked.name)?.id ?? zeroUuid };
  const topic = cluster.topicById(asked.topicId);
  return topic === undefined ? null : { ...asked, name: topic.name };
}

function visibleTopics(topics: readonly FetchedTopicOffsets[], context: RequestContext): FetchedTopicOffsets[] {
  const { apiVersion, cluster } = context;
  const visible: FetchedTopicOffsets[] = [];
  for (const topic of topics) {
    const topicId = cluster.topic(topic.name)?.id ?? zeroUuid;
    if (topicId === zeroUuid && apiVersion >= firstVersionWithTopicIds) continue;
    if (context.authorize("describe", "topic", topic.name)) visible.push({ ...topic, topicId });
  }
  return visible;
}

function refused(topic: FetchedTopic, errorCode: number): FetchedTopicOffsets {
  return {
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitionIndexes.map((partitionIndex) => nothingFetched(partitionIndex, errorCode)),
  };
}
