import { errorCodes, type JoinGroupRequest, type OffsetCommitRequest, zeroUuid } from "@ottla/protocol";
import { type Runtime, type SimClock, silentLogger, simClock, simRandom } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import { FakeLog } from "../../test/coordinator/fake-log.ts";
import { protocol } from "../../test/coordinator/machine-rig.ts";
import { GroupCoordinator } from "./coordinator.ts";
import { defaultGroupCoordinatorConfig, type GroupCoordinatorConfig } from "./group-config.ts";
import type { JoinReply } from "./group-events.ts";

const { COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT } =
  errorCodes;
const { MEMBER_ID_REQUIRED, NOT_COORDINATOR, UNKNOWN_SERVER_ERROR } = errorCodes;

const joiner = { apiVersion: 9, clientId: "client", clientHost: "/127.0.0.1" };

/** A coordinator over logs in memory, on virtual time. */
class Rig {
  readonly clock: SimClock;
  readonly logs: FakeLog[];
  readonly config: GroupCoordinatorConfig;
  coordinator: GroupCoordinator;
  exists: boolean;
  /** Set to make the topic's creation wait. */
  making: Promise<void> | null = null;

  constructor(config: Partial<GroupCoordinatorConfig> = {}, partitionCount = 1, exists = true) {
    this.clock = simClock();
    this.config = { ...defaultGroupCoordinatorConfig, ...config };
    this.logs = Array.from({ length: partitionCount }, (_, index) => new FakeLog(index));
    this.exists = exists;
    this.coordinator = this.make();
  }

  get log(): FakeLog {
    return this.logs[0]!;
  }

  private make(): GroupCoordinator {
    const runtime = { clock: this.clock, random: simRandom(1) } as unknown as Runtime;
    const coordinator = new GroupCoordinator({
      runtime,
      logger: silentLogger,
      config: this.config,
      partitionCount: this.logs.length,
      existing: () => (this.exists ? this.logs : []),
      partitionFor: (index) => {
        const log = this.logs[index]!;
        return this.making === null ? log : this.making.then(() => log);
      },
    });
    coordinator.start();
    return coordinator;
  }

  /** The broker dies and another one starts on its logs. */
  restart(): void {
    this.coordinator.close();
    this.coordinator = this.make();
  }

  /** Runs what can happen without time passing. */
  settle(): Promise<void> {
    return this.clock.runFor(0);
  }

  join(options: Partial<JoinGroupRequest> = {}): Promise<JoinReply> {
    const request: JoinGroupRequest = {
      groupId: "group",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId: "",
      groupInstanceId: null,
      protocolType: "consumer",
      protocols: [protocol("range", ["orders"])].map(({ name, metadata }) => ({
        name,
        metadata: Buffer.from(metadata),
      })),
      reason: null,
      ...options,
    };
    return Promise.resolve(this.coordinator.joinGroup(request, joiner));
  }

  /** A group of one member, joined and synced; its id. */
  async member(groupId = "group"): Promise<string> {
    const { memberId } = await this.join({ groupId });
    const joined = this.join({ groupId, memberId });
    await this.clock.runFor(1);
    expect(await joined).toMatchObject({ errorCode: 0 });
    const { generationId } = await joined;
    expect(await this.sync(memberId, generationId, groupId)).toMatchObject({ errorCode: 0 });
    return memberId;
  }

  sync(memberId: string, generationId: number, groupId = "group") {
    const who = { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null };
    return this.coordinator.syncGroup({ ...who, assignments: [{ memberId, assignment: Buffer.from("all") }] });
  }

  heartbeat(memberId: string, generationId = 1, groupId = "group") {
    return this.coordinator.heartbeat({ groupId, memberId, generationId, groupInstanceId: null });
  }

