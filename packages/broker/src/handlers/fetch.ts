import { apis, errorCodes, type FetchRequest } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import type { FetchSession, SessionPartition } from "../fetch-sessions.ts";
import { type FetchPlan, planFetch, sessionKey } from "./fetch-plan.ts";
import { FetchReader, type PartitionData } from "./fetch-read.ts";
import { type Answer, handler, type ResponseBody } from "./handler.ts";
import { currentLeader, nodeEndpoints } from "./partitions.ts";

type Body = ResponseBody<typeof apis.fetch>;
type TopicBody = Body["responses"][number];
type PartitionBody = TopicBody["partitions"][number];

/**
 * Fetch 4-18: long polls, incremental sessions (KIP-227), topic ids. Records go out as they lie on disk, in pooled buffers that are given back once they are sent.
 * Gaps: there are no followers, so their fields are not looked at.
 */
export const fetch = handler(apis.fetch, [4, 18], (request, context): Answer<Body> => {
  const plan = planFetch(request, context);
  if (typeof plan === "number") return { errorCode: plan, sessionId: 0, responses: [] };
  const reader = new FetchReader(request, plan.partitions, context);
  if (request.maxWaitMs <= 0 || plan.partitions.length === 0 || context.node.closing || isEnough(reader, request)) {
    return answer(plan, reader, context);
  }
  return new Promise((resolve, reject) => {
    wait(reader, request, context, () => {
      try {
        resolve(context.connection.closed ? null : answer(plan, reader, context));
      } catch (error) {
        reject(error);
      }
    });
  });
});

function isEnough(reader: FetchReader, request: FetchRequest): boolean {
  const available = reader.available();
  return available < 0 || available >= request.minBytes;
}

/** Calls back once: when there is enough to read, the time is over, or nobody waits any more. */
function wait(reader: FetchReader, request: FetchRequest, context: RequestContext, ready: () => void): void {
  const { node, connection } = context;
  let isOver = false;
  let isPlanned = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    for (const stop of stops) stop();
    ready();
  };
  // What one turn appends to several partitions goes out in one answer.
  const look = () => {
    isPlanned = false;
    if (!isOver && isEnough(reader, request)) finish();
  };
  const advanced = () => {
    if (isPlanned) return;
    isPlanned = true;
    queueMicrotask(look);
  };
  const timer = node.runtime.clock.setTimer(request.maxWaitMs, finish);
  const stops = [connection.onClose(finish), node.onClosing(finish)];
  for (const { partition } of reader.targets) {
    if (typeof partition !== "number") stops.push(partition.onAdvance(advanced));
  }
}

function answer(plan: FetchPlan, reader: FetchReader, context: RequestContext): Body {
  const { session } = plan;
  // Another request may have used the session meanwhile.
  if (session !== null && session.epoch !== plan.epoch) {
    return { errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH, sessionId: session.id, responses: [] };
  }
  const all = reader.read();
  context.onSent(() => reader.release());
  const created = plan.wantsSession ? openSession(plan.partitions, context) : null;
  const told = session === null ? all : all.filter((data) => isNews(data));
  for (const data of all) remember(data);
  if (session !== null) rotate(session, told);
  const { body, leaderIds } = build(told, reader, context);
  const sessionId = session?.id ?? created?.id ?? 0;
  return {
    errorCode: errorCodes.NONE,
    sessionId,
    responses: body,
    ...(leaderIds.size > 0 ? { nodeEndpoints: nodeEndpoints(leaderIds, context) } : {}),
  };
}

function openSession(partitions: readonly SessionPartition[], context: RequestContext): FetchSession | null {
  const byKey = new Map(partitions.map((partition) => [sessionKey(partition), partition]));
  return context.node.fetchSessions.create(byKey, context.apiVersion >= 13);
}

/** Whether a session's client has to hear of a partition again: it has records, an error, or an offset that has moved. */
function isNews(data: PartitionData): boolean {
  return (
    data.records.length > 0 ||
    data.errorCode !== errorCodes.NONE ||
    data.divergingEpoch !== null ||
    data.highWatermark !== data.asked.highWatermark ||
    data.logStartOffset !== data.asked.toldLogStartOffset
  );
}

function remember(data: PartitionData): void {
  const isTold = data.errorCode === errorCodes.NONE && data.divergingEpoch === null;
  data.asked.highWatermark = isTold ? data.highWatermark : -1;
  data.asked.toldLogStartOffset = data.logStartOffset;
}

/** What has given records goes to the end, so that other partitions come first in the next answer. */
function rotate(session: FetchSession, told: readonly PartitionData[]): void {
  for (const { asked, records } of told) {
    if (records.length === 0) continue;
    const key = sessionKey(asked);
    if (session.partitions.delete(key)) session.partitions.set(key, asked);
  }
}

function build(all: readonly PartitionData[], reader: FetchReader, context: RequestContext) {
  const topics: { topic: string; topicId: string; partitions: PartitionBody[] }[] = [];
  const leaderIds = new Set<number>();
  for (const data of all) {
    const { topic, topicId } = data.asked;
    let last = topics.at(-1);
    if (last === undefined || last.topic !== topic || last.topicId !== topicId) {
      last = { topic, topicId, partitions: [] };
      topics.push(last);
    }
    const partition = partitionBody(data);
    if (reader.hintsLeader(data)) {
      const leader = currentLeader(data.leader!, context);
      leaderIds.add(leader.leaderId);
      last.partitions.push({ ...partition, currentLeader: leader });
    } else {
      last.partitions.push(partition);
    }
  }
  return { body: topics satisfies TopicBody[], leaderIds };
}

function partitionBody(data: PartitionData): PartitionBody {
  const body = {
    partitionIndex: data.asked.partition,
    errorCode: data.errorCode,
    highWatermark: data.highWatermark,
    lastStableOffset: data.lastStableOffset,
    logStartOffset: data.logStartOffset,
    abortedTransactions: data.abortedTransactions,
    records: data.records,
  };
  const { divergingEpoch } = data;
  if (divergingEpoch === null) return body;
  return { ...body, divergingEpoch: { epoch: divergingEpoch.leaderEpoch, endOffset: divergingEpoch.endOffset } };
}
