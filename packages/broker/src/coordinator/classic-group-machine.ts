import { errorCodes } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import { ClassicGroup, type ClassicTimers, classicGroupRecord } from "./classic-group.ts";
import { ClassicJoin } from "./classic-join.ts";
import type { ClassicTimed } from "./classic-member.ts";
import { assignmentOf, ClassicRebalance } from "./classic-rebalance.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type AssignmentStoredEvent,
  type DowngradedEvent,
  type Effects,
  type Heartbeat,
  type Instant,
  type JoinEvent,
  joinError,
  type LeaveEvent,
  type LeaveReply,
  type LeavingMember,
  type StaticMemberStoredEvent,
  type SyncEvent,
  syncError,
} from "./group-events.ts";
import type { StoredClassicGroup } from "./group-records.ts";
import { Interner } from "./interner.ts";

/**
 * The rules of classic groups (Kafka's `GroupMetadataManager`, classic half): dynamic and static members, generations, leaders, time-outs.
 * It holds no groups: the caller (`GroupMachine`) looks them up, so that groups of other kinds can stand beside them.
 *
 * Stored state changes only in `apply`. What a replay does not bring back is listed at `ClassicGroup`.
 */
export class ClassicGroupMachine {
  private readonly config: GroupCoordinatorConfig;
  private readonly timers: ClassicTimers;
  private readonly logger: Logger;
  private readonly rebalance: ClassicRebalance;
  private readonly joins: ClassicJoin;

  constructor(config: GroupCoordinatorConfig, timers: ClassicTimers, logger: Logger) {
    this.config = config;
    this.timers = timers;
    this.logger = logger;
    this.rebalance = new ClassicRebalance(config, timers, logger);
    this.joins = new ClassicJoin(config, timers, this.rebalance, new Interner(), logger);
  }

  /** A group that does not exist begins with its first member, and is stored as empty before that member is looked at. */
  join(group: ClassicGroup | undefined, event: JoinEvent, now: Instant, effects: Effects): void {
    if (group !== undefined) {
      this.joins.handle(group, event, now, effects);
    } else if (event.memberId !== "") {
      const body = joinError(event.memberId, errorCodes.UNKNOWN_MEMBER_ID);
      effects.replies.push({ kind: "join", ticket: event.ticket, body });
    } else {
      effects.records.push(classicGroupRecord(event.groupId, emptyGroup(now)));
      effects.next = event;
    }
  }

  staticMemberStored(group: ClassicGroup, event: StaticMemberStoredEvent, now: Instant, effects: Effects): void {
    this.joins.successorStored(group, event, now, effects);
  }

  sync(group: ClassicGroup, event: SyncEvent, effects: Effects): void {
    const member = group.members.get(event.memberId);
    const error = this.checkSync(group, event);
    if (error !== 0 || member === undefined) {
      effects.replies.push({ kind: "sync", ticket: event.ticket, body: syncError(error) });
      return;
    }
    this.rebalance.removePendingSync(group, member);
    if (group.state === "Stable") {
      effects.replies.push({ kind: "sync", ticket: event.ticket, body: assignmentOf(group, member) });
      return;
    }
    // A request that came before on another connection has lost its client; its answer must not wait for ever.
    this.rebalance.answerSync(member, syncError(errorCodes.REBALANCE_IN_PROGRESS), effects);
    member.syncTicket = event.ticket;
    if (group.leaderId !== event.memberId) return;
    const assignments = new Map<string, Uint8Array>();
    for (const { memberId, assignment } of event.assignments) assignments.set(memberId, assignment);
    effects.records.push(classicGroupRecord(group.id, group.toStored(assignments)));
    effects.next = { type: "assignmentStored", groupId: group.id, generationId: group.generationId };
    this.logger.info("group is assigned", {
      group: group.id,
      generation: group.generationId,
      members: group.memberCount,
      static: group.staticMemberCount,
      leader: event.memberId,
    });
  }

