import { describe, expect, test } from "vitest";
import { golden, grouped } from "../../../test/golden-assignors.ts";
import { cooperativeSticky } from "./cooperative-sticky.ts";
import { decodeStickyUserData, encodeStickyUserData } from "./sticky-user-data.ts";
import { TopicTable } from "./topic-table.ts";

function read(bytes: Buffer | null): { generationId: number; partitions: [string, number][] } {
  const claim = decodeStickyUserData(bytes);
  const names = ["t", "x", "y", "z"];
  const partitions: [string, number][] = [];
  claim.forEach(new TopicTable(names), (topic, partition) => {
    partitions.push([names[topic]!, partition]);
  });
  return { generationId: claim.generationId, partitions };
}

const remembering = (name: string) =>
  golden[name]!.flatMap(({ name, members }) => Object.values(members).map((member) => ({ name, ...member }))).filter(
    ({ userData }) => userData !== undefined,
  );

describe("the sticky assignor's user data", () => {
  test.each(remembering("sticky"))("is Java's, byte for byte: $name $userData", (member) => {
    const lastAssignment = grouped(member.ownedPartitions!);
    const context = { topics: member.topics, lastAssignment, lastGenerationId: member.generation! };
    const bytes = encodeStickyUserData(context);
    expect(bytes!.toString("hex")).toBe(member.userData);
    const partitions = [...lastAssignment].sort().flatMap(([topic, list]) => list.map((n) => [topic, n]));
    expect(read(bytes)).toEqual({ generationId: member.generation, partitions });
  });

  test("is nothing before the first assignment", () => {
    expect(encodeStickyUserData({ topics: ["t"], lastAssignment: new Map(), lastGenerationId: -1 })).toBeNull();
    expect(read(null)).toEqual({ generationId: -1, partitions: [] });
  });

  test("may lack the generation, as old clients write it", () => {
    const bytes = Buffer.from("00000001000174000000020000000000000001", "hex");
    expect(read(bytes)).toEqual({
      generationId: -1,
      partitions: [
        ["t", 0],
        ["t", 1],
      ],
    });
  });

  test("counts as no memory where it is cut or claims more than it has", () => {
    const bytes = Buffer.from("0000000100017400000002000000000000000100000007", "hex");
    for (let size = 0; size < bytes.length - 4; size++) {
      expect(read(bytes.subarray(0, size))).toEqual({ generationId: -1, partitions: [] });
    }
    for (const hex of [
      "7fffffff00017400000000",
      "ffffffff",
      "00000001ffff00000000",
      "00000001000174ffffffff00000000",
    ]) {
      expect(read(Buffer.from(hex, "hex"))).toEqual({ generationId: -1, partitions: [] });
    }
  });
});

test.each(remembering("cooperative-sticky"))("the cooperative one's is the generation: $name $userData", (member) => {
  const context = { topics: [], lastAssignment: new Map(), lastGenerationId: member.generation! };
  expect(cooperativeSticky.subscription!(context)!.toString("hex")).toBe(member.userData);
});