  async commit(offset: number, groupId = "group", metadata = ""): Promise<number> {
    const request: OffsetCommitRequest = {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: "",
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [],
    };
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    };
    const topics = [{ name: "orders", topicId: zeroUuid, partitions: [partition] }];
    const reply = await this.coordinator.commitOffsets(request, 9, topics);
    return reply.topics[0]!.partitions[0]!.errorCode;
  }

  async fetch(groupId = "group"): Promise<number> {
    const group = { groupId, memberId: null, memberEpoch: -1 };
    const topics = [{ name: "orders", topicId: zeroUuid, partitionIndexes: [0] }];
    const answer = await this.coordinator.fetchOffsets(group, topics, false);
    return answer.errorCode !== 0 ? -1000 - answer.errorCode : answer.topics[0]!.partitions[0]!.committedOffset;
  }
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  for (let n = 0; n < 10; n++) await null;
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe("requests", () => {
  test("that Kafka refuses at the door", async () => {
    const rig = new Rig();
    await rig.settle();
    expect(await rig.join({ groupId: "" })).toMatchObject({ errorCode: INVALID_GROUP_ID, memberId: "" });
    expect(await rig.join({ sessionTimeoutMs: 5_999, memberId: "m" })).toMatchObject({
      errorCode: INVALID_SESSION_TIMEOUT,
      memberId: "m",
    });
    expect(await rig.join({ sessionTimeoutMs: 1_800_001 })).toMatchObject({ errorCode: INVALID_SESSION_TIMEOUT });
    expect(await rig.sync("m", 1, "")).toMatchObject({ errorCode: INVALID_GROUP_ID });
    expect(await rig.heartbeat("m", 1, "")).toBe(INVALID_GROUP_ID);
    expect(await rig.coordinator.leaveGroup("", [])).toMatchObject({ errorCode: INVALID_GROUP_ID });
    expect(await rig.coordinator.deleteOffsets("", [])).toMatchObject({ errorCode: INVALID_GROUP_ID });
    // The empty group id may commit and fetch: very old consumers did.
    expect(await rig.commit(5, "")).toBe(0);
    expect(await rig.fetch("")).toBe(5);
  });

  test("version 0 of JoinGroup has one time-out for both", async () => {
    const rig = new Rig();
    await rig.settle();
    const request = {
      groupId: "group",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: -1,
      memberId: "",
      groupInstanceId: null,
    };
    const protocols = [{ name: "range", metadata: Buffer.alloc(0) }];
    const joined = rig.coordinator.joinGroup(
      { ...request, protocolType: "consumer", protocols, reason: null },
      { ...joiner, apiVersion: 0 },
    );
    await rig.clock.runFor(1);
    expect(await joined).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("a whole life of a group", async () => {
    const rig = new Rig();
    await rig.settle();
    const memberId = await rig.member();
    expect(memberId).toMatch(/^client-[0-9a-f]{8}-/);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(await rig.coordinator.listGroups([], [])).toEqual({
      errorCode: 0,
      groups: [{ groupId: "group", protocolType: "consumer", groupState: "Stable", groupType: "Classic" }],
    });
    const [described] = await rig.coordinator.describeGroups(["group"], 6);
    expect(described).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      protocolData: "range",
      protocolType: "consumer",
    });
    expect(described!.members[0]).toMatchObject({ memberId, clientId: "client", clientHost: "/127.0.0.1" });
    await rig.clock.runFor(9_999);
    expect(rig.heartbeat(memberId)).toBe(0);
    await rig.clock.runFor(10_001);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Empty" });
    expect(await rig.coordinator.deleteGroups(["group", "nobody"])).toEqual([
      { groupId: "group", errorCode: 0 },
      { groupId: "nobody", errorCode: errorCodes.GROUP_ID_NOT_FOUND },
    ]);
    expect((await rig.coordinator.listGroups([], [])).groups).toEqual([]);
  });

  test("members that come in the same moment form one generation", async () => {
    const rig = new Rig();
    await rig.settle();
    const ids = await Promise.all([rig.join(), rig.join(), rig.join()]);
    const joined = ids.map(({ memberId }) => rig.join({ memberId }));
    await rig.clock.runFor(1);
    for (const reply of await Promise.all(joined)) expect(reply).toMatchObject({ errorCode: 0, generationId: 1 });
  });

  test("groups are listed by state and type, described as dead, and spread over partitions", async () => {
    const rig = new Rig({}, 50);
    await rig.settle();
    await rig.member("one");
    for (const groupId of ["two", "three"]) expect(await rig.commit(1, groupId)).toBe(0);
    const list = async (states: string[], types: string[]) => {
      const { groups } = await rig.coordinator.listGroups(states, types);
      return groups.map((group) => group.groupId).sort();
    };
    expect(await list([], [])).toEqual(["one", "three", "two"]);
    expect(await list([" stable "], [])).toEqual(["one"]);
    expect(await list(["EMPTY"], ["classic"])).toEqual(["three", "two"]);
    expect(await list([], ["consumer"])).toEqual([]);
    expect(await list(["nonsense"], [])).toEqual([]);
    const used = rig.logs.filter((log) => log.logEndOffset > 0).map((log) => log.index);
    const expected = ["one", "two", "three"].map((groupId) => rig.coordinator.partitionOf(groupId));
    expect(new Set(used)).toEqual(new Set(expected));
    expect(await rig.coordinator.describeGroups(["nobody"], 5)).toMatchObject([
      { errorCode: 0, groupState: "Dead", errorMessage: null },
    ]);
    expect(await rig.coordinator.describeGroups(["nobody"], 6)).toMatchObject([
      { errorCode: errorCodes.GROUP_ID_NOT_FOUND, groupState: "Dead", errorMessage: "Group nobody not found." },
    ]);
  });
});

