import { errorCodes } from "@ottla/protocol";
import { assert } from "@ottla/runtime";
import {
  type ClassicMember,
  type ClassicTimed,
  equalBytes,
  JoinPhaseTimer,
  type PendingMember,
  SyncPhaseTimer,
} from "./classic-member.ts";
import { subscribedTopicsOf } from "./consumer-subscription.ts";
import type { CommitIdentity, Group, OffsetExpiry } from "./group.ts";
import { noBytes } from "./group-events.ts";
import type { GroupProtocol } from "./group-protocol.ts";
import type { ClassicGroupRecord, GroupRecord, StoredClassicGroup, StoredMember } from "./group-records.ts";
import { ProtocolVotes } from "./protocol-votes.ts";

/** Kafka has `Dead` besides: what a group that does not exist is shown as. */
export type ClassicGroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

/** The protocol type of consumers: the coordinator understands their metadata. */
export const consumerProtocolType = "consumer";

/** Where a group's deadlines are kept. */
export interface ClassicTimers {
  schedule(timed: ClassicTimed, deadline: number): void;
  cancel(timed: ClassicTimed): void;
}

/**
 * A group whose members divide the work among themselves (Kafka's `ClassicGroup`): the bookkeeping that the rules in `classic-group-machine.ts` rest on.
 *
 * Stored (`toStored`, changed only by `ClassicGroupMachine.apply` while no round is on): protocol type, generation, protocol, leader, members with the metadata for that
 * protocol and their assignments. Soft: the round that is on, which is all of that plus what follows, from the moment a group leaves `Stable` or `Empty` until the next record;
 * tickets, timers, pending members, the members' other protocols. A replay finds the group as it was before the round, and its members, told
 * ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID, begin it again.
 */
export class ClassicGroup implements Group {
  readonly id: string;
  readonly members = new Map<string, ClassicMember>();
  /** Who was given an id and has not joined with it yet. */
  readonly pendingMembers = new Map<string, PendingMember>();
  readonly joinTimer: JoinPhaseTimer;
  readonly syncTimer: SyncPhaseTimer;
  generationId = 0;
  leaderId: string | null = null;
  protocolName: string | null = null;
  /** When the present state began, wall-clock ms; -1 where an old record did not say. */
  stateTimestamp: number;
  /** Members have come since the first rebalance's wait began. */
  newMemberAdded = false;
  /** The last metadata that was given for each protocol, so that equal members can share it. */
  readonly lastMetadata = new Map<string, Uint8Array>();
  /** What the members subscribe to; null where nobody knows. */
  subscribedTopics: ReadonlySet<string> | null = null;
  private currentState: ClassicGroupState = "Empty";
  private lastState: ClassicGroupState | null = null;
  private knownProtocolType: string | null = null;
  private readonly staticIds = new Map<string, string>();
  private readonly votes = new ProtocolVotes();
  private awaitingJoin = 0;
  private pendingSync = 0;
  private readonly timers: ClassicTimers;

  constructor(id: string, timers: ClassicTimers, stateTimestamp: number) {
    this.id = id;
    this.joinTimer = new JoinPhaseTimer(id);
    this.syncTimer = new SyncPhaseTimer(id);
    this.timers = timers;
    this.stateTimestamp = stateTimestamp;
  }

  get type(): "Classic" {
    return "Classic";
  }

  get state(): ClassicGroupState {
    return this.currentState;
  }

  /** The state before this one; null before the first change. */
  get previousState(): ClassicGroupState | null {
    return this.lastState;
  }

  get protocolType(): string {
    return this.knownProtocolType ?? "";
  }

  get memberCount(): number {
    return this.members.size;
  }

  get awaitingJoinCount(): number {
    return this.awaitingJoin;
  }

  get staticMemberCount(): number {
    return this.staticIds.size;
  }

  get hasAllMembersJoined(): boolean {
    return this.awaitingJoin === this.members.size && this.pendingMembers.size === 0;
  }

  get hasAllMembersSynced(): boolean {
    return this.pendingSync === 0;
  }

  get usesConsumerProtocol(): boolean {
    return this.knownProtocolType === consumerProtocolType;
  }

  isEmpty(): boolean {
    return this.currentState === "Empty";
  }

  /** Moves on; a change to the same state counts as one. */
  transitionTo(state: ClassicGroupState, timestamp: number): void {
    this.lastState = this.currentState;
    this.currentState = state;
    this.stateTimestamp = timestamp;
  }

