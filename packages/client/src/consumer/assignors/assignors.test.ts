import { describe, expect, test } from "vitest";
import { assigned, golden, membersOf, sorted } from "../../../test/golden-assignors.ts";
import { rebalanceProtocol } from "./assignor.ts";
import { cooperativeSticky } from "./cooperative-sticky.ts";
import { range } from "./range.ts";
import { roundRobin } from "./round-robin.ts";
import { sticky } from "./sticky.ts";

describe.each([range, roundRobin, sticky, cooperativeSticky])("$name", (assignor) => {
  const isCooperative = assignor === cooperativeSticky;
  const exact = golden[assignor.name]!.filter(({ dependsOnMemberOrder, quirk }) => !dependsOnMemberOrder && !quirk);

  test.each(exact)("assigns as Kafka: $name", (golden) => {
    expect(assigned(assignor, golden, membersOf(golden, isCooperative))).toEqual(sorted(golden.expected));
  });

  test.each(golden[assignor.name]!)("whatever the members' order: $name", (golden) => {
    const members = membersOf(golden, isCooperative);
    const result = assigned(assignor, golden, members);
    expect(assigned(assignor, golden, [...members].reverse())).toEqual(result);
    for (const [memberId, list] of Object.entries(result)) {
      for (const [topic] of list) expect(golden.members[memberId]!.topics).toContain(topic);
    }
    if (isCooperative) return;
    const expected = Object.values(golden.expected).flat().map(String).sort();
    expect(Object.values(result).flat().map(String).sort()).toEqual(expected);
  });
});

test("a member is cooperative if all its assignors are", () => {
  expect(rebalanceProtocol([cooperativeSticky])).toBe("cooperative");
  expect(rebalanceProtocol([cooperativeSticky, range])).toBe("eager");
  expect(rebalanceProtocol([range, sticky])).toBe("eager");
  expect(rebalanceProtocol([{ ...cooperativeSticky, protocols: ["cooperative"] }, range])).toBeNull();
});