  private checkSync(group: ClassicGroup, event: SyncEvent): number {
    if (group.isEmpty()) return errorCodes.UNKNOWN_MEMBER_ID;
    const error = group.checkMember(event.memberId, event.groupInstanceId);
    if (error !== 0) return error;
    if (event.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;
    if (differs(event.protocolType, group.protocolType) || differs(event.protocolName, group.protocolName ?? "")) {
      return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    }
    return group.state === "PreparingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : 0;
  }

  assignmentStored(group: ClassicGroup, _event: AssignmentStoredEvent, now: Instant, effects: Effects): void {
    this.rebalance.sendAssignments(group, now, effects);
  }

  /** The assignment could not be stored: nobody gets it, and the members try again. */
  syncRejected(group: ClassicGroup, errorCode: number, now: Instant, effects: Effects): void {
    if (group.state !== "CompletingRebalance") return;
    this.rebalance.refuseSyncs(group, errorCode, now, effects);
    this.rebalance.prepare(group, "the assignment could not be stored", now, effects);
  }

  /** It could not be stored that the group is empty: it is tried again then, or members have come by then. */
  emptyRejected(group: ClassicGroup, retryAt: number): void {
    if (group.state === "PreparingRebalance" && group.memberCount === 0) this.timers.schedule(group.joinTimer, retryAt);
  }

  /** Returns the error code of the answer. Makes nothing: it is what a coordinator does most. */
  heartbeat(group: ClassicGroup, beat: Heartbeat, now: Instant): number {
    const error = group.checkMember(beat.memberId, beat.groupInstanceId);
    if (error !== 0) return error;
    if (beat.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;
    this.keepSession(group, beat.memberId, now);
    return group.state === "PreparingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : 0;
  }

  /** Whatever a member asks is a sign of life, an offset commit too. */
  keepSession(group: ClassicGroup, memberId: string, now: Instant): void {
    const member = group.members.get(memberId);
    if (member !== undefined) this.rebalance.restartSession(member, now);
  }

  leave(group: ClassicGroup, event: LeaveEvent, now: Instant, effects: Effects): void {
    let left = 0;
    const members = event.members.map((leaving) => {
      const errorCode = this.removeLeaving(group, leaving, effects);
      if (errorCode === 0) left++;
      return { memberId: leaving.memberId, groupInstanceId: leaving.groupInstanceId, errorCode };
    });
    effects.replies.push({ kind: "leave", ticket: event.ticket, body: { errorCode: 0, members } });
    if (left === 0) return;
    if (group.state === "PreparingRebalance") this.rebalance.completeIfAllJoined(group, now, effects);
    else if (group.state !== "Empty") this.rebalance.prepare(group, `${left} members left`, now, effects);
  }

  private removeLeaving(group: ClassicGroup, leaving: LeavingMember, effects: Effects): number {
    const { memberId, groupInstanceId } = leaving;
    if (memberId !== "" && group.pendingMembers.has(memberId)) {
      group.removePending(memberId);
      return 0;
    }
    // An administrator removes a static member by its instance id alone.
    const id = memberId === "" && groupInstanceId !== null ? group.staticMemberId(groupInstanceId) : memberId;
    if (id === undefined || id === "") return errorCodes.UNKNOWN_MEMBER_ID;
    const error = group.checkMember(id, groupInstanceId);
    if (error !== 0) return error;
    this.rebalance.dismiss(group, group.members.get(id)!, errorCodes.UNKNOWN_MEMBER_ID, "", effects);
    this.logger.info("group member left", { group: group.id, member: id, reason: leaving.reason ?? "not provided" });
    return 0;
  }

  /** A deadline has passed. */
  timeout(group: ClassicGroup, timed: ClassicTimed, now: Instant, effects: Effects): void {
    switch (timed.kind) {
      case "classicMember":
        this.rebalance.sessionTimeout(group, timed, now, effects);
        break;
      case "pendingMember":
        this.rebalance.pendingTimeout(group, timed.memberId, now, effects);
        break;
      case "joinPhase":
        this.rebalance.joinTimeout(group, timed, now, effects);
        break;
      case "syncPhase":
        this.rebalance.syncTimeout(group, timed, now, effects);
        break;
    }
  }

  /** The group as a record has it: a new one where `group` is undefined. */
  apply(group: ClassicGroup | undefined, groupId: string, value: StoredClassicGroup): ClassicGroup {
    const applied = group ?? new ClassicGroup(groupId, this.timers, value.currentStateTimestamp);
    applied.load(value, (of, stored) => this.joins.load(of, stored));
    return applied;
  }

  /** The group exists because of its offsets only. */
  makeSimple(groupId: string): ClassicGroup {
    return new ClassicGroup(groupId, this.timers, -1);
  }

  /** The group has become one of the consumer protocol: its members, who stay in it, join again. */
  upgraded(group: ClassicGroup, effects: Effects): void {
    const errorCode = errorCodes.REBALANCE_IN_PROGRESS;
    // The tickets stay: where the records are refused, the group and its round go on.
    for (const { memberId, joinTicket, syncTicket } of group.members.values()) {
      if (joinTicket !== 0)
        effects.replies.push({ kind: "join", ticket: joinTicket, body: joinError(memberId, errorCode) });
      if (syncTicket !== 0) effects.replies.push({ kind: "sync", ticket: syncTicket, body: syncError(errorCode) });
    }
  }

  /** The group was one of the consumer protocol until now. */
  downgraded(group: ClassicGroup, event: DowngradedEvent, now: Instant, effects: Effects): void {
    for (const member of group.members.values()) this.rebalance.restartSession(member, now);
    if (event.reason !== null) this.rebalance.prepare(group, event.reason, now, effects);
  }

  /** After a replay sessions begin anew, so that a restart costs no member its place. */
  loaded(group: ClassicGroup, now: Instant, effects: Effects): void {
    for (const member of group.members.values()) this.rebalance.restartSession(member, now);
    if (group.memberCount <= this.config.groupMaxSize || group.isEmpty()) return;
    this.rebalance.prepare(
      group,
      `the group is larger than group.max.size (${this.config.groupMaxSize})`,
      now,
      effects,
    );
  }
}

/** LeaveGroup's answer for a group that does not exist. */
export function leaveUnknownGroup(event: LeaveEvent): LeaveReply {
  const errorCode = errorCodes.UNKNOWN_MEMBER_ID;
  return {
    errorCode: 0,
    members: event.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode })),
  };
}

function emptyGroup(now: Instant): StoredClassicGroup {
  return {
    protocolType: "",
    generation: 0,
    protocol: null,
    leader: null,
    currentStateTimestamp: now.wall,
    members: [],
  };
}

/** Older versions do not say the protocol, and then it is not compared. */
function differs(said: string | null, is: string): boolean {
  return said !== null && is !== "" && said !== is;
}
