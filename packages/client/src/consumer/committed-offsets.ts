import { apis, errorCodes, type OffsetFetchResponse } from "@ottla/protocol";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, kafkaError } from "../errors.ts";
import { retry } from "../request.ts";
import { findCoordinator, type GroupLink } from "./group-link.ts";
import { groupByTopic, type TopicPartition, type TopicPartitionOffset } from "./topic-partition.ts";

/** From version 10 on topics go by id, which gains nothing here. */
const maxFetchVersion = 9;

export interface CommittedOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The offsets that the group has committed for these partitions; those without one are left out. Offsets that a transaction has yet to decide on are waited for (KIP-447).
 */
export function fetchCommitted(
  core: ClientCore,
  link: GroupLink,
  partitions: readonly TopicPartition[],
  options: CommittedOptions,
): Promise<TopicPartitionOffset[]> {
  const policy = core.retryPolicy(options.timeoutMs, options.signal);
  const { signal } = options;
  return retry(policy, async () => {
    try {
      const nodeId = await findCoordinator(core, link, signal);
      // Not on the connection where a JoinGroup may be waiting for the others of the group.
      const sendOptions = { purpose: "default", maxVersion: maxFetchVersion, signal } as const;
      const response = await core.pool.send(nodeId, apis.offsetFetch, request(link, partitions), sendOptions);
      return read(link, response);
    } catch (error) {
      const moved = isRetriableError(error) && (error.errorCode === null || movedCodes.has(error.errorCode));
      if (moved) link.coordinatorLost(error.message);
      throw error;
    }
  });
}

const movedCodes: ReadonlySet<number> = new Set([
  errorCodes.NOT_COORDINATOR,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.REQUEST_TIMED_OUT,
]);

/** Members of KIP-848 groups sign what they ask for, so that nobody goes on from offsets that others are about to commit. */
function request(link: GroupLink, partitions: readonly TopicPartition[]) {
  const { groupId } = link;
  const member = signature(link);
  const topics = [...groupByTopic(partitions)].map(([name, list]) => ({
    name,
    partitionIndexes: list.map(({ partition }) => partition),
  }));
  return (version: number) => ({
    ...(version >= 8 ? { groups: [{ groupId, ...(version >= 9 ? member : {}), topics }] } : { groupId, topics }),
    ...(version >= 7 ? { requireStable: true } : {}),
  });
}

function signature(link: GroupLink): { memberId: string; memberEpoch: number } | undefined {
  const identity = link.identity();
  if (link.groupProtocol === "classic" || identity?.standing !== "stable") return undefined;
  return { memberId: identity.memberId, memberEpoch: identity.generationId };
}

/** The member's epoch has moved on, or the member is about to hear that it is none any more: signed differently, the same is answered. */
const signatureCodes: ReadonlySet<number> = new Set([errorCodes.STALE_MEMBER_EPOCH, errorCodes.UNKNOWN_MEMBER_ID]);

/** Both shapes of the answer: one group, or several (KIP-709). */
function read(link: GroupLink, response: OffsetFetchResponse): TopicPartitionOffset[] {
  const what = `Could not fetch the committed offsets of group ${link.groupId}`;
  const group = response.groups.length > 0 ? response.groups[0]! : response;
  if (signatureCodes.has(group.errorCode)) throw kafkaError(group.errorCode, what, { retriable: true });
  if (group.errorCode !== errorCodes.NONE) throw kafkaError(group.errorCode, what);
  const offsets: TopicPartitionOffset[] = [];
  for (const { name, partitions } of group.topics) {
    for (const one of partitions) {
      const { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = one;
      if (one.errorCode !== errorCodes.NONE) throw kafkaError(one.errorCode, `${what} in ${name}-${partition}`);
      if (offset < 0) continue;
      offsets.push({ topic: name, partition, offset, leaderEpoch, metadata: one.metadata ?? "" });
    }
  }
  return offsets;
}
