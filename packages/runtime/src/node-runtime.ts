import { nodeClock } from "./node-clock.ts";
import { nodeDisk } from "./node-disk.ts";
import { nodeNetwork } from "./node-network.ts";
import { nodeRandom } from "./node-random.ts";
import type { Runtime } from "./runtime.ts";

/** The real outside world. */
export function nodeRuntime(): Runtime {
  return { clock: nodeClock(), random: nodeRandom(), disk: nodeDisk(), network: nodeNetwork() };
}
