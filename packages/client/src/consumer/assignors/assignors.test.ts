import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Assignor, AssignorMember, AssignorTopics } from "./assignor.ts";
import { range } from "./range.ts";
import { roundRobin } from "./round-robin.ts";

interface GoldenCase {
  name: string;
  topics: Record<string, number>;
  racks?: Record<string, string[][]>;
  members: Record<string, { topics: string[]; groupInstanceId?: string; rackId?: string }>;
  expected: Record<string, [string, number][]>;
}

const golden: Record<string, GoldenCase[]> = JSON.parse(
  readFileSync(new URL("../../../test-data/assignors.json", import.meta.url), "utf8"),
);

function topicsOf(golden: GoldenCase): AssignorTopics {
  return {
    partitionCount: (topic) => golden.topics[topic] ?? 0,
    replicaRacks: (topic, partition) => golden.racks?.[topic]?.[partition] ?? [],
  };
}

function membersOf(golden: GoldenCase): AssignorMember[] {
  return Object.entries(golden.members).map(([memberId, member]) => ({
    memberId,
    groupInstanceId: member.groupInstanceId ?? null,
    topics: member.topics,
    userData: null,
    ownedPartitions: new Map(),
    generationId: -1,
    rackId: member.rackId ?? null,
  }));
}

function assigned(
  assignor: Assignor,
  golden: GoldenCase,
  members: AssignorMember[],
): Record<string, [string, number][]> {
  const result: Record<string, [string, number][]> = {};
  for (const [memberId, { partitions }] of assignor.assign(topicsOf(golden), members)) {
    result[memberId] = [...partitions].flatMap(([topic, list]) => list.map((n): [string, number] => [topic, n]));
  }
  return result;
}

function sorted(expected: Record<string, [string, number][]>): Record<string, [string, number][]> {
  const result: Record<string, [string, number][]> = {};
  for (const [memberId, list] of Object.entries(expected)) {
    result[memberId] = [...list].sort(([a, m], [b, n]) => (a < b ? -1 : a > b ? 1 : m - n));
  }
  return result;
}

describe.each([range, roundRobin])("$name", (assignor) => {
  test.each(golden[assignor.name]!)("assigns as Kafka: $name", (golden) => {
    expect(assigned(assignor, golden, membersOf(golden))).toEqual(sorted(golden.expected));
  });

  test.each(golden[assignor.name]!)("whatever the members' order: $name", (golden) => {
    expect(assigned(assignor, golden, membersOf(golden).reverse())).toEqual(sorted(golden.expected));
  });
});
