import { errorCodes } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import type { ServerAssignor, TopicAssignment } from "./assignors/assignor.ts";
import type { ConsumerGroup } from "./consumer-group.ts";
import { answerHeartbeat, isRefusal, type Refusal, refuseHeartbeat } from "./consumer-group-events.ts";
import type { StoredConsumerMember, StoredCurrentAssignment } from "./consumer-group-records.ts";
import type { ConsumerGroupRegexes } from "./consumer-group-regexes.ts";
import { equalMetadata, equalNames, isReconciledTo } from "./consumer-member.ts";
import { findMember, type MemberView } from "./consumer-member-view.ts";
import { sortedNames } from "./consumer-record-codec.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import type {
  ConsumerHeartbeatEvent,
  ConsumerHeartbeatReply,
  Effects,
  Instant,
  TopicIdPartitions,
} from "./group-events.ts";
import type { GroupSettings } from "./group-settings.ts";
import type { GroupSubscriptions } from "./group-subscriptions.ts";
import type { Interner } from "./interner.ts";
import { FencedMember, reconcile } from "./member-reconciliation.ts";
import { equalOwned, type OwnedPartitions } from "./owned-partitions.ts";
import { computeTarget, subscriptionTest } from "./target-assignment.ts";
import type { TopicImage } from "./topic-image.ts";

/** What all groups of a coordinator share. */
export interface ConsumerGroupContext {
  readonly config: GroupCoordinatorConfig;
  readonly topics: TopicImage;
  readonly assignors: ReadonlyMap<string, ServerAssignor>;
  readonly regexes: ConsumerGroupRegexes;
  readonly interner: Interner;
  readonly logger: Logger;
}

/** A member after its request was understood, and what it has said with it. */
export interface UpdatedMember {
  readonly view: MemberView;
  readonly metadata: StoredConsumerMember;
  /** What it says it owns; null where it does not say. */
  readonly owned: readonly TopicIdPartitions[] | null;
}

/** Where a member is after its request. */
export interface Progress {
  readonly current: StoredCurrentAssignment;
  /** Whether the group's target is older than its epoch. */
  readonly isStale: boolean;
}

/** What a request has changed. */
export interface Change {
  readonly hasSubscriptionChanged: boolean;
  readonly mustBump: boolean;
}

/**
 * A member's request in three steps (Kafka's `GroupMetadataManager.consumerGroupHeartbeat`): the member is made or changed, which may raise the group's epoch; where that is ahead of the
 * target assignment's, the assignor divides the topics anew, though not more often than the settings say; and the member makes its next step towards its target.
 */
export class ConsumerGroupHeartbeat {
  private readonly context: ConsumerGroupContext;

  constructor(context: ConsumerGroupContext) {
    this.context = context;
  }

  /** A heartbeat that is not a leave. `group` may be one that does not exist yet: then its records make it. */
  handle(
    group: ConsumerGroup,
    settings: GroupSettings,
    event: ConsumerHeartbeatEvent,
    now: Instant,
    effects: Effects,
  ): void {
    const answer = this.answer(group, settings, event, now, effects);
    if (isRefusal(answer)) {
      effects.records.length = 0;
      refuseHeartbeat(event, answer, effects);
    } else {
      answerHeartbeat(event, answer, effects);
    }
  }

  private answer(
    group: ConsumerGroup,
    settings: GroupSettings,
    event: ConsumerHeartbeatEvent,
    now: Instant,
    effects: Effects,
  ): ConsumerHeartbeatReply | Refusal {
    const memberId = event.memberId === "" ? event.uuid : event.memberId;
    const full = this.checkRoom(group, event.memberId);
    if (full !== null) return full;
    const view = findMember(group, event, memberId, effects.records);
    if (isRefusal(view)) return view;
    const member = { view, metadata: this.update(view.metadata, event), owned: event.topicPartitions };
    const change = this.storeMember(group, member, effects);
    if (isRefusal(change)) return change;
    const progress = this.advance(group, settings, member, change, now, effects);
    if (isRefusal(progress)) return progress;
    const { current } = progress;
    effects.next = { type: "consumerMemberStored", groupId: group.id, memberId };
    const isFull =
      event.rebalanceTimeoutMs !== -1 &&
      (event.subscribedTopicNames !== null || event.subscribedTopicRegex !== null) &&
      event.topicPartitions !== null;
    const isTold = event.memberEpoch === 0 || isFull || !equalOwned(current.assigned, view.current.assigned);
    return {
      errorCode: 0,
      errorMessage: null,
      memberId,
      memberEpoch: current.memberEpoch,
      heartbeatIntervalMs: settings.consumerHeartbeatIntervalMs,
      assignment: isTold ? { topicPartitions: topicsOf(current.assigned) } : null,
    };
  }

