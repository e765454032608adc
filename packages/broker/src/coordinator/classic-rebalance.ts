import { errorCodes } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import { type ClassicGroup, type ClassicTimers, classicGroupRecord } from "./classic-group.ts";
import type { ClassicMember, JoinPhaseTimer, SyncPhaseTimer } from "./classic-member.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type Effects,
  type Instant,
  type JoinReply,
  joinError,
  noBytes,
  type SyncReply,
  syncError,
} from "./group-events.ts";

/**
 * How a classic group gets from one generation to the next: the join phase, its end, the wait for the assignment, and members that fail on the way
 * (Kafka's `GroupMetadataManager`: prepareRebalance, completeClassicGroupJoin, expirePendingSync and their like).
 */
export class ClassicRebalance {
  private readonly config: GroupCoordinatorConfig;
  private readonly timers: ClassicTimers;
  private readonly logger: Logger;

  constructor(config: GroupCoordinatorConfig, timers: ClassicTimers, logger: Logger) {
    this.config = config;
    this.timers = timers;
    this.logger = logger;
  }

  /** A session begins anew: the member has given a sign of life. */
  restartSession(member: ClassicMember, now: Instant): void {
    this.timers.schedule(member, now.monotonic + member.sessionTimeoutMs);
  }

  /** Something about the members has changed: a new rebalance, or one that is on may be complete now. */
  prepareOrComplete(group: ClassicGroup, reason: string, now: Instant, effects: Effects): void {
    if (group.state === "PreparingRebalance") this.completeIfAllJoined(group, now, effects);
    else this.prepare(group, reason, now, effects);
  }

  /** Begins a rebalance: everybody has to join again. */
  prepare(group: ClassicGroup, reason: string, now: Instant, effects: Effects): void {
    // Who waits for an assignment will not get it and has to join again.
    if (group.state === "CompletingRebalance") this.refuseSyncs(group, errorCodes.REBALANCE_IN_PROGRESS, now, effects);
    group.clearPendingSync();
    this.timers.cancel(group.syncTimer);
    const isInitial = group.state === "Empty";
    if (isInitial) {
      // A new group gives its members time to come.
      const delay = this.config.groupInitialRebalanceDelayMs;
      group.newMemberAdded = false;
      group.joinTimer.initialDelayMs = delay;
      group.joinTimer.remainingMs = Math.max(group.rebalanceTimeoutMs() - delay, 0);
      this.timers.schedule(group.joinTimer, now.monotonic + delay);
    }
    group.transitionTo("PreparingRebalance", now.wall);
    this.logger.info("group rebalances", {
      group: group.id,
      generation: group.generationId,
      members: group.memberCount,
      reason,
    });
    if (isInitial) return;
    if (group.hasAllMembersJoined) this.completeJoin(group, now, effects);
    else this.awaitJoins(group, now);
  }

  /** Ends the join phase if nobody is missing. A group's first one ends by time only, so that more members can come. */
  completeIfAllJoined(group: ClassicGroup, now: Instant, effects: Effects): void {
    if (group.state !== "PreparingRebalance" || group.previousState === "Empty") return;
    if (group.hasAllMembersJoined) this.completeJoin(group, now, effects);
  }

  /** The time of the join phase is up. */
  joinTimeout(group: ClassicGroup, timer: JoinPhaseTimer, now: Instant, effects: Effects): void {
    if (group.state !== "PreparingRebalance") return;
    const remaining = timer.remainingMs;
    const delay = Math.min(this.config.groupInitialRebalanceDelayMs, remaining);
    if (delay > 0 && group.newMemberAdded) {
      group.newMemberAdded = false;
      timer.remainingMs = Math.max(remaining - timer.initialDelayMs, 0);
      timer.initialDelayMs = delay;
      this.timers.schedule(timer, now.monotonic + delay);
      return;
    }
    this.completeJoin(group, now, effects);
  }

  /**
   * Ends the join phase: dynamic members that have not joined are out, static ones stay (KIP-345). The rest is the next generation, and its members
   * are told; a group without any is stored as empty.
   */
  completeJoin(group: ClassicGroup, now: Instant, effects: Effects): void {
    this.timers.cancel(group.joinTimer);
    group.joinTimer.remainingMs = -1;
    let removed = 0;
    for (const member of [...group.members.values()]) {
      if (member.isAwaitingJoin || member.groupInstanceId !== null) continue;
      group.remove(member.memberId);
      removed++;
    }
    if (removed > 0) this.logger.info("group members did not rejoin in time", { group: group.id, members: removed });
    if (!group.electJoinedLeader() && group.memberCount > 0) {
      // Only static members, and none of them has joined: wait until their sessions end.
      this.awaitJoins(group, now);
      return;
    }
    if (group.memberCount === 0) {
      this.storeEmpty(group, now, effects);
      return;
    }
    group.generationId++;
    group.protocolName = group.selectProtocol();
    group.updateSubscribedTopics();
    group.transitionTo("CompletingRebalance", now.wall);
    group.clearPendingSync();
    this.logger.info("group has its members", {
      group: group.id,
      generation: group.generationId,
      members: group.memberCount,
      protocol: group.protocolName,
    });
    for (const member of group.members.values()) {
      this.answerJoin(group, member, currentGeneration(group, member), effects);
      this.restartSession(member, now);
      member.isNew = false;
      group.setPendingSync(member, true);
    }
    group.syncTimer.generationId = group.generationId;
    this.timers.schedule(group.syncTimer, now.monotonic + group.rebalanceTimeoutMs());
  }

