import { zeroUuid } from "@ottla/protocol";
import type { ClassicGroup } from "../../src/coordinator/classic-group.ts";
import type { GroupSurroundings } from "../../src/coordinator/consumer-group-machine.ts";
import { defaultGroupCoordinatorConfig, type GroupCoordinatorConfig } from "../../src/coordinator/group-config.ts";
import type {
  CommitEvent,
  Effects,
  GroupEvent,
  JoinEvent,
  JoinReply,
  LeavingMember,
  Reply,
  SyncEvent,
  SyncReply,
} from "../../src/coordinator/group-events.ts";
import { GroupMachine } from "../../src/coordinator/group-machine.ts";
import type { GroupProtocol } from "../../src/coordinator/group-protocol.ts";
import { decodeGroupRecord, encodeGroupRecord } from "../../src/coordinator/group-record-codec.ts";
import type { KeyValue } from "../../src/coordinator/group-records.ts";

const startWall = 1_700_000_000_000;

type JoinOptions = Partial<Omit<JoinEvent, "type" | "ticket">>;

/** Drives a group machine as the coordinator does, on virtual time, and remembers what it appended and answered. */
export class MachineRig {
  readonly machine: GroupMachine;
  readonly log: KeyValue[] = [];
  /** By ticket. */
  readonly replies = new Map<number, Reply>();
  eventCount = 0;
  recordCount = 0;
  now = 0;
  /** Set to refuse the next append with this error. */
  rejectNext: number | null = null;
  protected nextTicket = 1;
  protected nextUuid = 1;

  constructor(config: Partial<GroupCoordinatorConfig> = {}, surroundings?: GroupSurroundings) {
    this.machine = new GroupMachine({ ...defaultGroupCoordinatorConfig, ...config }, undefined, surroundings);
  }

  get instant(): { wall: number; monotonic: number } {
    return { wall: startWall + this.now, monotonic: this.now };
  }

  /** Handles an event and what follows from it. */
  feed(event: GroupEvent): void {
    let next: GroupEvent | null = event;
    while (next !== null) {
      this.eventCount++;
      const effects: Effects = this.machine.handle(next, this.instant);
      if (effects.records.length > 0 && this.rejectNext !== null) {
        next = { type: "rejected", event: next, errorCode: this.rejectNext };
        this.rejectNext = null;
        continue;
      }
      for (const record of effects.records) {
        this.recordCount++;
        this.machine.apply(record, { offset: this.log.length, producerId: -1 });
        this.log.push(encodeGroupRecord(record));
      }
      for (const reply of effects.replies) {
        if (this.replies.has(reply.ticket)) throw new Error(`ticket ${reply.ticket} is answered twice`);
        this.replies.set(reply.ticket, reply);
      }
      next = effects.next;
    }
  }

  /** Lets time pass, with every timer on the way. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const deadline = this.machine.deadline();
      if (deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.feed({ type: "timer" });
    }
    this.now = end;
  }

  joinEvent(options: JoinOptions = {}): JoinEvent {
    return {
      type: "join",
      ticket: this.nextTicket++,
      apiVersion: 9,
      clientId: "client",
      clientHost: "/127.0.0.1",
      uuid: `uuid-${this.nextUuid}`,
      shortUuid: `short-${this.nextUuid++}`,
      groupId: "group",
      memberId: "",
      groupInstanceId: null,
      protocolType: "consumer",
      protocols: [protocol("range", ["orders"])],
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      reason: null,
      ...options,
    };
  }

  /** JoinGroup; returns its ticket. */
  join(options: JoinOptions = {}): number {
    const event = this.joinEvent(options);
    this.feed(event);
    return event.ticket;
  }

  /** JoinGroup of a new dynamic member, with the round that gives it its id (KIP-394). */
  joinAs(options: JoinOptions = {}): { ticket: number; memberId: string } {
    const first = this.joinReply(this.join({ ...options, memberId: "" }));
    return { ticket: this.join({ ...options, memberId: first.memberId }), memberId: first.memberId };
  }

  sync(options: Partial<Omit<SyncEvent, "type" | "ticket">> & { memberId: string; generationId: number }): number {
    const ticket = this.nextTicket++;
    this.feed({
      type: "sync",
      ticket,
      groupId: "group",
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: [],
      ...options,
    });
    return ticket;
  }

  leave(members: readonly (Partial<LeavingMember> & { memberId: string })[], groupId = "group"): number {
    const ticket = this.nextTicket++;
    const leaving = members.map((member) => ({ groupInstanceId: null, reason: null, ...member }));
    this.feed({ type: "leave", ticket, groupId, members: leaving });
    return ticket;
  }