  checkRoom(group: ConsumerGroup, memberId: string): Refusal | null {
    const max = this.context.config.groupConsumerMaxSize;
    if (group.memberCount < max || group.members.has(memberId)) return null;
    const message = `The consumer group has reached its maximum capacity of ${max} members.`;
    return { errorCode: errorCodes.GROUP_MAX_SIZE_REACHED, message };
  }

  /** What the member is after the request; the same object where nothing changes. */
  private update(old: StoredConsumerMember, event: ConsumerHeartbeatEvent): StoredConsumerMember {
    const { interner } = this.context;
    const names =
      event.subscribedTopicNames === null ? old.subscribedTopicNames : sortedNames(event.subscribedTopicNames);
    const updated: StoredConsumerMember = {
      instanceId: event.instanceId ?? old.instanceId,
      rackId: event.rackId === null ? old.rackId : interner.intern(event.rackId),
      clientId: interner.intern(event.clientId),
      clientHost: interner.intern(event.clientHost),
      subscribedTopicNames: names,
      subscribedTopicRegex: event.subscribedTopicRegex ?? old.subscribedTopicRegex,
      rebalanceTimeoutMs: event.rebalanceTimeoutMs === -1 ? old.rebalanceTimeoutMs : event.rebalanceTimeoutMs,
      serverAssignor: event.serverAssignor === null ? old.serverAssignor : interner.intern(event.serverAssignor),
      classicMemberMetadata: null,
    };
    return equalMetadata(updated, old) ? old : updated;
  }

  /** The first step: the member as it is from now on. */
  storeMember(group: ConsumerGroup, member: UpdatedMember, effects: Effects): Change | Refusal {
    const { view, metadata } = member;
    const namesChanged = !equalNames(metadata.subscribedTopicNames, view.metadata.subscribedTopicNames);
    if (metadata !== view.metadata) {
      effects.records.push({ kind: "consumerMember", groupId: group.id, memberId: view.memberId, value: metadata });
    }
    const regex = this.context.regexes.update(group, view.metadata, metadata, effects.records);
    if (typeof regex !== "string") return regex;
    return {
      hasSubscriptionChanged: namesChanged || regex !== "unchanged",
      // A regular expression that is not resolved yet bumps the epoch when it is.
      mustBump: namesChanged || regex === "resolved",
    };
  }

  /** The second and third step: where the member is from now on. */
  advance(
    group: ConsumerGroup,
    settings: GroupSettings,
    member: UpdatedMember,
    change: Change,
    now: Instant,
    effects: Effects,
  ): Progress | Refusal {
    const subscriptions = subscriptionsAfter(group, member);
    const groupEpoch = this.epochAfter(group, subscriptions, change.mustBump, effects);
    let targetEpoch = group.assignmentEpoch;
    let target = targetOf(group, member);
    if (groupEpoch > targetEpoch && canAssign(group, settings, now)) {
      target = this.assign(group, groupEpoch, subscriptions, member, now, effects);
      targetEpoch = groupEpoch;
    }
    return this.reconcile(group, member, subscriptions, target, targetEpoch, change.hasSubscriptionChanged, effects);
  }

  /** Like `advance`, for a group that will not be assigned by the broker any more: the member gets what the target says, if that is not out of date. */
  keepTarget(group: ConsumerGroup, member: UpdatedMember, change: Change, effects: Effects): Progress | Refusal {
    const subscriptions = subscriptionsAfter(group, member);
    const groupEpoch = this.epochAfter(group, subscriptions, change.mustBump, effects);
    const { assignmentEpoch } = group;
    if (groupEpoch > assignmentEpoch) return { current: member.view.current, isStale: true };
    return this.reconcile(group, member, subscriptions, targetOf(group, member), assignmentEpoch, false, effects);
  }

