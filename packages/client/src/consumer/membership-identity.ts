import { errorCodes, errorMessage } from "@ottla/protocol";
import type { Failure, MembershipIdentity, MembershipPhase, MembershipSettings } from "./membership-events.ts";

/** Whether the member takes part in a round: JoinGroup has been sent, SyncGroup not yet been answered. */
export function isInRound(phase: MembershipPhase): boolean {
  return phase === "joining" || phase === "assigning" || phase === "syncing";
}

/** Whether a new round can begin at once. In `ready` too: what was prepared may rest on what has changed. */
export function isBetweenRounds(phase: MembershipPhase): boolean {
  return phase === "stable" || phase === "completing" || phase === "ready";
}

export function identityOf(phase: MembershipPhase, memberId: string, generationId: number): MembershipIdentity {
  if (isInRound(phase)) return { memberId, generationId, standing: "rebalancing" };
  return { memberId, generationId, standing: phase !== "out" && generationId >= 0 ? "stable" : "out" };
}

export function sameIdentity(a: MembershipIdentity, b: MembershipIdentity): boolean {
  const isSamePlace = a.memberId === b.memberId && a.generationId === b.generationId && a.stay === b.stay;
  return isSamePlace && a.standing === b.standing;
}

/** Whether what one may commit the other may, too: nothing has been lost between the two. */
export function isSameStay(a: MembershipIdentity, b: MembershipIdentity): boolean {
  return a.memberId === b.memberId && a.stay === b.stay && (a.stay !== undefined || a.generationId === b.generationId);
}

/** What the coordinator's refusal means, and what to do about it where that can be said. */
export function fatalFailure(settings: MembershipSettings, errorCode: number, request: string): Failure {
  const said = errorMessage(errorCode);
  const advice = adviceOn(settings, errorCode);
  return { errorCode, message: `${request}: ${said}${advice === "" ? "" : `. ${advice}`}`, retriable: false };
}

function adviceOn(settings: MembershipSettings, errorCode: number): string {
  switch (errorCode) {
    case errorCodes.FENCED_INSTANCE_ID:
      return `Another consumer with groupInstanceId ${settings.groupInstanceId} has joined: each that runs needs one of its own`;
    case errorCodes.INCONSISTENT_GROUP_PROTOCOL:
      return "All members need an assignor (partitionAssignmentStrategy) in common, and all have to be consumers";
    case errorCodes.INVALID_SESSION_TIMEOUT:
      return `sessionTimeoutMs is ${settings.sessionTimeoutMs}; the broker's bounds are group.min.session.timeout.ms and group.max.session.timeout.ms`;
    case errorCodes.GROUP_MAX_SIZE_REACHED:
      return "The broker's bound is group.max.size";
    default:
      return "";
  }
}
