import { memberStates, type StoredConsumerMember, type StoredCurrentAssignment } from "./consumer-group-records.ts";
import { Timed } from "./deadline-heap.ts";
import { nothingOwned } from "./owned-partitions.ts";

/** What a member is before its first record says otherwise. */
export const newMemberMetadata: StoredConsumerMember = Object.freeze({
  instanceId: null,
  rackId: null,
  clientId: "",
  clientHost: "",
  subscribedTopicNames: Object.freeze([]),
  subscribedTopicRegex: "",
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
  classicMemberMetadata: null,
});

/** Where a member is before its first record says otherwise. */
export const newMemberAssignment: StoredCurrentAssignment = Object.freeze({
  memberEpoch: 0,
  previousMemberEpoch: -1,
  state: memberStates.stable,
  assigned: nothingOwned,
  pendingRevocation: nothingOwned,
});

/**
 * A member of a consumer group (Kafka's `ConsumerGroupMember`). `metadata` and `current` are its stored state, values that are replaced as a whole when their record is applied.
 * Soft: its deadlines. The member itself is the deadline of its session, the others are made when they are first needed.
 */
export class ConsumerMember extends Timed {
  readonly groupId: string;
  readonly memberId: string;
  metadata: StoredConsumerMember = newMemberMetadata;
  current: StoredCurrentAssignment = newMemberAssignment;
  /** Until when it has to give up what it was told to. */
  rebalanceTimer: MemberPhaseTimer | null = null;
  /** A member that speaks the classic protocol: until when it has to join again. */
  joinTimer: MemberPhaseTimer | null = null;
  /** A member that speaks the classic protocol: until when it has to ask for its assignment. */
  syncTimer: MemberPhaseTimer | null = null;

  constructor(groupId: string, memberId: string) {
    super();
    this.groupId = groupId;
    this.memberId = memberId;
  }

  get kind(): "consumerSession" {
    return "consumerSession";
  }

  get usesClassicProtocol(): boolean {
    return this.metadata.classicMemberMetadata !== null;
  }
}

/** The end of something that a member of a consumer group has to do. */
export class MemberPhaseTimer extends Timed {
  readonly groupId: string;
  readonly memberId: string;
  readonly kind: "consumerRebalance" | "consumerJoin" | "consumerSync";
  /** Where the member was when it was told. */
  waitsFor: StoredCurrentAssignment | null = null;

  constructor(kind: MemberPhaseTimer["kind"], member: ConsumerMember) {
    super();
    this.kind = kind;
    this.groupId = member.groupId;
    this.memberId = member.memberId;
  }
}

/** When a portion of a group's regular expressions is to be resolved. */
export class RegexTimer extends Timed {
  readonly groupId: string;

  constructor(groupId: string) {
    super();
    this.groupId = groupId;
  }

  get kind(): "consumerRegexes" {
    return "consumerRegexes";
  }
}

/** What a consumer group may have to be woken for. */
export type ConsumerTimed = ConsumerMember | MemberPhaseTimer | RegexTimer;

/** Where a group's deadlines are kept. */
export interface ConsumerTimers {
  schedule(timed: ConsumerTimed, deadline: number): void;
  cancel(timed: ConsumerTimed): void;
}

/** For groups that are only made to be looked at. */
export const noTimers: ConsumerTimers = { schedule: () => {}, cancel: () => {} };

/** Whether the member owns what it is to own as of that epoch. */
export function isReconciledTo(current: StoredCurrentAssignment, targetEpoch: number): boolean {
  return current.state === memberStates.stable && current.memberEpoch === targetEpoch;
}

export function equalMetadata(one: StoredConsumerMember, other: StoredConsumerMember): boolean {
  return (
    one.instanceId === other.instanceId &&
    one.rackId === other.rackId &&
    one.clientId === other.clientId &&
    one.clientHost === other.clientHost &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs &&
    one.serverAssignor === other.serverAssignor &&
    one.subscribedTopicRegex === other.subscribedTopicRegex &&
    equalNames(one.subscribedTopicNames, other.subscribedTopicNames) &&
    equalClassic(one, other)
  );
}

function equalClassic(one: StoredConsumerMember, other: StoredConsumerMember): boolean {
  const [a, b] = [one.classicMemberMetadata, other.classicMemberMetadata];
  if (a === null || b === null) return a === b;
  if (a.sessionTimeoutMs !== b.sessionTimeoutMs || a.supportedProtocols.length !== b.supportedProtocols.length) {
    return false;
  }
  return a.supportedProtocols.every(({ name, metadata }, n) => {
    const same = b.supportedProtocols[n]!;
    return name === same.name && Buffer.compare(metadata, same.metadata) === 0;
  });
}

export function equalNames(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((name, n) => name === other[n]));
}
