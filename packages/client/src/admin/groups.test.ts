import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  encodeStored,
  type ResponseInput,
} from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, askedOf, coordinate } from "../../test/fake-admin.ts";
import { hangUp } from "../../test/fake-broker.ts";
import { AdminError, settle } from "./admin-errors.ts";

type ClassicMember = ResponseInput<typeof apis.describeGroups>["groups"][number]["members"][number];

function classicMember(memberId: string, partitions: number[], groupInstanceId: string | null = null): ClassicMember {
  const assignedPartitions = [{ topic: "orders", partitions }];
  return {
    ...{ memberId, groupInstanceId, clientId: "app", clientHost: "/10.0.0.9" },
    memberMetadata: encodeStored(3, consumerProtocolSubscription, { topics: ["orders"], rackId: "r1" }),
    memberAssignment: encodeStored(1, consumerProtocolAssignment, { assignedPartitions }),
  };
}

function classicGroup(groupId: string, members: ClassicMember[]) {
  return {
    ...{ errorCode: 0, groupId, groupState: "Stable", protocolType: "consumer", protocolData: "range", members },
    authorizedOperations: (1 << 3) | (1 << 8),
  };
}

/** Groups whose names begin with m are KIP-848's, those with c classic ones; others are not there. */
function serveGroups(world: AdminWorld): void {
  world.on(apis.consumerGroupDescribe, ({ body }) => ({
    groups: body.groupIds.map((groupId) => ({
      ...{ groupId, groupState: "Reconciling", groupEpoch: 9, assignmentEpoch: 8, assignorName: "uniform" },
      ...(groupId.startsWith("m")
        ? { errorCode: 0, members: [modernMember] }
        : { errorCode: 69, errorMessage: `Group ${groupId} is not a consumer group.`, members: [] }),
    })),
  }));
  world.on(apis.describeGroups, ({ body }) => ({
    groups: body.groups.map((groupId) =>
      groupId.startsWith("c")
        ? classicGroup(groupId, [classicMember("m1", [2, 0]), classicMember("m2", [], "i2")])
        : {
            ...classicGroup(groupId, []),
            errorCode: 69,
            errorMessage: `Group ${groupId} not found.`,
            groupState: "Dead",
          },
    ),
  }));
}

const owned = { topicPartitions: [{ topicId: "b3R0bGEtdGVzdC1jbHVzdA", topicName: "orders", partitions: [1] }] };
const modernMember = {
  ...{ memberId: "x", memberEpoch: 8, clientId: "app", clientHost: "/10.0.0.9", subscribedTopicNames: ["orders"] },
  ...{ assignment: owned, targetAssignment: { topicPartitions: [] }, memberType: 1 },
};

