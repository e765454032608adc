import { Timed } from "./deadline-heap.ts";
import { noBytes } from "./group-events.ts";
import type { GroupProtocol } from "./group-protocol.ts";

/**
 * A member of a classic group (Kafka's `ClassicGroupMember`). Its deadline is the end of its session. There may be many of them, nearly all of them idle: one
 * costs an object, its id, and bytes that equal members share.
 */
export class ClassicMember extends Timed {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  /** In the member's order of preference; after a replay only the one that the group had chosen. Owned bytes. */
  protocols: readonly GroupProtocol[];
  /** Owned bytes. */
  assignment: Uint8Array = noBytes;
  /** Who waits for the end of the join phase; 0: nobody. */
  joinTicket = 0;
  /** Who waits for the assignment; 0: nobody. */
  syncTicket = 0;
  /** It has never finished a join phase, so it does not know its id and cannot send heartbeats. */
  isNew = false;
  /** It has yet to send the SyncGroup of this generation. */
  isPendingSync = false;

  constructor(groupId: string, about: MemberDescription) {
    super();
    this.groupId = groupId;
    this.memberId = about.memberId;
    this.groupInstanceId = about.groupInstanceId;
    this.clientId = about.clientId;
    this.clientHost = about.clientHost;
    this.rebalanceTimeoutMs = about.rebalanceTimeoutMs;
    this.sessionTimeoutMs = about.sessionTimeoutMs;
    this.protocols = about.protocols;
  }

  get kind(): "classicMember" {
    return "classicMember";
  }

  get isAwaitingJoin(): boolean {
    return this.joinTicket !== 0;
  }

  get isAwaitingSync(): boolean {
    return this.syncTicket !== 0;
  }

  /** Who waits for an answer need not send heartbeats; but a new member may be a client that has gone away (KIP-394). */
  get needsNoHeartbeat(): boolean {
    return !this.isNew && (this.isAwaitingJoin || this.isAwaitingSync);
  }

  /** What it said about a protocol; undefined where it does not know it. */
  metadata(protocol: string): Uint8Array | undefined {
    for (const known of this.protocols) if (known.name === protocol) return known.metadata;
    return undefined;
  }

  /** Whether it would bring the same protocols in the same order with the same metadata. */
  matches(protocols: readonly GroupProtocol[]): boolean {
    const mine = this.protocols;
    if (mine.length !== protocols.length) return false;
    return mine.every((one, n) => one.name === protocols[n]!.name && equalBytes(one.metadata, protocols[n]!.metadata));
  }
}

export interface MemberDescription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly protocols: readonly GroupProtocol[];
}

/** Somebody who was given a member id and asked to come back with it (KIP-394). Its deadline is when it has not. */
export class PendingMember extends Timed {
  readonly groupId: string;
  readonly memberId: string;

  constructor(groupId: string, memberId: string) {
    super();
    this.groupId = groupId;
    this.memberId = memberId;
  }

  get kind(): "pendingMember" {
    return "pendingMember";
  }
}

/** The end of a group's join phase. */
export class JoinPhaseTimer extends Timed {
  readonly groupId: string;
  /** In a group's first rebalance: how long the wait is extended at a time while members keep coming. */
  initialDelayMs = 0;
  /** In a group's first rebalance: how much longer it may be extended; -1 in every other. */
  remainingMs = -1;

  constructor(groupId: string) {
    super();
    this.groupId = groupId;
  }

  get kind(): "joinPhase" {
    return "joinPhase";
  }
}

/** The end of the wait for every member's SyncGroup. */
export class SyncPhaseTimer extends Timed {
  readonly groupId: string;
  generationId = 0;

  constructor(groupId: string) {
    super();
    this.groupId = groupId;
  }

  get kind(): "syncPhase" {
    return "syncPhase";
  }
}

/** What a classic group may have to be woken for. */
export type ClassicTimed = ClassicMember | PendingMember | JoinPhaseTimer | SyncPhaseTimer;

export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && Buffer.compare(one, other) === 0);
}
