import { cooperativeSticky, range, roundRobin, sticky } from "@ottla/client";
import type { SimRandom } from "@ottla/runtime";
import type { SimulatedMemberOptions } from "./simulator-member.ts";

type ConsumerSettings = SimulatedMemberOptions["consumer"];

/** A kind of group that is put to the test. */
export interface Workload {
  readonly name: string;
  readonly what: string;
  /** The settings of the member with that number (from 0) that make the group what it is; all that the members must agree about comes from `group`, a number below 2^32 that is the same for all of them. */
  member(number: number, group: number, random: SimRandom): Partial<ConsumerSettings>;
  /** Whether members have names that survive restarts. */
  readonly isStatic?: boolean;
  /** Whether members of both protocols meet. */
  readonly isMixed?: boolean;
}

const eagerAssignors = [[range], [roundRobin], [sticky], [sticky, range], [roundRobin, range]] as const;
/** By group, then by member. A member that knows range too still lets go of everything. */
const cooperativeAssignors = [
  [[cooperativeSticky]],
  [[cooperativeSticky]],
  [[cooperativeSticky], [cooperativeSticky, range]],
  [
    [cooperativeSticky, range],
    [range, cooperativeSticky],
  ],
] as const;

const consumerProtocol = { groupProtocol: "consumer" } as const;

function pick<T>(items: readonly T[], number: number): T {
  return items[number % items.length]!;
}

/** All of them. */
export const workloads: readonly Workload[] = [
  {
    name: "classic-eager",
    what: "classic groups whose members let go of everything for a rebalance: range, roundRobin, sticky",
    member: (_, group) => ({ partitionAssignmentStrategy: pick(eagerAssignors, group) }),
  },
  {
    name: "classic-cooperative",
    what: "classic groups whose members keep what stays theirs: cooperativeSticky, also while members change to it from range",
    // Every member knows what the others have chosen: a coordinator that comes back remembers of each no more than that.
    member: (number, group) => {
      const strategies = pick(cooperativeAssignors, group);
      return { partitionAssignmentStrategy: pick(strategies, number) };
    },
  },
  {
    name: "static",
    what: "classic groups, eager and cooperative, and groups of KIP-848, whose members have names that survive restarts",
    isStatic: true,
    member: (number, group) => {
      const groupInstanceId = `instance-${number}`;
      if (group % 3 === 0) return { groupInstanceId, ...consumerProtocol };
      return { groupInstanceId, partitionAssignmentStrategy: group % 3 === 1 ? [cooperativeSticky] : [range] };
    },
  },
  {
    name: "kip-848",
    what: "groups whose broker assigns the partitions: uniform, range",
    member: (_, group) => ({ ...consumerProtocol, groupRemoteAssignor: pick(["uniform", "range"], group) }),
  },
  {
    name: "mixed",
    isMixed: true,
    what: "groups with members of both protocols, which are converted when the first of the one comes and the last of the other goes",
    member: (_, group, random) => {
      if (random.chance(0.5)) return consumerProtocol;
      return { partitionAssignmentStrategy: group % 3 === 0 ? [range] : [cooperativeSticky] };
    },
  },
];
