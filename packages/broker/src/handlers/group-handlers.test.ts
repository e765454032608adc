import {
  type Api,
  apis,
  decode,
  encode,
  errorCodes,
  type RequestInput,
  type ResponseValue,
  zeroUuid,
} from "@ottla/protocol";
import { type Runtime, silentLogger, simClock, simRandom } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import { FakeLog } from "../../test/coordinator/fake-log.ts";
import { protocol } from "../../test/coordinator/machine-rig.ts";
import type { RequestContext } from "../context.ts";
import { GroupCoordinator } from "../coordinator/coordinator.ts";
import { defaultGroupCoordinatorConfig } from "../coordinator/group-config.ts";
import { groupHandlers } from "./group-handlers.ts";

const ordersId = "ynlpIgjfSpuhFXQWJ5rgPQ";
const otherId = "um3Ye3jCRAKESjuOnoTXdw";

interface Topic {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly object[];
}

/** A cluster with a topic `orders` of two partitions, and a coordinator; requests go through the codecs both ways. */
class Rig {
  readonly clock = simClock();
  readonly log = new FakeLog();
  readonly topics = new Map<string, Topic>();
  readonly denied = new Set<string>();
  readonly groups: GroupCoordinator;

  constructor() {
    this.groups = new GroupCoordinator({
      runtime: { clock: this.clock, random: simRandom(1) } as unknown as Runtime,
      logger: silentLogger,
      config: defaultGroupCoordinatorConfig,
      partitionCount: 1,
      existing: () => [this.log],
      partitionFor: () => this.log,
    });
    this.addTopic("orders", ordersId);
  }

  addTopic(name: string, id: string): void {
    this.topics.set(name, { name, id, partitions: [{}, {}] });
  }

  async ask<A extends Api>(api: A, apiVersion: number, request: RequestInput<A>): Promise<ResponseValue<A>> {
    const found = groupHandlers.find((one) => one.api.key === api.key)!;
    const context = {
      apiVersion,
      clientId: "client",
      clientHost: "/127.0.0.1",
      authorize: (operation: string, type: string, name: string) => !this.denied.has(`${operation} ${type} ${name}`),
      groups: this.groups,
      cluster: {
        topic: (name: string) => this.topics.get(name),
        topicById: (id: string) => [...this.topics.values()].find((topic) => topic.id === id),
      },
    } as unknown as RequestContext;
    const decoded = decode(api.request, apiVersion, encode(api.request, apiVersion, request as never));
    const answer = found.handle(decoded, context);
    await this.clock.runFor(1);
    const body = await answer;
    return decode(api.response, apiVersion, encode(api.response, apiVersion, body as never)) as ResponseValue<A>;
  }

  join(apiVersion: number, about: Partial<RequestInput<typeof apis.joinGroup>> = {}) {
    const protocols = [protocol("range", ["orders"])];
    const timeouts = { sessionTimeoutMs: 10_000, ...(apiVersion > 0 ? { rebalanceTimeoutMs: 60_000 } : {}) };
    const request = { groupId: "group", memberId: "", protocolType: "consumer", protocols, ...timeouts };
    return this.ask(apis.joinGroup, apiVersion, { ...request, ...about });
  }

  /** A group of one member that has its assignment. */
  async member(groupId = "group"): Promise<string> {
    const { memberId } = await this.join(9, { groupId });
    const { generationId } = await this.join(9, { groupId, memberId });
    const about = { groupId, generationId, memberId, protocolType: "consumer", protocolName: "range" };
    await this.ask(apis.syncGroup, 5, { ...about, assignments: [{ memberId, assignment: Buffer.from("all") }] });
    return memberId;
  }

