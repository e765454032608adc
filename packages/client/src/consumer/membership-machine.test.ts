import { errorCodes, type JoinGroupResponse, type SyncGroupResponse } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type { EffectOf, MembershipEffect, MembershipEvent, MembershipSettings } from "./membership-events.ts";
import { MembershipMachine } from "./membership-machine.ts";

const settings: MembershipSettings = {
  groupId: "g",
  groupInstanceId: null,
  protocolType: "consumer",
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3_000,
  maxPollIntervalMs: 300_000,
  requestTimeoutMs: 30_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1_000,
};
/** Without jitter: 0.8 + 0.4 * 0.5. */
const random = { float: () => 0.5, integer: () => 0, bytes: (size: number) => Buffer.alloc(size) };
const retriable = { errorCode: null, message: "the connection broke", retriable: true };

/** A member on virtual time: effects are cloned on the way out and events on the way in, as a Worker would. */
class Member {
  readonly machine: MembershipMachine;
  now = 1_000;
  effects: MembershipEffect[] = [];
  /** When the application asked last; null while it waits. */
  polledAt: number | null = null;

  constructor(overrides: Partial<MembershipSettings> = {}) {
    this.machine = new MembershipMachine({ ...settings, ...overrides }, random);
  }

  send(event: MembershipEvent): MembershipEffect[] {
    this.effects = structuredClone(this.machine.handle(structuredClone(event), this.now));
    return this.effects;
  }

  types(): string[] {
    return this.effects.map((effect) => effect.type).filter((type) => type !== "identity");
  }

