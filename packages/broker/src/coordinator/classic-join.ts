import { errorCodes } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import { type ClassicGroup, type ClassicTimers, classicGroupRecord, ownedBytes } from "./classic-group.ts";
import { ClassicMember, equalBytes, PendingMember } from "./classic-member.ts";
import { type ClassicRebalance, currentGeneration } from "./classic-rebalance.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type Effects,
  type Instant,
  type JoinEvent,
  joinError,
  type StaticMemberStoredEvent,
  syncError,
} from "./group-events.ts";
import type { GroupProtocol } from "./group-protocol.ts";
import type { StoredMember } from "./group-records.ts";
import type { Interner } from "./interner.ts";

/** The longest that a member that does not know its id yet waits for the end of a join phase: it may be a client that is gone (KIP-394). */
const newMemberJoinTimeoutMs = 300_000;
/** Kafka's protocol has no longer strings, in bytes of UTF-8. */
const maxStringSize = 32_767;

/** For so many protocols a group looks for equal metadata. */
const maxSharedProtocols = 16;

/** From this version on a dynamic member is given an id first and joins with it (KIP-394). */
const firstVersionWithKnownMember = 4;
/** From this version on a leader can be told not to assign (KIP-814). */
const firstVersionThatSkipsAssignment = 9;

/** What becomes of a JoinGroup to a classic group that exists (Kafka's `GroupMetadataManager.classicGroupJoinToClassicGroup`). */
export class ClassicJoin {
  private readonly config: GroupCoordinatorConfig;
  private readonly timers: ClassicTimers;
  private readonly rebalance: ClassicRebalance;
  private readonly interner: Interner;
  private readonly logger: Logger;

  constructor(
    config: GroupCoordinatorConfig,
    timers: ClassicTimers,
    rebalance: ClassicRebalance,
    interner: Interner,
    logger: Logger,
  ) {
    this.config = config;
    this.timers = timers;
    this.rebalance = rebalance;
    this.interner = interner;
    this.logger = logger;
  }

  handle(group: ClassicGroup, event: JoinEvent, now: Instant, effects: Effects): void {
    const { memberId } = event;
    if (!this.hasRoomFor(group, memberId)) {
      group.remove(memberId);
      refuse(event, "", errorCodes.GROUP_MAX_SIZE_REACHED, effects);
      this.rebalance.completeIfAllJoined(group, now, effects);
    } else if (!group.supportsProtocols(event.protocolType, event.protocols)) {
      refuse(event, memberId, errorCodes.INCONSISTENT_GROUP_PROTOCOL, effects);
    } else if (memberId === "") {
      this.joinAsNew(group, event, now, effects);
    } else {
      this.joinAsKnown(group, event, now, effects);
    }
  }

  /** While members join, those that have joined are counted, so that the last to come of an oversized group are turned away. */
  private hasRoomFor(group: ClassicGroup, memberId: string): boolean {
    if (group.state === "Empty") return true;
    const member = group.members.get(memberId);
    if (group.state === "PreparingRebalance") {
      return member?.isAwaitingJoin === true || group.awaitingJoinCount < this.config.groupMaxSize;
    }
    return member !== undefined || group.memberCount < this.config.groupMaxSize;
  }

  private joinAsNew(group: ClassicGroup, event: JoinEvent, now: Instant, effects: Effects): void {
    const newMemberId = `${event.groupInstanceId ?? event.clientId}-${event.uuid}`;
    if (isTooLong(newMemberId)) {
      refuse(event, "", errorCodes.UNKNOWN_SERVER_ERROR, effects);
      return;
    }
    if (event.groupInstanceId !== null) {
      const existing = group.staticMemberId(event.groupInstanceId);
      const replaced = existing === undefined ? undefined : group.members.get(existing);
      if (replaced === undefined) this.addMember(group, event, newMemberId, now, effects);
      else this.replaceStaticMember(group, event, replaced, newMemberId, now, effects);
    } else if (event.apiVersion >= firstVersionWithKnownMember) {
      const pending = new PendingMember(group.id, newMemberId);
      group.addPending(pending);
      this.timers.schedule(pending, now.monotonic + event.sessionTimeoutMs);
      refuse(event, newMemberId, errorCodes.MEMBER_ID_REQUIRED, effects);
    } else {
      this.addMember(group, event, newMemberId, now, effects);
    }
  }