  /** OffsetCommit for partition 0 of topics, named as the version does; error codes by topic. */
  async commit(apiVersion: number, topics: readonly string[], partitionIndex = 0, groupId = "group") {
    const partitions = [{ partitionIndex, committedOffset: 7, committedMetadata: "m" }];
    const response = await this.ask(apis.offsetCommit, apiVersion, {
      groupId,
      memberId: "",
      generationIdOrMemberEpoch: -1,
      topics: topics.map((name) => (apiVersion >= 10 ? { topicId: name, partitions } : { name, partitions })),
    });
    return response.topics.map((topic) => [
      apiVersion >= 10 ? topic.topicId : topic.name,
      topic.partitions[0]?.errorCode,
    ]);
  }
}

test("each API is served in exactly the versions of Apache Kafka 4.3.1", () => {
  const served = Object.fromEntries(groupHandlers.map(({ api, versions }) => [api.name, versions]));
  expect(served).toEqual({
    JOIN_GROUP: [0, 9],
    SYNC_GROUP: [0, 5],
    HEARTBEAT: [0, 4],
    LEAVE_GROUP: [0, 5],
    CONSUMER_GROUP_HEARTBEAT: [0, 1],
    CONSUMER_GROUP_DESCRIBE: [0, 1],
    OFFSET_COMMIT: [2, 10],
    OFFSET_FETCH: [1, 10],
    OFFSET_DELETE: [0, 0],
    LIST_GROUPS: [0, 5],
    DESCRIBE_GROUPS: [0, 6],
    DELETE_GROUPS: [0, 2],
  });
});

describe("members", () => {
  test.each([0, 1, 2, 3])("join at once (version %i)", async (version) => {
    const rig = new Rig();
    const joined = await rig.join(version);
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: "range", protocolType: null });
    expect(joined.members[0]!.memberId).toBe(joined.memberId);
  });

  test.each([4, 5, 6, 7, 8, 9])("join with the id that they are given (version %i)", async (version) => {
    const rig = new Rig();
    const first = await rig.join(version);
    expect(first).toMatchObject({ errorCode: errorCodes.MEMBER_ID_REQUIRED, protocolName: version < 7 ? "" : null });
    const joined = await rig.join(version, { memberId: first.memberId });
    expect(joined).toMatchObject({ errorCode: 0, protocolType: version < 7 ? null : "consumer" });
  });

  test.each([0, 1, 2, 3, 4, 5])("sync, beat and leave (version %i)", async (version) => {
    const rig = new Rig();
    const { memberId } = await rig.join(3);
    const names = version < 5 ? {} : { protocolType: "consumer", protocolName: "range" };
    const sync = { groupId: "group", generationId: 1, memberId, ...names };
    const synced = await rig.ask(apis.syncGroup, version, {
      ...sync,
      assignments: [{ memberId, assignment: Buffer.from("all") }],
    });
    expect(synced).toMatchObject({ errorCode: 0, protocolName: version < 5 ? null : "range" });
    expect(String(synced.assignment)).toBe("all");
    const beat = { groupId: "group", generationId: 1, memberId };
    expect(await rig.ask(apis.heartbeat, Math.min(version, 4), beat)).toMatchObject({ errorCode: 0 });
    const leave = version < 3 ? { groupId: "group", memberId } : { groupId: "group", members: [{ memberId }] };
    const left = await rig.ask(apis.leaveGroup, version, leave);
    expect(left.errorCode).toBe(0);
    const again = await rig.ask(apis.leaveGroup, version, leave);
    const unknown = errorCodes.UNKNOWN_MEMBER_ID;
    expect(again.errorCode).toBe(version < 3 ? unknown : 0);
    expect(again.members.map((one) => one.errorCode)).toEqual(version < 3 ? [] : [unknown]);
    expect(await rig.ask(apis.heartbeat, Math.min(version, 4), beat)).toMatchObject({ errorCode: unknown });
  });

  test("version 5 of SyncGroup has to name the protocol", async () => {
    const rig = new Rig();
    const about = { groupId: "group", generationId: 1, memberId: "m", assignments: [] };
    const inconsistent = { errorCode: errorCodes.INCONSISTENT_GROUP_PROTOCOL };
    expect(await rig.ask(apis.syncGroup, 5, { ...about, protocolType: "consumer" })).toMatchObject(inconsistent);
    expect(await rig.ask(apis.syncGroup, 5, { ...about, protocolName: "range" })).toMatchObject(inconsistent);
    expect((await rig.ask(apis.syncGroup, 4, about)).errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID);
  });

  test("a batch may leave only by the newer versions; an empty group id is refused by all", async () => {
    const rig = new Rig();
    const invalid = { errorCode: errorCodes.INVALID_GROUP_ID };
    expect(await rig.ask(apis.leaveGroup, 0, { groupId: "", memberId: "m" })).toMatchObject(invalid);
    expect(await rig.ask(apis.leaveGroup, 5, { groupId: "", members: [] })).toMatchObject(invalid);
    expect(await rig.join(9, { groupId: "" })).toMatchObject(invalid);
  });
});

