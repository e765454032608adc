import { type ConsumerGroupHeartbeatResponse, errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type {
  ConsumerEffectOf,
  ConsumerMembershipEffect,
  ConsumerMembershipEvent,
  ConsumerMembershipSettings,
  GroupSubscription,
} from "./consumer-membership-events.ts";
import { ConsumerMembershipMachine } from "./consumer-membership-machine.ts";
import type { TopicIdPartitions } from "./topic-id-partitions.ts";

const settings: ConsumerMembershipSettings = {
  groupId: "g",
  groupInstanceId: null,
  rackId: null,
  serverAssignor: null,
  maxPollIntervalMs: 300_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1_000,
};
/** Without jitter: 0.8 + 0.4 * 0.5. */
const random = { float: () => 0.5, integer: () => 0, bytes: (size: number) => Buffer.alloc(size) };
const subscription: GroupSubscription = { topicNames: ["orders"], topicPattern: null };
const broken = { errorCode: null, message: "the connection broke", retriable: true };
const intervalMs = 5_000;

function of(topicId: string, ...partitions: number[]): TopicIdPartitions {
  return [{ topicId, partitions }];
}

/** A member on virtual time: effects are cloned on the way out and events on the way in, as a Worker would. */
class Member {
  readonly machine: ConsumerMembershipMachine;
  now = 1_000;
  effects: ConsumerMembershipEffect[] = [];
  /** When the application asked last; null while it waits. */
  polledAt: number | null = null;

  constructor(overrides: Partial<ConsumerMembershipSettings> = {}) {
    this.machine = new ConsumerMembershipMachine({ ...settings, ...overrides }, random, "me");
  }

  send(event: ConsumerMembershipEvent): ConsumerMembershipEffect[] {
    this.effects = structuredClone(this.machine.handle(structuredClone(event), this.now));
    return this.effects;
  }

  types(): string[] {
    return this.effects.map((effect) => effect.type).filter((type) => type !== "identity");
  }

  last<T extends ConsumerMembershipEffect["type"]>(type: T): ConsumerEffectOf<T> {
    const found = this.effects.findLast((effect) => effect.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.effects.map((effect) => effect.type)}`);
    return found as ConsumerEffectOf<T>;
  }

  /** Lets time pass, with the timer events that the machine asks for; returns the effects of all of them. */
  pass(ms: number): ConsumerMembershipEffect[] {
    const end = this.now + ms;
    const effects: ConsumerMembershipEffect[] = [];
    for (let rounds = 0; this.machine.deadline() <= end; rounds++) {
      if (rounds > 1_000) throw new Error("the timer never rests");
      this.now = Math.max(this.now, this.machine.deadline());
      effects.push(...this.send({ type: "timer", polledAt: this.polledAt ?? this.now }));
    }
    this.now = end;
    this.effects = effects;
    return effects;
  }

  prepared(wanted = subscription): ConsumerMembershipEffect[] {
    return this.send({ type: "joinPrepared", id: this.last("prepareJoin").id, subscription: wanted });
  }

  answer(response: Partial<ConsumerGroupHeartbeatResponse> = {}): ConsumerMembershipEffect[] {
    return this.answerTo(this.last("heartbeat"), response);
  }

  answerTo({ id }: ConsumerEffectOf<"heartbeat">, response: Partial<ConsumerGroupHeartbeatResponse> = {}) {
    return this.send({ type: "heartbeatAnswered", id, response: heartbeatResponse(response) });
  }

  target(memberEpoch: number, target: TopicIdPartitions): ConsumerMembershipEffect[] {
    return this.answer({ memberEpoch, assignment: assignmentOf(target) });
  }

  reconciled({ id, target }: ConsumerEffectOf<"reconcile"> = this.last("reconcile"), owned = target) {
    return this.send({ type: "reconciled", id, owned });
  }

  toJoining(wanted = subscription): void {
    this.send({ type: "subscribed" });
    const prepare = this.last("prepareJoin");
    this.send({ type: "coordinatorFound", nodeId: 1 });
    this.effects = [prepare];
    this.prepared(wanted);
  }

  /** Has partitions 0 and 1 of topic A, and nothing is due but the next heartbeat. */
  toStable(): void {
    this.toJoining();
    this.target(1, of("A", 0, 1));
    this.reconciled();
    this.answer();
  }

  /** Answers the next heartbeat. */
  beat(response: Partial<ConsumerGroupHeartbeatResponse> = {}): ConsumerMembershipEffect[] {
    this.pass(intervalMs);
    return this.answer(response);
  }
}

function assignmentOf(target: TopicIdPartitions): ConsumerGroupHeartbeatResponse["assignment"] {
  return { topicPartitions: target.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })) };
}

function heartbeatResponse(response: Partial<ConsumerGroupHeartbeatResponse>): ConsumerGroupHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: "me",
    memberEpoch: 1,
    heartbeatIntervalMs: intervalMs,
    assignment: null,
    ...response,
  };
}

let member: Member;
beforeEach(() => {
  member = new Member();
});

describe("a member's way in", () => {
  test("joins with epoch 0 and all there is to say, once the application has asked and the coordinator is known", () => {
    member.send({ type: "subscribed" });
    expect(member.types()).toEqual(["prepareJoin", "findCoordinator"]);
    member.prepared();
    expect(member.types()).toEqual([]);
    member.send({ type: "coordinatorFound", nodeId: 1 });
    expect(member.last("heartbeat").request).toEqual({
      groupId: "g",
      memberId: "me",
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: 300_000,
      subscribedTopicNames: ["orders"],
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: [],
    });
    expect(member.machine.deadline()).toBe(1_000 + 300_000);
    member.answer({ memberEpoch: 3 });
    expect(member.last("identity").identity).toEqual({
      memberId: "me",
      generationId: 3,
      standing: "stable",
      stay: 1,
    });
    expect(member.machine.deadline()).toBe(1_000 + intervalMs);
  });

  test("names instance, rack and assignor", () => {
    member = new Member({ groupInstanceId: "i", rackId: "r", serverAssignor: "range" });
    member.toJoining({ topicNames: [], topicPattern: "a.*" });
    expect(member.last("heartbeat").request).toMatchObject({
      instanceId: "i",
      rackId: "r",
      serverAssignor: "range",
      subscribedTopicNames: [],
      subscribedTopicRegex: "a.*",
    });
  });

  test("says afterwards only what has changed, and acknowledges what it has been given at once", () => {
    member.toJoining();
    member.target(1, of("A", 1, 0));
    expect(member.last("reconcile").target).toEqual(of("A", 0, 1));
    expect(member.types()).toEqual(["reconcile"]);
    member.now += 1;
    member.reconciled();
    const { request } = member.last("heartbeat");
    expect(request).toMatchObject({ memberEpoch: 1, rebalanceTimeoutMs: -1, topicPartitions: of("A", 0, 1) });
    expect(request).toMatchObject({ subscribedTopicNames: null, serverAssignor: null, rackId: null });
    member.answer();
    expect(member.types()).toEqual([]);
    member.pass(intervalMs);
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 1, topicPartitions: null });
  });

  test("goes by the interval of the last answer", () => {
    member.toStable();
    member.pass(intervalMs);
    member.answer({ heartbeatIntervalMs: 1_000 });
    expect(member.machine.deadline()).toBe(member.now + 1_000);
    member.pass(1_000);
    expect(member.types()).toEqual(["heartbeat"]);
  });

  test("tries again with a growing pause while the coordinator is loading", () => {
    member.toJoining();
    member.answer({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    expect(member.types()).toEqual([]);
    member.pass(99);
    expect(member.types()).toEqual([]);
    member.pass(1);
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 0, subscribedTopicNames: ["orders"] });
    member.answer({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.pass(199);
    expect(member.types()).toEqual([]);
    member.pass(1);
    expect(member.types()).toEqual(["heartbeat"]);
  });
});

describe("reconciliation", () => {
  test("tells of partitions that are gone, then of those that have come", () => {
    member.toStable();
    member.beat({ memberEpoch: 1, assignment: assignmentOf(of("A", 0)) });
    member.reconciled();
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
    member.answer({ memberEpoch: 2 });
    expect(member.last("identity").identity.generationId).toBe(2);
    member.beat({ memberEpoch: 2, assignment: assignmentOf(of("A", 0, 5)) });
    member.reconciled();
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 2, topicPartitions: of("A", 0, 5) });
  });

  test("acknowledges what was done when the target changes in the middle, and goes on to the new one", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    const first = member.last("reconcile");
    member.beat({ memberEpoch: 2, assignment: assignmentOf(of("A", 0, 2)) });
    const second = member.last("reconcile");
    member.reconciled(first);
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 2, topicPartitions: of("A", 0) });
    member.answer({ memberEpoch: 2 });
    member.reconciled(second);
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0, 2));
  });

  test("acknowledges even where nothing has changed in the end", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    member.beat({ assignment: assignmentOf(of("A", 0, 1)) });
    member.reconciled();
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0, 1));
  });

  test("does not begin again for a target that is repeated", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 1, 0)) });
    expect(member.types()).toEqual([]);
  });

  test("waits for the answer to a heartbeat before it acknowledges", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    const { effects } = member;
    member.pass(intervalMs);
    const inFlight = member.last("heartbeat");
    member.effects = effects;
    member.reconciled();
    expect(member.types()).toEqual([]);
    member.answerTo(inFlight);
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
  });

  test("takes in topics that have no name yet once they have one", () => {
    member.toJoining();
    const target = [...of("A", 0), ...of("B", 0)];
    member.target(1, target);
    member.reconciled(undefined, of("A", 0));
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
    member.answer();
    member.send({ type: "topicsResolved" });
    expect(member.last("reconcile").target).toEqual(target);
    member.reconciled();
    expect(member.last("heartbeat").request.topicPartitions).toEqual(target);
    member.answer();
    member.send({ type: "topicsResolved" });
    expect(member.types()).toEqual([]);
  });

  test("goes on while heartbeats do", () => {
    member.toJoining();
    member.target(1, of("A", 0));
    const reconcile = member.last("reconcile");
    for (let n = 0; n < 3; n++) member.beat();
    member.reconciled(reconcile);
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
  });
});

describe("what the coordinator may not have heard", () => {
  test("is said again in full after an error, with what was last acknowledged", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    const reconcile = member.last("reconcile");
    member.beat({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.pass(100);
    expect(member.last("heartbeat").request).toMatchObject({
      memberEpoch: 1,
      rebalanceTimeoutMs: 300_000,
      subscribedTopicNames: ["orders"],
      topicPartitions: of("A", 0, 1),
    });
    member.answer({ assignment: assignmentOf(of("A", 0)) });
    expect(member.types()).toEqual([]);
    member.reconciled(reconcile);
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
  });

  test("is said again in full after a broken connection, at the coordinator that is found then", () => {
    member.toStable();
    member.pass(intervalMs);
    const { id } = member.last("heartbeat");
    member.send({ type: "requestFailed", id, failure: broken });
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
    member.send({ type: "coordinatorFound", nodeId: 2 });
    member.pass(100);
    expect(member.last("heartbeat").request).toMatchObject({
      memberEpoch: 1,
      subscribedTopicNames: ["orders"],
      topicPartitions: of("A", 0, 1),
    });
    expect(member.machine.phase).toBe("member");
  });

  test("is said in full at a coordinator that a commit sent us to", () => {
    member.toStable();
    member.send({ type: "coordinatorLost", reason: "OffsetCommit answered NOT_COORDINATOR" });
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
    member.send({ type: "coordinatorFound", nodeId: 2 });
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 1, topicPartitions: of("A", 0, 1) });
  });

  test.each(["NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE"] as const)("is looked for anew after %s", (name) => {
    member.toStable();
    member.beat({ errorCode: errorCodes[name] });
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
    member.send({ type: "coordinatorNotFound", failure: broken });
    expect(member.types()).toEqual([]);
    member.pass(100);
    expect(member.types()).toEqual(["findCoordinator"]);
  });
});

describe("what is urgent", () => {
  test("goes out as soon as a heartbeat that failed before has been answered", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    const { effects } = member;
    member.beat({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.pass(100);
    const second = member.last("heartbeat");
    member.effects = effects;
    member.reconciled();
    expect(member.types()).toEqual([]);
    member.answerTo(second, { assignment: assignmentOf(of("A", 0)) });
    expect(member.last("heartbeat").request.topicPartitions).toEqual(of("A", 0));
  });

  test("is not forgotten when the coordinator is lost while a second try to join is on its way", () => {
    member.toJoining();
    member.answer({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.pass(100);
    expect(member.types()).toEqual(["heartbeat"]);
    member.send({ type: "coordinatorLost", reason: "gone" });
    member.send({ type: "coordinatorFound", nodeId: 2 });
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 0, topicPartitions: [] });
  });
});

describe("fenced", () => {
  test.each(["FENCED_MEMBER_EPOCH", "UNKNOWN_MEMBER_ID", "GROUP_ID_NOT_FOUND"] as const)(
    "by %s, what it has is lost, and it joins anew with epoch 0 when the application has let go",
    (name) => {
      member.toStable();
      member.beat({ errorCode: errorCodes[name] });
      expect(member.types()).toEqual(["prepareJoin"]);
      expect(member.effects[0]).toEqual({
        type: "identity",
        identity: { memberId: "", generationId: -1, standing: "out", stay: 2 },
      });
      const { effects } = member;
      member.pass(600_000);
      expect(member.types()).toEqual([]);
      member.effects = effects;
      member.prepared();
      expect(member.last("heartbeat").request).toMatchObject({
        memberId: "me",
        memberEpoch: 0,
        topicPartitions: [],
        rebalanceTimeoutMs: 300_000,
        subscribedTopicNames: ["orders"],
      });
    },
  );

  test("does not acknowledge what was reconciled for an earlier stay", () => {
    member.toStable();
    member.beat({ assignment: assignmentOf(of("A", 0)) });
    const reconcile = member.last("reconcile");
    member.beat({ errorCode: errorCodes.FENCED_MEMBER_EPOCH });
    member.prepared();
    member.target(5, of("A", 3));
    const { effects } = member;
    member.reconciled(reconcile);
    expect(member.types()).toEqual([]);
    member.effects = effects;
    member.reconciled();
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 5, topicPartitions: of("A", 3) });
  });

  test("takes the same target as before for a new one", () => {
    member.toStable();
    member.beat({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
    member.prepared();
    member.target(4, of("A", 0, 1));
    expect(member.types()).toEqual(["reconcile"]);
  });

  test("pauses where joining at once has not helped for a while", () => {
    member.toJoining();
    for (let n = 0; n < 10; n++) {
      member.answer({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
      member.prepared();
      expect(member.types()).toEqual(["heartbeat"]);
    }
    member.answer({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
    member.prepared();
    expect(member.types()).toEqual([]);
    member.pass(100);
    expect(member.types()).toEqual(["heartbeat"]);
  });

  test("ignores the answer to a heartbeat of before", () => {
    member.toStable();
    member.pass(intervalMs);
    const old = member.last("heartbeat");
    member.send({ type: "coordinatorLost", reason: "gone" });
    member.send({ type: "coordinatorFound", nodeId: 1 });
    expect(member.types()).toEqual(["heartbeat"]);
    member.answerTo(old, { errorCode: errorCodes.FENCED_MEMBER_EPOCH });
    expect(member.types()).toEqual([]);
    expect(member.machine.phase).toBe("member");
  });
});

describe("what the application has to hear of", () => {
  test.each([
    ["GROUP_AUTHORIZATION_FAILED", "it said so"],
    ["GROUP_MAX_SIZE_REACHED", "it said so"],
    ["INVALID_REQUEST", "it said so"],
    ["UNSUPPORTED_ASSIGNOR", "groupRemoteAssignor"],
    ["UNRELEASED_INSTANCE_ID", "groupInstanceId"],
    ["FENCED_INSTANCE_ID", "groupInstanceId"],
    ["INVALID_REGULAR_EXPRESSION", "RE2"],
    [
      "UNSUPPORTED_VERSION",
      'set groupProtocol to "classic", or use brokers of Kafka 4.0 or later with the feature group.version at 1',
    ],
    ["GROUP_ID_NOT_FOUND", "group.consumer.migration.policy"],
    ["UNKNOWN_SERVER_ERROR", "it said so"],
  ] as const)("%s ends all until the application goes on", (name, text) => {
    member.toJoining();
    member.answer({ errorCode: errorCodes[name], errorMessage: "it said so" });
    expect(member.types()).toEqual(["fail"]);
    const { failure } = member.last("fail");
    expect(failure).toMatchObject({ errorCode: errorCodes[name], retriable: false });
    expect(failure.message).toContain(text);
    expect(failure.message).toContain("it said so");
    expect(member.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    member.send({ type: "resumed" });
    expect(member.types()).toEqual(["prepareJoin"]);
    member.prepared();
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 0, topicPartitions: [] });
  });

  test("a member that cannot go on leaves, so that its partitions need not wait for its session to end", () => {
    member.toStable();
    member.send({ type: "subscriptionChanged", subscription: { topicNames: [], topicPattern: "(" } });
    member.answer({ errorCode: errorCodes.INVALID_REGULAR_EXPRESSION });
    expect(member.types()).toEqual(["leave", "fail"]);
    expect(member.last("leave").request).toMatchObject({ memberEpoch: -1 });
    expect(member.last("identity").identity.standing).toBe("out");
  });

  test("a topic that may not be read is told, and the membership goes on", () => {
    member.toStable();
    member.beat({ errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED });
    expect(member.types()).toEqual(["tell"]);
    member.pass(100);
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 1, topicPartitions: of("A", 0, 1) });
  });

  test("a broker without the API is said to be one", () => {
    member.toJoining();
    const failure = {
      errorCode: errorCodes.UNSUPPORTED_VERSION,
      message: "broker 1 does not serve it",
      retriable: false,
    };
    member.send({ type: "requestFailed", id: member.last("heartbeat").id, failure });
    expect(member.last("fail").failure.message).toMatch(/broker 1 does not serve it.*set groupProtocol to "classic"/);
  });

  test("a pattern for the server that it does not know is said to be the reason", () => {
    member.toJoining({ topicNames: [], topicPattern: "a.*" });
    const failure = { errorCode: errorCodes.UNSUPPORTED_VERSION, message: "version 1 is needed", retriable: false };
    member.send({ type: "requestFailed", id: member.last("heartbeat").id, failure });
    expect(member.last("fail").failure.message).toContain("SubscriptionPattern");
  });

  test("a coordinator that cannot be found for good", () => {
    member.send({ type: "subscribed" });
    const failure = { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED, message: "not allowed", retriable: false };
    member.send({ type: "coordinatorNotFound", failure });
    expect(member.types()).toEqual(["fail"]);
  });
});

describe("the subscription", () => {
  test("is told at once when it changes, and only then", () => {
    member.toStable();
    member.send({ type: "subscriptionChanged", subscription: { topicNames: ["a", "b"], topicPattern: null } });
    const { request } = member.last("heartbeat");
    expect(request).toMatchObject({ subscribedTopicNames: ["a", "b"], subscribedTopicRegex: null });
    expect(request).toMatchObject({ topicPartitions: null, rebalanceTimeoutMs: -1 });
    member.answer();
    member.pass(intervalMs);
    expect(member.last("heartbeat").request.subscribedTopicNames).toBeNull();
  });

  test("goes from names to a pattern and back", () => {
    member.toStable();
    member.send({ type: "subscriptionChanged", subscription: { topicNames: [], topicPattern: "a.*" } });
    expect(member.last("heartbeat").request).toMatchObject({ subscribedTopicNames: [], subscribedTopicRegex: "a.*" });
    member.answer();
    member.send({ type: "subscriptionChanged", subscription });
    const { request } = member.last("heartbeat");
    expect(request).toMatchObject({ subscribedTopicNames: ["orders"], subscribedTopicRegex: "" });
    member.answer();
    member.pass(intervalMs);
    expect(member.last("heartbeat").request).toMatchObject({ subscribedTopicNames: null, subscribedTopicRegex: null });
  });
});

describe("the application does not ask", () => {
  test("the member leaves, says so, and joins again at the next ask", () => {
    member.toStable();
    member.polledAt = member.now;
    for (let n = 0; n < 59; n++) member.beat();
    member.pass(intervalMs);
    expect(member.types()).toEqual(["pollTimedOut", "leave", "prepareJoin"]);
    expect(member.last("leave").request).toMatchObject({ memberId: "me", memberEpoch: -1 });
    expect(member.last("pollTimedOut").busyMs).toBe(300_000);
    member.prepared();
    expect(member.last("heartbeat").request).toMatchObject({ memberEpoch: 0, topicPartitions: [] });
  });

  test("a static member keeps its place for its session", () => {
    member = new Member({ groupInstanceId: "i" });
    member.toStable();
    member.polledAt = member.now;
    for (let n = 0; n < 59; n++) member.beat();
    member.pass(intervalMs);
    expect(member.last("leave").request).toMatchObject({ memberEpoch: -2, instanceId: "i" });
  });

  test("counts while it is still joining", () => {
    member.toJoining();
    member.polledAt = member.now;
    member.pass(300_000);
    expect(member.types()).toEqual(["pollTimedOut", "leave", "prepareJoin"]);
  });

  test("does not count while nothing is in flight that makes it a member", () => {
    member.send({ type: "subscribed" });
    member.send({ type: "coordinatorFound", nodeId: 1 });
    member.polledAt = member.now;
    expect(member.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("leaving", () => {
  test("says so with epoch -1 and keeps its id for later", () => {
    member.toStable();
    member.send({ type: "leave" });
    expect(member.types()).toEqual(["leave"]);
    expect(member.last("leave").request).toEqual({
      groupId: "g",
      memberId: "me",
      memberEpoch: -1,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
    });
    expect(member.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    member.send({ type: "subscribed" });
    member.prepared();
    expect(member.last("heartbeat").request).toMatchObject({ memberId: "me", memberEpoch: 0 });
  });

  test("says so with epoch -2 where it has a name of its own", () => {
    member = new Member({ groupInstanceId: "i" });
    member.toStable();
    member.send({ type: "leave" });
    expect(member.last("leave").request).toMatchObject({ memberEpoch: -2, instanceId: "i" });
  });

  test("says so while the answer to its joining is still to come", () => {
    member.toJoining();
    const join = member.last("heartbeat");
    member.send({ type: "leave" });
    expect(member.types()).toEqual(["leave"]);
    member.answerTo(join, { memberEpoch: 1, assignment: assignmentOf(of("A", 0)) });
    expect(member.types()).toEqual([]);
    expect(member.machine.phase).toBe("out");
  });

  test("says nothing where the coordinator does not know of it, or is not known itself", () => {
    member.send({ type: "subscribed" });
    member.send({ type: "leave" });
    expect(member.types()).toEqual([]);
    member = new Member();
    member.toStable();
    member.send({ type: "coordinatorLost", reason: "gone" });
    member.send({ type: "leave" });
    expect(member.types()).toEqual([]);
  });
});
