import { errorCodes, type FetchRequest } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { type FetchSession, finalEpoch, initialEpoch, nextEpoch, type SessionPartition } from "../fetch-sessions.ts";

/** What a fetch request comes to, once its session (KIP-227) is taken into account. */
export interface FetchPlan {
  /** Everything to be read, in order. */
  readonly partitions: readonly SessionPartition[];
  /** The session that the request continues; null for a whole request. */
  readonly session: FetchSession | null;
  /** Whether the client would like a session for what it asks for. */
  readonly wantsSession: boolean;
  /** The epoch that the session must still have when the answer goes out. */
  readonly epoch: number;
}

/** The first version that names topics by id. */
export const firstIdVersion = 13;

/** The plan, or the error code to answer (Kafka's `FetchManager.newContext`). */
export function planFetch(request: FetchRequest, context: RequestContext): FetchPlan | number {
  const { sessionId, sessionEpoch } = request;
  const { fetchSessions } = context.node;
  const usesTopicIds = context.apiVersion >= firstIdVersion;
  if (sessionEpoch === initialEpoch || sessionEpoch === finalEpoch) {
    if (sessionId !== 0) fetchSessions.remove(sessionId);
    const partitions = [...askedPartitions(request, usesTopicIds).values()];
    return {
      partitions,
      session: null,
      wantsSession: sessionEpoch === initialEpoch && partitions.length > 0,
      epoch: finalEpoch,
    };
  }
  const session = fetchSessions.get(sessionId);
  if (session === undefined) return errorCodes.FETCH_SESSION_ID_NOT_FOUND;
  if (session.epoch !== sessionEpoch) return errorCodes.INVALID_FETCH_SESSION_EPOCH;
  if (session.usesTopicIds !== usesTopicIds) return errorCodes.FETCH_SESSION_TOPIC_ID_ERROR;
  updateSession(session, request);
  if (session.partitions.size === 0) {
    fetchSessions.remove(session.id);
    return { partitions: [], session: null, wantsSession: false, epoch: finalEpoch };
  }
  session.epoch = nextEpoch(session.epoch);
  fetchSessions.touch(session);
  return { partitions: [...session.partitions.values()], session, wantsSession: false, epoch: session.epoch };
}

/** Identifies a partition within a session. */
export function sessionKey(partition: SessionPartition): string {
  return keyOf(partition.topic, partition.topicId, partition.partition);
}

function keyOf(topic: string, topicId: string, partition: number): string {
  return `${topic === "" ? topicId : topic}:${partition}`;
}

function askedPartitions(request: FetchRequest, usesTopicIds: boolean): Map<string, SessionPartition> {
  const asked = new Map<string, SessionPartition>();
  for (const { topic, topicId, partitions } of request.topics) {
    const name = usesTopicIds ? "" : topic;
    for (const partition of partitions) {
      asked.set(keyOf(name, topicId, partition.partition), {
        topic: name,
        topicId,
        partition: partition.partition,
        fetchOffset: partition.fetchOffset,
        maxBytes: partition.partitionMaxBytes,
        currentLeaderEpoch: partition.currentLeaderEpoch,
        lastFetchedEpoch: partition.lastFetchedEpoch,
        logStartOffset: partition.logStartOffset,
        highWatermark: -1,
        toldLogStartOffset: -1,
      });
    }
  }
  return asked;
}

/** The request names only what is new, what has changed and what is not wanted any more. */
function updateSession(session: FetchSession, request: FetchRequest): void {
  for (const [key, asked] of askedPartitions(request, session.usesTopicIds)) {
    const known = session.partitions.get(key);
    if (known === undefined) {
      session.partitions.set(key, asked);
      continue;
    }
    known.fetchOffset = asked.fetchOffset;
    known.maxBytes = asked.maxBytes;
    known.currentLeaderEpoch = asked.currentLeaderEpoch;
    known.lastFetchedEpoch = asked.lastFetchedEpoch;
    known.logStartOffset = asked.logStartOffset;
  }
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    const name = session.usesTopicIds ? "" : topic;
    for (const partition of partitions) session.partitions.delete(keyOf(name, topicId, partition));
  }
}