describe("committing", () => {
  test.each([2, 3, 4, 5, 6, 7, 8, 9])("by name (version %i): what does not exist is refused", async (version) => {
    const rig = new Rig();
    const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    expect(await rig.commit(version, ["orders", "nothing"])).toEqual([
      ["nothing", unknown],
      ["orders", 0],
    ]);
    expect(await rig.commit(version, ["orders"], 2)).toEqual([["orders", unknown]]);
    expect(await rig.commit(version, ["orders"], -1)).toEqual([["orders", unknown]]);
  });

  test("by id (version 10)", async () => {
    const rig = new Rig();
    const unknown = errorCodes.UNKNOWN_TOPIC_ID;
    expect(await rig.commit(10, [ordersId, otherId, zeroUuid])).toEqual([
      [otherId, unknown],
      [zeroUuid, unknown],
      [ordersId, 0],
    ]);
  });

  test("a group's refusal is every partition's", async () => {
    const rig = new Rig();
    await rig.member();
    expect(await rig.commit(9, ["orders"])).toEqual([["orders", errorCodes.UNKNOWN_MEMBER_ID]]);
  });

  test("nothing that exists: no group is made", async () => {
    const rig = new Rig();
    await rig.commit(9, ["nothing"]);
    expect((await rig.ask(apis.listGroups, 5, {})).groups).toEqual([]);
  });
});

