import { apis } from "@ottla/protocol";
import type { Timer } from "@ottla/runtime";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, KafkaError } from "../errors.ts";
import type { EffectOf, Failure, MembershipEffect, MembershipEvent, MembershipSettings } from "./membership-events.ts";
import { MembershipMachine } from "./membership-machine.ts";

/** What the application's side of a membership takes over. Nothing here may throw. */
export interface MembershipHost {
  prepareJoin(effect: EffectOf<"prepareJoin">): void;
  /** Runs the assignor; answered with `assignmentMade` or `assignmentFailed`. */
  assign(effect: EffectOf<"assign">): void;
  assigned(effect: EffectOf<"assigned">): void;
  fail(failure: Failure): void;
  pollTimedOut(busyMs: number): void;
  identity(effect: EffectOf<"identity">): void;
  /** When the application last asked (monotonic); now, while it waits. */
  polledAt(): number;
}

/** With pauses of a second each that is a line for the operator every ten seconds. */
const failuresPerWarning = 10;

/**
 * Carries out what the `MembershipMachine` wants, on a connection of its own to the coordinator, and feeds it with what comes back: one event at a time.
 */
export class MembershipDriver {
  readonly #core: ClientCore;
  readonly #settings: MembershipSettings;
  readonly #host: MembershipHost;
  readonly #machine: MembershipMachine;
  readonly #closing = new AbortController();
  readonly #events: MembershipEvent[] = [];
  #isBusy = false;
  #coordinator = -1;
  /** Look-ups that failed in a row. */
  #lookUpFailures = 0;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  /** The last LeaveGroup. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(core: ClientCore, settings: MembershipSettings, host: MembershipHost) {
    this.#core = core;
    this.#settings = settings;
    this.#host = host;
    this.#machine = new MembershipMachine(settings, core.runtime.random);
  }

  dispatch(event: MembershipEvent): void {
    if (this.#closing.signal.aborted) return;
    this.#events.push(event);
    // What an effect brings about at once waits its turn.
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const effects = this.#machine.handle(next, this.#core.runtime.clock.monotonic());
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#isBusy = false;
    }
    this.#wakeAt(this.#machine.deadline());
  }

  /** Leaves the group; resolves when the coordinator has heard of it, or cannot be told. */
  leave(reason: string): Promise<void> {
    this.dispatch({ type: "leave", reason });
    return this.#leaving;
  }

  /** Stops at once, without leaving. */
  close(error: KafkaError): void {
    this.#closing.abort(error);
    this.#timer?.cancel();
    this.#timer = null;
  }

  #carryOut(effect: MembershipEffect): void {
    switch (effect.type) {
      case "findCoordinator":
        void this.#findCoordinator();
        break;
      case "forgetCoordinator":
        this.#core.logger.debug(
          `Looking for the coordinator of group ${this.#settings.groupId} anew: ${effect.reason}`,
        );
        this.#core.coordinators.invalidate(this.#settings.groupId);
        break;
      case "join":
        void this.#join(effect);
        break;
      case "sync":
        void this.#sync(effect);
        break;
      case "heartbeat":
        void this.#beat(effect);
        break;
      case "leave":
        this.#leaving = this.#leave(effect);
        break;
      case "prepareJoin":
        this.#host.prepareJoin(effect);
        break;
      case "assign":
        this.#host.assign(effect);
        break;
      case "assigned":
        this.#host.assigned(effect);
        break;
      case "identity":
        this.#host.identity(effect);
        break;
      case "pollTimedOut":
        this.#host.pollTimedOut(effect.busyMs);
        break;
      case "fail":
        this.#host.fail(effect.failure);
        break;
    }
  }

  async #findCoordinator(): Promise<void> {
    try {
      const nodeId = await this.#core.coordinators.find(this.#settings.groupId, this.#closing.signal);
      this.#coordinator = nodeId;
      this.#lookUpFailures = 0;
      this.dispatch({ type: "coordinatorFound", nodeId });
    } catch (error) {
      const failure = failureOf(error);
      if (!this.#closing.signal.aborted && ++this.#lookUpFailures % failuresPerWarning === 0) {
        this.#core.logger.warn(`Still no coordinator for group ${this.#settings.groupId}: ${failure.message}`, {
          error,
        });
      }
      this.dispatch({ type: "coordinatorNotFound", failure });
    }
  }

  async #join({ id, request, timeoutMs }: EffectOf<"join">): Promise<void> {
    const { groupInstanceId, ...rest } = request;
    const body = (version: number) => (version >= 5 || groupInstanceId !== null ? request : rest);
    const { signal } = this.#closing;
    try {
      const options = { purpose: "coordinator", timeoutMs, signal } as const;
      const response = await this.#core.pool.send(this.#coordinator, apis.joinGroup, body, options);
      this.dispatch({ type: "joinAnswered", id, response });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  async #sync({ id, request }: EffectOf<"sync">): Promise<void> {
    const { groupInstanceId, ...rest } = request;
    const body = (version: number) => (version >= 3 || groupInstanceId !== null ? request : rest);
    const { signal } = this.#closing;
    try {
      const options = { purpose: "coordinator", signal } as const;
      const response = await this.#core.pool.send(this.#coordinator, apis.syncGroup, body, options);
      this.dispatch({ type: "syncAnswered", id, response });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  async #beat({ id, memberId, generationId }: EffectOf<"heartbeat">): Promise<void> {
    const { groupId, groupInstanceId } = this.#settings;
    const { signal } = this.#closing;
    const body = (version: number) => ({
      ...{ groupId, memberId, generationId },
      ...(version >= 3 || groupInstanceId !== null ? { groupInstanceId } : {}),
    });
    try {
      const options = { purpose: "coordinator", signal } as const;
      const { errorCode } = await this.#core.pool.send(this.#coordinator, apis.heartbeat, body, options);
      this.dispatch({ type: "heartbeatAnswered", id, errorCode });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  /** A minimal effort, as Java's: the session ends by itself if this does not reach the coordinator. */
  async #leave({ memberId, reason, overtakes }: EffectOf<"leave">): Promise<void> {
    const { groupId } = this.#settings;
    const body = (version: number) => ({
      groupId,
      ...(version >= 3 ? { members: [{ memberId, reason: reason.slice(0, 255) }] } : { memberId }),
    });
    // Requests of one connection are answered in order: behind a parked JoinGroup it would wait for the other members.
    const purpose = overtakes ? "default" : "coordinator";
    try {
      await this.#core.pool.send(this.#coordinator, apis.leaveGroup, body, { purpose, signal: this.#closing.signal });
    } catch (error) {
      this.#core.logger.debug(`Could not tell the coordinator that the member leaves group ${groupId}`, { error });
    }
  }

  #wakeAt(at: number): void {
    if (at === this.#timerAt && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY || this.#closing.signal.aborted) return;
    const { clock } = this.#core.runtime;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#timer = null;
      this.dispatch({ type: "timer", polledAt: this.#host.polledAt() });
    });
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const errorCode = error instanceof KafkaError ? error.errorCode : null;
  return { errorCode, message, retriable: isRetriableError(error) };
}
