import type { AssignorMember } from "@ottla/client";
import { expect, it } from "vitest";
import { weighted } from "./weighted.ts";

it("gives each member as many partitions as its weight says", () => {
  const member = (memberId: string, weight: number): AssignorMember => ({
    ...{ memberId, groupInstanceId: null, topics: ["orders"], userData: Buffer.from([weight]) },
    ...{ ownedPartitions: new Map(), generationId: -1, rackId: null },
  });
  const topics = { partitionCount: () => 6, replicaRacks: () => [] };
  const assignment = weighted(1).assign(topics, [member("a", 1), member("b", 3), member("c", 2)]);
  const partitions = (memberId: string) => assignment.get(memberId)?.partitions.get("orders");
  expect([partitions("a"), partitions("b"), partitions("c")].map((them) => them?.length)).toEqual([1, 3, 2]);
  expect([...partitions("a")!, ...partitions("b")!, ...partitions("c")!].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});
