import { errorCodes } from "@ottla/protocol";
import { type Logger, silentLogger } from "@ottla/runtime";
import { ClassicGroup } from "./classic-group.ts";
import { ClassicGroupMachine, leaveUnknownGroup } from "./classic-group-machine.ts";
import type { ClassicTimed } from "./classic-member.ts";
import { ConsumerGroup } from "./consumer-group.ts";
import {
  ConsumerGroupMachine,
  type GroupSurroundings,
  noSurroundings,
  type QuickHeartbeat,
} from "./consumer-group-machine.ts";
import type { ConsumerGroupRecord } from "./consumer-group-records.ts";
import type { ConsumerTimed } from "./consumer-member.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import type { Group } from "./group.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type CommitEvent,
  type ConsumerHeartbeatEvent,
  type ConsumerHeartbeatReply,
  consumerHeartbeatError,
  type DeleteGroupsEvent,
  type DeleteOffsetsEvent,
  type Effects,
  type GroupEvent,
  type Heartbeat,
  type Instant,
  type JoinEvent,
  joinError,
  type LeaveEvent,
  noEffects,
  type SyncEvent,
  syncError,
} from "./group-events.ts";
import type { ClassicGroupRecord, GroupRecord, RecordOrigin } from "./group-records.ts";
import { OffsetsMachine } from "./offsets-machine.ts";

/** From this version on OffsetCommit says that there is no such group; before, it is an illegal generation. */
const firstVersionWithGroupNotFound = 9;
/** When what a deadline called for is tried again after the log has refused it. */
const retryDelayMs = 500;

/**
 * All groups and offsets of one partition of `__consumer_offsets`, as a pure machine (Kafka's `GroupCoordinatorShard`): `handle(event, now)` says what to append, what to
 * answer and what to handle next; `deadline()` when to come back. It knows no clock, log or socket.
 *
 * `handle` decides and changes only what is soft; stored state changes in `apply` and `applyMarker`, live as on replay. Whoever drives it appends and applies the records of an
 * event before the next one, and throws the machine away when an append fails. Soft, and gone after a replay: timers, tickets, pending members and rounds
 * (`ClassicGroup` has the list); offsets have no soft state.
 */
export class GroupMachine {
  private readonly groups = new Map<string, Group>();
  private readonly timers = new DeadlineHeap<ClassicTimed | ConsumerTimed>();
  /** The last deadline that has passed. */
  private lastTimed: ClassicTimed | ConsumerTimed | null = null;
  private readonly classic: ClassicGroupMachine;
  private readonly consumer: ConsumerGroupMachine;
  private readonly offsets: OffsetsMachine;

  constructor(
    config: GroupCoordinatorConfig,
    logger: Logger = silentLogger,
    surroundings: GroupSurroundings = noSurroundings,
  ) {
    this.classic = new ClassicGroupMachine(config, this.timers, logger);
    this.consumer = new ConsumerGroupMachine(config, this.timers, surroundings, logger);
    this.offsets = new OffsetsMachine(config);
  }

  /** When a `timer` event is due (monotonic ms): never later than needed, perhaps earlier. Infinity: never. */
  deadline(): number {
    return this.timers.nextDeadline();
  }

  handle(event: GroupEvent, now: Instant): Effects {
    const effects = noEffects();
    switch (event.type) {
      case "join":
        this.join(event, now, effects);
        break;
      case "consumerHeartbeat":
        this.consumerHeartbeat(event, now, effects);
        break;
      case "sync":
        this.sync(event, now, effects);
        break;
      case "leave":
        this.leave(event, now, effects);
        break;
      case "commit":
        this.commit(event, now, effects);
        break;
      case "deleteOffsets":
        this.deleteOffsets(event, effects);
        break;
      case "deleteGroups":
        this.deleteGroups(event, effects);
        break;
      case "topicsDeleted":
        this.offsets.topicsDeleted(event, effects);
        break;
      default:
        this.handleOwn(event, now, effects);
    }
    return effects;
  }

