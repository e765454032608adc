import type { Assignor, AssignorMember } from "./assignor.ts";
import { stickyOwners } from "./sticky.ts";
import { type OwnedClaim, StickyClaims } from "./sticky-claims.ts";
import { StickyGroup } from "./sticky-group.ts";

/**
 * Assigns as `sticky` does, for cooperative rebalancing (KIP-429): members go on reading what they keep. A partition that changes hands is given to nobody in the
 * round in which its owner loses it; the owner lets go of it and joins again, and that round gives it to its new owner. Has `eager` too, so that a group of `range` can
 * change over: first restart every member with `[cooperativeSticky, range]`, then with `[cooperativeSticky]`. Kafka's `CooperativeStickyAssignor`.
 */
export const cooperativeSticky: Assignor = {
  name: "cooperative-sticky",
  protocols: ["cooperative", "eager"],
  /** The generation: subscriptions before version 2 have no field for it. */
  subscription({ lastGenerationId }) {
    const userData = Buffer.alloc(4);
    userData.writeInt32BE(lastGenerationId);
    return userData;
  },
  assign(topics, members) {
    const group = new StickyGroup(topics, members);
    const claims = new StickyClaims(group, group.members.map(claimOf));
    const owners = stickyOwners(group, claims);
    for (let partition = 0; partition < owners.length; partition++) {
      const before = claims.owners[partition]!;
      const mustWait = (before >= 0 && before !== owners[partition]) || claims.contested[partition] === 1;
      if (mustWait) owners[partition] = -1;
    }
    return group.assignment(owners);
  },
};

function claimOf({ ownedPartitions, generationId, userData }: AssignorMember): OwnedClaim {
  const inUserData = userData !== null && userData.length >= 4 ? userData.readInt32BE() : -1;
  return {
    generationId: generationId >= 0 ? generationId : inUserData,
    forEach(topics, visit) {
      for (const [topic, partitions] of ownedPartitions) {
        const number = topics.find(topic);
        if (number === undefined) continue;
        for (const partition of partitions) visit(number, partition);
      }
    },
  };
}