  /** Members that have not sent SyncGroup within the rebalance timeout are out. */
  syncTimeout(group: ClassicGroup, timer: SyncPhaseTimer, now: Instant, effects: Effects): void {
    const isOn = group.state === "CompletingRebalance" || group.state === "Stable";
    if (!isOn || timer.generationId !== group.generationId || group.hasAllMembersSynced) return;
    let removed = 0;
    for (const member of [...group.members.values()]) {
      if (!member.isPendingSync) continue;
      group.remove(member.memberId);
      removed++;
    }
    this.prepare(group, `${removed} members did not ask for their assignment in time`, now, effects);
  }

  /** Its SyncGroup has come. */
  removePendingSync(group: ClassicGroup, member: ClassicMember): void {
    group.setPendingSync(member, false);
    if (group.hasAllMembersSynced) this.timers.cancel(group.syncTimer);
  }

  /** A session has ended. */
  sessionTimeout(group: ClassicGroup, member: ClassicMember, now: Instant, effects: Effects): void {
    // Its next session begins with the answer that it waits for.
    if (member.needsNoHeartbeat) return;
    this.logger.info("group member has failed", { group: group.id, member: member.memberId });
    this.dismiss(group, member, errorCodes.UNKNOWN_MEMBER_ID, "", effects);
    if (group.state === "Stable" || group.state === "CompletingRebalance") {
      this.prepare(group, `member ${member.memberId} has failed`, now, effects);
    } else if (group.state === "PreparingRebalance" && group.hasAllMembersJoined) {
      this.completeJoin(group, now, effects);
    }
  }

  /** Somebody who was to become a member has not come back, or has left. */
  pendingTimeout(group: ClassicGroup, memberId: string, now: Instant, effects: Effects): void {
    group.removePending(memberId);
    if (group.state === "PreparingRebalance" && group.hasAllMembersJoined) this.completeJoin(group, now, effects);
  }

  /** Answers a parked JoinGroup, if there is one. */
  answerJoin(group: ClassicGroup, member: ClassicMember, body: JoinReply, effects: Effects): void {
    if (!member.isAwaitingJoin) return;
    effects.replies.push({ kind: "join", ticket: member.joinTicket, body });
    group.setJoinTicket(member, 0);
  }

  /** Takes a member out, and refuses what it waits for. `asMember` is the member id that the refusal of a JoinGroup names. */
  dismiss(group: ClassicGroup, member: ClassicMember, errorCode: number, asMember: string, effects: Effects): void {
    this.answerJoin(group, member, joinError(asMember, errorCode), effects);
    this.answerSync(member, syncError(errorCode), effects);
    group.remove(member.memberId);
  }

  /** Answers a parked SyncGroup, if there is one. */
  answerSync(member: ClassicMember, body: SyncReply, effects: Effects): boolean {
    if (!member.isAwaitingSync) return false;
    effects.replies.push({ kind: "sync", ticket: member.syncTicket, body });
    member.syncTicket = 0;
    return true;
  }

  /** Nobody gets an assignment in this generation. */
  refuseSyncs(group: ClassicGroup, errorCode: number, now: Instant, effects: Effects): void {
    for (const member of group.members.values()) {
      member.assignment = noBytes;
      if (this.answerSync(member, syncError(errorCode), effects)) this.restartSession(member, now);
    }
  }

  /** The assignment is stored: who waits for it gets it. */
  sendAssignments(group: ClassicGroup, now: Instant, effects: Effects): void {
    for (const member of group.members.values()) {
      if (this.answerSync(member, assignmentOf(group, member), effects)) this.restartSession(member, now);
    }
  }

  private awaitJoins(group: ClassicGroup, now: Instant): void {
    group.joinTimer.remainingMs = -1;
    this.timers.schedule(group.joinTimer, now.monotonic + group.rebalanceTimeoutMs());
  }

  private storeEmpty(group: ClassicGroup, now: Instant, effects: Effects): void {
    this.logger.info("group is empty", { group: group.id, generation: group.generationId + 1 });
    effects.records.push(
      classicGroupRecord(group.id, {
        protocolType: group.protocolType,
        generation: group.generationId + 1,
        protocol: null,
        leader: null,
        currentStateTimestamp: now.wall,
        members: [],
      }),
    );
  }
}

/** What a member is told of the generation that it is in; the leader also hears what every member has to say. */
export function currentGeneration(group: ClassicGroup, member: ClassicMember): JoinReply {
  return {
    errorCode: 0,
    generationId: group.generationId,
    protocolType: group.protocolType === "" ? null : group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? "",
    skipAssignment: false,
    memberId: member.memberId,
    members: group.leaderId === member.memberId ? currentMembers(group) : [],
  };
}

export function currentMembers(group: ClassicGroup): JoinReply["members"] {
  const protocol = group.protocolName ?? "";
  return Array.from(group.members.values(), (member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: member.metadata(protocol) ?? noBytes,
  }));
}

export function assignmentOf(group: ClassicGroup, member: ClassicMember): SyncReply {
  return {
    errorCode: 0,
    protocolType: group.protocolType === "" ? null : group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  };
}
