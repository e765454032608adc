import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decodeFromMember,
  encodeStored,
  errorCodes,
} from "@ottla/protocol";
import type { JoinReply } from "../../src/coordinator/group-events.ts";
import type { ConsumerRig } from "./consumer-rig.ts";

/** A consumer that speaks the classic protocol, eager or cooperative, one request a step. Its leader gives every partition to somebody, one after the other. */
export class ClassicConsumer {
  memberId = "";
  generation = -1;
  /** Partitions by topic name. */
  owned = new Map<string, readonly number[]>();
  /** What it does next. */
  next: "join" | "sync" | "beat" = "join";
  lastError = 0;
  private ticket = 0;
  private syncTicket = 0;
  private members: JoinReply["members"] = [];
  private isLeader = false;
  readonly topics: readonly string[];
  readonly isCooperative: boolean;
  readonly instanceId: string | null;

  constructor(topics: readonly string[] = ["orders"], options: { isCooperative?: boolean; instanceId?: string } = {}) {
    this.topics = topics;
    this.isCooperative = options.isCooperative ?? false;
    this.instanceId = options.instanceId ?? null;
  }

  get protocolName(): string {
    return this.isCooperative ? "cooperative-sticky" : "range";
  }

  step(rig: ConsumerRig): void {
    if (this.ticket !== 0) this.takeAnswer(rig);
    else if (this.next === "join") this.join(rig);
    else if (this.next === "sync") this.sync(rig);
    else this.beat(rig);
  }

  /** Its group has become another, or it was sent away: it begins anew, with an id if it had one. */
  private reset(errorCode: number): void {
    this.lastError = errorCode;
    this.next = "join";
    if (errorCode === errorCodes.REBALANCE_IN_PROGRESS) return;
    this.generation = -1;
    this.owned = new Map();
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) this.memberId = "";
  }

  /** What it waits for will never be answered. */
  disconnected(): void {
    if (this.ticket !== 0 || this.syncTicket !== 0) this.reset(errorCodes.REBALANCE_IN_PROGRESS);
    this.ticket = 0;
    this.syncTicket = 0;
  }

  /** What it says of itself, with what it owns. */
  get protocol(): { name: string; metadata: Buffer } {
    const ownedPartitions = Array.from(this.owned, ([topic, partitions]) => ({ topic, partitions: [...partitions] }));
    const subscription = { topics: [...this.topics], userData: null, ownedPartitions };
    return { name: this.protocolName, metadata: encodeStored(1, consumerProtocolSubscription, subscription) };
  }

  private join(rig: ConsumerRig): void {
    if (!this.isCooperative) this.owned = new Map();
    this.ticket = rig.join({
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocols: [this.protocol],
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
    });
    this.takeAnswer(rig);
  }

  private takeAnswer(rig: ConsumerRig): void {
    if (!rig.isAnswered(this.ticket)) return;
    const reply = rig.joinReply(this.ticket);
    this.ticket = 0;
    if (reply.memberId !== "") this.memberId = reply.memberId;
    if (reply.errorCode === errorCodes.MEMBER_ID_REQUIRED) return;
    if (reply.errorCode !== 0) {
      this.reset(reply.errorCode);
      return;
    }
    this.generation = reply.generationId;
    this.isLeader = reply.leader === reply.memberId;
    this.members = reply.members;
    this.next = "sync";
    this.syncTicket = 0;
  }

  private sync(rig: ConsumerRig): void {
    if (this.syncTicket === 0) {
      this.syncTicket = rig.sync({
        memberId: this.memberId,
        generationId: this.generation,
        groupInstanceId: this.instanceId,
        protocolType: "consumer",
        protocolName: this.protocolName,
        assignments: this.isLeader ? this.assign(rig) : [],
      });
    }
    if (!rig.isAnswered(this.syncTicket)) return;
    const reply = rig.syncReply(this.syncTicket);
    this.syncTicket = 0;
    if (reply.errorCode !== 0) {
      this.reset(reply.errorCode);
      return;
    }
    const { assignedPartitions } = decodeFromMember(consumerProtocolAssignment, Buffer.from(reply.assignment));
    const assigned = new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions]));
    const hasRevoked = [...this.owned].some(([topic, partitions]) =>
      partitions.some((one) => assigned.get(topic)?.includes(one) !== true),
    );
    this.owned = assigned;
    // Having let go of something, a cooperative member joins again.
    this.next = this.isCooperative && hasRevoked ? "join" : "beat";
  }

  private assign(rig: ConsumerRig): { memberId: string; assignment: Buffer }[] {
    const parts = this.members.map(({ memberId, metadata }) => {
      const { topics } = decodeFromMember(consumerProtocolSubscription, Buffer.from(metadata));
      return { memberId, topics, owned: new Map<string, number[]>() };
    });
    for (const name of rig.topics.names()) {
      const takers = parts.filter(({ topics }) => topics.includes(name));
      for (let n = 0; takers.length > 0 && n < rig.topics.topicByName(name)!.partitionCount; n++) {
        const { owned } = takers[n % takers.length]!;
        owned.set(name, [...(owned.get(name) ?? []), n]);
      }
    }
    return parts.map(({ memberId, owned }) => {
      const assignedPartitions = Array.from(owned, ([topic, partitions]) => ({ topic, partitions }));
      const assignment = encodeStored(1, consumerProtocolAssignment, { assignedPartitions, userData: null });
      return { memberId, assignment };
    });
  }

  private beat(rig: ConsumerRig): void {
    const errorCode = rig.heartbeat(this.memberId, this.generation, this.instanceId);
    if (errorCode !== 0) this.reset(errorCode);
  }
}
