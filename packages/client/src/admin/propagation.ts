import { apis, type ResponseValue } from "@ottla/protocol";
import type { Target } from "../broker-pool.ts";
import { KafkaError } from "../errors.ts";
import type { Call } from "./call.ts";

/** A topic as a broker has it at the moment. */
export type SeenTopic = ResponseValue<typeof apis.metadata>["topics"][number];

/** What a topic looks like once a change of it has arrived. */
export type HasArrived = (topic: SeenTopic) => boolean;

/** A broker that has not heard of a change after that long is left to itself: the change is made all the same. */
const longestMs = 5_000;
const firstPauseMs = 5;
const longestPauseMs = 200;

/**
 * Waits until the brokers that this client is connected to have heard of changes that the controller has already made. In a KRaft cluster they hear of them by following the
 * metadata log, which takes some milliseconds: without the wait a program that creates a topic and describes it would mostly be told that there is none.
 * Never fails for what brokers say, or do not say, meanwhile.
 */
export async function untilArrived(call: Call, changes: ReadonlyMap<string, HasArrived>): Promise<void> {
  if (changes.size === 0) return;
  const { clock } = call.core.runtime;
  const until = Math.min(call.deadline, clock.monotonic() + longestMs);
  const pending = new Set<Target>(connected(call));
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    await Promise.all(
      [...pending].map(async (node) => {
        const timeoutMs = Math.max(1, until - clock.monotonic());
        if (await isThere(call, node, changes, timeoutMs)) pending.delete(node);
      }),
    );
    if (pending.size === 0 || clock.monotonic() + pauseMs >= until) return;
    await call.sleep(pauseMs);
  }
}

/** The brokers that are asked first by what does not need a certain one. */
function connected({ core }: Call): Target[] {
  const nodes = core.metadata.brokers.flatMap(({ nodeId }) => (core.pool.connection(nodeId) === null ? [] : nodeId));
  return nodes.length === 0 ? ["any"] : nodes;
}

async function isThere(
  call: Call,
  node: Target,
  changes: ReadonlyMap<string, HasArrived>,
  timeoutMs: number,
): Promise<boolean> {
  const body = (version: number) => ({
    topics: [...changes.keys()].map((name) => ({ name })),
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
  });
  try {
    const { response } = await call.send(node, apis.metadata, body, { timeoutMs });
    return response.topics.every((topic) => topic.name !== null && (changes.get(topic.name)?.(topic) ?? true));
  } catch (error) {
    if (error instanceof KafkaError) return false;
    throw error;
  }
}

/** There, with so many partitions, all of them led. */
export function hasPartitions(count: number): HasArrived {
  return ({ errorCode, partitions }) =>
    errorCode === 0 && partitions.length >= count && partitions.every(({ leaderId }) => leaderId >= 0);
}

const unknownTopicOrPartition = 3;

/** Gone, or another one of that name. */
export function isGone(topicId: string | null): HasArrived {
  return (topic) =>
    topic.errorCode === unknownTopicOrPartition ||
    (topic.errorCode === 0 && topicId !== null && topic.topicId !== topicId);
}
