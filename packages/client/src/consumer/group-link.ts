import type { ClientCore } from "../client-core.ts";
import type { MembershipIdentity } from "./membership-events.ts";

/** What commits and look-ups of offsets have to do with the group. */
export interface GroupLink {
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  readonly groupProtocol: "classic" | "consumer";
  /** Who commits; null where partitions were assigned by hand, and commits are those of no member. */
  identity(): MembershipIdentity | null;
  /** Tells the member what a commit ran into. */
  commitRefused(errorCode: number, identity: MembershipIdentity): void;
  /** Tells everybody that the coordinator has moved or is gone. */
  coordinatorLost(reason: string): void;
}

/** The group's coordinator; rejects with a retriable error while there is none. */
export function findCoordinator(core: ClientCore, link: GroupLink, signal?: AbortSignal): Promise<number> {
  return core.coordinators.find(link.groupId, signal);
}
