/** A member against a coordinator that is not to be relied on: whatever happens, it is in the group again once all is well, has what it shall have, and has said so. */
import { type ConsumerGroupHeartbeatRequest, type ConsumerGroupHeartbeatResponse, errorCodes } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import type { ConsumerMembershipEffect, ConsumerMembershipEvent } from "./consumer-membership-events.ts";
import { ConsumerMembershipMachine } from "./consumer-membership-machine.ts";
import { normalised, samePartitions, type TopicIdPartitions } from "./topic-id-partitions.ts";

const settings = {
  groupId: "g",
  groupInstanceId: null,
  rackId: null,
  serverAssignor: null,
  maxPollIntervalMs: 10_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1_000,
};
const errors = [
  errorCodes.NOT_COORDINATOR,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.FENCED_MEMBER_EPOCH,
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.TOPIC_AUTHORIZATION_FAILED,
  errorCodes.GROUP_MAX_SIZE_REACHED,
];
const broken = { errorCode: null, message: "the connection broke", retriable: true };

/** What a coordinator keeps of its one member. It revokes before it assigns, as the real one does. */
class Coordinator {
  epoch = 0;
  target: TopicIdPartitions = [];
  names: string | null = null;
  /** What the member said that it has; null while it is none. */
  owned: TopicIdPartitions | null = null;
  #told = "";

  answer(request: ConsumerGroupHeartbeatRequest): Partial<ConsumerGroupHeartbeatResponse> {
    const isFull = request.rebalanceTimeoutMs !== -1;
    if (request.memberEpoch < 0) {
      this.owned = null;
      return { memberEpoch: request.memberEpoch };
    }
    if (request.memberEpoch === 0) {
      expect(isFull, "a heartbeat that joins says everything").toBe(true);
      expect(request.topicPartitions).toEqual([]);
      this.epoch++;
      this.#told = "";
    } else if (this.owned === null) {
      return { errorCode: errorCodes.UNKNOWN_MEMBER_ID };
    } else if (request.memberEpoch > this.epoch) {
      return { errorCode: errorCodes.FENCED_MEMBER_EPOCH };
    }
    if (request.subscribedTopicNames !== null) this.names = request.subscribedTopicNames.join();
    if (request.topicPartitions !== null) this.owned = normalised(request.topicPartitions);
    const target = JSON.stringify(this.target);
    const isNews = isFull || target !== this.#told;
    this.#told = target;
    const topicPartitions = this.target.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }));
    return { memberEpoch: this.epoch, assignment: isNews ? { topicPartitions } : null };
  }
}

class Run {
  readonly random;
  readonly machine: ConsumerMembershipMachine;
  readonly coordinator = new Coordinator();
  now = 0;
  inFlight = 0;
  polledAt = 0;
  isKind = false;
  subscription = "a";
  connectionFreeAt = 0;
  /** The application does one thing at a time. */
  isBusy = false;
  /** What happens at a time to come. */
  readonly agenda: { at: number; act: () => void }[] = [];
  task: Extract<ConsumerMembershipEffect, { type: "prepareJoin" | "reconcile" }> | null = null;
  hasFailed = false;
  steps = 0;

  constructor(seed: number) {
    this.random = simRandom(`member ${seed}`);
    this.machine = new ConsumerMembershipMachine(settings, this.random, "me");
  }

  send(event: ConsumerMembershipEvent): void {
    for (const effect of this.machine.handle(event, this.now)) this.carryOut(effect);
  }

  soon(act: () => void, most = 300): void {
    this.agenda.push({ at: this.now + 1 + this.random.integer(most), act });
    this.agenda.sort((a, b) => a.at - b.at);
  }

  connection(act: () => void): void {
    this.connectionFreeAt = Math.max(this.now, this.connectionFreeAt) + 1 + this.random.integer(100);
    this.agenda.push({ at: this.connectionFreeAt, act });
    this.agenda.sort((a, b) => a.at - b.at);
  }

  luck(oneIn: number): boolean {
    return !this.isKind && this.random.integer(oneIn) === 0;
  }

  carryOut(effect: ConsumerMembershipEffect): void {
    if (effect.type === "findCoordinator") {
      const found = this.luck(4)
        ? ({ type: "coordinatorNotFound", failure: broken } as const)
        : ({ type: "coordinatorFound", nodeId: 1 } as const);
      this.soon(() => this.send(found));
    } else if (effect.type === "heartbeat") {
      this.beat(effect.id, effect.request);
    } else if (effect.type === "leave") {
      this.connection(() => this.coordinator.answer(effect.request));
    } else if (effect.type === "prepareJoin" || effect.type === "reconcile") {
      this.task = effect;
    } else if (effect.type === "fail") {
      this.hasFailed = true;
    }
  }

