import type { ServerAssignor } from "./assignor.ts";
import { NumberedGroup } from "./numbered-group.ts";
import { assignHeterogeneous } from "./uniform-heterogeneous.ts";
import { assignHomogeneous } from "./uniform-homogeneous.ts";

/**
 * As even as the subscriptions allow, then as few moves as possible. The default of groups of the `consumer` protocol. Kafka's `UniformAssignor`.
 */
export const uniform: ServerAssignor = {
  name: "uniform",
  assign(group, topics) {
    if (group.members.size === 0) return new Map();
    const numbered = new NumberedGroup(group, topics);
    if (group.isHomogeneous) assignHomogeneous(numbered);
    else assignHeterogeneous(numbered);
    return numbered.assignment();
  },
};
