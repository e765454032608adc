import type { Target } from "../broker-pool.ts";
import { partitionName, type TopicPartition } from "../consumer/topic-partition.ts";
import type { KafkaError } from "../errors.ts";
import { answeredError } from "./admin-errors.ts";
import type { Call } from "./call.ts";
import type { Route } from "./drive.ts";

const unknownTopicOrPartition = 3;
const leaderNotAvailable = 5;

/** How long a topic that nobody knows is looked for: the time in which news of a fresh one reach every broker. The Java client goes on for the whole call. */
const freshTopicMs = 5_000;

/** The controller; in a KRaft cluster the broker that metadata name as such, which forwards. */
export function controllerRoute<Item>(call: Call): Route<Item> {
  const { metadata } = call.core;
  let isStale = false;
  return {
    lookup: null,
    locate: async (items) => {
      if (isStale || metadata.controllerId < 0) await call.share(metadata.refresh([], call.signal));
      isStale = false;
      const target: Target = metadata.controllerId < 0 ? "any" : metadata.controllerId;
      return new Map(items.map((item) => [item, target]));
    },
    forget: () => {
      isStale = true;
    },
  };
}

/** The leader of each partition (Kafka's PartitionLeaderStrategy). */
export function leaderRoute<Item extends TopicPartition>(call: Call): Route<Item> {
  const { metadata } = call.core;
  const stale = new Set<string>();
  const place = ({ topic, partition }: Item): Target | KafkaError => {
    const known = metadata.topic(topic);
    if (known === undefined) {
      return answeredError(
        metadata.topicError(topic)?.errorCode ?? unknownTopicOrPartition,
        `Could not find topic ${topic}`,
      );
    }
    const leaderId = known.partitions[partition]?.leaderId;
    if (leaderId === undefined) {
      return answeredError(
        unknownTopicOrPartition,
        `Could not find partition ${partition} of topic ${topic}, which has ${known.partitions.length}`,
      );
    }
    return leaderId >= 0
      ? leaderId
      : answeredError(leaderNotAvailable, `Could not find the leader of ${topic}-${partition}`);
  };
  return {
    lookup: "METADATA",
    locate: async (items) => {
      const topics = new Set(items.map(({ topic }) => topic));
      const unknown = [...topics].filter((topic) => stale.has(topic) || metadata.topic(topic) === undefined);
      if (unknown.length > 0) await call.share(metadata.refresh(unknown, call.signal));
      stale.clear();
      return new Map(items.map((item) => [item, place(item)]));
    },
    forget: (items) => {
      for (const { topic } of items) stale.add(topic);
    },
  };
}

/** Retriable, save for a topic that has been looked for long enough. */
export function isPartitionRetriable(call: Call): (error: KafkaError) => boolean {
  return (error) => (error.errorCode === unknownTopicOrPartition ? call.elapsedMs < freshTopicMs : error.retriable);
}

/** The coordinator of each group (Kafka's CoordinatorStrategy). */
export function coordinatorRoute(call: Call): Route<string> {
  const { coordinators } = call.core;
  return {
    lookup: "FIND_COORDINATOR",
    locate: (groupIds) =>
      call.share(coordinators.findAll(groupIds, { signal: call.signal, timeoutMs: call.brokerTimeoutMs })),
    forget: (groupIds) => {
      for (const groupId of groupIds) coordinators.invalidate(groupId);
    },
  };
}

/** A node per item that is known beforehand; null for any. */
export function nodeRoute<Item>(call: Call, nodeOf: (item: Item) => number | null): Route<Item> {
  const { metadata } = call.core;
  let isStale = false;
  return {
    lookup: null,
    locate: async (items) => {
      const needsNode = items.some((item) => nodeOf(item) !== null);
      if (needsNode && (isStale || metadata.brokers.length === 0)) await call.share(metadata.refresh([], call.signal));
      isStale = false;
      return new Map(items.map((item) => [item, nodeOf(item) ?? "any"]));
    },
    forget: () => {
      isStale = true;
    },
  };
}

/** Items by topic, topics in the order of their first item, each partition once. */
export function byTopic<Item extends TopicPartition>(items: Iterable<Item>): Map<string, Item[]> {
  const topics = new Map<string, Item[]>();
  for (const item of items) {
    const some = topics.get(item.topic);
    if (some === undefined) topics.set(item.topic, [item]);
    else if (!some.some(({ partition }) => partition === item.partition)) some.push(item);
  }
  return topics;
}

/** Answers per item out of answers per partition. */
export function perPartition<Item extends TopicPartition, Value>(
  items: readonly Item[],
  answers: ReadonlyMap<string, Value>,
): Map<Item, Value> {
  const found = new Map<Item, Value>();
  for (const item of items) {
    const name = partitionName(item);
    if (answers.has(name)) found.set(item, answers.get(name)!);
  }
  return found;
}
