import type { Logger } from "@ottla/runtime";
import type { ServerAssignor } from "./assignors/assignor.ts";
import { range } from "./assignors/range.ts";
import { uniform } from "./assignors/uniform.ts";
import { ClassicGroup, classicGroupRecord } from "./classic-group.ts";
import { ClassicInConsumerGroup } from "./classic-in-consumer-group.ts";
import { ConsumerGroup } from "./consumer-group.ts";
import {
  answerHeartbeat,
  groupNotFound,
  type Refusal,
  refuseHeartbeat,
  unknownMember,
} from "./consumer-group-events.ts";
import { type ConsumerGroupContext, ConsumerGroupHeartbeat } from "./consumer-group-heartbeat.ts";
import { leaveEpoch, leaveStaticEpoch, memberStates } from "./consumer-group-records.ts";
import { ConsumerGroupRegexes } from "./consumer-group-regexes.ts";
import {
  ConsumerMember,
  type ConsumerTimed,
  type ConsumerTimers,
  isReconciledTo,
  MemberPhaseTimer,
  noTimers,
} from "./consumer-member.ts";
import { checkInstance, removeMember } from "./consumer-member-view.ts";
import type { Group } from "./group.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import { canDowngrade, checkUpgrade, downgrade, upgrade } from "./group-conversion.ts";
import type {
  ClassicMemberStoredEvent,
  ConsumerHeartbeatEvent,
  ConsumerHeartbeatReply,
  ConsumerMemberStoredEvent,
  Effects,
  Heartbeat,
  Instant,
  JoinEvent,
  LeaveEvent,
  RegexesStoredEvent,
  SyncEvent,
} from "./group-events.ts";
import type { GroupRecord } from "./group-records.ts";
import { defaultGroupSettings, type GroupSettings, type GroupSettingsProvider } from "./group-settings.ts";
import { Interner } from "./interner.ts";
import { nothingOwned } from "./owned-partitions.ts";
import { noTopics, type TopicImage } from "./topic-image.ts";

/** What groups need to know of the world. */
export interface GroupSurroundings {
  readonly topics: TopicImage;
  readonly groupSettings: GroupSettingsProvider;
}

export const noSurroundings: GroupSurroundings = { topics: noTopics, groupSettings: () => defaultGroupSettings };

const serverAssignors: ReadonlyMap<string, ServerAssignor> = new Map<string, ServerAssignor>([
  ["uniform", uniform],
  ["range", range],
]);

/**
 * The rules of groups whose work the broker divides (KIP-848; Kafka's `GroupMetadataManager`, its half of consumer groups): members that come, move to their targets and go, by themselves or
 * because they were silent for too long. It holds no groups: the caller (`GroupMachine`) looks them up.
 *
 * Stored state changes only in `ConsumerGroup.apply`. What a replay does not bring back is listed there, and regular expressions that are being resolved.
 */
export class ConsumerGroupMachine {
  private readonly timers: ConsumerTimers;
  private readonly settings: GroupSettingsProvider;
  private readonly context: ConsumerGroupContext;
  private readonly beats: ConsumerGroupHeartbeat;
  private readonly classic: ClassicInConsumerGroup;

  constructor(config: GroupCoordinatorConfig, timers: ConsumerTimers, surroundings: GroupSurroundings, logger: Logger) {
    this.timers = timers;
    this.settings = surroundings.groupSettings;
    const { topics } = surroundings;
    const regexes = new ConsumerGroupRegexes(config, timers, topics, logger);
    this.context = { config, topics, assignors: serverAssignors, regexes, interner: new Interner(), logger };
    this.beats = new ConsumerGroupHeartbeat(this.context);
    this.classic = new ClassicInConsumerGroup(this.context, timers, this.beats);
  }

