import { errorCodes } from "@ottla/protocol";
import type { TopicAssignment } from "./assignors/assignor.ts";
import { checkMemberCommit } from "./consumer-commit.ts";
import type {
  ConsumerGroupRecord,
  StoredConsumerMember,
  StoredCurrentAssignment,
  StoredRegularExpression,
} from "./consumer-group-records.ts";
import { leaveEpoch } from "./consumer-group-records.ts";
import { ConsumerMember, type ConsumerTimers, isReconciledTo, RegexTimer } from "./consumer-member.ts";
import type { CommitIdentity, Group, OffsetExpiry } from "./group.ts";
import type { GroupRecord } from "./group-records.ts";
import { GroupSubscriptions } from "./group-subscriptions.ts";
import { javaHashBucket } from "./java-hash.ts";
import { nothingAssigned, nothingOwned } from "./owned-partitions.ts";
import { PartitionOwners } from "./partition-owners.ts";

/** Kafka has `Dead` besides, which nobody sees. */
export type ConsumerGroupState = "Empty" | "Assigning" | "Reconciling" | "Stable";

/** Names that count how often they are used. */
type Counts = Map<string, number>;

/** The epoch of a group before its first record. */
const firstGroupEpoch = 1;

/**
 * A group whose members' work the broker divides (KIP-848; Kafka's `ConsumerGroup`): the bookkeeping that the rules in `consumer-group-machine.ts` rest on.
 *
 * Everything but what is listed here is stored state and changes only in `apply`, live as on replay. Soft: the members' timers, `needsRefresh`, and what is known of the topics that
 * the regular expressions were resolved against.
 */
export class ConsumerGroup implements Group {
  readonly id: string;
  readonly members = new Map<string, ConsumerMember>();
  /** What the members subscribe to. */
  readonly subscriptions = new GroupSubscriptions();
  readonly owners = new PartitionOwners();
  readonly regexTimer: RegexTimer;
  groupEpoch = firstGroupEpoch;
  metadataHash = 0n;
  /** Wall-clock ms of the last target assignment; 0 where there is none. */
  assignmentTimestamp = 0;
  /** An older broker's record of what the topics looked like is in the log. */
  hasPartitionMetadataRecord = false;
  /** Topics may have changed since the group's epoch: the next heartbeat looks. So it is after a replay. */
  needsRefresh = true;
  /** No member's timers have begun yet. */
  isNew = true;
  /** The version of the topics that the regular expressions were last resolved against; -1: none that is known. */
  resolvedTopicsVersion = -1;
  private targetEpoch = 0;
  private readonly targets = new Map<string, TopicAssignment>();
  private readonly staticIds = new Map<string, string>();
  private readonly assignors: Counts = new Map();
  private readonly classicProtocols: Counts = new Map();
  private classicMembers = 0;
  /** How many members have got where the target is. */
  private reconciled = 0;
  private readonly timers: ConsumerTimers;

  constructor(id: string, timers: ConsumerTimers) {
    this.id = id;
    this.timers = timers;
    this.regexTimer = new RegexTimer(id);
  }

  get type(): "Consumer" {
    return "Consumer";
  }

  get protocolType(): string {
    return "consumer";
  }

  get memberCount(): number {
    return this.members.size;
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return "Empty";
    if (this.groupEpoch > this.targetEpoch) return "Assigning";
    return this.reconciled === this.members.size ? "Stable" : "Reconciling";
  }

  /** The epoch that the target assignment was made for; -1 once it is deleted. */
  get assignmentEpoch(): number {
    return this.targetEpoch;
  }

  get classicMemberCount(): number {
    return this.classicMembers;
  }

  isEmpty(): boolean {
    return this.members.size === 0;
  }

  /** What a member is to own. */
  target(memberId: string): TopicAssignment {
    return this.targets.get(memberId) ?? nothingAssigned;
  }

  hasTarget(memberId: string): boolean {
    return this.targets.has(memberId);
  }

  staticMember(instanceId: string | null): ConsumerMember | undefined {
    const memberId = instanceId === null ? undefined : this.staticIds.get(instanceId);
    return memberId === undefined ? undefined : this.members.get(memberId);
  }

