import { errorCodes, errorName, type JoinGroupResponse } from "@ottla/protocol";
import type { Random } from "@ottla/runtime";
import { backoffMs } from "../request.ts";
import { CoordinatorSearch } from "./coordinator-search.ts";
import { Heartbeat } from "./heartbeat.ts";
import type {
  EventOf,
  Failure,
  MembershipEffect,
  MembershipEvent,
  MembershipPhase,
  MembershipSettings,
} from "./membership-events.ts";
import { fatalFailure, identityOf, isBetweenRounds, isInRound, sameIdentity } from "./membership-identity.ts";
import { assignEffect, joinEffect, syncRequest } from "./membership-requests.ts";
import { isLeftBehind, type MemberRequest, type Verdict, verdictOn } from "./membership-verdicts.ts";
import { RoundPacing } from "./round-pacing.ts";

/**
 * The rules of a member of a classic group, after Kafka's `AbstractCoordinator` and `ConsumerCoordinator`: `handle` takes an event and the time (monotonic, ms) and
 * says what to do; `deadline` says when it wants a `timer` event. It knows no clock, no socket and no application.
 *
 * Heartbeats go on in every phase in which the coordinator counts this member in: from the answer to JoinGroup until the next JoinGroup is sent.
 */
export class MembershipMachine {
  readonly #settings: MembershipSettings;
  readonly #random: Random;
  readonly #heartbeat: Heartbeat;
  readonly #pacing: RoundPacing;
  readonly #coordinator = new CoordinatorSearch();
  readonly #pause = (failures: number) =>
    backoffMs(this.#settings.retryBackoffMs, this.#settings.retryBackoffMaxMs, failures, this.#random);
  #effects: MembershipEffect[] = [];
  #now = 0;

  #phase: MembershipPhase = "out";
  #memberId = "";
  #generationId = -1;
  #protocolName: string | null = null;
  #isLeader = false;
  #identity = identityOf("out", "", -1);
  /** Why the round is needed. */
  #reason = "";
  /** A JoinGroup has had no answer: the round may have gone on, without this member's knowing. */
  #missedAnswer = false;
  /** A reason for another round that came up in the middle of one. */
  #again: string | null = null;

  #lastId = 0;
  /** The effect whose answer the phase waits for. */
  #awaited = 0;

  constructor(settings: MembershipSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
    this.#heartbeat = new Heartbeat(settings);
    this.#pacing = new RoundPacing(this.#pause);
  }

  get phase(): MembershipPhase {
    return this.#phase;
  }

  /** Takes one event in and returns what to do about it, in order. */
  handle(event: MembershipEvent, now: number): MembershipEffect[] {
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
    return this.#isCountedIn ? Math.min(at, this.#heartbeat.deadline(known)) : at;
  }

  #take(event: MembershipEvent): void {
    switch (event.type) {
      case "subscribed":
        if (this.#phase === "out") this.#wait("the consumer subscribed");
        break;
      case "rejoinNeeded":
        this.#rejoin(event.reason);
        break;
      case "joinPrepared":
        if (this.#phase !== "preparing" || event.id !== this.#awaited) break;
        this.#phase = "ready";
        this.#missedAnswer = false;
        break;
      case "coordinatorFound":
      case "coordinatorNotFound":
        this.#lookedUp(event);
        break;
      case "coordinatorLost":
        this.#forgetCoordinator(event.reason);
        break;
      case "joinAnswered":
        if (this.#phase === "joining" && event.id === this.#awaited) this.#joinAnswered(event.response);
        break;
      case "assignmentMade":
        if (this.#phase === "assigning" && event.id === this.#awaited) this.#sync(event.assignments);
        break;
      case "assignmentFailed":
        if (this.#phase !== "assigning" || event.id !== this.#awaited) break;
        this.#fail({ errorCode: null, message: event.message, retriable: false });
        break;
      case "syncAnswered":
        if (this.#phase === "syncing" && event.id === this.#awaited) this.#syncAnswered(event.response);
        break;
      case "heartbeatAnswered":
        if (this.#heartbeat.settle(event.id)) this.#heartbeatAnswered(event.errorCode);
        break;
      case "requestFailed":
        this.#requestFailed(event.id, event.failure);
        break;
      case "assignmentTaken":
        if (this.#phase !== "completing" || event.id !== this.#awaited) break;
        this.#phase = "stable";
        if (this.#again !== null) this.#wait(this.#again);
        break;
      case "commitRefused":
        this.#commitRefused(event);
        break;
      case "resumed":
        if (this.#phase !== "failed") break;
        // There were no heartbeats meanwhile.
        if (this.#heartbeat.isSessionOver(this.#now)) this.#generationId = -1;
        this.#wait("the application goes on after an error");
        break;
      case "leave":
        this.#leave(event.reason);
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
    if (this.#phase === "waiting") this.#prepare();
    else if (this.#phase === "ready" && this.#now >= this.#pacing.at) this.#join();
    if (this.#isCountedIn && this.#heartbeat.isDue(this.#now)) this.#beat();
  }

  get #wantsCoordinator(): boolean {
    return this.#phase !== "out" && this.#phase !== "failed";
  }

  /** Whether the coordinator counts this member in, and therefore expects heartbeats. */
  get #isCountedIn(): boolean {
    if (this.#generationId < 0 || this.#memberId === "") return false;
    return this.#phase !== "out" && this.#phase !== "failed" && this.#phase !== "joining";
  }

  // Rounds

  #rejoin(reason: string): void {
    if (isBetweenRounds(this.#phase)) this.#wait(reason);
    else if (isInRound(this.#phase)) this.#again = reason;
  }

  #wait(reason: string): void {
    this.#phase = "waiting";
    this.#reason = reason;
    this.#again = null;
  }

  /** Only with a coordinator at hand: while it is away the application goes on with what it has. */
  #prepare(): void {
    this.#phase = "preparing";
    this.#awaited = ++this.#lastId;
    const lost = this.#generationId < 0 || this.#memberId === "";
    const scope = lost ? "lost" : this.#missedAnswer ? "all" : "some";
    this.#effects.push({ type: "prepareJoin", id: this.#awaited, scope, reason: this.#reason });
  }

  #join(): void {
    this.#phase = "joining";
    this.#heartbeat.drop();
    this.#awaited = ++this.#lastId;
    this.#effects.push(joinEffect(this.#awaited, this.#settings, this.#memberId, this.#generationId, this.#reason));
  }

  #joinAnswered(response: JoinGroupResponse): void {
    const { errorCode, protocolType, memberId } = response;
    const verdict = verdictOn("JoinGroup", errorCode);
    if (verdict === "memberIdRequired") {
      this.#memberId = memberId;
      this.#generationId = -1;
      this.#joinSoon("the coordinator gave a member id");
    } else if (verdict !== "good") {
      this.#roundFailed("JoinGroup", verdict, errorCode);
    } else if (protocolType !== null && protocolType !== this.#settings.protocolType) {
      this.#failWith(errorCodes.INCONSISTENT_GROUP_PROTOCOL, `JoinGroup (the group is of type ${protocolType})`);
    } else {
      this.#joined(response);
    }
  }

  #joined(response: JoinGroupResponse): void {
    const isBehind = isLeftBehind(this.#settings, this.#generationId, response);
    this.#memberId = response.memberId;
    this.#generationId = response.generationId;
    this.#protocolName = response.protocolName;
    this.#isLeader = response.leader === response.memberId;
    this.#heartbeat.start(this.#now);
    if (isBehind) this.#lose("the group has gone on without this member");
    else if (!this.#isLeader) this.#sync([]);
    else {
      this.#phase = "assigning";
      this.#awaited = ++this.#lastId;
      this.#effects.push(assignEffect(this.#awaited, response));
    }
  }

  #sync(assignments: EventOf<"assignmentMade">["assignments"]): void {
    if (this.#coordinator.nodeId === null) {
      this.#joinLater();
      return;
    }
    this.#phase = "syncing";
    this.#awaited = ++this.#lastId;
    const member = { memberId: this.#memberId, generationId: this.#generationId, protocolName: this.#protocolName };
    this.#effects.push({ type: "sync", id: this.#awaited, request: syncRequest(this.#settings, member, assignments) });
  }

  #syncAnswered(response: EventOf<"syncAnswered">["response"]): void {
    const { errorCode, protocolType, protocolName } = response;
    const verdict = verdictOn("SyncGroup", errorCode);
    if (verdict !== "good") {
      this.#roundFailed("SyncGroup", verdict, errorCode);
    } else if (
      (protocolType !== null && protocolType !== this.#settings.protocolType) ||
      (protocolName !== null && protocolName !== this.#protocolName)
    ) {
      this.#failWith(errorCodes.INCONSISTENT_GROUP_PROTOCOL, "SyncGroup");
    } else {
      this.#synced(response.assignment);
    }
  }

  #synced(assignment: Uint8Array): void {
    this.#phase = "completing";
    this.#awaited = ++this.#lastId;
    this.#pacing.reset(this.#now);
    this.#effects.push({
      type: "assigned",
      id: this.#awaited,
      generationId: this.#generationId,
      protocolName: this.#protocolName ?? "",
      isLeader: this.#isLeader,
      assignment,
    });
  }

  #roundFailed(request: MemberRequest, verdict: Verdict, errorCode: number): void {
    switch (verdict) {
      case "unknownMember":
      case "illegalGeneration":
        this.#reset(errorCode, request);
        break;
      case "rebalancing":
        this.#joinSoon(`${request} met another rebalance`);
        break;
      case "moved":
        this.#forgetCoordinator(`${request} answered ${errorName(errorCode)}`);
        this.#joinLater();
        break;
      case "later":
        this.#joinLater();
        break;
      case "fenced":
        this.#fenced(errorCode, request);
        break;
      default:
        this.#failWith(errorCode, request);
    }
  }

  /** The same again, at once, unless that has not helped for a while. */
  #joinSoon(reason: string): void {
    this.#phase = "ready";
    this.#reason = reason;
    this.#pacing.soon(this.#now);
    // What was prepared may rest on what has changed.
    if (this.#again !== null) this.#wait(this.#again);
  }

  /** The same again, after a pause. */
  #joinLater(): void {
    this.#phase = "ready";
    this.#pacing.later(this.#now);
    if (this.#again !== null) this.#wait(this.#again);
  }

  // Coordinator, heartbeats, deadlines

  #lookedUp(event: EventOf<"coordinatorFound"> | EventOf<"coordinatorNotFound">): void {
    if (event.type === "coordinatorFound") {
      this.#coordinator.found(event.nodeId);
      this.#heartbeat.extendSession(this.#now);
      return;
    }
    this.#coordinator.notFound(this.#now, this.#pause);
    if (!event.failure.retriable && this.#wantsCoordinator) this.#fail(event.failure);
  }

  #forgetCoordinator(reason: string): void {
    if (!this.#coordinator.forget(this.#now)) return;
    this.#heartbeat.drop();
    this.#effects.push({ type: "forgetCoordinator", reason });
  }

  #beat(): void {
    const id = ++this.#lastId;
    this.#heartbeat.sent(id, this.#now);
    this.#effects.push({ type: "heartbeat", id, memberId: this.#memberId, generationId: this.#generationId });
  }

  #heartbeatAnswered(errorCode: number): void {
    const verdict = this.#heartbeat.answered(errorCode, this.#now, this.#pause);
    switch (verdict) {
      case "rebalancing":
        // Within a round it says what is known.
        if (this.#phase === "stable" || this.#phase === "completing") this.#wait("the group is already rebalancing");
        break;
      case "unknownMember":
      case "illegalGeneration":
        this.#reset(errorCode, "Heartbeat");
        break;
      case "fenced":
        this.#fenced(errorCode, "Heartbeat");
        break;
      case "fatal":
        this.#failWith(errorCode, "Heartbeat");
        break;
      case "moved":
        this.#forgetCoordinator(`Heartbeat answered ${errorName(errorCode)}`);
        break;
    }
  }

  #expire(): void {
    if (!this.#isCountedIn) return;
    const expired = this.#heartbeat.expired(this.#now);
    if (expired === "session") {
      this.#forgetCoordinator("the session ran out without an answer to a heartbeat");
    } else if (expired !== null) {
      this.#effects.push({ type: "pollTimedOut", busyMs: expired.busyMs });
      this.#leave("the application did not ask within maxPollIntervalMs");
      this.#wait("the application asks again after maxPollIntervalMs had passed");
    }
  }

  #requestFailed(id: number, failure: Failure): void {
    if (this.#heartbeat.settle(id)) {
      this.#heartbeat.failed(this.#now, this.#pause);
    } else if (id !== this.#awaited || (this.#phase !== "joining" && this.#phase !== "syncing")) {
      return;
    } else if (failure.retriable) {
      this.#missedAnswer = this.#phase === "joining" && this.#generationId >= 0;
      if (this.#missedAnswer) this.#again ??= this.#reason;
      this.#joinLater();
    } else {
      this.#fail(failure);
      return;
    }
    this.#forgetCoordinator(failure.message);
  }

  // Ends

  #commitRefused(event: EventOf<"commitRefused">): void {
    const verdict = verdictOn("OffsetCommit", event.errorCode);
    if (verdict === "rebalancing") {
      this.#rejoin("a commit met a rebalance");
      return;
    }
    // The answer is about a generation that is over: nothing new.
    if (event.memberId !== this.#memberId || event.generationId !== this.#generationId) return;
    if (verdict === "fenced") this.#fenced(event.errorCode, "OffsetCommit");
    else if (verdict === "unknownMember" || verdict === "illegalGeneration") {
      this.#reset(event.errorCode, "OffsetCommit");
    }
  }

  /** The coordinator no longer counts this member in: whatever it owned is lost. */
  #reset(errorCode: number, request: MemberRequest): void {
    if (!this.#wantsCoordinator) return;
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) this.#memberId = "";
    this.#lose(`${request} answered ${errorName(errorCode)}`);
  }

  #lose(reason: string): void {
    this.#generationId = -1;
    this.#heartbeat.drop();
    this.#pacing.soon(this.#now);
    this.#wait(reason);
  }

  /** Another one has taken over. It keeps its member id, and stays fenced if it tries again: as a new member it would throw out the other. */
  #fenced(errorCode: number, request: MemberRequest): void {
    if (!this.#wantsCoordinator) return;
    this.#generationId = -1;
    this.#failWith(errorCode, request);
  }

  /** Static members stay until their session ends, so that a restart moves nothing (KIP-345). */
  #leave(reason: string): void {
    if (this.#settings.groupInstanceId === null && this.#coordinator.nodeId !== null && this.#memberId !== "") {
      const overtakes = this.#phase === "joining";
      this.#effects.push({ type: "leave", memberId: this.#memberId, reason, overtakes });
    }
    this.#memberId = "";
    this.#lose(reason);
    this.#pacing.reset(this.#now);
  }

  #failWith(errorCode: number, request: string): void {
    this.#fail(fatalFailure(this.#settings, errorCode, request));
  }

  #fail(failure: Failure): void {
    this.#phase = "failed";
    this.#heartbeat.drop();
    this.#again = null;
    this.#effects.push({ type: "fail", failure });
  }

  #tellIdentity(): void {
    const identity = identityOf(this.#phase, this.#memberId, this.#generationId);
    if (sameIdentity(identity, this.#identity)) return;
    this.#identity = identity;
    // First, so that whoever hears of the rest knows already who this is.
    this.#effects.unshift({ type: "identity", identity });
  }
}