  /** Events that no request stands behind. */
  private handleOwn(event: GroupEvent, now: Instant, effects: Effects): void {
    switch (event.type) {
      case "assignmentStored":
        this.classic.assignmentStored(this.classicGroup(event.groupId)!, event, now, effects);
        break;
      case "staticMemberStored":
        this.classic.staticMemberStored(this.classicGroup(event.join.groupId)!, event, now, effects);
        break;
      case "consumerMemberStored":
      case "classicMemberStored":
        this.consumer.memberStored(this.consumerGroup(event.groupId)!, event, now);
        break;
      case "downgraded":
        this.classic.downgraded(this.classicGroup(event.groupId)!, event, now, effects);
        break;
      case "regexesStored":
        this.consumer.regexesStored(this.consumerGroup(event.groupId)!, event);
        break;
      case "topicsChanged":
        this.consumer.topicsChanged(this.groups.values(), event.names);
        break;
      case "timer":
        this.timeout(now, effects);
        break;
      case "loaded":
        for (const group of this.groups.values()) {
          if (group instanceof ClassicGroup) this.classic.loaded(group, now, effects);
          else if (group instanceof ConsumerGroup) this.consumer.loaded(group, now);
        }
        break;
      case "expireOffsets":
        this.expireOffsets(now, effects);
        break;
      case "rejected":
        this.rejected(event.event, event.errorCode, now, effects);
        break;
    }
  }

  private timeout(now: Instant, effects: Effects): void {
    const timed = this.timers.popDue(now.monotonic);
    const group = timed === null ? undefined : this.groups.get(timed.groupId);
    this.lastTimed = timed;
    if (timed === null || group === undefined) return;
    if (isConsumerTimed(timed)) {
      if (group instanceof ConsumerGroup) this.consumer.timeout(group, timed, now, effects);
    } else if (group instanceof ClassicGroup) {
      this.classic.timeout(group, timed, now, effects);
    }
  }

  /** A ConsumerGroupHeartbeat that changes nothing is answered here; null for any other, which is an event. */
  quickHeartbeat(
    beat: QuickHeartbeat,
    client: { readonly clientId: string; readonly clientHost: string },
    now: Instant,
  ): ConsumerHeartbeatReply | null {
    const group = this.groups.get(beat.groupId);
    return group instanceof ConsumerGroup ? this.consumer.quickHeartbeat(group, beat, client, now) : null;
  }

  private consumerHeartbeat(event: ConsumerHeartbeatEvent, now: Instant, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    this.consumer.heartbeat(group, event, now, effects);
    // It is a group of the other kind from now on.
    if (group instanceof ClassicGroup && effects.records.length > 0) this.classic.upgraded(group, effects);
  }

  private join(event: JoinEvent, now: Instant, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    if (group instanceof ConsumerGroup && !group.isEmpty()) {
      this.consumer.join(group, event, now, effects);
    } else if (group instanceof ConsumerGroup && event.memberId === "") {
      // An empty group gives way to one of the kind that is asked for.
      for (const record of group.tombstones()) effects.records.push(record);
      effects.next = event;
    } else {
      // Of an empty group nobody is a member yet: as if it did not exist.
      this.classic.join(group instanceof ClassicGroup ? group : undefined, event, now, effects);
    }
  }

  private sync(event: SyncEvent, now: Instant, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    if (group instanceof ClassicGroup) this.classic.sync(group, event, effects);
    else if (group instanceof ConsumerGroup) this.consumer.sync(group, event, now, effects);
    else effects.replies.push({ kind: "sync", ticket: event.ticket, body: syncError(errorCodes.UNKNOWN_MEMBER_ID) });
  }

  private leave(event: LeaveEvent, now: Instant, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    if (group instanceof ClassicGroup) this.classic.leave(group, event, now, effects);
    else if (group instanceof ConsumerGroup) this.consumer.classicLeave(group, event, now, effects);
    else effects.replies.push({ kind: "leave", ticket: event.ticket, body: leaveUnknownGroup(event) });
  }