  /** The group's epoch, which rises where the members' subscriptions or the topics have changed. */
  epochAfter(group: ConsumerGroup, subscriptions: GroupSubscriptions, mustBump: boolean, effects: Effects): number {
    if (!mustBump && !group.needsRefresh) return group.groupEpoch;
    const groupId = group.id;
    const metadataHash = subscriptions.metadataHash(this.context.topics);
    const isBumped = mustBump || metadataHash !== group.metadataHash;
    const epoch = group.groupEpoch + (isBumped ? 1 : 0);
    if (isBumped) {
      effects.records.push({ kind: "consumerGroup", groupId, value: { epoch, metadataHash } });
      const reason = mustBump ? "subscriptions" : "topics";
      this.context.logger.info("consumer group rebalances", { group: groupId, epoch, reason });
    }
    if (group.hasPartitionMetadataRecord) {
      effects.records.push({ kind: "consumerPartitionMetadata", groupId, value: null });
    }
    return epoch;
  }

  private assign(
    group: ConsumerGroup,
    groupEpoch: number,
    subscriptions: GroupSubscriptions,
    { view, metadata }: UpdatedMember,
    now: Instant,
    effects: Effects,
  ): TopicAssignment {
    const { assignors, config, topics, logger } = this.context;
    const known = view.replaced ?? group.members.get(view.memberId);
    const preferred = group.preferredAssignor(known, metadata);
    const assignor = assignors.get(preferred ?? "") ?? assignors.get(config.groupConsumerAssignors[0] ?? "uniform")!;
    const changed = { memberId: view.memberId, metadata, replaced: view.replaced };
    const input = { group, groupEpoch, subscriptions, changed, assignor, topics, now: now.wall };
    const targets = computeTarget(input, effects.records);
    // The epoch's record comes last, so whatever part of it a crash leaves is computed again.
    effects.divisible = true;
    logger.info("consumer group is assigned", { group: group.id, epoch: groupEpoch, assignor: assignor.name });
    return targets.get(view.memberId) ?? new Map();
  }

  private reconcile(
    group: ConsumerGroup,
    { view, metadata, owned }: UpdatedMember,
    subscriptions: GroupSubscriptions,
    target: TopicAssignment,
    targetEpoch: number,
    hasSubscriptionChanged: boolean,
    effects: Effects,
  ): Progress | Refusal {
    const { memberId, current } = view;
    if (!hasSubscriptionChanged && isReconciledTo(current, targetEpoch)) return { current, isStale: false };
    const { topics } = this.context;
    let next: StoredCurrentAssignment;
    try {
      next = reconcile(current, {
        targetEpoch,
        target,
        isSubscribedTo: subscriptionTest(metadata, subscriptions.resolved, topics),
        hasSubscriptionChanged,
        isOwned: (topicId, partition) => group.owners.isOwned(topicId, partition),
        owned,
      });
    } catch (error) {
      if (!(error instanceof FencedMember)) throw error;
      return { errorCode: error.errorCode, message: error.message };
    }
    if (next !== current) {
      effects.records.push({ kind: "consumerCurrentAssignment", groupId: group.id, memberId, value: next });
    }
    return { current: next, isStale: false };
  }
}

/** What the members subscribe to once the member's record is applied; the group's own where nothing changes. */
function subscriptionsAfter(group: ConsumerGroup, { view, metadata }: UpdatedMember): GroupSubscriptions {
  if (metadata === view.metadata) return group.subscriptions;
  const after = group.subscriptions.copy();
  if (!view.isNew) after.remove(view.metadata);
  after.add(metadata);
  after.forgetUnused();
  return after;
}

/** What the member, or the one whose place it takes, is to own by now. */
function targetOf(group: ConsumerGroup, { view }: UpdatedMember): TopicAssignment {
  return group.target(view.replaced?.memberId ?? view.memberId);
}

/** Whether enough time has passed since the last target assignment. A clock that was set back does not make anybody wait. */
export function canAssign(group: ConsumerGroup, settings: GroupSettings, now: Instant): boolean {
  const { assignmentTimestamp } = group;
  if (assignmentTimestamp === 0) return true;
  const age = now.wall - assignmentTimestamp;
  return age < 0 || age >= settings.consumerAssignmentIntervalMs;
}

function topicsOf(owned: OwnedPartitions): TopicIdPartitions[] {
  return Array.from(owned, ([topicId, { partitions }]) => ({ topicId, partitions }));
}
