import {
  type Api,
  apis,
  type ConsumerGroupHeartbeatRequest,
  decode,
  encode,
  errorCodes,
  type RequestInput,
  type ResponseValue,
} from "@ottla/protocol";
import { expect, it } from "vitest";
import type { Settings } from "../config/settings.ts";
import { readOptions } from "../config.ts";
import type { RequestContext } from "../context.ts";
import { type DescribedConsumerGroup, failedConsumerDescription } from "../coordinator/consumer-group-descriptions.ts";
import { consumerGroupDescribe } from "./consumer-group-describe.ts";
import { consumerGroupHeartbeat } from "./consumer-group-heartbeat.ts";
import type { Handler } from "./handler.ts";

const topicId = "ynlpIgjfSpuhFXQWJ5rgPQ";
const assigned = { topicPartitions: [{ topicId, topicName: "orders", partitions: [0, 1] }] };

const described: DescribedConsumerGroup = {
  ...failedConsumerDescription("g", 0, null),
  groupState: "Stable",
  groupEpoch: 3,
  assignmentEpoch: 2,
  assignorName: "uniform",
  members: [
    {
      memberId: "m",
      instanceId: null,
      rackId: null,
      memberEpoch: 2,
      clientId: "client",
      clientHost: "/127.0.0.1",
      subscribedTopicNames: ["orders"],
      subscribedTopicRegex: null,
      assignment: assigned,
      targetAssignment: assigned,
      memberType: 1,
    },
  ],
};

/** Handlers with a coordinator that says yes to everything; requests and answers go through the codecs. */
class Rig {
  readonly denied = new Set<string>();
  readonly heartbeats: ConsumerGroupHeartbeatRequest[] = [];
  private readonly settings: Settings;

  constructor(config: Record<string, string> = {}) {
    this.settings = readOptions({ config }).settings;
  }

  async ask<A extends Api>(
    handler: Handler,
    api: A,
    version: number,
    request: RequestInput<A>,
  ): Promise<ResponseValue<A>> {
    const context = {
      apiVersion: version,
      clientId: "client",
      clientHost: "/127.0.0.1",
      node: { settings: this.settings },
      authorize: (operation: string, type: string, name: string) => !this.denied.has(`${operation} ${type} ${name}`),
      groups: {
        consumerGroupHeartbeat: (heartbeat: ConsumerGroupHeartbeatRequest) => {
          this.heartbeats.push(heartbeat);
          return { errorCode: 0, memberId: "m", memberEpoch: 1, heartbeatIntervalMs: 5000 };
        },
        describeConsumerGroups: (ids: string[]) => Promise.resolve(ids.map((groupId) => ({ ...described, groupId }))),
      },
    } as unknown as RequestContext;
    const decoded = decode(api.request, version, encode(api.request, version, request as never));
    const body = await handler.handle(decoded, context);
    return decode(api.response, version, encode(api.response, version, body as never)) as ResponseValue<A>;
  }

  async heartbeat(about: Partial<RequestInput<typeof apis.consumerGroupHeartbeat>> = {}, version = 1) {
    const join = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ["orders"], topicPartitions: [] };
    const request = { groupId: "g", memberId: "m", memberEpoch: 0, ...join, ...about };
    const { errorCode, errorMessage } = await this.ask(
      consumerGroupHeartbeat,
      apis.consumerGroupHeartbeat,
      version,
      request,
    );
    return errorCode === errorCodes.INVALID_REQUEST ? errorMessage : errorCode;
  }

  async describe(groupIds: string[], includeAuthorizedOperations = false) {
    const request = { groupIds, includeAuthorizedOperations };
    return (await this.ask(consumerGroupDescribe, apis.consumerGroupDescribe, 1, request)).groups;
  }
}

