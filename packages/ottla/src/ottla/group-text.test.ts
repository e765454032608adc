import { stripVTControlCharacters } from "node:util";
import type { GroupDescription, MemberDescription } from "@ottla/client";
import { expect, it } from "vitest";
import { groupLines } from "./group-text.ts";

const places = (partitions: readonly number[]) => partitions.map((partition) => ({ topic: "orders", partition }));

function member(clientId: string, owned: number[], more: Partial<MemberDescription> = {}): MemberDescription {
  return {
    ...{ memberId: `id-${clientId}`, groupInstanceId: null, rackId: null, clientId, host: "/10.0.0.9" },
    ...{ assignment: places(owned), targetAssignment: places(owned), memberEpoch: 4, upgraded: true },
    ...{ subscribedTopics: ["orders"], subscribedTopicRegex: null, ...more },
  };
}

function group(members: MemberDescription[], more: Partial<GroupDescription> = {}): GroupDescription {
  return {
    ...{ groupId: "modern", state: "Stable", type: "Consumer", protocolType: "consumer", assignor: "uniform" },
    coordinator: { nodeId: 1, host: "localhost", port: 9092, rack: null },
    ...{ members, groupEpoch: 4, targetAssignmentEpoch: 4, authorizedOperations: null, ...more },
  };
}

const shown = (it: GroupDescription) =>
  groupLines({ group: it, partitions: [], lag: 0 }, []).map(stripVTControlCharacters);

it("shows the epochs of a KIP-848 group, and what its members are to own while they move", () => {
  const members = [
    member("a", [3, 4]),
    member("b", [0, 1, 2], { memberEpoch: 3, targetAssignment: places([0, 1]) }),
    member("c", [5], { targetAssignment: places([2, 5]), groupInstanceId: "static-c" }),
  ];
  expect(shown(group(members, { state: "Reconciling" }))).toEqual([
    "modern: Reconciling, 3 members, uniform, 0 messages behind",
    "  consumer protocol: group epoch 4, target assignment of epoch 4; 1 member not there yet",
    "client   host       epoch   partitions     to own       member",
    "a        10.0.0.9       4   orders:3,4     orders:3,4   id-a",
    "b        10.0.0.9       3   orders:0,1,2   orders:0,1   id-b",
    "c        10.0.0.9       4   orders:5       orders:2,5   static-c",
  ]);
});

it("shows patterns and protocols where members have them", () => {
  const members = [member("new", [0], { subscribedTopicRegex: "ord.*" }), member("old", [], { upgraded: false })];
  expect(shown(group(members, { groupEpoch: 5 })).slice(1, 4)).toEqual([
    "  consumer protocol: group epoch 5, target assignment of epoch 4; the target assignment is being made",
    "client   host       epoch   partitions   pattern   protocol   member",
    "new      10.0.0.9       4   orders:0     ord.*     consumer   id-new",
  ]);
});

it("leaves all that out for a classic group", () => {
  const classic = member("a", [0], { memberEpoch: null, targetAssignment: null, upgraded: null });
  const settings = [{ name: "consumer.session.timeout.ms", value: "50000" }] as never;
  const it = group([classic], { groupEpoch: null, targetAssignmentEpoch: null, type: "Classic", assignor: "range" });
  const partition = { topic: "orders", partition: 0, committedOffset: 1, leaderEpoch: 0, metadata: "", endOffset: 3 };
  const partitions = [{ ...partition, lag: 2, member: classic }];
  expect(groupLines({ group: it, partitions, lag: 2 }, settings).map(stripVTControlCharacters)).toEqual([
    "modern: Stable, 1 member, range, 2 messages behind",
    "  consumer.session.timeout.ms = 50000",
    "client   host       partitions   member",
    "a        10.0.0.9   orders:0     id-a",
    "",
    "topic    partition   committed   end   lag   owner",
    "orders           0           1     3     2   a",
  ]);
});

it("says of a KIP-848 group without members no more than its epochs", () => {
  // The last one to leave raises the group's epoch, and there is nobody to assign anything to.
  expect(shown(group([], { state: "Empty", groupEpoch: 5 }))).toEqual([
    "modern: Empty, 0 members, uniform, 0 messages behind",
    "  consumer protocol: group epoch 5, target assignment of epoch 4",
  ]);
});