describe("answers wait for the high watermark", () => {
  test("of what they wrote, and of what they read", async () => {
    const rig = new Rig();
    await rig.settle();
    rig.log.holds = true;
    const commit = rig.commit(1);
    const fetch = rig.fetch();
    const list = rig.coordinator.listGroups([], []);
    const beat = rig.heartbeat("nobody");
    const describe = rig.coordinator.describeGroups(["group"], 6);
    await rig.clock.runFor(1_000);
    for (const answer of [commit, fetch, list, describe, beat])
      expect(await isSettled(Promise.resolve(answer))).toBe(false);
    rig.log.commit();
    expect(await commit).toBe(0);
    expect(await fetch).toBe(1);
    expect((await list).groups).toHaveLength(1);
    expect((await describe)[0]).toMatchObject({ groupState: "Empty" });
    expect(await beat).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(await isSettled(rig.fetch())).toBe(true);
  });

  test("each only for what was written before it", async () => {
    const rig = new Rig();
    await rig.settle();
    rig.log.holds = true;
    const first = rig.commit(1);
    const second = rig.commit(2);
    rig.log.commit(1);
    expect(await first).toBe(0);
    expect(await isSettled(second)).toBe(false);
    rig.log.commit();
    expect(await second).toBe(0);
  });

  test("the assignment, for its record", async () => {
    const rig = new Rig();
    await rig.settle();
    const { memberId } = await rig.join();
    const joined = rig.join({ memberId });
    await rig.clock.runFor(1);
    await joined;
    rig.log.holds = true;
    const synced = Promise.resolve(rig.sync(memberId, 1));
    await rig.clock.runFor(100);
    expect(await isSettled(synced)).toBe(false);
    rig.log.commit();
    expect(await synced).toMatchObject({ errorCode: 0 });
    expect(rig.log.batches).toHaveLength(2);
  });

  test("and after a start, for what was replayed", async () => {
    const rig = new Rig();
    await rig.settle();
    await rig.commit(7);
    rig.log.highWatermark = 0;
    rig.restart();
    await rig.settle();
    const fetch = rig.fetch();
    expect(await isSettled(fetch)).toBe(false);
    rig.log.commit();
    expect(await fetch).toBe(7);
  });
});