  /**
   * A heartbeat that changes nothing, which is what a coordinator does most: answered at once, without records. Null for every other one, which then goes through `heartbeat`.
   */
  quickHeartbeat(
    group: ConsumerGroup,
    beat: QuickHeartbeat,
    client: Client,
    now: Instant,
  ): ConsumerHeartbeatReply | null {
    const member = group.members.get(beat.memberId);
    if (member === undefined || group.needsRefresh || !isQuick(group, member, beat, client)) return null;
    const settings = this.settings(group.id);
    this.keepSession(member, settings, now);
    this.context.regexes.refreshIfDue(group, now);
    return {
      errorCode: 0,
      errorMessage: null,
      memberId: member.memberId,
      memberEpoch: member.current.memberEpoch,
      heartbeatIntervalMs: settings.consumerHeartbeatIntervalMs,
      assignment: null,
    };
  }

  heartbeat(group: Group | undefined, event: ConsumerHeartbeatEvent, now: Instant, effects: Effects): void {
    if (event.memberEpoch === leaveEpoch || event.memberEpoch === leaveStaticEpoch) {
      this.leave(group, event, now, effects);
      return;
    }
    const found = this.groupFor(group, event, effects);
    if (found instanceof ConsumerGroup) this.beats.handle(found, this.settings(found.id), event, now, effects);
    else refuseHeartbeat(event, found, effects);
  }

  /** The group that a member joins or is in. One that does not exist begins with its first member; an empty one of the other kind gives way. */
  private groupFor(
    group: Group | undefined,
    { groupId, memberEpoch }: ConsumerHeartbeatEvent,
    effects: Effects,
  ): ConsumerGroup | Refusal {
    if (group instanceof ConsumerGroup) return group;
    if (memberEpoch !== 0) {
      return groupNotFound(
        group === undefined ? `Consumer group ${groupId} not found.` : `Group ${groupId} is not a consumer group.`,
      );
    }
    if (group === undefined) return new ConsumerGroup(groupId, noTimers);
    if (!(group instanceof ClassicGroup)) return groupNotFound(`Group ${groupId} is not a consumer group.`);
    const made = new ConsumerGroup(groupId, noTimers);
    const records = group.isEmpty() ? [classicGroupRecord(groupId, null)] : this.upgraded(group, made);
    if (!Array.isArray(records)) return records;
    for (const record of records) effects.records.push(record);
    return made;
  }

  private upgraded(group: ClassicGroup, made: ConsumerGroup): GroupRecord[] | Refusal {
    const { config, topics, logger } = this.context;
    const records = checkUpgrade(group, config) ?? upgrade(group, made, topics);
    const outcome = Array.isArray(records) ? "becomes a consumer group" : records.message;
    logger.info("a member of the consumer protocol joins a classic group", { group: group.id, outcome });
    return records;
  }