  commit(
    options: Partial<Omit<CommitEvent, "type" | "ticket">> = {},
    offset = 1,
    metadata: string | null = "",
  ): number {
    const ticket = this.nextTicket++;
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    };
    this.feed({
      type: "commit",
      ticket,
      apiVersion: 9,
      groupId: "group",
      memberId: "",
      groupInstanceId: null,
      generationOrEpoch: -1,
      retentionTimeMs: -1,
      topics: [{ name: "orders", topicId: zeroUuid, partitions: [partition] }],
      ...options,
    });
    return ticket;
  }

  /** The error of the one partition of a commit. */
  commitError(ticket: number): number {
    const reply = this.replies.get(ticket);
    if (reply?.kind !== "commit") throw new Error(`no answer to commit ${ticket}`);
    return reply.body.topics[0]!.partitions[0]!.errorCode;
  }

  deleteOffsets(topic: string, partitions: number[], groupId = "group"): number {
    const ticket = this.nextTicket++;
    this.feed({ type: "deleteOffsets", ticket, groupId, topics: [{ name: topic, partitions }] });
    return ticket;
  }

  deleteGroups(groupIds: readonly string[]): readonly number[] {
    const ticket = this.nextTicket++;
    this.feed({ type: "deleteGroups", ticket, groupIds });
    const reply = this.replies.get(ticket);
    if (reply?.kind !== "deleteGroups") throw new Error("no answer to DeleteGroups");
    return reply.body.results.map((result) => result.errorCode);
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null, groupId = "group"): number {
    this.eventCount++;
    return this.machine.heartbeat({ groupId, memberId, generationId, groupInstanceId }, this.instant);
  }

  isAnswered(ticket: number): boolean {
    return this.replies.has(ticket);
  }

  joinReply(ticket: number): JoinReply {
    const reply = this.replies.get(ticket);
    if (reply?.kind !== "join") throw new Error(`no answer to join ${ticket}`);
    return reply.body;
  }

  syncReply(ticket: number): SyncReply {
    const reply = this.replies.get(ticket);
    if (reply?.kind !== "sync") throw new Error(`no answer to sync ${ticket}`);
    return reply.body;
  }

  leaveErrors(ticket: number): number[] {
    const reply = this.replies.get(ticket);
    if (reply?.kind !== "leave") throw new Error(`no answer to leave ${ticket}`);
    return reply.body.members.map((member) => member.errorCode);
  }

  group(groupId = "group"): ClassicGroup {
    const group = this.machine.group(groupId);
    if (group === undefined) throw new Error(`no group ${groupId}`);
    return group as ClassicGroup;
  }

  /** What is committed for partition 0 of a topic; -1 for nothing. */
  committed(topic = "orders", groupId = "group"): number {
    const topics = this.machine.committed.fetch(
      groupId,
      [{ name: topic, topicId: zeroUuid, partitionIndexes: [0] }],
      false,
    );
    return topics[0]!.partitions[0]!.committedOffset;
  }

  /** A group of dynamic members whose rebalance is over: member ids, the leader first. */
  stableGroup(count: number, options: JoinOptions = {}): string[] {
    const joined = Array.from({ length: count }, () => this.joinAs(options));
    this.advance(0);
    const members = joined.map((one) => one.memberId);
    this.syncAll(members, options.groupId);
    return members;
  }

  /** Every member's SyncGroup, the leader's last; each is assigned its own id's bytes. */
  syncAll(members: readonly string[], groupId = "group"): number[] {
    const group = this.group(groupId);
    const { generationId } = group;
    const leader = group.leaderId!;
    const assignments = members.map((memberId) => ({ memberId, assignment: Buffer.from(`work of ${memberId}`) }));
    const tickets = members
      .filter((memberId) => memberId !== leader)
      .map((memberId) => this.sync({ memberId, generationId, groupId }));
    tickets.push(this.sync({ memberId: leader, generationId, groupId, assignments }));
    return tickets;
  }

  /** A machine that has replayed everything that was appended. */
  replayed(): MachineRig {
    const other = new MachineRig();
    for (const { key, value } of this.log) {
      const record = decodeGroupRecord(key, value);
      if (record !== null) other.machine.apply(record, { offset: other.log.length, producerId: -1 });
      other.log.push({ key, value });
    }
    return other;
  }
}

/** A consumer's protocol with the metadata that names its topics. */
export function protocol(name: string, topics: readonly string[], userData = ""): GroupProtocol {
  const parts: Buffer[] = [Buffer.alloc(6)];
  parts[0]!.writeInt32BE(topics.length, 2);
  for (const topic of topics) {
    const size = Buffer.alloc(2);
    size.writeInt16BE(topic.length);
    parts.push(size, Buffer.from(topic));
  }
  const size = Buffer.alloc(4);
  size.writeInt32BE(userData.length);
  parts.push(size, Buffer.from(userData));
  return { name, metadata: Buffer.concat(parts) };
}
