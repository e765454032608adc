import { apis, errorCodes } from "@ottla/protocol";
import type { ClientCore } from "../client-core.ts";
import { decodeAssignment } from "./consumer-protocol.ts";
import { eachPartition } from "./offsets.ts";
import { PartitionMap } from "./topic-partition.ts";

/** Kafka's own assignors give every partition to somebody; of others nobody knows. */
const thoroughAssignors: ReadonlySet<string> = new Set(["range", "roundrobin", "sticky", "cooperative-sticky"]);

/** What a leader leads on with. */
export interface LedGroup {
  readonly groupId: string;
  readonly protocolName: string;
  /** How many partitions each topic that members subscribe to has. */
  readonly topics: ReadonlyMap<string, number>;
}

/**
 * Whether the group still has what it was assigned before its static leader went away and came back (KIP-814): the coordinator keeps the assignment, and tells the leader only of its own part. Topics may have
 * grown, come or gone meanwhile, which nobody but the leader watches for. True where that cannot be told. Java's leader does not look, and leaves such partitions to nobody until the next round.
 */
export async function hasAllAssigned(core: ClientCore, group: LedGroup, signal: AbortSignal): Promise<boolean> {
  if (!thoroughAssignors.has(group.protocolName)) return true;
  try {
    const nodeId = await core.coordinators.find(group.groupId, signal);
    const response = await core.pool.send(nodeId, apis.describeGroups, { groups: [group.groupId] }, { signal });
    const described = response.groups[0];
    // In any other state another round is coming anyway.
    if (described?.errorCode !== errorCodes.NONE || described.groupState !== "Stable") return true;
    const assigned = new PartitionMap<true>();
    for (const { memberAssignment } of described.members) {
      if (memberAssignment.length === 0) continue;
      const { partitions } = decodeAssignment(memberAssignment);
      for (const { topic, partition } of eachPartition(partitions)) assigned.set(topic, partition, true);
    }
    return isExactly(group.topics, assigned);
  } catch (error) {
    core.logger.debug(`Could not look up what group ${group.groupId} is assigned`, { error });
    return true;
  }
}

function isExactly(topics: ReadonlyMap<string, number>, assigned: PartitionMap<true>): boolean {
  let count = 0;
  for (const [topic, partitions] of topics) {
    count += partitions;
    for (let n = 0; n < partitions; n++) if (!assigned.has(topic, n)) return false;
  }
  return assigned.size === count;
}
