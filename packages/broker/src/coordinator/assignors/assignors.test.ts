import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { GroupSpec, MemberSpec, ServerAssignor } from "./assignor.ts";
import { range } from "./range.ts";
import { uniform } from "./uniform.ts";

type Assigned = Record<string, [string, number][]>;

/** One recorded result of Apache Kafka's assignors. */
interface GoldenCase {
  name: string;
  topics: Record<string, number>;
  members: Record<string, { topics: string[]; groupInstanceId?: string; ownedPartitions?: [string, number][] }>;
  expected: Assigned;
  sizes: number[];
  kept: number;
  subscriptionType: "homogeneous" | "heterogeneous";
  dependsOnMemberOrder?: boolean;
}

const golden: Record<string, GoldenCase[]> = JSON.parse(
  readFileSync(new URL("../../../test-data/golden/assignors.json", import.meta.url), "utf8"),
);

/** Ids in the order in which members mention the topics: the order that the hash map of Kafka happened to have them in. */
function idsOf({ members, topics }: GoldenCase): Map<string, string> {
  const mentioned = Object.values(members).flatMap((member) => member.topics);
  const names = [...new Set([...mentioned, ...Object.keys(topics)])];
  return new Map(names.map((topic, n) => [topic, `${n} ${topic}`]));
}

function groupOf(golden: GoldenCase, inOrder = (ids: string[]) => ids): GroupSpec {
  const ids = idsOf(golden);
  const specs = inOrder(Object.keys(golden.members)).map((memberId): [string, MemberSpec] => {
    const { topics, groupInstanceId = null, ownedPartitions = [] } = golden.members[memberId]!;
    const assigned = new Map<string, number[]>();
    for (const [topic, n] of ownedPartitions) {
      const id = ids.get(topic)!;
      assigned.set(
        id,
        [...(assigned.get(id) ?? []), n].sort((a, b) => a - b),
      );
    }
    const topicIds = new Set(
      topics.filter((topic) => golden.topics[topic] !== undefined).map((topic) => ids.get(topic)!),
    );
    return [memberId, { instanceId: groupInstanceId, rackId: null, topicIds, assigned }];
  });
  return { members: new Map(specs), isHomogeneous: golden.subscriptionType === "homogeneous" };
}

function assigned(assignor: ServerAssignor, golden: GoldenCase, group: GroupSpec): Assigned {
  const names = new Map([...idsOf(golden)].map(([topic, id]) => [id, topic]));
  const assignment = assignor.assign(group, { partitionCount: (id) => golden.topics[names.get(id)!] ?? -1 });
  const result: Assigned = {};
  for (const [memberId, topics] of assignment) {
    result[memberId] = [...topics]
      .flatMap(([id, list]) => list.map((n): [string, number] => [names.get(id)!, n]))
      .sort();
  }
  return result;
}

function sorted(expected: Assigned): Assigned {
  return Object.fromEntries(Object.entries(expected).map(([memberId, list]) => [memberId, [...list].sort()]));
}

describe.each([range, uniform])("$name", (assignor) => {
  const cases = golden[`server-${assignor.name}`]!;

  test.each(cases)("assigns as Kafka: $name", (golden) => {
    expect(assigned(assignor, golden, groupOf(golden))).toEqual(sorted(golden.expected));
  });

  test.each(cases)("to the same effect in any order of members: $name", (golden) => {
    const result = assigned(
      assignor,
      golden,
      groupOf(golden, (ids) => ids.reverse()),
    );
    const sizes = Object.values(result).map((list) => list.length);
    expect(sizes.sort((a, b) => a - b)).toEqual(golden.sizes);
    const kept = Object.entries(golden.members).flatMap(([memberId, { ownedPartitions = [] }]) => {
      const list = result[memberId]!.map(String);
      return ownedPartitions.filter((partition) => list.includes(String(partition)));
    });
    expect(kept).toHaveLength(golden.kept);
    expect(Object.values(result).flat().map(String).sort()).toEqual(
      Object.values(golden.expected).flat().map(String).sort(),
    );
  });
});