  private joinAsKnown(group: ClassicGroup, event: JoinEvent, now: Instant, effects: Effects): void {
    const { memberId, groupInstanceId } = event;
    if (group.pendingMembers.has(memberId)) {
      // Only dynamic members are asked to come back with an id.
      if (groupInstanceId === null) this.addMember(group, event, memberId, now, effects);
      else refuse(event, "", errorCodes.UNKNOWN_SERVER_ERROR, effects);
      return;
    }
    const error = group.checkMember(memberId, groupInstanceId);
    if (error !== 0) {
      refuse(event, memberId, error, effects);
      return;
    }
    const member = group.members.get(memberId)!;
    const isSame = member.matches(event.protocols);
    if (group.state === "Empty") {
      refuse(event, memberId, errorCodes.UNKNOWN_MEMBER_ID, effects);
    } else if (group.state === "CompletingRebalance" && isSame) {
      // It may have missed the answer to its last JoinGroup.
      effects.replies.push({ kind: "join", ticket: event.ticket, body: currentGeneration(group, member) });
    } else if (group.state === "Stable" && isSame && group.leaderId !== memberId) {
      // Nothing has changed; the member goes on to ask for its assignment.
      effects.replies.push({ kind: "join", ticket: event.ticket, body: currentGeneration(group, member) });
    } else {
      // In a rebalance it joins it. Else its new metadata begins one, and so does a leader who joins again: it may know of new partitions.
      this.updateMember(group, member, event, effects);
      this.rebalance.prepareOrComplete(group, reasonOf("member joins again", event), now, effects);
    }
  }

  private addMember(group: ClassicGroup, event: JoinEvent, memberId: string, now: Instant, effects: Effects): void {
    const member = new ClassicMember(group.id, {
      memberId,
      groupInstanceId: event.groupInstanceId,
      clientId: this.interner.intern(event.clientId),
      clientHost: this.interner.intern(event.clientHost),
      rebalanceTimeoutMs: event.rebalanceTimeoutMs,
      sessionTimeoutMs: event.sessionTimeoutMs,
      protocols: this.owned(group, event.protocols),
    });
    member.isNew = true;
    member.joinTicket = event.ticket;
    if (group.state === "PreparingRebalance" && group.previousState === "Empty") group.newMemberAdded = true;
    group.add(member, this.interner.intern(event.protocolType));
    // It cannot send heartbeats before it knows its id, and while its request is parked nobody sees that it is gone.
    this.timers.schedule(member, now.monotonic + newMemberJoinTimeoutMs);
    this.rebalance.prepareOrComplete(group, reasonOf("new member", event), now, effects);
  }

  private updateMember(group: ClassicGroup, member: ClassicMember, event: JoinEvent, effects: Effects): void {
    // A request that came before on another connection has lost its client; its answer must not wait for ever.
    this.rebalance.answerJoin(group, member, joinError(member.memberId, errorCodes.REBALANCE_IN_PROGRESS), effects);
    group.setProtocols(member, this.owned(group, event.protocols));
    member.rebalanceTimeoutMs = event.rebalanceTimeoutMs;
    member.sessionTimeoutMs = event.sessionTimeoutMs;
    group.setJoinTicket(member, event.ticket);
  }

  /**
   * A static member is back without its member id: it gets a new one, and the old one is fenced (KIP-345). In a stable group whose protocol stays
   * the same this is all: the new id is stored with the old assignment, and nobody else notices.
   */
  private replaceStaticMember(
    group: ClassicGroup,
    event: JoinEvent,
    old: ClassicMember,
    newMemberId: string,
    now: Instant,
    effects: Effects,
  ): void {
    this.logger.info("static group member is back", {
      group: group.id,
      instance: old.groupInstanceId,
      state: group.state,
    });
    if (group.state === "Stable" && group.selectProtocol(old, event.protocols) === group.protocolName) {
      this.storeSuccessor(group, event, old, newMemberId, effects);
      return;
    }
    this.rebalance.answerJoin(group, old, joinError(old.memberId, errorCodes.FENCED_INSTANCE_ID), effects);
    this.rebalance.answerSync(old, syncError(errorCodes.FENCED_INSTANCE_ID), effects);
    const successor = new ClassicMember(group.id, {
      memberId: newMemberId,
      groupInstanceId: old.groupInstanceId,
      clientId: old.clientId,
      clientHost: old.clientHost,
      rebalanceTimeoutMs: event.rebalanceTimeoutMs,
      sessionTimeoutMs: event.sessionTimeoutMs,
      protocols: this.owned(group, event.protocols),
    });
    successor.assignment = old.assignment;
    successor.joinTicket = event.ticket;
    group.replace(old, successor);
    this.rebalance.restartSession(successor, now);
    // In CompletingRebalance the leader may be assigning to the old id at this moment, so the round begins again.
    this.rebalance.prepareOrComplete(group, reasonOf("static member is back", event), now, effects);
  }

