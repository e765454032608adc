import { consumerProtocolAssignment, encodeStored, errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ConsumerRig, topicId } from "../../test/coordinator/consumer-rig.ts";
import { CoordinatorRig } from "../../test/coordinator/coordinator-rig.ts";
import { defaultLogConfig } from "../log/config.ts";

const refusal = errorCodes.COORDINATOR_NOT_AVAILABLE;

let rig: ConsumerRig;

beforeEach(() => {
  rig = new ConsumerRig();
  rig.topic("orders", 6);
});

describe("while the log takes nothing", () => {
  test("a member of a consumer group that has died is taken out as soon as it does", () => {
    rig.joinGroup({ memberId: "one" });
    rig.rejectNext = refusal;
    rig.advance(45_000);
    expect(rig.consumers().memberCount).toBe(1);
    rig.advance(500);
    expect(rig.consumers().memberCount).toBe(0);
  });

  test("so is one that gives up nothing", () => {
    rig.joinGroup({ memberId: "one", rebalanceTimeoutMs: 10_000 });
    rig.joinGroup({ memberId: "two" });
    rig.beat({ memberId: "one", memberEpoch: 2, topicPartitions: [] });
    rig.beat({ memberId: "one", memberEpoch: 2, topicPartitions: [{ topicId: topicId("orders"), partitions: [0] }] });
    rig.beat({ memberId: "one", memberEpoch: 3 });
    rig.joinGroup({ memberId: "three" });
    rig.beat({ memberId: "one", memberEpoch: 3 });
    rig.rejectNext = refusal;
    rig.advance(10_000);
    expect(rig.rejectNext).toBeNull();
    expect(rig.consumers().members.has("one")).toBe(true);
    rig.advance(500);
    expect(rig.consumers().members.has("one")).toBe(false);
  });

  test("a classic group whose last member has left becomes empty as soon as it does", () => {
    const { memberId, ticket } = rig.joinAs();
    rig.advance(1);
    rig.sync({ memberId, generationId: rig.joinReply(ticket).generationId });
    rig.rejectNext = refusal;
    rig.leave([{ memberId }]);
    expect(rig.group()).toMatchObject({ state: "PreparingRebalance", memberCount: 0 });
    rig.advance(500);
    expect(rig.group()).toMatchObject({ state: "Empty", generationId: 2 });
  });

  test("a classic group stays one, with all who wait for its round", () => {
    const one = rig.joinAs({ sessionTimeoutMs: 45_000 });
    rig.advance(1);
    const { memberId } = one;
    rig.sync({
      memberId,
      generationId: 1,
      assignments: [
        {
          memberId,
          assignment: encodeStored(1, consumerProtocolAssignment, { assignedPartitions: [], userData: null }),
        },
      ],
    });
    const two = rig.joinAs();
    rig.rejectNext = refusal;
    expect(rig.joinGroup({ memberId: "three" }).errorCode).toBe(refusal);
    expect(rig.isAnswered(two.ticket)).toBe(false);
    rig.join({ memberId });
    expect(rig.joinReply(two.ticket)).toMatchObject({ errorCode: 0, generationId: 2 });
  });
});

describe("an assignment of several batches", () => {
  test("is stored as a whole or not at all", async () => {
    const coordinators = new CoordinatorRig();
    coordinators.topics.set("orders", 400);
    await coordinators.settle();
    coordinators.log.config = { ...defaultLogConfig, maxMessageBytes: 1_200 };
    const before = coordinators.log.batches.length;
    // Its record fits into a batch, its target does not.
    expect(await coordinators.beat("one")).toMatchObject({ errorCode: errorCodes.UNKNOWN_SERVER_ERROR });
    expect(coordinators.log.batches).toHaveLength(before);
    const [described] = await coordinators.coordinator.describeConsumerGroups(["group"]);
    expect(described).toMatchObject({ errorCode: errorCodes.GROUP_ID_NOT_FOUND });
  });

  test("ends where an append fails", async () => {
    const coordinators = new CoordinatorRig();
    coordinators.topics.set("orders", 200);
    await coordinators.settle();
    coordinators.log.config = { ...defaultLogConfig, maxMessageBytes: 1_900 };
    coordinators.log.failNext = errorCodes.KAFKA_STORAGE_ERROR;
    expect(await coordinators.beat("one")).toMatchObject({ errorCode: errorCodes.NOT_COORDINATOR });
    expect(coordinators.log.batches).toHaveLength(0);
  });
});

describe("names whose bytes are none of UTF-8's", () => {
  test("are refused where there is no room for them, and nobody else notices", async () => {
    const coordinators = new CoordinatorRig();
    coordinators.topics.set("orders", 4);
    await coordinators.settle();
    expect(await coordinators.beat("one")).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    const longName = Buffer.alloc(20_000, 0xff).toString();
    expect(await coordinators.beat(longName)).toMatchObject({ errorCode: errorCodes.UNKNOWN_SERVER_ERROR });
    expect(await coordinators.commit(1, longName)).toBe(errorCodes.UNKNOWN_SERVER_ERROR);
    expect(await coordinators.join({ groupId: longName })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_SERVER_ERROR,
    });
    expect(await coordinators.beat("one", 2)).toMatchObject({ errorCode: 0, memberEpoch: 2 });
  });
});

describe("a leader that assigns what is not there", () => {
  test("has its group become one of the other protocol all the same", () => {
    const { memberId } = rig.joinAs({ sessionTimeoutMs: 45_000 });
    rig.advance(1);
    const assignedPartitions = [{ topic: "orders", partitions: [2_147_483_647, 1, -1, 6] }];
    const assignment = encodeStored(1, consumerProtocolAssignment, { assignedPartitions, userData: null });
    rig.sync({ memberId, generationId: 1, assignments: [{ memberId, assignment }] });
    expect(rig.joinGroup({ memberId: "two" }).errorCode).toBe(0);
    expect(rig.owned(memberId)).toEqual([1]);
  });
});
