import { errorCodes } from "@ottla/protocol";
import type { ConsumerGroup } from "./consumer-group.ts";
import { isRefusal, type Refusal } from "./consumer-group-events.ts";
import { type ConsumerGroupContext, type ConsumerGroupHeartbeat, canAssign } from "./consumer-group-heartbeat.ts";
import { memberStates, type StoredConsumerMember } from "./consumer-group-records.ts";
import { type ConsumerMember, type ConsumerTimers, equalMetadata, MemberPhaseTimer } from "./consumer-member.ts";
import { checkInstance, type MemberView, newMember, replaceMember, viewOf } from "./consumer-member-view.ts";
import {
  canDowngradeWithout,
  downgrade,
  ownedProtocols,
  readSubscription,
  writeAssignment,
} from "./group-conversion.ts";
import {
  type Effects,
  type Heartbeat,
  type Instant,
  type JoinEvent,
  joinError,
  type LeaveEvent,
  type LeaveReply,
  type SyncEvent,
  type SyncReply,
  syncError,
} from "./group-events.ts";
import type { GroupSettings } from "./group-settings.ts";
import { indexIn, ownedOf } from "./owned-partitions.ts";

/** From this version on a dynamic member is given an id first and joins with it (KIP-394). */
const firstVersionWithKnownMember = 4;

/**
 * Members that speak the classic protocol in a group of the consumer protocol, while its members are being changed over one by one (Kafka's `GroupMetadataManager.classicGroupJoinToConsumerGroup` and its
 * siblings). JoinGroup takes the place of the heartbeat, the member's epoch that of the generation, and SyncGroup brings what the broker has assigned; nobody leads. A heartbeat that says
 * REBALANCE_IN_PROGRESS has the member join again for its next step.
 */
export class ClassicInConsumerGroup {
  private readonly context: ConsumerGroupContext;
  private readonly timers: ConsumerTimers;
  private readonly beats: ConsumerGroupHeartbeat;

  constructor(context: ConsumerGroupContext, timers: ConsumerTimers, beats: ConsumerGroupHeartbeat) {
    this.context = context;
    this.timers = timers;
    this.beats = beats;
  }

  join(group: ConsumerGroup, settings: GroupSettings, event: JoinEvent, now: Instant, effects: Effects): void {
    const memberId = event.memberId === "" ? event.shortUuid : event.memberId;
    const refusal = this.tryJoin(group, settings, event, memberId, now, effects);
    if (refusal === null) return;
    effects.records.length = 0;
    effects.next = null;
    const shown = refusal.errorCode === errorCodes.MEMBER_ID_REQUIRED ? memberId : event.memberId;
    effects.replies.push({ kind: "join", ticket: event.ticket, body: joinError(shown, refusal.errorCode) });
  }