describe("a failed append", () => {
  test("throws the machine away: who waits is told NOT_COORDINATOR, and the log is replayed", async () => {
    const rig = new Rig();
    await rig.settle();
    expect(await rig.commit(1)).toBe(0);
    const groupId = "other";
    const one = await rig.join({ groupId });
    const parked = rig.join({ groupId, memberId: one.memberId });
    rig.log.holds = true;
    const lost = rig.commit(2);
    const alsoLost = rig.commit(3);
    const read = rig.fetch();
    rig.log.fail();
    expect(await lost).toBe(NOT_COORDINATOR);
    expect(await alsoLost).toBe(NOT_COORDINATOR);
    expect(await read).toBe(-1000 - NOT_COORDINATOR);
    expect(await parked).toMatchObject({ errorCode: NOT_COORDINATOR });
    // The partition is out of use.
    await rig.clock.runFor(1_500);
    expect(await rig.fetch()).toBe(-1000 - NOT_COORDINATOR);
    expect(await rig.heartbeat("x")).toBe(NOT_COORDINATOR);
    rig.log.recover();
    rig.log.holds = false;
    await rig.clock.runFor(4_000);
    expect(await rig.fetch()).toBe(1);
    // Who had an id has lost it.
    expect(await rig.join({ groupId, memberId: one.memberId })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
    });
  });

  test("that the log says at once", async () => {
    const rig = new Rig();
    await rig.settle();
    await rig.commit(1);
    rig.log.failNext = errorCodes.KAFKA_STORAGE_ERROR;
    expect(await rig.commit(2)).toBe(NOT_COORDINATOR);
    await rig.settle();
    // Nothing is wrong with the log, so that it was replayed at once.
    expect(await rig.fetch()).toBe(1);
    expect(await rig.commit(3)).toBe(0);
  });

  test("a reload waits until every append has its outcome", async () => {
    const rig = new Rig();
    await rig.settle();
    rig.log.holds = true;
    const first = rig.commit(1);
    rig.log.failNext = errorCodes.NOT_LEADER_OR_FOLLOWER;
    const second = rig.commit(2);
    expect(await first).toBe(NOT_COORDINATOR);
    expect(await second).toBe(NOT_COORDINATOR);
    await rig.clock.runFor(5_000);
    expect(await rig.fetch()).toBe(-1000 - NOT_COORDINATOR);
    // It was stored after all: commits that were refused as "not known" may have been.
    rig.log.commit();
    await rig.settle();
    expect(await rig.fetch()).toBe(1);
  });

  test("of an event that is too large harms nobody else", async () => {
    const rig = new Rig({ offsetMetadataMaxBytes: 100_000 });
    await rig.settle();
    const memberId = await rig.member();
    rig.log.config = { ...rig.log.config, maxMessageBytes: 1_000 };
    expect(await rig.commit(1, "other", "x".repeat(2_000))).toBe(UNKNOWN_SERVER_ERROR);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(await rig.commit(1, "other")).toBe(0);
  });

  test("an assignment that is too large is refused, and the group tries again", async () => {
    const rig = new Rig();
    await rig.settle();
    const { memberId } = await rig.join();
    const joined = rig.join({ memberId });
    await rig.clock.runFor(1);
    await joined;
    rig.log.config = { ...rig.log.config, maxMessageBytes: 200 };
    expect(await rig.sync(memberId, 1)).toMatchObject({ errorCode: UNKNOWN_SERVER_ERROR });
    expect(await rig.heartbeat(memberId)).toBe(errorCodes.REBALANCE_IN_PROGRESS);
  });

  test("a deletion of many groups' offsets is spread over batches that fit", async () => {
    const rig = new Rig();
    await rig.settle();
    for (let n = 0; n < 100; n++) await rig.commit(n, `group-${n}`);
    rig.log.config = { ...rig.log.config, maxMessageBytes: 500 };
    const before = rig.log.batches.length;
    rig.coordinator.onTopicDeleted({ name: "orders", id: "ynlpIgjfSpuhFXQWJ5rgPQ" });
    expect(rig.log.batches.length - before).toBeGreaterThan(5);
    expect(await rig.fetch("group-99")).toBe(-1);
    rig.restart();
    await rig.settle();
    expect(await rig.fetch("group-0")).toBe(-1);
  });
});