  private leave(group: Group | undefined, event: ConsumerHeartbeatEvent, now: Instant, effects: Effects): void {
    const { groupId, memberId, memberEpoch, instanceId } = event;
    const member = this.leaving(group, event);
    if (!(member instanceof ConsumerMember)) {
      refuseHeartbeat(event, member, effects);
      return;
    }
    const isBack = instanceId !== null && memberEpoch === leaveStaticEpoch;
    const what = isBack ? "consumer group member left for a while" : "consumer group member left";
    this.context.logger.info(what, { group: groupId, member: memberId, instance: instanceId });
    if (isBack) {
      const value = { ...member.current, memberEpoch: leaveStaticEpoch, pendingRevocation: nothingOwned };
      effects.records.push({ kind: "consumerCurrentAssignment", groupId, memberId, value });
    } else {
      this.fence(group as ConsumerGroup, [member], now, effects);
    }
    const body = { errorCode: 0, errorMessage: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
    answerHeartbeat(event, body, effects);
  }

  private leaving(
    group: Group | undefined,
    { groupId, memberId, instanceId }: ConsumerHeartbeatEvent,
  ): ConsumerMember | Refusal {
    if (group === undefined) return groupNotFound(`Group ${groupId} not found.`);
    if (!(group instanceof ConsumerGroup)) return groupNotFound(`Group ${groupId} is not a consumer group.`);
    if (instanceId === null) return group.members.get(memberId) ?? unknownMember(memberId, groupId);
    const member = group.staticMember(instanceId);
    if (member === undefined) {
      return { ...unknownMember(memberId, groupId), message: `Instance id ${instanceId} is unknown.` };
    }
    return checkInstance(member, memberId, instanceId) ?? member;
  }

  /** Takes members out: the group is assigned anew without them. If all that stay speak the classic protocol, it becomes a classic group. */
  private fence(group: ConsumerGroup, members: readonly ConsumerMember[], now: Instant, effects: Effects): void {
    if (members.length === 0) return;
    const groupId = group.id;
    if (canDowngrade(group, members, this.context.config)) {
      const records = downgrade(group, members, null, this.context.topics, now.wall);
      for (const record of records) effects.records.push(record);
      const reason = "the last members of the consumer protocol have left";
      effects.next = { type: "downgraded", groupId, reason };
      this.context.logger.info("consumer group has become a classic one", { group: groupId });
      return;
    }
    const subscriptions = group.subscriptions.copy();
    for (const { memberId, metadata } of members) {
      removeMember(groupId, memberId, effects.records);
      subscriptions.remove(metadata);
    }
    for (const regularExpression of subscriptions.forgetUnused()) {
      effects.records.push({ kind: "consumerRegularExpression", groupId, regularExpression, value: null });
    }
    const epoch = group.groupEpoch + 1;
    const metadataHash = subscriptions.metadataHash(this.context.topics);
    effects.records.push({ kind: "consumerGroup", groupId, value: { epoch, metadataHash } });
    this.context.logger.info("consumer group rebalances", { group: groupId, epoch, reason: "members left" });
  }

  /** JoinGroup of a member that speaks the classic protocol. */
  join(group: ConsumerGroup, event: JoinEvent, now: Instant, effects: Effects): void {
    this.classic.join(group, this.settings(group.id), event, now, effects);
  }

  sync(group: ConsumerGroup, event: SyncEvent, now: Instant, effects: Effects): void {
    const body = this.classic.sync(group, this.settings(group.id), event, now);
    effects.replies.push({ kind: "sync", ticket: event.ticket, body });
  }

  /** Heartbeat of a member that speaks the classic protocol. Returns the error code of the answer. */
  classicHeartbeat(group: ConsumerGroup, beat: Heartbeat, now: Instant): number {
    return this.classic.heartbeat(group, this.settings(group.id), beat, now);
  }

  classicLeave(group: ConsumerGroup, event: LeaveEvent, now: Instant, effects: Effects): void {
    const { leaving, body } = this.classic.leave(group, event);
    effects.replies.push({ kind: "leave", ticket: event.ticket, body });
    this.fence(group, leaving, now, effects);
  }

  /** A member's records have been applied: its deadlines begin. */
  memberStored(group: ConsumerGroup, event: ConsumerMemberStoredEvent | ClassicMemberStoredEvent, now: Instant): void {
    // What the topics look like has just been looked at.
    group.needsRefresh = false;
    const settings = this.settings(group.id);
    const member = group.members.get(event.memberId);
    if (member === undefined) return;
    this.keepSession(member, settings, now);
    this.timeRevocation(member, now);
    if (event.type === "classicMemberStored") this.classic.joined(group, event.memberId, event.joined, now);
    else this.classic.forget(member);
    // A group that was a classic one until now.
    if (group.isNew) for (const other of group.members.values()) this.keepSession(other, settings, now);
    group.isNew = false;
    this.context.regexes.refreshIfDue(group, now);
  }

  private keepSession(member: ConsumerMember, settings: GroupSettings, now: Instant): void {
    const timeout = member.metadata.classicMemberMetadata?.sessionTimeoutMs ?? settings.consumerSessionTimeoutMs;
    this.timers.schedule(member, now.monotonic + timeout);
  }

  /** Whoever has to give up partitions has until the end of its rebalance timeout, which begins anew when there are others to give up. */
  private timeRevocation(member: ConsumerMember, now: Instant): void {
    const { current } = member;
    const isRevoking = current.state === memberStates.unrevoked && !member.usesClassicProtocol;
    if (!isRevoking) {
      if (member.rebalanceTimer !== null) this.timers.cancel(member.rebalanceTimer);
      return;
    }
    member.rebalanceTimer ??= new MemberPhaseTimer("consumerRebalance", member);
    const { rebalanceTimer } = member;
    if (rebalanceTimer.heapIndex !== -1 && rebalanceTimer.waitsFor === current) return;
    rebalanceTimer.waitsFor = current;
    this.timers.schedule(rebalanceTimer, now.monotonic + member.metadata.rebalanceTimeoutMs);
  }

  regexesStored(group: ConsumerGroup, { topicsVersion }: RegexesStoredEvent): void {
    group.resolvedTopicsVersion = topicsVersion;
    group.needsRefresh = false;
  }

  /** Topics were made, deleted or have grown: groups that subscribe to them look again with their next heartbeat. */
  topicsChanged(groups: Iterable<Group>, names: readonly string[]): void {
    this.context.regexes.topicsChanged();
    for (const group of groups) {
      if (group instanceof ConsumerGroup && names.some((name) => group.subscriptions.has(name)))
        group.needsRefresh = true;
    }
  }

  /** A deadline has passed. */
  timeout(group: ConsumerGroup, timed: ConsumerTimed, now: Instant, effects: Effects): void {
    if (timed.kind === "consumerRegexes") {
      this.context.regexes.timeout(group, timed, now, effects);
      return;
    }
    const member = group.members.get(timed.memberId);
    if (member === undefined) return;
    if (timed.kind === "consumerRebalance" && member.current.memberEpoch !== timed.waitsFor?.memberEpoch) return;
    this.context.logger.info("consumer group member has failed", {
      group: group.id,
      member: member.memberId,
      reason: reasons[timed.kind],
    });
    this.fence(group, [member], now, effects);
  }

  /** After a replay sessions begin anew, so that a restart costs no member its place. */
  loaded(group: ConsumerGroup, now: Instant): void {
    const settings = this.settings(group.id);
    group.isNew = false;
    for (const member of group.members.values()) {
      this.keepSession(member, settings, now);
      this.timeRevocation(member, now);
    }
  }

  /** A group that is about to get its first record. */
  make(groupId: string): ConsumerGroup {
    return new ConsumerGroup(groupId, this.timers);
  }

  /** The group is gone. */
  forget(group: ConsumerGroup): void {
    group.close();
    this.context.regexes.forget(group.id);
  }
}

const reasons = {
  consumerSession: "the session has expired",
  consumerRebalance: "it did not give up its partitions in time",
  consumerJoin: "it did not join again in time",
  consumerSync: "it did not ask for its assignment in time",
};

/** What a heartbeat that changes nothing consists of. */
export type QuickHeartbeat = Pick<
  ConsumerHeartbeatEvent,
  | "groupId"
  | "memberId"
  | "memberEpoch"
  | "instanceId"
  | "rackId"
  | "rebalanceTimeoutMs"
  | "subscribedTopicNames"
  | "subscribedTopicRegex"
  | "serverAssignor"
>;

interface Client {
  readonly clientId: string;
  readonly clientHost: string;
}

/** Whether a heartbeat says nothing new and the member has nothing to do. */
function isQuick(group: ConsumerGroup, member: ConsumerMember, beat: QuickHeartbeat, client: Client): boolean {
  const { metadata, current } = member;
  return (
    beat.memberEpoch > 0 &&
    beat.memberEpoch === current.memberEpoch &&
    group.groupEpoch === group.assignmentEpoch &&
    isReconciledTo(current, group.assignmentEpoch) &&
    metadata.classicMemberMetadata === null &&
    (beat.instanceId === null || beat.instanceId === metadata.instanceId) &&
    (beat.rackId === null || beat.rackId === metadata.rackId) &&
    beat.rebalanceTimeoutMs === -1 &&
    beat.subscribedTopicNames === null &&
    beat.subscribedTopicRegex === null &&
    beat.serverAssignor === null &&
    client.clientId === metadata.clientId &&
    client.clientHost === metadata.clientHost
  );
}