  /** The assignor that most members ask for (of two, the one that comes first in Java's hash map), if `metadata` were that of the member; null where nobody asks. */
  preferredAssignor(member?: ConsumerMember, metadata?: StoredConsumerMember): string | null {
    let best: string | null = null;
    let most = 0;
    const asked = metadata?.serverAssignor ?? null;
    const names =
      asked === null || this.assignors.has(asked) ? this.assignors.keys() : [...this.assignors.keys(), asked];
    for (const name of names) {
      let count = this.assignors.get(name) ?? 0;
      if (metadata !== undefined && name === member?.metadata.serverAssignor) count--;
      if (name === asked) count++;
      const isFirst = best === null || javaHashBucket(name) < javaHashBucket(best);
      if (count > most || (count > 0 && count === most && isFirst)) [best, most] = [name, count];
    }
    return best;
  }

  /** Whether a member of the classic protocol with these protocols can be in the group: all such members must have one in common. */
  supportsClassicProtocols(protocolType: string, names: readonly string[]): boolean {
    if (protocolType !== "consumer") return false;
    if (this.isEmpty()) return names.length > 0;
    return names.some((name) => (this.classicProtocols.get(name) ?? 0) === this.classicMembers);
  }

  checkOffsetCommit(commit: CommitIdentity): number {
    return checkMemberCommit(this.members, commit);
  }

  checkOffsetFetch(memberId: string | null, memberEpoch: number): number {
    // The admin client, or a client that does not say who it is.
    if (memberId === null && memberEpoch < 0) return 0;
    const member = memberId === null ? undefined : this.members.get(memberId);
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
    if (memberEpoch === member.current.memberEpoch) return 0;
    return member.usesClassicProtocol ? errorCodes.ILLEGAL_GENERATION : errorCodes.STALE_MEMBER_EPOCH;
  }

  checkOffsetDelete(): number {
    return 0;
  }

  checkDelete(): number {
    return this.isEmpty() ? 0 : errorCodes.NON_EMPTY_GROUP;
  }

  isSubscribedTo(topic: string): boolean {
    return this.subscriptions.has(topic);
  }

  /** Offsets of topics that nobody subscribes to expire by their own age, whether the group has members or not. */
  offsetExpiry(): OffsetExpiry {
    return "sinceCommit";
  }

  /** `memberIds`: the members that the group has by the time at which the records are applied. */
  tombstones(memberIds: readonly string[] = [...this.members.keys()]): GroupRecord[] {
    const { id: groupId } = this;
    const records: GroupRecord[] = [];
    for (const memberId of memberIds) {
      records.push({ kind: "consumerCurrentAssignment", groupId, memberId, value: null });
    }
    for (const memberId of memberIds) {
      records.push({ kind: "consumerTargetMember", groupId, memberId, value: null });
    }
    records.push({ kind: "consumerTarget", groupId, value: null });
    for (const memberId of this.members.keys())
      records.push({ kind: "consumerMember", groupId, memberId, value: null });
    for (const regularExpression of this.subscriptions.resolved.keys()) {
      records.push({ kind: "consumerRegularExpression", groupId, regularExpression, value: null });
    }
    records.push({ kind: "consumerPartitionMetadata", groupId, value: null });
    records.push({ kind: "consumerGroup", groupId, value: null });
    return records;
  }

  /** The stored state after a record. The record that deletes the group is whoever's who holds the groups. */
  apply(record: ConsumerGroupRecord): void {
    switch (record.kind) {
      case "consumerGroup":
        if (record.value === null) break;
        this.groupEpoch = record.value.epoch;
        this.metadataHash = record.value.metadataHash;
        break;
      case "consumerPartitionMetadata":
        this.hasPartitionMetadataRecord = record.value !== null;
        break;
      case "consumerMember":
        if (record.value === null) this.remove(record.memberId);
        else this.setMetadata(this.memberFor(record.memberId), record.value);
        break;
      case "consumerTarget":
        this.targetEpoch = record.value?.assignmentEpoch ?? -1;
        this.assignmentTimestamp = record.value?.assignmentTimestamp ?? 0;
        this.countReconciled();
        break;
      case "consumerTargetMember":
        if (record.value === null) this.targets.delete(record.memberId);
        else this.targets.set(record.memberId, record.value);
        break;
      case "consumerCurrentAssignment":
        this.applyCurrent(record.memberId, record.value);
        break;
      case "consumerRegularExpression":
        this.applyRegularExpression(record.regularExpression, record.value);
        break;
    }
  }