describe("loading", () => {
  test("a restart leaves a running group as it was", async () => {
    const rig = new Rig();
    await rig.settle();
    const memberId = await rig.member();
    await rig.clock.runFor(9_000);
    rig.restart();
    await rig.settle();
    await rig.clock.runFor(9_000);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Stable" });
    await rig.clock.runFor(10_001);
    expect((await rig.coordinator.listGroups([], [])).groups[0]).toMatchObject({ groupState: "Empty" });
  });

  test("takes a while for a large log: until then COORDINATOR_LOAD_IN_PROGRESS, and heartbeats are fine", async () => {
    const rig = new Rig({ offsetMetadataMaxBytes: 100_000 });
    await rig.settle();
    const memberId = await rig.member();
    for (let n = 0; n < 150; n++) await rig.commit(n, `group-${n % 7}`, "x".repeat(30_000));
    rig.restart();
    // It is known to exist, and has not been looked at yet.
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: COORDINATOR_LOAD_IN_PROGRESS, groups: [] });
    expect(await rig.fetch("group-1")).toBe(-1000 - COORDINATOR_LOAD_IN_PROGRESS);
    expect(await rig.join()).toMatchObject({ errorCode: COORDINATOR_LOAD_IN_PROGRESS });
    expect(await rig.coordinator.describeGroups(["group"], 6)).toMatchObject([
      { errorCode: COORDINATOR_LOAD_IN_PROGRESS },
    ]);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(rig.heartbeat("anybody")).toBe(0);
    rig.coordinator.onTopicDeleted({ name: "orders", id: "ynlpIgjfSpuhFXQWJ5rgPQ" });
    await rig.settle();
    expect(rig.log.readCount).toBeGreaterThan(3);
    expect(rig.heartbeat(memberId)).toBe(0);
    expect(rig.heartbeat("anybody")).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    // What was deleted meanwhile is not forgotten.
    expect(await rig.fetch("group-1")).toBe(-1);
  });

  test("what somebody asks for comes first", async () => {
    const rig = new Rig({}, 50);
    await rig.settle();
    expect(await rig.commit(5, "group")).toBe(0);
    rig.restart();
    expect(await rig.fetch("group")).toBe(5);
  });

  test("an empty log is not even read", async () => {
    const rig = new Rig({}, 50);
    await rig.settle();
    expect(rig.logs.every((log) => log.readCount === 0)).toBe(true);
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: 0, groups: [] });
  });

  test("a damaged log is one partition's affair", async () => {
    const rig = new Rig({}, 50);
    await rig.settle();
    await rig.commit(1, "group");
    await rig.commit(2, "another");
    const damaged = rig.logs[rig.coordinator.partitionOf("group")]!;
    damaged.batches[0]!.bytes[70] = 0xff;
    rig.restart();
    await rig.settle();
    expect(await rig.fetch("group")).toBe(-1000 - NOT_COORDINATOR);
    expect(await rig.fetch("another")).toBe(2);
    expect(await rig.join({ groupId: "group" })).toMatchObject({ errorCode: NOT_COORDINATOR });
    expect((await rig.coordinator.listGroups([], [])).groups.map((group) => group.groupId)).toEqual(["another"]);
  });

  test("is tried again, less and less often", async () => {
    const rig = new Rig();
    await rig.settle();
    await rig.commit(1);
    rig.log.readError = errorCodes.KAFKA_STORAGE_ERROR;
    rig.restart();
    for (let n = 0; n < 600; n++) {
      await rig.fetch();
      await rig.clock.runFor(100);
    }
    // In a minute: 1 + 2 + 4 + 8 + 16 + 32 seconds.
    expect(rig.log.readCount).toBeLessThan(10);
    rig.log.readError = 0;
    await rig.clock.runFor(60_000);
    expect(await rig.fetch()).toBe(1);
  });

  test("the topic is made when it is first needed", async () => {
    const rig = new Rig({}, 1, false);
    let make = () => {};
    rig.making = new Promise((resolve) => {
      make = resolve;
    });
    await rig.settle();
    expect(await rig.coordinator.listGroups([], [])).toEqual({ errorCode: 0, groups: [] });
    const commit = rig.commit(4);
    const joined = rig.join();
    await rig.clock.runFor(10);
    expect(await isSettled(commit)).toBe(false);
    make();
    expect(await commit).toBe(0);
    expect((await joined).errorCode).toBe(MEMBER_ID_REQUIRED);
  });

  test("a topic that cannot be made", async () => {
    const rig = new Rig({}, 1, false);
    await rig.settle();
    rig.making = Promise.reject(new Error("no room"));
    expect(await rig.commit(4)).toBe(COORDINATOR_NOT_AVAILABLE);
    expect(await rig.commit(4)).toBe(COORDINATOR_NOT_AVAILABLE);
    rig.making = null;
    await rig.clock.runFor(1_000);
    expect(await rig.commit(4)).toBe(0);
  });
});

