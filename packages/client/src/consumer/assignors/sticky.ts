import type { Assignor } from "./assignor.ts";
import { assignEvenly } from "./even-assignment.ts";
import { assignMixed } from "./mixed-assignment.ts";
import { StickyClaims } from "./sticky-claims.ts";
import { StickyGroup } from "./sticky-group.ts";
import { decodeStickyUserData, encodeStickyUserData } from "./sticky-user-data.ts";

/**
 * As even as the subscriptions allow, and of the assignments that are, one in which as many partitions as possible stay where they are. With racks (`clientRack`) partitions go to
 * members in a rack with a replica where balance allows it, even if they have to move. Eager: members stop reading while they join, and get back what they keep; they send their
 * last assignment along as user data. Kafka's `StickyAssignor`.
 */
export const sticky: Assignor = {
  name: "sticky",
  protocols: ["eager"],
  subscription: encodeStickyUserData,
  assign(topics, members) {
    const group = new StickyGroup(topics, members);
    const claims = new StickyClaims(
      group,
      group.members.map(({ userData }) => decodeStickyUserData(userData)),
    );
    return group.assignment(stickyOwners(group, claims));
  },
};

/** The owner of each partition; -1 where there is none. */
export function stickyOwners(group: StickyGroup, claims: StickyClaims): Int32Array {
  return group.isUniform ? assignEvenly(group, claims) : assignMixed(group, claims);
}