describe("describeGroups", () => {
  it("describes new and classic groups, each at its coordinator", async () => {
    const world = await adminWorld({ brokers: 2 });
    coordinate(world, (groupId) => (groupId === "m1" ? 2 : 1));
    serveGroups(world);
    const options = { includeAuthorizedOperations: true };
    const [c1, m1] = await world.until(world.admin.describeGroups(["c1", "m1"], options));
    expect(c1).toEqual({
      ...{ groupId: "c1", state: "Stable", type: "Classic", protocolType: "consumer", assignor: "range" },
      ...{ groupEpoch: null, targetAssignmentEpoch: null, authorizedOperations: ["READ", "DESCRIBE"] },
      coordinator: { nodeId: 1, host: "broker1", port: 9092, rack: null },
      members: [
        {
          ...{ memberId: "m1", groupInstanceId: null, rackId: "r1", clientId: "app", host: "/10.0.0.9" },
          assignment: [
            { topic: "orders", partition: 0 },
            { topic: "orders", partition: 2 },
          ],
          ...{ targetAssignment: null, subscribedTopics: ["orders"], subscribedTopicRegex: null },
          ...{ memberEpoch: null, upgraded: null },
        },
        expect.objectContaining({ memberId: "m2", groupInstanceId: "i2", assignment: [] }),
      ],
    });
    expect(m1).toMatchObject({
      ...{ state: "Reconciling", type: "Consumer", assignor: "uniform", groupEpoch: 9, targetAssignmentEpoch: 8 },
      coordinator: { nodeId: 2, host: "broker2" },
      members: [
        { assignment: [{ topic: "orders", partition: 1 }], targetAssignment: [], memberEpoch: 8, upgraded: true },
      ],
    });
    // One look-up for both; the new API is not asked again about what it did not know.
    expect(askedOf(world, apis.findCoordinator).reduce((sum, count) => sum + count)).toBe(1);
    expect(askedOf(world, apis.consumerGroupDescribe)).toEqual([1, 1]);
    expect(askedOf(world, apis.describeGroups)).toEqual([1, 0]);
  });

  it("passes on what the broker says of a group that is not there", async () => {
    const world = await adminWorld();
    coordinate(world, () => 1);
    serveGroups(world);
    const error = await world.failure(world.admin.describeGroups(["nobody"]));
    expect(error).toMatchObject({ code: "GROUP_ID_NOT_FOUND", serverMessage: "Group nobody is not a consumer group." });
  });

  it("speaks with brokers that know neither new groups nor several coordinators at once", async () => {
    const world = await adminWorld();
    coordinate(world, () => 1);
    const { limits } = world.cluster.broker(1);
    limits.set(apis.findCoordinator.key, [0, 3]);
    limits.set(apis.describeGroups.key, [0, 0]);
    world.on(apis.describeGroups, ({ body }) => ({
      groups: body.groups.map((groupId) => ({ ...classicGroup(groupId, []), authorizedOperations: undefined })),
    }));
    const groups = await world.until(world.admin.describeGroups(["c1", "c2"]));
    expect(groups.map(({ groupId, authorizedOperations }) => [groupId, authorizedOperations])).toEqual([
      ["c1", null],
      ["c2", null],
    ]);
    expect(askedOf(world, apis.findCoordinator)).toEqual([2]);
  });

  it("leaves alone what members of other protocols have sent", async () => {
    const world = await adminWorld();
    coordinate(world, () => 1);
    const bytes = Buffer.from("not the consumer protocol");
    const member = { ...classicMember("w", []), memberMetadata: bytes, memberAssignment: bytes };
    world.on(apis.describeGroups, () => ({
      groups: [
        { ...classicGroup("connect", [member]), protocolType: "connect" },
        classicGroup("broken", [{ ...member, memberAssignment: Buffer.from([0, 1, 2]) }]),
      ],
    }));
    const groups = await world.until(world.admin.describeGroups(["connect", "broken"]));
    expect(groups.map(({ members }) => members[0]?.assignment)).toEqual([[], []]);
    expect(groups[0]?.protocolType).toBe("connect");
  });

  it("looks for the coordinator again when it has moved, is loading or hangs up", async () => {
    const world = await adminWorld({ brokers: 2 });
    let coordinator = 1;
    coordinate(world, () => coordinator);
    serveGroups(world);
    const first = world.cluster.broker(1);
    const refuse = (errorCode: number) => ({ groups: [{ ...classicGroup("c", []), errorCode }] });
    first.once(apis.consumerGroupDescribe, () => {
      coordinator = 2;
      return { groups: [{ ...modernGone, groupId: "c", errorCode: 16 }] };
    });
    world.cluster
      .broker(2)
      .once(apis.describeGroups, () => refuse(14))
      .once(apis.consumerGroupDescribe, () => hangUp);
    const [group] = await world.until(world.admin.describeGroups(["c"]));
    expect(group).toMatchObject({ groupId: "c", state: "Stable", coordinator: { nodeId: 2 } });
    expect(askedOf(world, apis.describeGroups)).toEqual([0, 2]);
  });
});

const modernGone = { groupState: "", groupEpoch: 0, assignmentEpoch: 0, assignorName: "", members: [] };

