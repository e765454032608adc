import type { fetchRequest, Input } from "@ottla/protocol";
import type { FetchPlan, FetchTarget } from "./fetch-session.ts";
import { groupByTopic } from "./topic-partition.ts";

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: 0 | 1;
  readonly rackId: string;
}

/** From this version on topics go by id. */
const topicIdVersion = 13;

/** The body of a fetch in a version that was agreed on. */
export function fetchBody(plan: FetchPlan, limits: FetchLimits, version: number): Input<typeof fetchRequest> {
  const name = ({ topic, topicId }: FetchTarget) =>
    version >= topicIdVersion ? { topicId: topicId ?? "" } : { topic };
  return {
    ...(version < 15 ? { replicaId: -1 } : {}),
    maxWaitMs: limits.maxWaitMs,
    minBytes: limits.minBytes,
    maxBytes: limits.maxBytes,
    isolationLevel: limits.isolationLevel,
    sessionId: plan.sessionId,
    sessionEpoch: plan.sessionEpoch,
    topics: [...groupByTopic(plan.send)].map(([, targets]) => ({
      ...name(targets[0]!),
      partitions: targets.map(({ partition, leaderEpoch, fetchOffset, maxBytes }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset,
        partitionMaxBytes: maxBytes,
      })),
    })),
    ...(version >= 7
      ? {
          forgottenTopicsData: [...groupForgotten(plan.forget)].map((targets) => ({
            ...name(targets[0]!),
            partitions: targets.map(({ partition }) => partition),
          })),
        }
      : {}),
    ...(version >= 11 ? { rackId: limits.rackId } : {}),
  };
}

/** A topic that was created anew may be forgotten under more than one id. */
function groupForgotten(targets: readonly FetchTarget[]): Iterable<FetchTarget[]> {
  const groups = new Map<string, FetchTarget[]>();
  for (const target of targets) {
    const key = target.topicId ?? target.topic;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [target]);
    else group.push(target);
  }
  return groups.values();
}
