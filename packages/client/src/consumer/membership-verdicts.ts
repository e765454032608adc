import { errorCodes, isRetriable, type JoinGroupResponse } from "@ottla/protocol";
import type { MembershipSettings } from "./membership-events.ts";

/** The requests of a member whose answers decide where it stands. */
export type MemberRequest = "JoinGroup" | "SyncGroup" | "Heartbeat" | "OffsetCommit";

/**
 * What an answer means to a member:
 * - `good`
 * - `moved`: the coordinator is somewhere else, or away
 * - `unknownMember`, `illegalGeneration`: the coordinator does not count this member in; with the latter the member id may still be good
 * - `staleEpoch`: the same again with the member's epoch of then (KIP-848)
 * - `fenced`: another member with the same instance id has taken over
 * - `memberIdRequired`: the same again with the member id that came along (KIP-394)
 * - `rebalancing`: the group is between two generations
 * - `later`: the same again after a pause
 * - `fatal`: the application has to hear of it
 */
export type Verdict =
  | "good"
  | "moved"
  | "unknownMember"
  | "illegalGeneration"
  | "staleEpoch"
  | "fenced"
  | "memberIdRequired"
  | "rebalancing"
  | "later"
  | "fatal";

/** What a code means in the answer to a request: as Kafka's AbstractCoordinator and ConsumerCoordinator have it. */
export function verdictOn(request: MemberRequest, errorCode: number): Verdict {
  switch (errorCode) {
    case errorCodes.NONE:
      return "good";
    case errorCodes.COORDINATOR_NOT_AVAILABLE:
    case errorCodes.NOT_COORDINATOR:
      return "moved";
    case errorCodes.REQUEST_TIMED_OUT:
      return request === "OffsetCommit" ? "moved" : "later";
    case errorCodes.UNKNOWN_MEMBER_ID:
      return "unknownMember";
    case errorCodes.GROUP_ID_NOT_FOUND:
      return request === "OffsetCommit" ? "unknownMember" : "fatal";
    case errorCodes.ILLEGAL_GENERATION:
      return request === "JoinGroup" ? "fatal" : "illegalGeneration";
    case errorCodes.STALE_MEMBER_EPOCH:
      return request === "OffsetCommit" ? "staleEpoch" : "fatal";
    case errorCodes.FENCED_INSTANCE_ID:
      return "fenced";
    case errorCodes.MEMBER_ID_REQUIRED:
      return request === "JoinGroup" ? "memberIdRequired" : "fatal";
    case errorCodes.REBALANCE_IN_PROGRESS:
      return "rebalancing";
    case errorCodes.GROUP_AUTHORIZATION_FAILED:
      return "fatal";
    case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
      return request === "OffsetCommit" ? "later" : "fatal";
    default:
      // A heartbeat that is refused for no known reason is tried again: the session decides in the end.
      return request === "Heartbeat" || isRetriable(errorCode) ? "later" : "fatal";
  }
}

/**
 * Whether the group has had a generation in between of which this member knows nothing. Static members are kept although they have not joined it, and others may have been given what they own: a dynamic one would have been
 * counted out. In a group of KIP-848, which has no leader, epochs may be skipped: the coordinator knows who owns what.
 */
export function isLeftBehind(
  { groupInstanceId }: MembershipSettings,
  generationId: number,
  response: JoinGroupResponse,
): boolean {
  const isClassic = response.leader !== "";
  return groupInstanceId !== null && isClassic && generationId >= 0 && response.generationId > generationId + 1;
}
