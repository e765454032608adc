import type { Logger } from "@ottla/runtime";
import type { ServerAssignor } from "./assignors/assignor.ts";
import { range } from "./assignors/range.ts";
import { uniform } from "./assignors/uniform.ts";
import { ClassicGroup, classicGroupRecord } from "./classic-group.ts";
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
import type {
  ConsumerHeartbeatEvent,
  ConsumerHeartbeatReply,
  ConsumerMemberStoredEvent,
  Effects,
  Instant,
  RegexesStoredEvent,
} from "./group-events.ts";
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

  constructor(config: GroupCoordinatorConfig, timers: ConsumerTimers, surroundings: GroupSurroundings, logger: Logger) {
    this.timers = timers;
    this.settings = surroundings.groupSettings;
    const { topics } = surroundings;
    const regexes = new ConsumerGroupRegexes(config, timers, topics, logger);
    this.context = { config, topics, assignors: serverAssignors, regexes, interner: new Interner(), logger };
    this.beats = new ConsumerGroupHeartbeat(this.context);
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
      this.leave(group, event, effects);
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
    if (!(group instanceof ClassicGroup) || !group.isEmpty())
      return groupNotFound(`Group ${groupId} is not a consumer group.`);
    effects.records.push(classicGroupRecord(groupId, null));
    return new ConsumerGroup(groupId, noTimers);
  }

  private leave(group: Group | undefined, event: ConsumerHeartbeatEvent, effects: Effects): void {
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
      this.fence(group as ConsumerGroup, [member], effects);
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

  /** Takes members out: the group is assigned anew without them. */
  private fence(group: ConsumerGroup, members: readonly ConsumerMember[], effects: Effects): void {
    const groupId = group.id;
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

  /** A member's records have been applied: its deadlines begin. */
  memberStored(group: ConsumerGroup, { memberId }: ConsumerMemberStoredEvent, now: Instant): void {
    // What the topics look like has just been looked at.
    group.needsRefresh = false;
    const member = group.members.get(memberId);
    if (member === undefined) return;
    this.keepSession(member, this.settings(group.id), now);
    this.timeRevocation(member, now);
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
    this.fence(group, [member], effects);
  }

  /** After a replay sessions begin anew, so that a restart costs no member its place. */
  loaded(group: ConsumerGroup, now: Instant): void {
    const settings = this.settings(group.id);
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