describe("fetching", () => {
  const wanted = { name: "orders", partitionIndexes: [0, 1] };

  test.each([1, 2, 3, 4, 5, 6, 7])("one group (version %i)", async (version) => {
    const rig = new Rig();
    await rig.commit(9, ["orders"]);
    const answer = await rig.ask(apis.offsetFetch, version, { groupId: "group", topics: [wanted] });
    expect(answer.errorCode).toBe(0);
    expect(answer.topics).toMatchObject([
      {
        name: "orders",
        partitions: [
          { committedOffset: 7, metadata: "m" },
          { committedOffset: -1, metadata: "" },
        ],
      },
    ]);
    if (version < 2) return;
    const all = await rig.ask(apis.offsetFetch, version, { groupId: "group", topics: null });
    expect(all.topics).toMatchObject([{ name: "orders", partitions: [{ partitionIndex: 0, committedOffset: 7 }] }]);
    expect(await rig.ask(apis.offsetFetch, version, { groupId: "nobody", topics: null })).toMatchObject({ topics: [] });
  });

  test.each([8, 9])("several groups (version %i)", async (version) => {
    const rig = new Rig();
    await rig.commit(9, ["orders"]);
    const answer = await rig.ask(apis.offsetFetch, version, {
      groups: [
        { groupId: "group", topics: [wanted] },
        { groupId: "nobody", topics: [wanted] },
        { groupId: "group", topics: null },
      ],
      requireStable: true,
    });
    const offsets = answer.groups.map((group) => group.topics[0]!.partitions.map((one) => one.committedOffset));
    expect(offsets).toEqual([[7, -1], [-1, -1], [7]]);
  });

  test("by id (version 10)", async () => {
    const rig = new Rig();
    await rig.commit(10, [ordersId]);
    const topics = [ordersId, otherId].map((topicId) => ({ topicId, partitionIndexes: [0] }));
    const { groups } = await rig.ask(apis.offsetFetch, 10, { groups: [{ groupId: "group", topics }] });
    expect(groups[0]!.topics).toMatchObject([
      { topicId: ordersId, partitions: [{ committedOffset: 7, errorCode: 0 }] },
      { topicId: otherId, partitions: [{ committedOffset: -1, errorCode: errorCodes.UNKNOWN_TOPIC_ID }] },
    ]);
    const all = await rig.ask(apis.offsetFetch, 10, { groups: [{ groupId: "group", topics: null }] });
    expect(all.groups[0]!.topics).toMatchObject([{ topicId: ordersId }]);
    rig.topics.delete("orders");
    const gone = await rig.ask(apis.offsetFetch, 10, { groups: [{ groupId: "group", topics: null }] });
    expect(gone.groups[0]!.topics).toEqual([]);
  });

  test.each([1, 5, 9, 10])("a topic that was made anew has nothing committed (version %i)", async (version) => {
    const rig = new Rig();
    await rig.commit(9, ["orders"]);
    rig.addTopic("orders", otherId);
    const topic = { partitionIndexes: [0] };
    const named = version >= 10 ? { ...topic, topicId: otherId } : { ...topic, name: "orders" };
    const request = { groupId: "group", topics: [named] };
    const answer = await rig.ask(apis.offsetFetch, version, (version < 8 ? request : { groups: [request] }) as never);
    const topics = version < 8 ? answer.topics : answer.groups[0]!.topics;
    expect(topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1, errorCode: 0 });
  });

  test("version 1 has its errors in the partitions only", async () => {
    const rig = new Rig();
    rig.denied.add("describe group group");
    const denied = errorCodes.GROUP_AUTHORIZATION_FAILED;
    const ask = (version: number) => rig.ask(apis.offsetFetch, version, { groupId: "group", topics: [wanted] });
    expect((await ask(1)).topics[0]!.partitions.map((one) => one.errorCode)).toEqual([denied, denied]);
    expect(await ask(2)).toMatchObject({ errorCode: denied, topics: [] });
  });
});

