import { readFileSync } from "node:fs";
import type { Assignor, AssignorMember, AssignorTopics, MemberAssignment } from "../src/consumer/assignors/assignor.ts";

export type Assigned = Record<string, [string, number][]>;

/** One recorded result of Java's assignors; `test-data/assignors.json`. */
export interface GoldenCase {
  name: string;
  topics: Record<string, number>;
  racks?: Record<string, string[][]>;
  members: Record<
    string,
    {
      topics: string[];
      groupInstanceId?: string;
      rackId?: string;
      ownedPartitions?: [string, number][];
      generation?: number;
      userData?: string;
    }
  >;
  expected: Assigned;
  dependsOnMemberOrder?: boolean;
  quirk?: string;
}

export const golden: Record<string, GoldenCase[]> = JSON.parse(
  readFileSync(new URL("../test-data/assignors.json", import.meta.url), "utf8"),
);

export function topicsOf(golden: GoldenCase): AssignorTopics {
  return {
    partitionCount: (topic) => golden.topics[topic] ?? 0,
    replicaRacks: (topic, partition) => golden.racks?.[topic]?.[partition] ?? [],
  };
}

/** With `isCooperative` the members name what they own, else only their user data does. */
export function membersOf(golden: GoldenCase, isCooperative = false): AssignorMember[] {
  return Object.entries(golden.members).map(([memberId, member]) => ({
    memberId,
    groupInstanceId: member.groupInstanceId ?? null,
    topics: member.topics,
    userData: member.userData === undefined ? null : Buffer.from(member.userData, "hex"),
    ownedPartitions: isCooperative ? grouped(member.ownedPartitions ?? []) : new Map(),
    generationId: isCooperative ? (member.generation ?? -1) : -1,
    rackId: member.rackId ?? null,
  }));
}

export function grouped(list: readonly (readonly [string, number])[]): Map<string, number[]> {
  const partitions = new Map<string, number[]>();
  for (const [topic, partition] of list) partitions.set(topic, [...(partitions.get(topic) ?? []), partition]);
  return partitions;
}

export function flat(assignment: ReadonlyMap<string, MemberAssignment>): Assigned {
  const result: Assigned = {};
  for (const [memberId, { partitions }] of assignment) {
    result[memberId] = [...partitions].flatMap(([topic, list]) => list.map((n): [string, number] => [topic, n]));
  }
  return result;
}

export function assigned(assignor: Assignor, golden: GoldenCase, members: readonly AssignorMember[]): Assigned {
  return flat(assignor.assign(topicsOf(golden), members));
}

export function sorted(expected: Assigned): Assigned {
  const result: Assigned = {};
  for (const [memberId, list] of Object.entries(expected)) {
    result[memberId] = [...list].sort(([a, m], [b, n]) => (a < b ? -1 : a > b ? 1 : m - n));
  }
  return result;
}