it("refuses heartbeats that make no sense, in Kafka's words", async () => {
  const rig = new Rig();
  expect(await rig.heartbeat({ memberId: "" })).toBe("MemberId can't be empty.");
  expect(await rig.heartbeat({ memberId: "" }, 0)).toBe(0);
  expect(await rig.heartbeat({ memberId: "", memberEpoch: 3 }, 0)).toBe("MemberId can't be empty.");
  expect(await rig.heartbeat({ groupId: "" })).toBe("GroupId can't be empty.");
  expect(await rig.heartbeat({ instanceId: "" })).toBe("InstanceId can't be empty.");
  expect(await rig.heartbeat({ rackId: "" })).toBe("RackId can't be empty.");
  expect(await rig.heartbeat({ rebalanceTimeoutMs: -1 })).toBe("RebalanceTimeoutMs must be provided in first request.");
  const empty = "TopicPartitions must be empty when (re-)joining.";
  expect(await rig.heartbeat({ topicPartitions: null })).toBe(empty);
  expect(await rig.heartbeat({ topicPartitions: [{ topicId, partitions: [0] }] })).toBe(empty);
  expect(await rig.heartbeat({ subscribedTopicNames: null })).toBe(
    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
  );
  expect(await rig.heartbeat({ memberEpoch: -2 })).toBe("InstanceId can't be null.");
  expect(await rig.heartbeat({ memberEpoch: -3 })).toBe("MemberEpoch is invalid.");
  expect(await rig.heartbeat({ serverAssignor: "sticky" })).toBe(errorCodes.UNSUPPORTED_ASSIGNOR);
  expect(rig.heartbeats).toHaveLength(1);
});

it("hands the others to the coordinator", async () => {
  const rig = new Rig();
  expect(await rig.heartbeat()).toBe(0);
  expect(await rig.heartbeat({ subscribedTopicNames: null, subscribedTopicRegex: "" })).toBe(0);
  expect(await rig.heartbeat({ serverAssignor: "range" })).toBe(0);
  expect(await rig.heartbeat({ memberEpoch: -1 })).toBe(0);
  expect(await rig.heartbeat({ memberEpoch: -2, instanceId: "i" })).toBe(0);
  expect(await rig.heartbeat({ memberEpoch: 2, subscribedTopicNames: null, topicPartitions: null })).toBe(0);
  expect(rig.heartbeats).toHaveLength(6);
});

it("asks whether the group and the topics are allowed", async () => {
  const rig = new Rig();
  rig.denied.add("describe topic orders");
  expect(await rig.heartbeat()).toBe(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  const [hidden] = await rig.describe(["g"], true);
  expect(hidden).toMatchObject({ errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, members: [] });
  rig.denied.add("read group g").add("describe group g");
  expect(await rig.heartbeat()).toBe(errorCodes.GROUP_AUTHORIZATION_FAILED);
  const [refused, other] = await rig.describe(["h", "g"]);
  expect(refused).toMatchObject({ groupId: "g", errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED });
  expect(other).toMatchObject({ groupId: "h" });
  expect(rig.heartbeats).toEqual([]);
});

it("shows groups, and what may be done to them where that is asked for", async () => {
  const rig = new Rig();
  const [group] = await rig.describe(["g"]);
  expect(group).toMatchObject({ groupState: "Stable", groupEpoch: 3, assignmentEpoch: 2, assignorName: "uniform" });
  expect(group!.members[0]).toMatchObject({ memberEpoch: 2, memberType: 1, targetAssignment: assigned });
  expect(group!.authorizedOperations).toBe(-2_147_483_648);
  expect((await rig.describe(["g"], true))[0]!.authorizedOperations).toBe(0b110101001000);
  expect((await rig.describe([""]))[0]).toMatchObject({ groupId: "", errorCode: errorCodes.INVALID_GROUP_ID });
});

it("refuses both where the protocol is switched off", async () => {
  const rig = new Rig({ "group.coordinator.rebalance.protocols": "classic" });
  expect(await rig.heartbeat()).toBe(errorCodes.UNSUPPORTED_VERSION);
  expect((await rig.describe(["g"]))[0]).toMatchObject({ groupId: "g", errorCode: errorCodes.UNSUPPORTED_VERSION });
});
