import { type ConsumerGroupHeartbeatResponse, errorName } from "@ottla/protocol";
import type { Random } from "@ottla/runtime";
import { backoffMs } from "../request.ts";
import type {
  ConsumerEventOf,
  ConsumerMembershipEffect,
  ConsumerMembershipEvent,
  ConsumerMembershipPhase,
  ConsumerMembershipSettings,
  GroupSubscription,
} from "./consumer-membership-events.ts";
import { HeartbeatWriter, joinEpoch } from "./consumer-membership-requests.ts";
import { heartbeatFailure, heartbeatVerdict } from "./consumer-membership-verdicts.ts";
import { CoordinatorSearch } from "./coordinator-search.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Failure, MembershipIdentity } from "./membership-events.ts";
import { sameIdentity } from "./membership-identity.ts";
import { RoundPacing } from "./round-pacing.ts";
import { normalised, samePartitions, type TopicIdPartitions } from "./topic-id-partitions.ts";

/**
 * The rules of a member of a group with the consumer protocol (KIP-848), after Kafka's `ConsumerMembershipManager` and `ConsumerHeartbeatRequestManager`: `handle` takes an
 * event and the time (monotonic, ms) and says what to do; `deadline` says when it wants a `timer` event. It knows no clock, no socket and no application.
 *
 * There is one request, the heartbeat. It joins with epoch 0 and all there is to say; the answers bring the member's epoch and what it shall have (the target). The
 * application moves from what it has to the target, and the heartbeat that says so is sent at once. Whatever the coordinator may not have heard is said again.
 */