  private tryJoin(
    group: ConsumerGroup,
    settings: GroupSettings,
    event: JoinEvent,
    memberId: string,
    now: Instant,
    effects: Effects,
  ): Refusal | null {
    const { config, topics } = this.context;
    const names = event.protocols.map(({ name }) => name);
    if (config.groupConsumerMigrationPolicy === "disabled") return refusal(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    const full = this.beats.checkRoom(group, memberId);
    if (full !== null) return full;
    if (names.length === 0 || !group.supportsClassicProtocols(event.protocolType, names)) {
      return refusal(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    }
    const needsId = event.groupInstanceId === null && event.apiVersion >= firstVersionWithKnownMember;
    if (event.memberId === "" && needsId) return refusal(errorCodes.MEMBER_ID_REQUIRED);
    const subscription = readSubscription(event.protocols[0]!.metadata, topics);
    if (subscription === null) return refusal(errorCodes.UNKNOWN_SERVER_ERROR);
    // Counted out, and it has not heard of it: told so, it gives up what others have by now before it joins. Kafka takes it for a new member, which may then commit for what it still owns.
    const isUnknown = event.groupInstanceId === null && event.memberId !== "" && !group.members.has(memberId);
    if (isUnknown && subscription.owned.length > 0) return refusal(errorCodes.UNKNOWN_MEMBER_ID);
    const existing = group.staticMember(event.groupInstanceId);
    const isDowngrade = existing !== undefined && canDowngradeWithout(group, existing, config);
    const view = this.findMember(group, event, memberId, effects);
    if (isRefusal(view)) return view;
    const metadata = this.update(view.metadata, event, subscription.topics, subscription.rackId);
    const member = { view, metadata, owned: subscription.owned };
    const stored = this.beats.storeMember(group, member, effects);
    if (isRefusal(stored)) return stored;
    const change = { hasSubscriptionChanged: stored.hasSubscriptionChanged, mustBump: stored.hasSubscriptionChanged };
    const next = isDowngrade
      ? this.beats.keepTarget(group, member, change, effects)
      : this.beats.advance(group, settings, member, change, now, effects);
    if (isRefusal(next)) return next;
    if (isDowngrade)
      this.downgrade(
        group,
        { memberId, metadata, current: next.current, replaced: existing },
        next.isStale,
        now,
        effects,
      );
    else effects.next = { type: "classicMemberStored", groupId: group.id, memberId, joined: event };
    const reply = { ...joinError(memberId, 0), generationId: next.current.memberEpoch, protocolType: "consumer" };
    const protocolName = event.protocols[0]!.name;
    effects.replies.push({ kind: "join", ticket: event.ticket, body: { ...reply, protocolName } });
    return null;
  }

  private downgrade(
    group: ConsumerGroup,
    joining: Parameters<typeof downgrade>[2] & object,
    isStale: boolean,
    now: Instant,
    effects: Effects,
  ): void {
    for (const record of downgrade(group, [], joining, this.context.topics, now.wall)) effects.records.push(record);
    const reason = isStale ? "the group has become a classic one and its assignment is out of date" : null;
    effects.next = { type: "downgraded", groupId: group.id, reason };
    this.context.logger.info("consumer group has become a classic one", { group: group.id });
  }

  private findMember(group: ConsumerGroup, event: JoinEvent, memberId: string, effects: Effects): MemberView | Refusal {
    const { groupInstanceId } = event;
    if (groupInstanceId === null) {
      const member = group.members.get(memberId);
      return member === undefined ? newMember(memberId) : viewOf(member);
    }
    const existing = group.staticMember(groupInstanceId);
    if (event.memberId === "") {
      return existing === undefined ? newMember(memberId) : replaceMember(group, existing, memberId, effects.records);
    }
    if (existing === undefined) return refusal(errorCodes.UNKNOWN_MEMBER_ID);
    return checkInstance(existing, memberId, groupInstanceId) ?? viewOf(existing);
  }

  private update(
    old: StoredConsumerMember,
    event: JoinEvent,
    topics: readonly string[],
    rackId: string | null,
  ): StoredConsumerMember {
    const { interner } = this.context;
    const updated: StoredConsumerMember = {
      instanceId: event.groupInstanceId ?? old.instanceId,
      rackId: rackId ?? old.rackId,
      clientId: interner.intern(event.clientId),
      clientHost: interner.intern(event.clientHost),
      subscribedTopicNames: topics,
      subscribedTopicRegex: "",
      rebalanceTimeoutMs: event.rebalanceTimeoutMs === -1 ? old.rebalanceTimeoutMs : event.rebalanceTimeoutMs,
      serverAssignor: old.serverAssignor,
      classicMemberMetadata: {
        sessionTimeoutMs: event.sessionTimeoutMs,
        supportedProtocols: ownedProtocols(event.protocols),
      },
    };
    return equalMetadata(updated, old) ? old : updated;
  }

  /** A member's JoinGroup has been applied: it is to ask for its assignment in time. */
  joined(group: ConsumerGroup, memberId: string, event: JoinEvent, now: Instant): void {
    const member = group.members.get(memberId);
    if (member === undefined) return;
    this.cancel(member.joinTimer);
    this.timers.schedule(member, now.monotonic + event.sessionTimeoutMs);
    member.syncTimer ??= new MemberPhaseTimer("consumerSync", member);
    this.timers.schedule(member.syncTimer, now.monotonic + event.rebalanceTimeoutMs);
  }

  sync(group: ConsumerGroup, settings: GroupSettings, event: SyncEvent, now: Instant): SyncReply {
    const member = this.check(group, event);
    if (typeof member === "number") return syncError(member);
    const classic = member.metadata.classicMemberMetadata!;
    const { protocolType, protocolName } = event;
    const [protocol] = classic.supportedProtocols;
    const differs = protocolType !== null && protocolType !== "consumer";
    if (differs || (protocolName !== null && protocolName !== protocol?.name)) {
      return syncError(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (this.isBehind(group, member, settings, now) && member.current.state !== memberStates.unrevoked) {
      this.awaitJoin(member, now);
      return syncError(errorCodes.REBALANCE_IN_PROGRESS);
    }
    this.cancel(member.syncTimer);
    this.timers.schedule(member, now.monotonic + classic.sessionTimeoutMs);
    const assignment = writeAssignment(member.current.assigned, protocol!.metadata, this.context.topics);
    return { errorCode: 0, protocolType, protocolName, assignment };
  }

  /** Returns the error code of the answer. */
  heartbeat(group: ConsumerGroup, settings: GroupSettings, beat: Heartbeat, now: Instant): number {
    const member = this.check(group, beat);
    if (typeof member === "number") return member;
    this.timers.schedule(member, now.monotonic + member.metadata.classicMemberMetadata!.sessionTimeoutMs);
    const { state } = member.current;
    const hasNext =
      this.isBehind(group, member, settings, now) ||
      state === memberStates.unrevoked ||
      (state === memberStates.unreleased && !isWaiting(group, member));
    if (!hasNext) return 0;
    this.awaitJoin(member, now);
    return errorCodes.REBALANCE_IN_PROGRESS;
  }

  /** The member that a request comes from, or an error code. */
  private check(
    group: ConsumerGroup,
    { memberId, groupInstanceId, generationId }: Pick<Heartbeat, "memberId" | "groupInstanceId" | "generationId">,
  ): ConsumerMember | number {
    const member = groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId);
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
    if (member.memberId !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    if (!member.usesClassicProtocol) return errorCodes.UNKNOWN_MEMBER_ID;
    return member.current.memberEpoch === generationId ? member : errorCodes.ILLEGAL_GENERATION;
  }

  /**
   * Whether there is a newer target for the member, or one could be made now: in a group without members of the consumer protocol nobody else would see to that (in Kafka 4.3 nobody does).
   */
  private isBehind(group: ConsumerGroup, member: ConsumerMember, settings: GroupSettings, now: Instant): boolean {
    if (member.current.memberEpoch < group.assignmentEpoch) return true;
    // The topics may be others by now.
    if (group.needsRefresh && group.classicMemberCount === group.memberCount) return true;
    return group.groupEpoch > group.assignmentEpoch && canAssign(group, settings, now);
  }

  /** The member has been told to join again: it has the rebalance timeout for it. */
  private awaitJoin(member: ConsumerMember, now: Instant): void {
    member.joinTimer ??= new MemberPhaseTimer("consumerJoin", member);
    if (member.joinTimer.heapIndex !== -1) return;
    this.timers.schedule(member.joinTimer, now.monotonic + member.metadata.rebalanceTimeoutMs);
  }

  /** LeaveGroup, from the members themselves or from an administrator: whom of either protocol it takes out, and the answer. */
  leave(group: ConsumerGroup, event: LeaveEvent): { readonly leaving: ConsumerMember[]; readonly body: LeaveReply } {
    const leaving = new Set<ConsumerMember>();
    const members = event.members.map(({ memberId, groupInstanceId }) => {
      const member = groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId);
      const isFenced = groupInstanceId !== null && memberId !== "" && member?.memberId !== memberId;
      const missing = member === undefined ? errorCodes.UNKNOWN_MEMBER_ID : 0;
      const errorCode = missing === 0 && isFenced ? errorCodes.FENCED_INSTANCE_ID : missing;
      if (member !== undefined && errorCode === 0) leaving.add(member);
      return { memberId, groupInstanceId, errorCode };
    });
    return { leaving: [...leaving], body: { errorCode: 0, members } };
  }

  /** The member speaks the other protocol from now on, or always has: nobody waits for its JoinGroup or SyncGroup. */
  forget(member: ConsumerMember): void {
    this.cancel(member.joinTimer);
    this.cancel(member.syncTimer);
  }

  private cancel(timer: MemberPhaseTimer | null): void {
    if (timer !== null) this.timers.cancel(timer);
  }
}

/** Whether something that the member is to own still is somebody else's. */
function isWaiting(group: ConsumerGroup, { memberId, current }: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.target(memberId)) {
    const owned = ownedOf(current.assigned, topicId).partitions;
    if (partitions.some((one) => indexIn(owned, one) === -1 && group.owners.isOwned(topicId, one))) return true;
  }
  return false;
}

function refusal(errorCode: number): Refusal {
  return { errorCode, message: "" };
}
