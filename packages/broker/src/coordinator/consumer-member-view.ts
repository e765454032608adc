import { errorCodes } from "@ottla/protocol";
import type { ConsumerGroup } from "./consumer-group.ts";
import { type Refusal, unknownMember } from "./consumer-group-events.ts";
import { leaveStaticEpoch, type StoredConsumerMember, type StoredCurrentAssignment } from "./consumer-group-records.ts";
import { type ConsumerMember, newMemberAssignment, newMemberMetadata } from "./consumer-member.ts";
import type { ConsumerHeartbeatEvent, TopicIdPartitions } from "./group-events.ts";
import type { GroupRecord } from "./group-records.ts";
import { epochOf } from "./owned-partitions.ts";

/** A member as it is before its request changes it: one of the group's, one that begins, or one that takes the place of a static member. */
export interface MemberView {
  readonly memberId: string;
  readonly metadata: StoredConsumerMember;
  readonly current: StoredCurrentAssignment;
  /** The static member whose place it takes. */
  readonly replaced: ConsumerMember | null;
  /** It is not counted among the group's members yet. */
  readonly isNew: boolean;
}

/** The member that a heartbeat comes from, or why it is none. Where it takes the place of a static member, the records that say so are added. */
export function findMember(
  group: ConsumerGroup,
  event: ConsumerHeartbeatEvent,
  memberId: string,
  records: GroupRecord[],
): MemberView | Refusal {
  const { instanceId, memberEpoch, topicPartitions } = event;
  const isJoining = memberEpoch === 0;
  if (instanceId === null) {
    const member = group.members.get(memberId);
    if (member === undefined) return isJoining ? newMember(memberId) : unknownMember(memberId, group.id);
    return checkEpoch(member, memberEpoch, topicPartitions) ?? viewOf(member);
  }
  const existing = group.staticMember(instanceId);
  if (isJoining) {
    if (existing === undefined) {
      const member = group.members.get(memberId);
      return member === undefined ? newMember(memberId) : viewOf(member);
    }
    // It has missed the answer to its last request, or begins anew. (Kafka would tell it that it has to leave first, which no client survives.)
    if (existing.memberId === memberId && existing.current.memberEpoch !== leaveStaticEpoch) return viewOf(existing);
    // Of two members that speak this protocol the second gets the name only after the first has left.
    const isReleased = existing.usesClassicProtocol || existing.current.memberEpoch === leaveStaticEpoch;
    return isReleased ? replaceMember(group, existing, memberId, records) : unreleased(memberId, instanceId, existing);
  }
  if (existing === undefined) {
    return { errorCode: errorCodes.UNKNOWN_MEMBER_ID, message: `Instance id ${instanceId} is unknown.` };
  }
  return (
    checkInstance(existing, memberId, instanceId) ??
    checkEpoch(existing, memberEpoch, topicPartitions) ??
    viewOf(existing)
  );
}

/** Null where the static member is the one that sends the request. */
export function checkInstance(existing: ConsumerMember, memberId: string, instanceId: string): Refusal | null {
  if (existing.memberId === memberId) return null;
  const message = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${existing.memberId}.`;
  return { errorCode: errorCodes.FENCED_INSTANCE_ID, message };
}

function unreleased(memberId: string, instanceId: string, existing: ConsumerMember): Refusal {
  const who = `Static member ${memberId} with instance id ${instanceId}`;
  const message = `${who} cannot join the group because the instance id is owned by ${existing.memberId} member.`;
  return { errorCode: errorCodes.UNRELEASED_INSTANCE_ID, message };
}

export function newMember(memberId: string): MemberView {
  return { memberId, metadata: newMemberMetadata, current: newMemberAssignment, replaced: null, isNew: true };
}

export function viewOf({ memberId, metadata, current }: ConsumerMember): MemberView {
  return { memberId, metadata, current, replaced: null, isNew: false };
}

/** A member with another id takes a static member's place, with all that it had. */
export function replaceMember(
  group: ConsumerGroup,
  old: ConsumerMember,
  memberId: string,
  records: GroupRecord[],
): MemberView {
  const groupId = group.id;
  const { metadata } = old;
  const current = { ...old.current, memberEpoch: 0, previousMemberEpoch: 0 };
  removeMember(groupId, old.memberId, records);
  records.push({ kind: "consumerMember", groupId, memberId, value: metadata });
  records.push({ kind: "consumerTargetMember", groupId, memberId, value: group.target(old.memberId) });
  records.push({ kind: "consumerCurrentAssignment", groupId, memberId, value: current });
  return { memberId, metadata, current, replaced: old, isNew: false };
}

/** The records that take a member out. The order matters to Kafka. */
export function removeMember(groupId: string, memberId: string, records: GroupRecord[]): void {
  records.push({ kind: "consumerCurrentAssignment", groupId, memberId, value: null });
  records.push({ kind: "consumerTargetMember", groupId, memberId, value: null });
  records.push({ kind: "consumerMember", groupId, memberId, value: null });
}

/** Null where the member may go on with the epoch that it says. */
function checkEpoch(
  { current }: ConsumerMember,
  epoch: number,
  owned: readonly TopicIdPartitions[] | null,
): Refusal | null {
  const known = current.memberEpoch;
  // 0 begins anew; the last epoch comes from a member that has missed the answer with the present one.
  if (epoch === 0 || epoch === known) return null;
  if (epoch < known && epoch === current.previousMemberEpoch && isSubset(owned, current)) return null;
  const what = `The consumer group member has a ${epoch > known ? "greater" : "smaller"} member epoch (${epoch})`;
  const message = `${what} than the one known by the group coordinator (${known}). The member must abandon all its partitions and rejoin.`;
  return { errorCode: errorCodes.FENCED_MEMBER_EPOCH, message };
}

function isSubset(owned: readonly TopicIdPartitions[] | null, current: StoredCurrentAssignment): boolean {
  if (owned === null) return false;
  return owned.every(
    ({ topicId, partitions }) =>
      current.assigned.has(topicId) &&
      partitions.every((partition) => epochOf(current.assigned, topicId, partition) !== -1),
  );
}