  /** Returns the error code of the answer. */
  heartbeat(beat: Heartbeat, now: Instant): number {
    const group = this.groups.get(beat.groupId);
    if (group instanceof ClassicGroup) return this.classic.heartbeat(group, beat, now);
    return group instanceof ConsumerGroup
      ? this.consumer.classicHeartbeat(group, beat, now)
      : errorCodes.UNKNOWN_MEMBER_ID;
  }

  private commit(event: CommitEvent, now: Instant, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    const errorCode = this.checkCommit(group, event);
    if (errorCode !== 0) {
      effects.replies.push({ kind: "commit", ticket: event.ticket, body: commitError(event, errorCode) });
      return;
    }
    if (group instanceof ClassicGroup && (group.state === "Stable" || group.state === "PreparingRebalance")) {
      this.classic.keepSession(group, event.memberId, now);
    }
    this.offsets.commit(event, now, effects);
  }

  /** Who is no member may commit to a group that does not exist: it begins to, without members, when the offsets are applied. */
  private checkCommit(group: Group | undefined, event: CommitEvent): number {
    if (group !== undefined) return group.checkOffsetCommit(event);
    if (event.generationOrEpoch < 0) return 0;
    return event.apiVersion >= firstVersionWithGroupNotFound
      ? errorCodes.GROUP_ID_NOT_FOUND
      : errorCodes.ILLEGAL_GENERATION;
  }

  private deleteOffsets(event: DeleteOffsetsEvent, effects: Effects): void {
    const group = this.groups.get(event.groupId);
    const errorCode = group === undefined ? errorCodes.GROUP_ID_NOT_FOUND : group.checkOffsetDelete();
    if (group !== undefined && errorCode === 0) this.offsets.delete(group, event, effects);
    else effects.replies.push({ kind: "deleteOffsets", ticket: event.ticket, body: { errorCode, topics: [] } });
  }

  private deleteGroups(event: DeleteGroupsEvent, effects: Effects): void {
    const results = event.groupIds.map((groupId) => {
      const group = this.groups.get(groupId);
      const errorCode = group === undefined ? errorCodes.GROUP_ID_NOT_FOUND : group.checkDelete();
      if (group !== undefined && errorCode === 0) this.deleteGroup(group, effects);
      return { groupId, errorCode };
    });
    effects.replies.push({ kind: "deleteGroups", ticket: event.ticket, body: { results } });
  }

  private deleteGroup(group: Group, effects: Effects): void {
    // A loop, since a group may have more offsets than a call may have arguments.
    for (const record of this.offsets.tombstones(group.id)) effects.records.push(record);
    for (const record of group.tombstones()) effects.records.push(record);
  }

  /** A group without offsets and without members has nothing to live for. */
  private expireOffsets(now: Instant, effects: Effects): void {
    for (const group of this.groups.values()) {
      const isWithoutOffsets = this.offsets.expire(group, now, effects);
      if (isWithoutOffsets && group.isEmpty()) for (const record of group.tombstones()) effects.records.push(record);
    }
    effects.divisible = true;
  }

  /** The log has refused what a deadline called for: the deadline comes again. (Regular expressions are looked at with the next heartbeat.) */
  private retryTimeout(now: Instant): void {
    const { lastTimed } = this;
    const group = lastTimed === null ? undefined : this.groups.get(lastTimed.groupId);
    if (lastTimed === null || lastTimed.kind === "consumerRegexes") return;
    if (group instanceof ClassicGroup) this.classic.emptyRejected(group, now.monotonic + retryDelayMs);
    else if (group !== undefined) this.timers.schedule(lastTimed, now.monotonic + retryDelayMs);
  }