  last<T extends MembershipEffect["type"]>(type: T): EffectOf<T> {
    const found = this.effects.find((effect) => effect.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.effects.map((effect) => effect.type)}`);
    return found as EffectOf<T>;
  }

  /** Lets time pass, with the timer events that the machine asks for; returns the effects of all of them. */
  pass(ms: number): MembershipEffect[] {
    const end = this.now + ms;
    const effects: MembershipEffect[] = [];
    for (let rounds = 0; this.machine.deadline() <= end; rounds++) {
      if (rounds > 1_000) throw new Error("the timer never rests");
      this.now = Math.max(this.now, this.machine.deadline());
      effects.push(...this.send({ type: "timer", polledAt: this.polledAt ?? this.now }));
    }
    this.now = end;
    this.effects = effects;
    return effects;
  }

  join(response: Partial<JoinGroupResponse> = {}): MembershipEffect[] {
    return this.send({ type: "joinAnswered", id: this.last("join").id, response: joinResponse(response) });
  }

  sync(response: Partial<SyncGroupResponse> = {}): MembershipEffect[] {
    return this.send({ type: "syncAnswered", id: this.last("sync").id, response: syncResponse(response) });
  }

  prepared(): MembershipEffect[] {
    return this.send({ type: "joinPrepared", id: this.last("prepareJoin").id });
  }

  taken(): MembershipEffect[] {
    return this.send({ type: "assignmentTaken", id: this.last("assigned").id });
  }

  beat(errorCode: number): MembershipEffect[] {
    this.pass(3_000);
    return this.send({ type: "heartbeatAnswered", id: this.last("heartbeat").id, errorCode });
  }

  toJoining(): void {
    this.send({ type: "subscribed" });
    this.send({ type: "coordinatorFound", nodeId: 1 });
    this.prepared();
  }

  toSyncing(): void {
    this.toJoining();
    this.join();
  }

  toStable(): void {
    this.toSyncing();
    this.sync();
    this.taken();
  }
}

function joinResponse(response: Partial<JoinGroupResponse>): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    generationId: 5,
    protocolType: "consumer",
    protocolName: "range",
    leader: "other",
    skipAssignment: false,
    memberId: "me",
    members: [],
    ...response,
  };
}

function syncResponse(response: Partial<SyncGroupResponse>): SyncGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    protocolType: "consumer",
    protocolName: "range",
    assignment: Buffer.from("mine"),
    ...response,
  };
}

let member: Member;
beforeEach(() => {
  member = new Member();
});

describe("a member's way in", () => {
  test("finds the coordinator, prepares, joins, syncs, and is stable", () => {
    member.send({ type: "subscribed" });
    expect(member.types()).toEqual(["findCoordinator"]);
    member.send({ type: "coordinatorFound", nodeId: 1 });
    expect(member.last("prepareJoin")).toMatchObject({ scope: "lost" });
    member.prepared();
    expect(member.last("join")).toMatchObject({
      timeoutMs: 305_000,
      request: {
        groupId: "g",
        memberId: "",
        sessionTimeoutMs: 45_000,
        rebalanceTimeoutMs: 300_000,
        protocolType: "consumer",
      },
    });
    member.join();
    expect(member.last("identity").identity).toEqual({ memberId: "me", generationId: 5, standing: "rebalancing" });
    expect(member.last("sync").request).toMatchObject({
      memberId: "me",
      generationId: 5,
      protocolName: "range",
      assignments: [],
    });
    member.sync();
    expect(member.last("assigned")).toMatchObject({ generationId: 5, protocolName: "range", isLeader: false });
    expect(member.last("identity").identity).toEqual({ memberId: "me", generationId: 5, standing: "stable" });
    member.taken();
    expect(member.machine.phase).toBe("stable");
  });

  test("a leader assigns before it syncs", () => {
    member.toJoining();
    const members = [{ memberId: "me", groupInstanceId: null, metadata: Buffer.from("x") }];
    member.join({ leader: "me", members });
    expect(member.last("assign")).toMatchObject({ generationId: 5, protocolName: "range", skipAssignment: false });
    const assignments = [{ memberId: "me", assignment: Buffer.from("all") }];
    member.send({ type: "assignmentMade", id: member.last("assign").id, assignments });
    expect(member.last("sync").request.assignments).toHaveLength(1);
    member.sync();
    expect(member.last("assigned").isLeader).toBe(true);
  });

  test("an assignor that throws is the application's to hear of", () => {
    member.toJoining();
    member.join({ leader: "me" });
    member.send({ type: "assignmentFailed", id: member.last("assign").id, message: "no" });
    expect(member.last("fail").failure).toMatchObject({ message: "no" });
  });

  test("a static member says who it is", () => {
    member = new Member({ groupInstanceId: "i" });
    member.toSyncing();
    expect(member.last("sync").request.groupInstanceId).toBe("i");
  });

  test("without a coordinator it looks again, with growing pauses", () => {
    member.send({ type: "subscribed" });
    member.send({ type: "coordinatorNotFound", failure: retriable });
    expect(member.machine.deadline()).toBe(1_100);
    member.pass(100);
    expect(member.types()).toEqual(["findCoordinator"]);
    member.send({ type: "coordinatorNotFound", failure: retriable });
    expect(member.machine.deadline()).toBe(1_300);
  });

  test.each([
    { after: 44_000, scope: "some" },
    { after: 45_000, scope: "lost" },
  ])("$after ms after a failure, in which nobody has heard of it, what it has is to be let go of as $scope", (row) => {
    member.toStable();
    member.beat(errorCodes.GROUP_AUTHORIZATION_FAILED);
    expect(member.types()).toEqual(["fail"]);
    member.pass(row.after - 3_000);
    member.send({ type: "resumed" });
    expect(member.last("prepareJoin").scope).toBe(row.scope);
  });

  test("a look-up that is refused for good fails, and starts again when the application goes on", () => {
    member.send({ type: "subscribed" });
    member.send({ type: "coordinatorNotFound", failure: { errorCode: 30, message: "no", retriable: false } });
    expect(member.last("fail").failure.errorCode).toBe(30);
    expect(member.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    member.pass(100);
    member.send({ type: "resumed" });
    expect(member.types()).toEqual(["findCoordinator"]);
  });
});

describe("answers to JoinGroup", () => {
  test.each([
    errorCodes.FENCED_INSTANCE_ID,
    errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    errorCodes.INVALID_SESSION_TIMEOUT,
    errorCodes.INVALID_GROUP_ID,
    errorCodes.GROUP_AUTHORIZATION_FAILED,
    errorCodes.GROUP_MAX_SIZE_REACHED,
    errorCodes.UNSUPPORTED_VERSION,
    errorCodes.UNKNOWN_SERVER_ERROR,
    errorCodes.ILLEGAL_GENERATION,
  ])("%i is fatal", (errorCode) => {
    member.toJoining();
    member.join({ errorCode });
    expect(member.types()).toEqual(["fail"]);
    expect(member.last("fail").failure).toMatchObject({ errorCode, retriable: false });
    expect(member.last("fail").failure.message).toMatch(/^JoinGroup: /);
  });

  test.each([errorCodes.COORDINATOR_NOT_AVAILABLE, errorCodes.NOT_COORDINATOR])(
    "%i: another coordinator, after a pause, with what was prepared",
    (errorCode) => {
      member.toJoining();
      member.join({ errorCode });
      expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
      member.send({ type: "coordinatorFound", nodeId: 2 });
      expect(member.types()).toEqual([]);
      member.pass(100);
      expect(member.types()).toEqual(["join"]);
    },
  );

  test.each([errorCodes.COORDINATOR_LOAD_IN_PROGRESS, errorCodes.REQUEST_TIMED_OUT])(
    "%i: the same after a pause",
    (errorCode) => {
      member.toJoining();
      member.join({ errorCode });
      expect(member.types()).toEqual([]);
      member.pass(99);
      expect(member.types()).toEqual([]);
      member.pass(1);
      expect(member.types()).toEqual(["join"]);
    },
  );

  test("UNKNOWN_MEMBER_ID: as a new member, at once", () => {
    member.toStable();
    member.send({ type: "rejoinNeeded", reason: "test" });
    expect(member.last("prepareJoin").scope).toBe("some");
    member.prepared();
    expect(member.last("join").request.memberId).toBe("me");
    member.join({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.prepared();
    expect(member.last("join").request.memberId).toBe("");
  });

  test("MEMBER_ID_REQUIRED: at once with the id", () => {
    member.toJoining();
    member.join({ errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: "given", generationId: -1 });
    expect(member.last("join").request.memberId).toBe("given");
  });

  test("REBALANCE_IN_PROGRESS: at once, but not without end", () => {
    member.toJoining();
    let hasty = 0;
    for (; member.types().includes("join") && hasty < 100; hasty++)
      member.join({ errorCode: errorCodes.REBALANCE_IN_PROGRESS });
    expect(hasty).toBe(11);
    member.pass(100);
    expect(member.types()).toEqual(["join"]);
  });

  test("a group of another type is fatal", () => {
    member.toJoining();
    member.join({ protocolType: "connect" });
    expect(member.last("fail").failure.errorCode).toBe(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  });

  test("no answer: another coordinator, and again", () => {
    member.toJoining();
    member.send({ type: "requestFailed", id: member.last("join").id, failure: retriable });
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
    member.send({ type: "coordinatorFound", nodeId: 1 });
    member.pass(100);
    expect(member.types()).toEqual(["join"]);
  });

  test("no answer while it is a member: the group may have moved on, so that nothing can be kept", () => {
    member.toStable();
    member.send({ type: "rejoinNeeded", reason: "test" });
    expect(member.last("prepareJoin").scope).toBe("some");
    member.prepared();
    expect(member.last("join").generationId).toBe(5);
    member.send({ type: "requestFailed", id: member.last("join").id, failure: retriable });
    member.send({ type: "coordinatorFound", nodeId: 1 });
    expect(member.last("prepareJoin")).toMatchObject({ scope: "all", reason: "test" });
    member.prepared();
    member.pass(100);
    expect(member.last("join")).toMatchObject({ generationId: 5, request: { memberId: "me" } });
    member.join({ generationId: 6 });
    member.sync();
    member.taken();
    member.send({ type: "rejoinNeeded", reason: "test" });
    expect(member.last("prepareJoin").scope).toBe("some");
  });

  test("an answer that has been overtaken is ignored", () => {
    member.toJoining();
    const { id } = member.last("join");
    member.send({ type: "requestFailed", id, failure: retriable });
    member.send({ type: "joinAnswered", id, response: joinResponse({}) });
    expect(member.effects).toEqual([]);
  });
});

describe("answers to SyncGroup", () => {
  test.each([
    errorCodes.FENCED_INSTANCE_ID,
    errorCodes.GROUP_AUTHORIZATION_FAILED,
    errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    errorCodes.UNKNOWN_SERVER_ERROR,
  ])("%i is fatal", (errorCode) => {
    member.toSyncing();
    member.sync({ errorCode });
    expect(member.types()).toEqual(["fail"]);
    expect(member.last("fail").failure.errorCode).toBe(errorCode);
  });

  test("REBALANCE_IN_PROGRESS: joins again at once with the same member id, as of the generation that it has joined", () => {
    member.toSyncing();
    member.sync({ errorCode: errorCodes.REBALANCE_IN_PROGRESS });
    expect(member.last("join")).toMatchObject({ generationId: 5, request: { memberId: "me" } });
  });

  test("UNKNOWN_MEMBER_ID: as a new member", () => {
    member.toSyncing();
    member.sync({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.prepared();
    expect(member.last("join").request.memberId).toBe("");
  });

  test("ILLEGAL_GENERATION: keeps the member id", () => {
    member.toSyncing();
    member.sync({ errorCode: errorCodes.ILLEGAL_GENERATION });
    member.prepared();
    expect(member.last("join").request.memberId).toBe("me");
  });

  test.each([errorCodes.COORDINATOR_NOT_AVAILABLE, errorCodes.NOT_COORDINATOR])(
    "%i: another coordinator, then joins again",
    (errorCode) => {
      member.toSyncing();
      member.sync({ errorCode });
      expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
      member.send({ type: "coordinatorFound", nodeId: 2 });
      member.pass(100);
      expect(member.last("join").request.memberId).toBe("me");
    },
  );

  test("COORDINATOR_LOAD_IN_PROGRESS: joins again after a pause", () => {
    member.toSyncing();
    member.sync({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.pass(100);
    expect(member.types()).toEqual(["join"]);
  });

  test("another protocol than the one that was agreed on is fatal", () => {
    member.toSyncing();
    member.sync({ protocolName: "sticky" });
    expect(member.last("fail").failure.errorCode).toBe(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  });

  test("no answer: joins again", () => {
    member.toSyncing();
    member.send({ type: "requestFailed", id: member.last("sync").id, failure: retriable });
    member.send({ type: "coordinatorFound", nodeId: 1 });
    member.pass(100);
    expect(member.types()).toEqual(["join"]);
  });
});

describe("heartbeats", () => {
  test("go out on their interval, one at a time, while the application is slow", () => {
    member.toStable();
    member.polledAt = member.now;
    const sent: number[] = [];
    for (let n = 0; n < 5; n++) {
      member.pass(3_000);
      sent.push(member.types().filter((type) => type === "heartbeat").length);
      member.send({ type: "heartbeatAnswered", id: member.last("heartbeat").id, errorCode: 0 });
    }
    expect(sent).toEqual([1, 1, 1, 1, 1]);
    member.pass(3_000);
    member.pass(10_000);
    expect(member.types()).toEqual([]);
  });

  test("go out while the application lets go, and while it has yet to take its assignment", () => {
    member.toSyncing();
    member.sync();
    member.beat(0);
    expect(member.machine.phase).toBe("completing");
    member.beat(errorCodes.REBALANCE_IN_PROGRESS);
    expect(member.types()).toEqual(["prepareJoin"]);
    member.beat(errorCodes.REBALANCE_IN_PROGRESS);
    expect(member.types()).toEqual([]);
    expect(member.machine.phase).toBe("preparing");
  });

  test("stop while JoinGroup is under way", () => {
    member.toJoining();
    member.pass(100_000);
    expect(member.types()).toEqual([]);
  });

  test("REBALANCE_IN_PROGRESS: revokes and joins with the same id", () => {
    member.toStable();
    member.beat(errorCodes.REBALANCE_IN_PROGRESS);
    expect(member.last("prepareJoin").scope).toBe("some");
    member.prepared();
    expect(member.last("join").request.memberId).toBe("me");
  });

  test.each([
    [errorCodes.UNKNOWN_MEMBER_ID, ""],
    [errorCodes.ILLEGAL_GENERATION, "me"],
  ])("%i: what it owned is lost; joins again as %j", (errorCode, memberId) => {
    member.toStable();
    member.beat(errorCode);
    expect(member.last("identity").identity.standing).toBe("out");
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.prepared();
    expect(member.last("join").request.memberId).toBe(memberId);
  });

  test("a preparation that was a revocation becomes a loss", () => {
    member.toStable();
    member.beat(errorCodes.REBALANCE_IN_PROGRESS);
    const { id } = member.last("prepareJoin");
    member.beat(errorCodes.UNKNOWN_MEMBER_ID);
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.send({ type: "joinPrepared", id });
    expect(member.effects).toEqual([]);
  });

  test("FENCED_INSTANCE_ID and GROUP_AUTHORIZATION_FAILED are fatal", () => {
    for (const errorCode of [errorCodes.FENCED_INSTANCE_ID, errorCodes.GROUP_AUTHORIZATION_FAILED]) {
      member = new Member({ groupInstanceId: "i" });
      member.toStable();
      member.beat(errorCode);
      expect(member.types()).toEqual(["fail"]);
      expect(member.last("fail").failure.errorCode).toBe(errorCode);
    }
  });

  test.each([errorCodes.COORDINATOR_NOT_AVAILABLE, errorCodes.NOT_COORDINATOR])(
    "%i: another coordinator, and no rebalance",
    (errorCode) => {
      member.toStable();
      member.beat(errorCode);
      expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
      member.send({ type: "coordinatorFound", nodeId: 2 });
      member.pass(100);
      expect(member.types()).toEqual(["heartbeat"]);
      expect(member.machine.phase).toBe("stable");
    },
  );

  test("an answer that nobody knows is tried again soon", () => {
    member.toStable();
    member.beat(errorCodes.UNKNOWN_SERVER_ERROR);
    expect(member.types()).toEqual([]);
    member.pass(100);
    expect(member.types()).toEqual(["heartbeat"]);
  });

  test("no answer: another coordinator, and no rebalance", () => {
    member.toStable();
    member.pass(3_000);
    member.send({ type: "requestFailed", id: member.last("heartbeat").id, failure: retriable });
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
    member.send({ type: "coordinatorFound", nodeId: 1 });
    member.pass(100);
    expect(member.types()).toEqual(["heartbeat"]);
  });

  test("a session without answers looks for the coordinator anew", () => {
    member.toStable();
    member.pass(44_999);
    expect(member.types()).toEqual(["heartbeat"]);
    member.pass(1);
    expect(member.types()).toEqual(["forgetCoordinator", "findCoordinator"]);
  });

  test("while the coordinator is away a rebalance waits, and the application keeps what it has", () => {
    member.toStable();
    member.send({ type: "coordinatorLost", reason: "test" });
    member.send({ type: "rejoinNeeded", reason: "test" });
    expect(member.types()).toEqual([]);
    expect(member.machine.phase).toBe("waiting");
    member.send({ type: "coordinatorFound", nodeId: 1 });
    expect(member.types()).toEqual(["prepareJoin"]);
  });
});

describe("maxPollIntervalMs", () => {
  test("an application that does not ask is taken out, with word of how long it took", () => {
    member = new Member({ maxPollIntervalMs: 10_000 });
    member.toStable();
    member.polledAt = member.now;
    member.pass(9_999);
    expect(member.types()).not.toContain("leave");
    member.pass(1);
    expect(member.last("pollTimedOut").busyMs).toBe(10_000);
    expect(member.last("leave")).toMatchObject({ memberId: "me", overtakes: false });
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.prepared();
    expect(member.last("join").request.memberId).toBe("");
  });

  test("an application that waits is never overdue", () => {
    member = new Member({ maxPollIntervalMs: 1_000 });
    member.toStable();
    member.pass(10_000);
    expect(member.types()).not.toContain("pollTimedOut");
  });

  test("a static member goes without a word", () => {
    member = new Member({ maxPollIntervalMs: 10_000, groupInstanceId: "i" });
    member.toStable();
    member.polledAt = member.now;
    member.pass(10_000);
    expect(member.types()).toContain("pollTimedOut");
    expect(member.types()).not.toContain("leave");
  });
});

describe("a round on top of a round", () => {
  test("while joining it waits until the assignment has been taken", () => {
    member.toJoining();
    const join = member.last("join");
    member.send({ type: "rejoinNeeded", reason: "grown" });
    expect(member.effects).toEqual([]);
    member.send({ type: "joinAnswered", id: join.id, response: joinResponse({}) });
    member.sync();
    member.taken();
    expect(member.last("prepareJoin")).toMatchObject({ scope: "some", reason: "grown" });
  });

  test("once prepared, prepares again", () => {
    member.toJoining();
    member.join({ errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS });
    member.send({ type: "rejoinNeeded", reason: "subscription" });
    expect(member.types()).toEqual(["prepareJoin"]);
  });

  test("an assignment that was not taken in time is overtaken", () => {
    member.toSyncing();
    member.sync();
    const assigned = member.last("assigned");
    member.beat(errorCodes.UNKNOWN_MEMBER_ID);
    expect(member.types()).toEqual(["prepareJoin"]);
    member.send({ type: "assignmentTaken", id: assigned.id });
    expect(member.machine.phase).toBe("preparing");
  });
});

describe("commits that were refused", () => {
  const refused = (errorCode: number, generationId = 5): MembershipEvent => ({
    type: "commitRefused",
    errorCode,
    memberId: "me",
    generationId,
  });

  test("REBALANCE_IN_PROGRESS: another round", () => {
    member.toStable();
    member.send(refused(errorCodes.REBALANCE_IN_PROGRESS));
    expect(member.last("prepareJoin").scope).toBe("some");
  });

  test("UNKNOWN_MEMBER_ID and ILLEGAL_GENERATION: lost", () => {
    for (const errorCode of [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.ILLEGAL_GENERATION]) {
      member = new Member();
      member.toStable();
      member.send(refused(errorCode));
      expect(member.last("prepareJoin").scope).toBe("lost");
    }
  });

  test("of an older generation: nothing", () => {
    member.toStable();
    member.send(refused(errorCodes.ILLEGAL_GENERATION, 4));
    expect(member.effects).toEqual([]);
  });

  test("FENCED_INSTANCE_ID: fatal", () => {
    member.toStable();
    member.send(refused(errorCodes.FENCED_INSTANCE_ID));
    expect(member.types()).toEqual(["fail"]);
  });
});

describe("a static member that the group has gone on without", () => {
  beforeEach(() => {
    member = new Member({ groupInstanceId: "i" });
    member.toStable();
    member.send({ type: "rejoinNeeded", reason: "because" });
    member.prepared();
  });

  test("has lost what it owned, and joins again without it", () => {
    member.join({ generationId: 7 });
    expect(member.types()).toEqual(["prepareJoin"]);
    expect(member.last("prepareJoin").scope).toBe("lost");
    expect(member.last("identity").identity).toMatchObject({ memberId: "me", generationId: -1 });
    member.prepared();
    expect(member.last("join")).toMatchObject({ generationId: -1, request: { memberId: "me" } });
    member.join({ generationId: 9 });
    expect(member.types()).toEqual(["sync"]);
  });

  test.each([
    ["the next generation", { generationId: 6 }],
    ["the same again", { generationId: 5 }],
    ["a later epoch of a group of KIP-848, which has no leader", { generationId: 9, leader: "" }],
  ])("goes on with %s", (_, response) => {
    member.join(response);
    expect(member.types()).toEqual(["sync"]);
  });
});

describe("a static member that another one has taken the place of", () => {
  test("stays fenced when the application goes on, and throws nobody out", () => {
    member = new Member({ groupInstanceId: "i" });
    member.toStable();
    member.beat(errorCodes.FENCED_INSTANCE_ID);
    expect(member.last("fail").failure).toMatchObject({ errorCode: errorCodes.FENCED_INSTANCE_ID, retriable: false });
    expect(member.last("identity").identity.standing).toBe("out");
    member.send({ type: "resumed" });
    expect(member.last("prepareJoin").scope).toBe("lost");
    member.prepared();
    expect(member.last("join")).toMatchObject({ generationId: -1, request: { memberId: "me", groupInstanceId: "i" } });
    member.join({ errorCode: errorCodes.FENCED_INSTANCE_ID, memberId: "me" });
    expect(member.types()).toEqual(["fail"]);
  });

  test("fenced in the middle of a round: what it owned is lost", () => {
    member = new Member({ groupInstanceId: "i" });
    member.toStable();
    member.send({ type: "rejoinNeeded", reason: "test" });
    member.prepared();
    member.join({ errorCode: errorCodes.FENCED_INSTANCE_ID });
    member.send({ type: "resumed" });
    expect(member.last("prepareJoin").scope).toBe("lost");
  });
});

describe("leaving", () => {
  test("tells the coordinator", () => {
    member.toStable();
    member.send({ type: "leave", reason: "closed" });
    expect(member.last("leave")).toMatchObject({ memberId: "me", reason: "closed", overtakes: false });
    expect(member.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(member.last("identity").identity).toEqual({ memberId: "", generationId: -1, standing: "out" });
  });

  test("overtakes a JoinGroup, and its answer changes nothing", () => {
    member.toStable();
    member.send({ type: "rejoinNeeded", reason: "test" });
    member.prepared();
    const { id } = member.last("join");
    member.send({ type: "leave", reason: "closed" });
    expect(member.last("leave").overtakes).toBe(true);
    member.send({ type: "joinAnswered", id, response: joinResponse({}) });
    expect(member.effects).toEqual([]);
  });

  test("says nothing where nobody knows of the member", () => {
    member.toJoining();
    member.send({ type: "leave", reason: "closed" });
    expect(member.types()).toEqual([]);
  });

  test("comes back when it subscribes again", () => {
    member.toStable();
    member.send({ type: "leave", reason: "unsubscribed" });
    member.send({ type: "subscribed" });
    expect(member.types()).toEqual(["prepareJoin"]);
  });
});