  beat(id: number, request: ConsumerGroupHeartbeatRequest): void {
    this.inFlight++;
    // On one connection, so in order; those that nobody waits for any more must do no harm.
    const arrives = !this.luck(8);
    const errorCode = this.luck(8) ? errors[this.random.integer(errors.length)]! : 0;
    const isLost = this.luck(8);
    this.connection(() => {
      this.inFlight--;
      const answer = arrives && errorCode === 0 ? this.coordinator.answer(request) : { errorCode };
      if (!arrives || isLost) {
        this.send({ type: "requestFailed", id, failure: broken });
        return;
      }
      const fixed = { throttleTimeMs: 0, errorCode: 0, errorMessage: null, memberId: "me", memberEpoch: 0 };
      const response = { ...fixed, heartbeatIntervalMs: 500, assignment: null, ...answer };
      this.send({ type: "heartbeatAnswered", id, response });
    });
  }

  wanted() {
    return { topicNames: [this.subscription], topicPattern: null };
  }

  /** The application asks: does what waits for it. */
  ask(): void {
    this.polledAt = this.now;
    if (this.hasFailed) {
      this.hasFailed = false;
      this.send({ type: "resumed" });
    }
    const { task } = this;
    if (task === null || this.isBusy) return;
    this.task = null;
    this.isBusy = true;
    this.soon(() => {
      this.isBusy = false;
      if (task.type === "prepareJoin") this.send({ type: "joinPrepared", id: task.id, subscription: this.wanted() });
      else this.reconciled(task.id, task.target);
    });
  }

  /** At times a topic's name is not known at first. */
  reconciled(id: number, target: TopicIdPartitions): void {
    const isUnknown = this.luck(4);
    this.send({ type: "reconciled", id, owned: target.filter(({ topicId }) => !isUnknown || topicId !== "B") });
    if (isUnknown) this.soon(() => this.send({ type: "topicsResolved" }), 3_000);
  }

  mischief(): void {
    switch (this.random.integer(8)) {
      case 0:
        this.coordinator.target = normalised([
          { topicId: "A", partitions: [0, 1, 2, 3].filter(() => this.random.integer(2) === 0) },
          { topicId: "B", partitions: [0, 1].filter(() => this.random.integer(2) === 0) },
        ]);
        break;
      case 1:
        this.coordinator.epoch++;
        break;
      case 2:
        this.subscription = `topic ${this.random.integer(3)}`;
        this.send({ type: "subscriptionChanged", subscription: this.wanted() });
        break;
      case 3:
        this.send({ type: "coordinatorLost", reason: "a commit said so" });
        break;
      case 4:
        this.coordinator.owned = null;
        break;
      case 5:
        this.polledAt -= this.random.integer(4) === 0 ? 20_000 : 0;
        break;
      default:
    }
  }

  step(): void {
    const at = Math.min(this.machine.deadline(), this.agenda[0]?.at ?? Number.POSITIVE_INFINITY, this.now + 200);
    this.now = Math.max(this.now, at);
    if (this.machine.deadline() <= this.now) this.send({ type: "timer", polledAt: this.polledAt });
    while (this.agenda[0] !== undefined && this.agenda[0].at <= this.now) this.agenda.shift()!.act();
    if (this.random.integer(3) === 0) this.ask();
    if (++this.steps % 5 === 0 && !this.isKind) this.mischief();
  }
}

describe("a member and a coordinator that is not to be relied on", () => {
  it.each(Array.from({ length: 25 }, (_, n) => n))("end well (seed %i)", (seed) => {
    const run = new Run(seed);
    run.send({ type: "subscribed" });
    for (let round = 0; round < 20; round++) {
      run.isKind = false;
      for (let n = 0; n < 100; n++) run.step();
      run.isKind = true;
      const end = run.now + 30_000;
      while (run.now < end) run.step();
      expect(run.machine.phase).toBe("member");
      expect(run.inFlight).toBeLessThanOrEqual(1);
      const { coordinator } = run;
      expect(samePartitions(coordinator.owned ?? [], coordinator.target), `round ${round}`).toBe(true);
      expect(coordinator.names).toBe(run.subscription);
    }
    // Half a second apart, give or take what is on its way: neither a rush nor a silence.
    const before = run.steps;
    const end = run.now + 60_000;
    while (run.now < end) run.step();
    expect(run.steps - before).toBeLessThan(800);
    run.send({ type: "leave" });
    const last = run.now + 1_000;
    while (run.now < last) run.step();
    expect(run.coordinator.owned).toBeNull();
  });
});