  /** The wait of the join phase: the longest that a member asks for. */
  rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.staticIds.get(groupInstanceId);
  }

  /** 0, UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID where another member has taken the instance id. */
  checkMember(memberId: string, groupInstanceId: string | null): number {
    if (groupInstanceId !== null) {
      const existing = this.staticIds.get(groupInstanceId);
      if (existing === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (existing !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? 0 : errorCodes.UNKNOWN_MEMBER_ID;
  }

  add(member: ClassicMember, protocolType: string): void {
    assert(!this.members.has(member.memberId), "a member is added once");
    if (this.members.size === 0) this.knownProtocolType = protocolType;
    assert(this.knownProtocolType === protocolType, "members of a group have one protocol type");
    if (member.groupInstanceId !== null) this.staticIds.set(member.groupInstanceId, member.memberId);
    this.leaderId ??= member.memberId;
    this.members.set(member.memberId, member);
    this.votes.add(member.protocols);
    if (member.isAwaitingJoin) this.awaitingJoin++;
    this.removePending(member.memberId);
  }

  /** Takes a member (or one who was to become one) out, with its timer. Tickets have been answered before. */
  remove(memberId: string): void {
    const member = this.members.get(memberId);
    if (member !== undefined) {
      this.members.delete(memberId);
      this.timers.cancel(member);
      this.votes.remove(member.protocols);
      if (member.isAwaitingJoin) this.awaitingJoin--;
      this.setPendingSync(member, false);
      if (member.groupInstanceId !== null && this.staticIds.get(member.groupInstanceId) === memberId) {
        this.staticIds.delete(member.groupInstanceId);
      }
    }
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value ?? null;
    this.removePending(memberId);
  }

  addPending(pending: PendingMember): void {
    this.pendingMembers.set(pending.memberId, pending);
  }

  removePending(memberId: string): void {
    const pending = this.pendingMembers.get(memberId);
    if (pending === undefined) return;
    this.pendingMembers.delete(memberId);
    this.timers.cancel(pending);
  }

  /** Puts a static member's successor, which has a new id, in its place (KIP-345). */
  replace(old: ClassicMember, successor: ClassicMember): void {
    const wasLeader = this.leaderId === old.memberId;
    this.remove(old.memberId);
    this.add(successor, this.protocolType);
    if (wasLeader) this.leaderId = successor.memberId;
  }

  setProtocols(member: ClassicMember, protocols: readonly GroupProtocol[]): void {
    this.votes.remove(member.protocols);
    member.protocols = protocols;
    this.votes.add(protocols);
  }

  setJoinTicket(member: ClassicMember, ticket: number): void {
    if (this.members.get(member.memberId) === member) {
      if (ticket !== 0 && !member.isAwaitingJoin) this.awaitingJoin++;
      if (ticket === 0 && member.isAwaitingJoin) this.awaitingJoin--;
    }
    member.joinTicket = ticket;
  }

  setPendingSync(member: ClassicMember, isPending: boolean): void {
    if (member.isPendingSync === isPending) return;
    member.isPendingSync = isPending;
    this.pendingSync += isPending ? 1 : -1;
  }

  clearPendingSync(): void {
    if (this.pendingSync === 0) return;
    for (const member of this.members.values()) this.setPendingSync(member, false);
  }

  /** Makes a member that has joined the leader, unless the leader has joined itself. False where nobody has. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false;
    if (this.members.get(this.leaderId)?.isAwaitingJoin === true) return true;
    for (const member of this.members.values()) {
      if (!member.isAwaitingJoin) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  /** Whether one with these protocols can be a member: all members must have a protocol in common. */
  supportsProtocols(protocolType: string, protocols: readonly GroupProtocol[]): boolean {
    if (this.currentState === "Empty") return protocolType !== "" && protocols.length > 0;
    if (this.knownProtocolType !== protocolType) return false;
    return protocols.some((protocol) => this.votes.isCommon(protocol.name, this.members.size));
  }

  /** The protocol that the members choose. With `replaced`, as if that member had the protocols given. */
  selectProtocol(replaced?: ClassicMember, by: readonly GroupProtocol[] = []): string {
    return this.votes.select(
      Array.from(this.members.values(), (member) => (member === replaced ? by : member.protocols)),
    );
  }

  /** Finds out what the members subscribe to. */
  updateSubscribedTopics(): void {
    this.subscribedTopics = this.computeSubscribedTopics();
  }

  private computeSubscribedTopics(): ReadonlySet<string> | null {
    if (!this.usesConsumerProtocol) return null;
    const topics = new Set<string>();
    let last: Uint8Array | undefined;
    for (const member of this.members.values()) {
      const metadata = this.protocolName === null ? undefined : member.metadata(this.protocolName);
      if (metadata === undefined) return null;
      // Equal members share their bytes.
      if (metadata === last) continue;
      last = metadata;
      const subscribed = subscribedTopicsOf(metadata);
      if (subscribed === null) return null;
      for (const topic of subscribed) topics.add(topic);
    }
    return topics;
  }

  /** Takes the stored state as a record has it; members that stay keep what is soft. New members have no session yet. */
  load(value: StoredClassicGroup, makeMember: (group: ClassicGroup, stored: StoredMember) => ClassicMember): void {
    const staying = new Set<string>();
    for (const stored of value.members) staying.add(stored.memberId);
    for (const memberId of [...this.members.keys()]) if (!staying.has(memberId)) this.remove(memberId);
    this.protocolName = value.protocol;
    this.knownProtocolType = value.protocolType;
    for (const stored of value.members) {
      const member = this.members.get(stored.memberId);
      if (member === undefined) this.add(makeMember(this, stored), value.protocolType);
      else this.update(member, stored);
      // The order of the record is everybody's order, live as on replay.
      const there = this.members.get(stored.memberId)!;
      this.members.delete(stored.memberId);
      this.members.set(stored.memberId, there);
    }
    if (value.protocolType === "") this.knownProtocolType = null;
    this.generationId = value.generation;
    this.leaderId = value.leader ?? this.members.keys().next().value ?? null;
    this.transitionTo(value.members.length === 0 ? "Empty" : "Stable", value.currentStateTimestamp);
    this.updateSubscribedTopics();
  }

  private update(member: ClassicMember, stored: StoredMember): void {
    const protocol = this.protocolName ?? "";
    member.sessionTimeoutMs = stored.sessionTimeout;
    member.rebalanceTimeoutMs = stored.rebalanceTimeout === -1 ? stored.sessionTimeout : stored.rebalanceTimeout;
    const known = member.metadata(protocol);
    if (known === undefined || !equalBytes(known, stored.subscription)) {
      this.setProtocols(member, [{ name: protocol, metadata: ownedBytes(stored.subscription) }]);
    }
    if (!equalBytes(member.assignment, stored.assignment)) member.assignment = ownedBytes(stored.assignment);
  }

  /** The group as a record has it; `assignments` and `protocol` where those of the members are not to be taken. */
  toStored(assignments?: ReadonlyMap<string, Uint8Array>): StoredClassicGroup {
    const protocol = this.protocolName;
    return {
      protocolType: this.protocolType,
      generation: this.generationId,
      protocol,
      leader: this.leaderId,
      currentStateTimestamp: this.stateTimestamp,
      members: Array.from(this.members.values(), (member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadata(protocol ?? "") ?? noBytes,
        assignment: assignments === undefined ? member.assignment : (assignments.get(member.memberId) ?? noBytes),
      })),
    };
  }

  checkOffsetCommit(commit: CommitIdentity): number {
    const { memberId, groupInstanceId, generationOrEpoch } = commit;
    // The admin client, or a consumer that does not use group management: only while the group is empty.
    if (generationOrEpoch < 0 && this.currentState === "Empty") return 0;
    if (generationOrEpoch < 0 && memberId === "" && groupInstanceId === null) return errorCodes.UNKNOWN_MEMBER_ID;
    const error = this.checkMember(memberId, groupInstanceId);
    if (error !== 0) return error;
    if (generationOrEpoch !== this.generationId) return errorCodes.ILLEGAL_GENERATION;
    // It knows the generation from JoinGroup's answer, but not yet what it owns in it.
    return this.currentState === "CompletingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : 0;
  }

  checkOffsetFetch(): number {
    return 0;
  }

  checkOffsetDelete(): number {
    return this.currentState === "Empty" || this.usesConsumerProtocol ? 0 : errorCodes.NON_EMPTY_GROUP;
  }

  checkDelete(): number {
    return this.currentState === "Empty" ? 0 : errorCodes.NON_EMPTY_GROUP;
  }

  /** Where nobody knows (metadata that could not be read), a consumer group counts as subscribed to everything. */
  isSubscribedTo(topic: string): boolean {
    return this.subscribedTopics === null ? this.usesConsumerProtocol : this.subscribedTopics.has(topic);
  }

  offsetExpiry(): OffsetExpiry {
    // Offsets without a group: only their own age counts.
    if (this.knownProtocolType === null) return "sinceCommit";
    if (this.currentState === "Empty")
      return this.stateTimestamp === -1 ? "sinceCommit" : { sinceMs: this.stateTimestamp };
    const isKnown = this.usesConsumerProtocol && this.subscribedTopics !== null;
    return isKnown && this.currentState === "Stable" ? "sinceCommit" : "never";
  }

  tombstones(): GroupRecord[] {
    return [classicGroupRecord(this.id, null)];
  }

  /** Forgets every timer: the group is gone. */
  close(): void {
    for (const member of this.members.values()) this.timers.cancel(member);
    for (const pending of this.pendingMembers.values()) this.timers.cancel(pending);
    this.timers.cancel(this.joinTimer);
    this.timers.cancel(this.syncTimer);
  }
}

export function classicGroupRecord(groupId: string, value: StoredClassicGroup | null): ClassicGroupRecord {
  return { kind: "classicGroup", groupId, value };
}

/** A copy that keeps no request or batch alive. */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return noBytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