export class ConsumerMembershipMachine {
  readonly #settings: ConsumerMembershipSettings;
  readonly #random: Random;
  readonly #heartbeat: Heartbeat;
  readonly #writer: HeartbeatWriter;
  readonly #pacing: RoundPacing;
  readonly #coordinator = new CoordinatorSearch();
  readonly #pause = (failures: number) =>
    backoffMs(this.#settings.retryBackoffMs, this.#settings.retryBackoffMaxMs, failures, this.#random);
  #effects: ConsumerMembershipEffect[] = [];
  #now = 0;

  #phase: ConsumerMembershipPhase = "out";
  /** Kept for as long as the consumer lives, as the protocol wants it. */
  readonly #memberId: string;
  #memberEpoch = joinEpoch;
  /** How often this member has begun to join: what it had before is not what it has now. */
  #stay = 0;
  #identity: MembershipIdentity = { memberId: "", generationId: -1, standing: "out", stay: 0 };
  #subscription: GroupSubscription = { topicNames: [], topicPattern: null };
  /** Whether the coordinator may know of this member since it began to join. */
  #hasKnocked = false;

  /** What the coordinator wants this member to have; null before it has said so. */
  #target: TopicIdPartitions | null = null;
  /** What the application has, as of the last reconciliation that it came to the end of. */
  #owned: TopicIdPartitions = [];
  #ownedVersion = 0;

  #lastId = 0;
  /** The `prepareJoin` that waits for its answer. */
  #awaited = 0;
  /** Reconciliations before this one are of an earlier stay. */
  #firstOfStay = 0;

  /** `memberId`: made by the client, once (KIP-1082). */
  constructor(settings: ConsumerMembershipSettings, random: Random, memberId: string) {
    this.#settings = settings;
    this.#random = random;
    this.#memberId = memberId;
    // The coordinator says how often; until then every heartbeat has a reason of its own. The session is the coordinator's business altogether.
    const never = Number.POSITIVE_INFINITY;
    this.#heartbeat = new Heartbeat({ ...settings, heartbeatIntervalMs: never, sessionTimeoutMs: never });
    this.#writer = new HeartbeatWriter(settings);
    this.#pacing = new RoundPacing(this.#pause);
  }

  get phase(): ConsumerMembershipPhase {
    return this.#phase;
  }

  /** Takes one event in and returns what to do about it, in order. */
  handle(event: ConsumerMembershipEvent, now: number): ConsumerMembershipEffect[] {
    this.#now = now;
    this.#effects = [];
    this.#take(event);
    this.#proceed();
    this.#tellIdentity();
    return this.#effects;
  }

  /** When the next `timer` event is due; Infinity for never. */
  deadline(): number {
    const known = this.#coordinator.nodeId !== null;
    let at = this.#wantsCoordinator ? this.#coordinator.deadline() : Number.POSITIVE_INFINITY;
    if (this.#phase === "ready" && known) at = Math.min(at, this.#pacing.at);
    return this.#beats ? Math.min(at, this.#heartbeat.deadline(known)) : at;
  }

  #take(event: ConsumerMembershipEvent): void {
    switch (event.type) {
      case "subscribed":
        if (this.#phase === "out") this.#prepare("the consumer subscribed");
        break;
      case "joinPrepared":
        if (this.#phase !== "preparing" || event.id !== this.#awaited) break;
        this.#subscription = event.subscription;
        this.#phase = "ready";
        break;
      case "subscriptionChanged":
        this.#subscription = event.subscription;
        if (this.#beats) this.#heartbeat.hasten();
        break;
      case "coordinatorFound":
        this.#coordinator.found(event.nodeId);
        break;
      case "coordinatorNotFound":
        this.#coordinator.notFound(this.#now, this.#pause);
        if (!event.failure.retriable && this.#wantsCoordinator) this.#fail(event.failure);
        break;
      case "coordinatorLost":
        this.#forgetCoordinator(event.reason);
        break;
      case "heartbeatAnswered":
        if (this.#heartbeat.settle(event.id)) this.#answered(event.response);
        break;
      case "requestFailed":
        if (this.#heartbeat.settle(event.id)) this.#requestFailed(event.failure);
        break;
      case "reconciled":
        this.#reconciled(event);
        break;
      case "topicsResolved":
        if (this.#target !== null && !samePartitions(this.#owned, this.#target)) this.#reconcile(this.#target);
        break;
      case "resumed":
        if (this.#phase === "failed") this.#prepare("the application goes on after an error");
        break;
      case "leave":
        this.#leave();
        this.#phase = "out";
        break;
      case "timer":
        this.#heartbeat.polledAt = event.polledAt;
        this.#expire();
        break;
    }
  }

  /** What the present phase calls for, whichever event led to it. */
  #proceed(): void {
    if (!this.#wantsCoordinator) return;
    if (this.#coordinator.nodeId === null) {
      if (this.#coordinator.start(this.#now)) this.#effects.push({ type: "findCoordinator" });
      return;
    }
    if (this.#phase === "ready" && this.#now >= this.#pacing.at) this.#join();
    if (this.#beats && this.#heartbeat.isDue(this.#now)) this.#beat();
  }

  get #wantsCoordinator(): boolean {
    return this.#phase !== "out" && this.#phase !== "failed";
  }

  /** Whether heartbeats go out. */
  get #beats(): boolean {
    return this.#phase === "joining" || this.#phase === "member";
  }

  // Joining, and the heartbeat

  /** What the application has, if anything, belongs to others from now on; it joins (again) when the application next asks. */
  #prepare(reason: string): void {
    this.#reset();
    this.#phase = "preparing";
    this.#stay++;
    this.#awaited = ++this.#lastId;
    this.#effects.push({ type: "prepareJoin", id: this.#awaited, reason });
  }

  /** Nothing is left of the membership. */
  #reset(): void {
    this.#memberEpoch = joinEpoch;
    this.#target = null;
    this.#owned = [];
    this.#ownedVersion++;
    this.#hasKnocked = false;
    this.#firstOfStay = this.#lastId + 1;
    this.#heartbeat.drop();
    this.#writer.forget();
  }

  #join(): void {
    this.#phase = "joining";
    this.#heartbeat.start(this.#now);
    this.#heartbeat.hasten();
  }

  #beat(): void {
    const id = ++this.#lastId;
    this.#heartbeat.sent(id, this.#now);
    this.#hasKnocked = true;
    const request = this.#writer.write({
      memberId: this.#memberId,
      memberEpoch: this.#memberEpoch,
      subscription: this.#subscription,
      owned: this.#owned,
      ownedVersion: this.#ownedVersion,
    });
    this.#effects.push({ type: "heartbeat", id, request });
  }

  #answered(response: ConsumerGroupHeartbeatResponse): void {
    const { errorCode, errorMessage: said } = response;
    const verdict = heartbeatVerdict(errorCode, this.#phase === "joining");
    if (verdict === "good") {
      this.#welcome(response);
      return;
    }
    // What it said has not been taken in.
    this.#writer.forget();
    const failure = heartbeatFailure(this.#settings, this.#subscription, errorCode, said);
    switch (verdict) {
      case "fenced":
        this.#pacing.soon(this.#now);
        this.#prepare(`the coordinator answered ${errorName(errorCode)}`);
        break;
      case "fatal":
        this.#fail(failure);
        break;
      default:
        this.#heartbeat.failed(this.#now, this.#pause);
        if (verdict === "moved") this.#forgetCoordinator(`ConsumerGroupHeartbeat answered ${errorName(errorCode)}`);
        if (verdict === "told") this.#effects.push({ type: "tell", failure });
    }
  }

  #welcome({ memberEpoch, heartbeatIntervalMs, assignment }: ConsumerGroupHeartbeatResponse): void {
    this.#heartbeat.succeeded(this.#now);
    this.#heartbeat.takeInterval(heartbeatIntervalMs, this.#now);
    // No coordinator answers that to a member that stays.
    if (memberEpoch <= 0) return;
    this.#memberEpoch = memberEpoch;
    this.#phase = "member";
    this.#pacing.reset(this.#now);
    if (assignment === null) return;
    const target = normalised(assignment.topicPartitions);
    // An answer to a heartbeat that said everything repeats the target.
    if (this.#target !== null && samePartitions(target, this.#target)) return;
    this.#target = target;
    this.#reconcile(target);
  }

  #requestFailed(failure: Failure): void {
    this.#writer.forget();
    if (failure.retriable) {
      this.#heartbeat.failed(this.#now, this.#pause);
      this.#forgetCoordinator(failure.message);
    } else if (failure.errorCode !== null) {
      this.#fail(heartbeatFailure(this.#settings, this.#subscription, failure.errorCode, failure.message));
    } else {
      this.#fail(failure);
    }
  }

  // Reconciliation

  #reconcile(target: TopicIdPartitions): void {
    this.#effects.push({ type: "reconcile", id: ++this.#lastId, target });
  }

  /** Acknowledged at once, even where the target has changed since: others may wait for what was let go of. */
  #reconciled({ id, owned }: ConsumerEventOf<"reconciled">): void {
    if (this.#phase !== "member" || id < this.#firstOfStay) return;
    this.#owned = normalised(owned);
    this.#ownedVersion++;
    this.#heartbeat.hasten();
  }

  // Coordinator, deadlines, ends

  #forgetCoordinator(reason: string): void {
    if (!this.#coordinator.forget(this.#now)) return;
    this.#heartbeat.dropAndRepeat(this.#now);
    // What was in flight may or may not have arrived.
    this.#writer.forget();
    this.#heartbeat.hasten();
    this.#effects.push({ type: "forgetCoordinator", reason });
  }

  #expire(): void {
    if (!this.#beats) return;
    const busyMs = this.#heartbeat.overdueMs(this.#now);
    if (busyMs === null) return;
    this.#effects.push({ type: "pollTimedOut", busyMs });
    this.#leave();
    this.#prepare("the application asks again after maxPollIntervalMs had passed");
  }

  #leave(): void {
    this.#sayGoodbye();
    this.#reset();
    this.#pacing.reset(this.#now);
  }

  #sayGoodbye(): void {
    if (!this.#hasKnocked || this.#coordinator.nodeId === null) return;
    this.#effects.push({ type: "leave", request: this.#writer.writeLeave(this.#memberId) });
  }

  /** The coordinator would keep the partitions for it until the session is over. */
  #fail(failure: Failure): void {
    if (this.#phase === "member") this.#sayGoodbye();
    this.#reset();
    this.#phase = "failed";
    this.#effects.push({ type: "fail", failure });
  }

  #tellIdentity(): void {
    const isMember = this.#phase === "member";
    const identity: MembershipIdentity = {
      memberId: isMember ? this.#memberId : "",
      generationId: isMember ? this.#memberEpoch : -1,
      standing: isMember ? "stable" : "out",
      stay: this.#stay,
    };
    if (sameIdentity(identity, this.#identity)) return;
    this.#identity = identity;
    // First, so that whoever hears of the rest knows already who this is.
    this.#effects.unshift({ type: "identity", identity });
  }
}