  private storeSuccessor(
    group: ClassicGroup,
    event: JoinEvent,
    old: ClassicMember,
    newMemberId: string,
    effects: Effects,
  ): void {
    const stored = group.toStored();
    const subscription = event.protocols.find((one) => one.name === group.protocolName)!.metadata;
    const successor = (member: StoredMember): StoredMember => ({
      ...member,
      memberId: newMemberId,
      rebalanceTimeout: event.rebalanceTimeoutMs,
      sessionTimeout: event.sessionTimeoutMs,
      subscription,
    });
    effects.records.push(
      classicGroupRecord(group.id, {
        ...stored,
        leader: stored.leader === old.memberId ? newMemberId : stored.leader,
        members: stored.members.map((member) => (member.memberId === old.memberId ? successor(member) : member)),
      }),
    );
    effects.next = { type: "staticMemberStored", join: event, oldLeader: group.leaderId ?? "", newMemberId };
  }

  /** The new id of a static member has been stored: it is told the generation, and goes on as if it had never been away. */
  successorStored(group: ClassicGroup, event: StaticMemberStoredEvent, now: Instant, effects: Effects): void {
    const { join } = event;
    const member = group.members.get(event.newMemberId)!;
    group.setProtocols(member, this.owned(group, join.protocols));
    this.rebalance.restartSession(member, now);
    const body = currentGeneration(group, member);
    const isLeader = group.leaderId === member.memberId;
    effects.replies.push({
      kind: "join",
      ticket: join.ticket,
      // An older client that is told it leads would assign anew without a rebalance: it is told the id that it had.
      body:
        join.apiVersion >= firstVersionThatSkipsAssignment
          ? { ...body, skipAssignment: isLeader }
          : { ...body, leader: event.oldLeader, members: [] },
    });
  }

  /** A member as a record has it. */
  load(group: ClassicGroup, stored: StoredMember): ClassicMember {
    const name = this.interner.intern(group.protocolName ?? "");
    const member = new ClassicMember(group.id, {
      memberId: stored.memberId,
      groupInstanceId: stored.groupInstanceId,
      clientId: this.interner.intern(stored.clientId),
      clientHost: this.interner.intern(stored.clientHost),
      rebalanceTimeoutMs: stored.rebalanceTimeout === -1 ? stored.sessionTimeout : stored.rebalanceTimeout,
      sessionTimeoutMs: stored.sessionTimeout,
      protocols: this.owned(group, [{ name, metadata: stored.subscription }]),
    });
    member.assignment = ownedBytes(stored.assignment);
    return member;
  }

  /** Protocols that outlive their request. Members of a group mostly say the same, so the bytes are shared with the last who said it. */
  private owned(group: ClassicGroup, protocols: readonly GroupProtocol[]): GroupProtocol[] {
    const owned: GroupProtocol[] = [];
    const names = new Set<string>();
    if (group.lastMetadata.size > maxSharedProtocols) group.lastMetadata.clear();
    for (const { name, metadata } of protocols) {
      // A name that comes twice counts once.
      if (names.has(name)) continue;
      names.add(name);
      const last = group.lastMetadata.get(name);
      const bytes = last !== undefined && equalBytes(last, metadata) ? last : ownedBytes(metadata);
      const ownName = this.interner.intern(name);
      group.lastMetadata.set(ownName, bytes);
      owned.push({ name: ownName, metadata: bytes });
    }
    return owned;
  }
}

function refuse(event: JoinEvent, memberId: string, errorCode: number, effects: Effects): void {
  effects.replies.push({ kind: "join", ticket: event.ticket, body: joinError(memberId, errorCode) });
}

function reasonOf(what: string, event: JoinEvent): string {
  const who = event.groupInstanceId ?? (event.memberId === "" ? event.clientId : event.memberId);
  return event.reason === null || event.reason === "" ? `${what}: ${who}` : `${what}: ${who} (${event.reason})`;
}

function isTooLong(text: string): boolean {
  return text.length * 3 > maxStringSize && Buffer.byteLength(text) > maxStringSize;
}
