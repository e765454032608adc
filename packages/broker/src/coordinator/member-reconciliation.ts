import { errorCodes } from "@ottla/protocol";
import type { TopicAssignment } from "./assignors/assignor.ts";
import { type MemberState, memberStates, type StoredCurrentAssignment } from "./consumer-group-records.ts";
import type { TopicIdPartitions } from "./group-events.ts";
import {
  type EpochedPartitions,
  equalOwned,
  indexIn,
  mergeEpoched,
  nothingOwned,
  type OwnedPartitions,
  ownedOf,
} from "./owned-partitions.ts";

/** What the next step of a member depends on besides where it is. */
export interface Reconciliation {
  readonly targetEpoch: number;
  /** What the member is to own. */
  readonly target: TopicAssignment;
  /** Whether the member subscribes to the topic. */
  isSubscribedTo(topicId: string): boolean;
  /** The member has changed what it subscribes to. */
  readonly hasSubscriptionChanged: boolean;
  /** Whether somebody in the group owns the partition, or has yet to give it up. */
  isOwned(topicId: string, partition: number): boolean;
  /** What the member says it owns; null where it does not say, and then it may own all that it ever had. */
  readonly owned: readonly TopicIdPartitions[] | null;
}

/** The member has to begin anew. */
export class FencedMember extends Error {
  override readonly name = "FencedMember";
  readonly errorCode: number = errorCodes.FENCED_MEMBER_EPOCH;
}

/**
 * The next step of a member on its way to its target (Kafka's `CurrentAssignmentBuilder`): first it gives up what is not its own any more and says so, then it moves to the epoch of
 * the target and gets what is free; what others still own follows once they have given it up. Returns `current` itself where there is nothing to do yet. Throws
 * `FencedMember` for a member in a state that nobody knows.
 */
export function reconcile(current: StoredCurrentAssignment, next: Reconciliation): StoredCurrentAssignment {
  const step = nextStep(current, next);
  return step === current || isSame(step, current) ? current : step;
}

function nextStep(current: StoredCurrentAssignment, next: Reconciliation): StoredCurrentAssignment {
  switch (current.state) {
    case memberStates.stable:
      if (current.memberEpoch !== next.targetEpoch) return towardsTarget(current, next, current.memberEpoch);
      return next.hasSubscriptionChanged ? withoutUnsubscribed(current, next) : current;
    case memberStates.unrevoked:
      // It has given them up once it says what it owns and they are not among it.
      if (!stillOwns(next.owned, current.pendingRevocation)) return towardsTarget(current, next, current.memberEpoch);
      return next.hasSubscriptionChanged ? withoutUnsubscribed(current, next) : current;
    case memberStates.unreleased:
      return towardsTarget(current, next, current.memberEpoch);
    default:
      // A newer broker's state: the member begins anew with empty hands.
      if (next.owned === null || next.owned.length > 0) {
        throw new FencedMember(
          "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.",
        );
      }
      return towardsTarget(current, next, next.targetEpoch);
  }
}

/** Takes away the topics that the member does not subscribe to any more, without waiting for a new target. */
function withoutUnsubscribed(current: StoredCurrentAssignment, next: Reconciliation): StoredCurrentAssignment {
  const gone = [...current.assigned.keys()].filter((topicId) => !next.isSubscribedTo(topicId));
  if (gone.length === 0) return current;
  const assigned = new Map(current.assigned);
  const pendingRevocation = new Map(current.pendingRevocation);
  for (const topicId of gone) {
    assigned.delete(topicId);
    pendingRevocation.set(topicId, mergeEpoched(ownedOf(pendingRevocation, topicId), current.assigned.get(topicId)!));
  }
  if (stillOwns(next.owned, pendingRevocation)) {
    return step(current, memberStates.unrevoked, current.memberEpoch, assigned, pendingRevocation);
  }
  // It has given them up already.
  return step(current, current.state, current.memberEpoch, assigned, current.pendingRevocation);
}

function towardsTarget(
  current: StoredCurrentAssignment,
  next: Reconciliation,
  memberEpoch: number,
): StoredCurrentAssignment {
  const { targetEpoch } = next;
  const kept = new Map<string, EpochedPartitions>();
  const toRevoke = new Map<string, EpochedPartitions>();
  const toAssign = new Map<string, EpochedPartitions>();
  let isWaiting = false;
  for (const [topicId, owned] of current.assigned) {
    const target = next.isSubscribedTo(topicId) ? next.target.get(topicId) : undefined;
    divide(topicId, owned, target ?? [], kept, toRevoke);
  }
  for (const [topicId, target] of next.target) {
    if (!next.isSubscribedTo(topicId)) continue;
    const owned = ownedOf(current.assigned, topicId).partitions;
    const free: number[] = [];
    for (const partition of target) {
      if (indexIn(owned, partition) !== -1) continue;
      // What it was about to give up itself is nobody else's.
      const isMine = indexIn(ownedOf(current.pendingRevocation, topicId).partitions, partition) !== -1;
      if (isMine || !next.isOwned(topicId, partition)) free.push(partition);
      else isWaiting = true;
    }
    if (free.length > 0) toAssign.set(topicId, { partitions: free, epochs: free.map(() => targetEpoch) });
  }
  if (toRevoke.size > 0 && stillOwns(next.owned, toRevoke)) {
    return step(current, memberStates.unrevoked, memberEpoch, kept, toRevoke);
  }
  for (const [topicId, free] of toAssign) kept.set(topicId, mergeEpoched(ownedOf(kept, topicId), free));
  return step(current, isWaiting ? memberStates.unreleased : memberStates.stable, targetEpoch, kept, nothingOwned);
}

/** What of a topic stays, and what has to go. */
function divide(
  topicId: string,
  owned: EpochedPartitions,
  target: readonly number[],
  kept: Map<string, EpochedPartitions>,
  toRevoke: Map<string, EpochedPartitions>,
): void {
  const staying = { partitions: [] as number[], epochs: [] as number[] };
  const going = { partitions: [] as number[], epochs: [] as number[] };
  for (const [n, partition] of owned.partitions.entries()) {
    const list = indexIn(target, partition) === -1 ? going : staying;
    list.partitions.push(partition);
    list.epochs.push(owned.epochs[n]!);
  }
  if (going.partitions.length === 0) kept.set(topicId, owned);
  else if (staying.partitions.length > 0) kept.set(topicId, staying);
  if (going.partitions.length > 0) toRevoke.set(topicId, going);
}

/** Whether the member may still own one of the partitions. */
function stillOwns(said: readonly TopicIdPartitions[] | null, revoked: OwnedPartitions): boolean {
  if (said === null) return true;
  for (const { topicId, partitions } of said) {
    const gone = revoked.get(topicId);
    if (gone !== undefined && partitions.some((partition) => indexIn(gone.partitions, partition) !== -1)) return true;
  }
  return false;
}

function step(
  current: StoredCurrentAssignment,
  state: MemberState,
  memberEpoch: number,
  assigned: OwnedPartitions,
  pendingRevocation: OwnedPartitions,
): StoredCurrentAssignment {
  return { memberEpoch, previousMemberEpoch: current.memberEpoch, state, assigned, pendingRevocation };
}

function isSame(one: StoredCurrentAssignment, other: StoredCurrentAssignment): boolean {
  return (
    one.memberEpoch === other.memberEpoch &&
    one.previousMemberEpoch === other.previousMemberEpoch &&
    one.state === other.state &&
    equalOwned(one.assigned, other.assigned) &&
    equalOwned(one.pendingRevocation, other.pendingRevocation)
  );
}