  /** What the event wanted stored is too large for the log, or that takes nothing at present. Who asked is told so; nothing has changed. */
  private rejected(event: GroupEvent, errorCode: number, now: Instant, effects: Effects): void {
    switch (event.type) {
      case "join":
        effects.replies.push({ kind: "join", ticket: event.ticket, body: joinError("", errorCode) });
        break;
      case "consumerHeartbeat":
        effects.replies.push({
          kind: "consumerHeartbeat",
          ticket: event.ticket,
          body: consumerHeartbeatError(errorCode),
        });
        break;
      case "sync":
        this.classic.syncRejected(this.classicGroup(event.groupId)!, errorCode, now, effects);
        break;
      case "leave": {
        effects.replies.push({ kind: "leave", ticket: event.ticket, body: { errorCode, members: [] } });
        const group = this.classicGroup(event.groupId);
        if (group !== undefined) this.classic.emptyRejected(group, now.monotonic + retryDelayMs);
        break;
      }
      case "timer":
        this.retryTimeout(now);
        break;
      case "commit":
        effects.replies.push({ kind: "commit", ticket: event.ticket, body: commitError(event, errorCode) });
        break;
      case "deleteOffsets":
        effects.replies.push({ kind: "deleteOffsets", ticket: event.ticket, body: { errorCode, topics: [] } });
        break;
      case "deleteGroups": {
        const results = event.groupIds.map((groupId) => ({ groupId, errorCode }));
        effects.replies.push({ kind: "deleteGroups", ticket: event.ticket, body: { results } });
        break;
      }
    }
  }

  /** The stored state after a record. */
  apply(record: GroupRecord, origin: RecordOrigin): void {
    switch (record.kind) {
      case "classicGroup":
        this.applyClassicGroup(record);
        break;
      case "offset":
        if (record.value !== null && !this.groups.has(record.groupId)) {
          this.groups.set(record.groupId, this.classic.makeSimple(record.groupId));
        }
        this.offsets.apply(record, origin);
        break;
      default:
        this.applyConsumerGroup(record);
    }
  }

  private applyConsumerGroup(record: ConsumerGroupRecord): void {
    const { groupId } = record;
    let group = this.consumerGroup(groupId);
    if (group === undefined) {
      // Nothing is left to delete.
      if (record.value === null) return;
      // A group that exists because of its offsets only, or (in a log that was compacted) one whose own tombstone is gone.
      this.classicGroup(groupId)?.close();
      group = this.consumer.make(groupId);
      this.groups.set(groupId, group);
    }
    if (record.kind === "consumerGroup" && record.value === null) {
      this.consumer.forget(group);
      this.groups.delete(groupId);
    } else {
      group.apply(record);
    }
  }

  private applyClassicGroup({ groupId, value }: ClassicGroupRecord): void {
    const existing = this.classicGroup(groupId);
    const other = this.consumerGroup(groupId);
    if (other !== undefined && value !== null) this.consumer.forget(other);
    if (value !== null) {
      this.groups.set(groupId, this.classic.apply(existing, groupId, value));
    } else if (existing !== undefined) {
      existing.close();
      this.groups.delete(groupId);
    }
  }

  /** The stored state after a transaction's commit or abort marker. */
  applyMarker(producerId: number, isCommit: boolean): void {
    this.offsets.applyMarker(producerId, isCommit);
  }

  group(groupId: string): Group | undefined {
    return this.groups.get(groupId);
  }

  allGroups(): IterableIterator<Group> {
    return this.groups.values();
  }

  /** What groups have committed: to be read, not to be changed. */
  get committed(): Pick<OffsetsMachine, "fetch" | "fetchAll"> {
    return this.offsets;
  }

  private consumerGroup(groupId: string): ConsumerGroup | undefined {
    const group = this.groups.get(groupId);
    return group instanceof ConsumerGroup ? group : undefined;
  }

  private classicGroup(groupId: string): ClassicGroup | undefined {
    const group = this.groups.get(groupId);
    return group instanceof ClassicGroup ? group : undefined;
  }
}

function isConsumerTimed(timed: ClassicTimed | ConsumerTimed): timed is ConsumerTimed {
  return timed.kind.startsWith("consumer");
}

function commitError(
  event: CommitEvent,
  errorCode: number,
): Extract<Effects["replies"][number], { kind: "commit" }>["body"] {
  return {
    topics: event.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  };
}