describe("time", () => {
  test("offsets expire", async () => {
    const rig = new Rig({ offsetsRetentionMinutes: 60 });
    await rig.settle();
    await rig.commit(1);
    await rig.clock.runFor(3_599_999);
    expect(await rig.fetch()).toBe(1);
    await rig.clock.runFor(600_000);
    expect(await rig.fetch()).toBe(-1);
    expect((await rig.coordinator.listGroups([], [])).groups).toEqual([]);
  });

  test("a thousand sessions cost one timer", async () => {
    const rig = new Rig();
    await rig.settle();
    for (let n = 0; n < 100; n++) await rig.member(`group-${n}`);
    await rig.clock.runFor(20_000);
    const { groups } = await rig.coordinator.listGroups(["Empty"], []);
    expect(groups).toHaveLength(100);
  });
});

describe("closing", () => {
  test("who waits for others is told, what is decided is still answered", async () => {
    const rig = new Rig();
    await rig.settle();
    const { memberId } = await rig.join();
    const parked = rig.join({ memberId });
    rig.log.holds = true;
    const commit = rig.commit(1, "other");
    rig.coordinator.beginClosing();
    expect(await parked).toMatchObject({ errorCode: NOT_COORDINATOR });
    expect(await isSettled(commit)).toBe(false);
    expect(await rig.commit(2)).toBe(NOT_COORDINATOR);
    expect(await rig.heartbeat("x")).toBe(NOT_COORDINATOR);
    expect((await rig.coordinator.listGroups([], [])).errorCode).toBe(COORDINATOR_NOT_AVAILABLE);
    expect(rig.coordinator.isCoordinatorFor("group")).toBe(COORDINATOR_NOT_AVAILABLE);
    rig.log.commit();
    expect(await commit).toBe(0);
    rig.coordinator.close();
    await rig.clock.runFor(0);
    expect(rig.clock.isIdle).toBe(true);
  });

  test("nobody waits for ever", async () => {
    const rig = new Rig();
    await rig.settle();
    rig.log.holds = true;
    const commit = rig.commit(1);
    rig.coordinator.close();
    expect(await commit).toBe(NOT_COORDINATOR);
    rig.log.commit();
    rig.coordinator.close();
  });
});