describe("listGroups", () => {
  it("asks every broker, with the filters that it knows", async () => {
    const world = await adminWorld({ brokers: 2 });
    world.on(apis.listGroups, (_, nodeId) => ({
      errorCode: 0,
      groups: [
        { groupId: `g${3 - nodeId}`, protocolType: "consumer", groupState: "Stable", groupType: "classic" },
        { groupId: "both", protocolType: nodeId === 1 ? "" : "connect", groupState: "Empty", groupType: "" },
      ],
    }));
    const all = await world.until(world.admin.listGroups({ states: ["Stable", "Empty"], types: ["Classic"] }));
    expect(all).toEqual([
      { groupId: "both", protocolType: "connect", state: "Empty", type: "Unknown" },
      { groupId: "g1", protocolType: "consumer", state: "Stable", type: "Classic" },
      { groupId: "g2", protocolType: "consumer", state: "Stable", type: "Classic" },
    ]);
    expect(world.cluster.broker(2).of(apis.listGroups)[0]?.body).toEqual({
      statesFilter: ["Stable", "Empty"],
      typesFilter: ["Classic"],
    });
    const consumers = await world.until(world.admin.listGroups({ protocolTypes: ["", "consumer"] }));
    expect(consumers.map(({ groupId }) => groupId)).toEqual(["g1", "g2"]);
  });

  it("waits for a coordinator that is loading, and refuses a filter that a broker does not know", async () => {
    const world = await adminWorld();
    world.on(apis.listGroups, () => ({ errorCode: 0, groups: [{ groupId: "g", protocolType: "consumer" }] }));
    const broker = world.cluster.broker(1).once(apis.listGroups, () => ({ errorCode: 14, groups: [] }));
    broker.limits.set(apis.listGroups.key, [0, 3]);
    expect(await world.until(world.admin.listGroups())).toEqual([
      { groupId: "g", protocolType: "consumer", state: "Unknown", type: "Unknown" },
    ]);
    expect(await world.until(world.admin.listGroups({ types: ["Consumer", "Classic"] }))).toHaveLength(1);
    for (const filter of [{ states: ["Empty"] }, { types: ["Consumer"] }, { types: ["Classic", "Share"] }] as const) {
      expect(await world.failure(world.admin.listGroups(filter))).toMatchObject({ code: "UNSUPPORTED_VERSION" });
    }
  });
});

describe("deleteGroups", () => {
  it("has an outcome for each group", async () => {
    const world = await adminWorld({ brokers: 2 });
    coordinate(world, (groupId) => (groupId === "b" ? 2 : 1));
    const codes: Record<string, number> = { a: 68, b: 0, c: 69 };
    world.on(apis.deleteGroups, ({ body }) => ({
      results: body.groupsNames.map((groupId) => ({ groupId, errorCode: codes[groupId]! })),
    }));
    const ids = ["a", "b", "c"];
    const outcomes = await world.until(settle(ids, world.admin.deleteGroups(ids)));
    expect(outcomes.map(({ item, error }) => [item, error?.code, error?.serverMessage])).toEqual([
      ["a", "NON_EMPTY_GROUP", "The group is not empty."],
      ["b", undefined, undefined],
      ["c", "GROUP_ID_NOT_FOUND", "The group id does not exist."],
    ]);
  });
});

describe("removeMembers", () => {
  it("removes static and dynamic members, and says which could not be", async () => {
    const world = await adminWorld();
    coordinate(world, () => 1);
    world.on(apis.leaveGroup, ({ body }) => ({
      errorCode: 0,
      members: body.members.map(({ memberId, groupInstanceId }) => ({
        ...{ memberId, groupInstanceId, errorCode: memberId === "gone" ? 25 : 0 },
      })),
    }));
    const members = [{ groupInstanceId: "i1" }, { memberId: "gone" }];
    const error = await world.failure(world.admin.removeMembers("g", members, { reason: "test" }));
    expect(error).toBeInstanceOf(AdminError);
    expect(error).toMatchObject({ code: "UNKNOWN_MEMBER_ID", results: [{ error: null }, { item: members[1] }] });
    expect(world.cluster.broker(1).of(apis.leaveGroup)[0]?.body.members).toEqual([
      { memberId: "", groupInstanceId: "i1", reason: "member was removed by an admin: test" },
      { memberId: "gone", groupInstanceId: null, reason: "member was removed by an admin: test" },
    ]);
  });

  it("removes all there are", async () => {
    const world = await adminWorld();
    coordinate(world, () => 1);
    serveGroups(world);
    world.on(apis.leaveGroup, ({ body }) => ({
      errorCode: 0,
      members: body.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode: 0 })),
    }));
    await world.until(world.admin.removeMembers("c", "all"));
    const members = world.cluster.broker(1).of(apis.leaveGroup)[0]?.body.members;
    expect(members?.map(({ memberId, groupInstanceId }) => [memberId, groupInstanceId])).toEqual([
      ["m1", null],
      ["", "i2"],
    ]);
  });
});
