import { errorMessage, errorName } from "@ottla/protocol";
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

/** `Could not join group g as instance-1: FENCED_INSTANCE_ID: ...` */
export function fatalFailure(settings: MembershipSettings, errorCode: number, what: string): Failure {
  const who = settings.groupInstanceId === null ? "" : ` as ${settings.groupInstanceId}`;
  const message = `Could not ${what} group ${settings.groupId}${who}: ${errorName(errorCode)}: ${errorMessage(errorCode)}`;
  return { errorCode, message, retriable: false };
}