  private applyCurrent(memberId: string, value: StoredCurrentAssignment | null): void {
    if (value !== null) {
      this.setCurrent(this.memberFor(memberId), value);
      return;
    }
    const member = this.members.get(memberId);
    // Its own record follows.
    if (member !== undefined) {
      this.setCurrent(member, {
        memberEpoch: leaveEpoch,
        previousMemberEpoch: leaveEpoch,
        state: member.current.state,
        assigned: nothingOwned,
        pendingRevocation: nothingOwned,
      });
    }
  }

  private applyRegularExpression(regularExpression: string, value: StoredRegularExpression | null): void {
    this.subscriptions.setResolved(regularExpression, value);
  }

  private memberFor(memberId: string): ConsumerMember {
    let member = this.members.get(memberId);
    if (member === undefined) {
      member = new ConsumerMember(this.id, memberId);
      this.members.set(memberId, member);
      this.subscriptions.add(member.metadata);
      if (isReconciledTo(member.current, this.targetEpoch)) this.reconciled++;
    }
    return member;
  }

  private setMetadata(member: ConsumerMember, metadata: StoredConsumerMember): void {
    const old = member.metadata;
    this.subscriptions.remove(old);
    member.metadata = this.subscriptions.add(metadata);
    this.countMember(old, -1);
    this.countMember(metadata, 1);
    if (old.instanceId !== metadata.instanceId) this.forgetInstance(old, member.memberId);
    if (metadata.instanceId !== null) this.staticIds.set(metadata.instanceId, member.memberId);
  }

  private forgetInstance({ instanceId }: StoredConsumerMember, memberId: string): void {
    if (instanceId !== null && this.staticIds.get(instanceId) === memberId) this.staticIds.delete(instanceId);
  }

  private countMember(metadata: StoredConsumerMember, by: number): void {
    if (metadata.serverAssignor !== null) count(this.assignors, metadata.serverAssignor, by);
    const classic = metadata.classicMemberMetadata;
    if (classic === null) return;
    this.classicMembers += by;
    for (const { name } of classic.supportedProtocols) count(this.classicProtocols, name, by);
  }

  private setCurrent(member: ConsumerMember, current: StoredCurrentAssignment): void {
    const old = member.current;
    if (isReconciledTo(old, this.targetEpoch)) this.reconciled--;
    if (isReconciledTo(current, this.targetEpoch)) this.reconciled++;
    this.owners.replace(old, current);
    member.current = current;
  }

  private remove(memberId: string): void {
    const member = this.members.get(memberId);
    if (member === undefined) return;
    this.members.delete(memberId);
    this.cancelTimers(member);
    this.subscriptions.remove(member.metadata);
    this.countMember(member.metadata, -1);
    this.owners.replace(member.current, null);
    if (isReconciledTo(member.current, this.targetEpoch)) this.reconciled--;
    this.forgetInstance(member.metadata, memberId);
  }

  private countReconciled(): void {
    this.reconciled = 0;
    for (const { current } of this.members.values()) if (isReconciledTo(current, this.targetEpoch)) this.reconciled++;
  }

  private cancelTimers(member: ConsumerMember): void {
    this.timers.cancel(member);
    for (const timer of [member.rebalanceTimer, member.joinTimer, member.syncTimer]) {
      if (timer !== null) this.timers.cancel(timer);
    }
  }

  /** Forgets every timer: the group is gone. */
  close(): void {
    for (const member of this.members.values()) this.cancelTimers(member);
    this.timers.cancel(this.regexTimer);
  }
}

function count(counts: Counts, name: string, by: number): void {
  const after = (counts.get(name) ?? 0) + by;
  if (after === 0) counts.delete(name);
  else counts.set(name, after);
}
