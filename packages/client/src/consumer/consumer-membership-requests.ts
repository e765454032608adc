import type { ConsumerGroupHeartbeatRequest } from "@ottla/protocol";
import type { ConsumerMembershipSettings, GroupSubscription } from "./consumer-membership-events.ts";
import type { TopicIdPartitions } from "./topic-id-partitions.ts";

/** The epochs that stand for something else than an epoch (KIP-848). */
export const joinEpoch = 0;
const leaveEpoch = -1;
/** A static member that means to come back: its partitions are kept for it until its session is over. */
const leaveStaticEpoch = -2;

/** What a heartbeat says of a member. */
export interface MemberState {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly subscription: GroupSubscription;
  readonly owned: TopicIdPartitions;
  /** Goes up with every reconciliation, whether or not it changed anything: each is acknowledged. */
  readonly ownedVersion: number;
}

/** Writes heartbeats, which hold only what has changed since the last one that arrived. Java's `ConsumerHeartbeatRequestManager.HeartbeatState`. */
export class HeartbeatWriter {
  readonly #settings: ConsumerMembershipSettings;
  #sent: { topicNames: string; topicPattern: string | null; ownedVersion: number } | null = null;

  constructor(settings: ConsumerMembershipSettings) {
    this.#settings = settings;
  }

  /** It is not known what the coordinator has heard: the next heartbeat says all there is to say. */
  forget(): void {
    this.#sent = null;
  }

  write({ memberId, memberEpoch, subscription, owned, ownedVersion }: MemberState): ConsumerGroupHeartbeatRequest {
    const { maxPollIntervalMs, serverAssignor, rackId } = this.#settings;
    const sent = this.#sent;
    const topicNames = JSON.stringify(subscription.topicNames);
    const { topicPattern } = subscription;
    this.#sent = { topicNames, topicPattern, ownedVersion };
    const isJoining = memberEpoch === joinEpoch;
    return {
      ...this.#head(memberId, memberEpoch),
      rackId: isJoining ? rackId : null,
      rebalanceTimeoutMs: sent === null ? maxPollIntervalMs : -1,
      subscribedTopicNames: topicNames === sent?.topicNames ? null : [...subscription.topicNames],
      subscribedTopicRegex: changedPattern(topicPattern, sent?.topicPattern ?? null, sent === null),
      serverAssignor: sent === null ? serverAssignor : null,
      topicPartitions:
        ownedVersion === sent?.ownedVersion
          ? null
          : owned.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })),
    };
  }

  writeLeave(memberId: string): ConsumerGroupHeartbeatRequest {
    const isStatic = this.#settings.groupInstanceId !== null;
    return { ...this.#head(memberId, isStatic ? leaveStaticEpoch : leaveEpoch), ...nothingElse };
  }

  #head(memberId: string, memberEpoch: number) {
    const { groupId, groupInstanceId: instanceId } = this.#settings;
    return { groupId, memberId, memberEpoch, instanceId };
  }
}

const nothingElse = {
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: null,
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: null,
};

/** Empty text takes a pattern back; null leaves it as it is. Brokers without version 1 of the request must not see either. */
function changedPattern(pattern: string | null, sent: string | null, sendAll: boolean): string | null {
  if (pattern !== sent) return pattern ?? "";
  return sendAll ? pattern : null;
}