describe("administration", () => {
  test("offsets are deleted, but not of topics that the group reads", async () => {
    const rig = new Rig();
    rig.addTopic("payments", otherId);
    await rig.commit(9, ["orders", "payments"]);
    await rig.member();
    const topics = ["orders", "payments", "nothing"].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
    expect(await rig.ask(apis.offsetDelete, 0, { groupId: "group", topics })).toMatchObject({
      errorCode: 0,
      topics: [
        { name: "nothing", partitions: [{ errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }] },
        { name: "orders", partitions: [{ errorCode: errorCodes.GROUP_SUBSCRIBED_TO_TOPIC }] },
        { name: "payments", partitions: [{ errorCode: 0 }] },
      ],
    });
    const nobody = await rig.ask(apis.offsetDelete, 0, { groupId: "nobody", topics });
    expect(nobody).toMatchObject({ errorCode: errorCodes.GROUP_ID_NOT_FOUND, topics: [] });
  });

  test.each([0, 1, 2, 3, 4, 5])("groups are listed (version %i)", async (version) => {
    const rig = new Rig();
    await rig.member("one");
    await rig.commit(9, ["orders"], 0, "two");
    const all = await rig.ask(apis.listGroups, version, {});
    expect(all.groups.map((group) => group.groupId)).toEqual(["one", "two"]);
    expect(all.groups[0]).toMatchObject({ protocolType: "consumer", groupState: version < 4 ? "" : "Stable" });
    if (version < 4) return;
    const empty = await rig.ask(apis.listGroups, version, { statesFilter: ["Empty"] });
    expect(empty.groups.map((group) => group.groupId)).toEqual(["two"]);
    if (version < 5) return;
    const none = await rig.ask(apis.listGroups, version, { typesFilter: ["consumer"] });
    expect(none.groups).toEqual([]);
    expect(all.groups[0]!.groupType).toBe("classic");
  });

  test.each([0, 1, 2, 3, 4, 5, 6])("groups are described (version %i)", async (version) => {
    const rig = new Rig();
    const memberId = await rig.member();
    const asked = { groups: ["group", "nobody"], ...(version < 3 ? {} : { includeAuthorizedOperations: true }) };
    const { groups } = await rig.ask(apis.describeGroups, version, asked);
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      protocolType: "consumer",
      protocolData: "range",
    });
    expect(groups[0]!.members[0]).toMatchObject({ memberId, clientId: "client", clientHost: "/127.0.0.1" });
    expect(String(groups[0]!.members[0]!.memberAssignment)).toBe("all");
    expect(groups[0]!.authorizedOperations).toBe(version < 3 ? -2_147_483_648 : 0b1101_0100_1000);
    const notFound = { errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: "Group nobody not found." };
    expect(groups[1]).toMatchObject({ groupState: "Dead", ...(version < 6 ? { errorCode: 0 } : notFound) });
  });

  test.each([0, 1, 2])("groups are deleted (version %i)", async (version) => {
    const rig = new Rig();
    await rig.member("one");
    await rig.commit(9, ["orders"], 0, "two");
    const { results } = await rig.ask(apis.deleteGroups, version, { groupsNames: ["one", "two", "two", "three"] });
    expect(results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ["one", errorCodes.NON_EMPTY_GROUP],
      ["two", 0],
      ["three", errorCodes.GROUP_ID_NOT_FOUND],
    ]);
  });
});

test("everything asks whether it is allowed", async () => {
  const rig = new Rig();
  await rig.commit(9, ["orders"]);
  for (const operation of ["read", "describe", "delete"]) rig.denied.add(`${operation} group group`);
  const denied = errorCodes.GROUP_AUTHORIZATION_FAILED;
  const groupId = "group";
  expect((await rig.join(9)).errorCode).toBe(denied);
  const sync = { groupId, generationId: 1, memberId: "m", assignments: [] };
  expect((await rig.ask(apis.syncGroup, 4, sync)).errorCode).toBe(denied);
  expect((await rig.ask(apis.heartbeat, 4, { groupId, generationId: 1, memberId: "m" })).errorCode).toBe(denied);
  expect((await rig.ask(apis.leaveGroup, 5, { groupId, members: [] })).errorCode).toBe(denied);
  expect(await rig.commit(9, ["orders"])).toEqual([["orders", denied]]);
  expect((await rig.ask(apis.offsetDelete, 0, { groupId, topics: [] })).errorCode).toBe(denied);
  expect((await rig.ask(apis.describeGroups, 6, { groups: ["group"] })).groups[0]!.errorCode).toBe(denied);
  expect((await rig.ask(apis.deleteGroups, 2, { groupsNames: ["group"] })).results[0]!.errorCode).toBe(denied);
  expect((await rig.ask(apis.listGroups, 5, {})).groups).toHaveLength(1);
  rig.denied.add("describe cluster kafka-cluster");
  expect((await rig.ask(apis.listGroups, 5, {})).groups).toHaveLength(0);
  rig.denied.clear();
  rig.denied.add("read topic orders").add("describe topic orders");
  expect(await rig.commit(9, ["orders"])).toEqual([["orders", errorCodes.TOPIC_AUTHORIZATION_FAILED]]);
  const topics = [{ name: "orders", partitionIndexes: [0] }];
  const fetched = await rig.ask(apis.offsetFetch, 9, {
    groups: [
      { groupId, topics },
      { groupId, topics: null },
    ],
  });
  expect(fetched.groups[0]!.topics[0]!.partitions[0]!.errorCode).toBe(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  expect(fetched.groups[1]!.topics).toEqual([]);
});
