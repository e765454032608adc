import { DecodeError } from "@ottla/protocol";
import { expect, test } from "vitest";
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from "./consumer-protocol.ts";

/** As Java's ConsumerProtocol writes them. */
const javaSubscription =
  "0003" + "00000002" + "0001" + "61" + "0001" + "62" + "ffffffff" + "00000000" + "ffffffff" + "ffff";
const javaAssignment = "0003" + "00000001" + "0001" + "74" + "00000002" + "00000000" + "00000002" + "ffffffff";

test("a subscription is Java's, byte for byte", () => {
  const bytes = encodeSubscription({
    topics: ["b", "a"],
    userData: null,
    ownedPartitions: new Map(),
    generationId: -1,
    rackId: null,
  });
  expect(bytes.toString("hex")).toBe(javaSubscription);
  const full = encodeSubscription({
    topics: ["t"],
    userData: Buffer.from("u"),
    ownedPartitions: new Map([["t", [2, 0]]]),
    generationId: 7,
    rackId: "r",
  });
  expect(decodeSubscription("m", "i", full)).toEqual({
    memberId: "m",
    groupInstanceId: "i",
    topics: ["t"],
    userData: Buffer.from("u"),
    ownedPartitions: new Map([["t", [0, 2]]]),
    generationId: 7,
    rackId: "r",
  });
});

test("an assignment is Java's, byte for byte", () => {
  const bytes = encodeAssignment({ partitions: new Map([["t", [2, 0]]]) });
  expect(bytes.toString("hex")).toBe(javaAssignment);
  expect(decodeAssignment(bytes)).toEqual({ partitions: new Map([["t", [0, 2]]]), userData: null });
});

test("older versions have less, newer ones are read as far as they are known", () => {
  const oldest = Buffer.from("0000" + "00000001" + "0001" + "74" + "ffffffff", "hex");
  expect(decodeSubscription("m", null, oldest)).toMatchObject({ topics: ["t"], generationId: -1, rackId: null });
  const newer = Buffer.from(`${javaSubscription.replace(/^0003/, "0009")}beef`, "hex");
  expect(decodeSubscription("m", null, newer)).toMatchObject({ topics: ["a", "b"] });
});

test("what is neither is refused", () => {
  for (const hex of ["", "00", "ffff00000000", "0003000000ff"]) {
    expect(() => decodeSubscription("m", null, Buffer.from(hex, "hex"))).toThrow(DecodeError);
    expect(() => decodeAssignment(Buffer.from(hex, "hex"))).toThrow(DecodeError);
  }
});
