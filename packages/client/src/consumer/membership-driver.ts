import { apis } from "@ottla/protocol";
import type { ClientCore } from "../client-core.ts";
import type { KafkaError } from "../errors.ts";
import type {
  EffectOf,
  Failure,
  JoinProtocol,
  MembershipEffect,
  MembershipEvent,
  MembershipSettings,
} from "./membership-events.ts";
import { failureOf, MembershipLoop } from "./membership-loop.ts";
import { MembershipMachine } from "./membership-machine.ts";
import { withProtocols } from "./membership-requests.ts";

/** What the application's side of a membership takes over. Nothing here may throw, but `protocols`. */
export interface MembershipHost {
  prepareJoin(effect: EffectOf<"prepareJoin">): void;
  /** What this member brings to a round and what it owns, as a member of that generation. */
  protocols(generationId: number): JoinProtocol[];
  /** Runs the assignor; answered with `assignmentMade` or `assignmentFailed`. */
  assign(effect: EffectOf<"assign">): void;
  assigned(effect: EffectOf<"assigned">): void;
  fail(failure: Failure): void;
  pollTimedOut(busyMs: number): void;
  identity(effect: EffectOf<"identity">): void;
  /** When the application last asked (monotonic); now, while it waits. */
  polledAt(): number;
}

/**
 * Carries out what the `MembershipMachine` wants, on a connection of its own to the coordinator, and feeds it with what comes back: one event at a time.
 */
export class MembershipDriver {
  readonly #core: ClientCore;
  readonly #settings: MembershipSettings;
  readonly #host: MembershipHost;
  readonly #loop: MembershipLoop<MembershipEvent, MembershipEffect>;
  /** The last LeaveGroup. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(core: ClientCore, settings: MembershipSettings, host: MembershipHost) {
    this.#core = core;
    this.#settings = settings;
    this.#host = host;
    this.#loop = new MembershipLoop({
      core,
      groupId: settings.groupId,
      machine: new MembershipMachine(settings, core.runtime.random),
      carryOut: (effect) => this.#carryOut(effect),
      polledAt: () => host.polledAt(),
    });
  }

  dispatch(event: MembershipEvent): void {
    this.#loop.dispatch(event);
  }

  /** Leaves the group; resolves when the coordinator has heard of it, or cannot be told. */
  leave(reason: string): Promise<void> {
    this.dispatch({ type: "leave", reason });
    return this.#leaving;
  }

  /** Stops at once, without leaving. */
  close(error: KafkaError): void {
    this.#loop.close(error);
  }

  #carryOut(effect: MembershipEffect): void {
    switch (effect.type) {
      case "findCoordinator":
        void this.#loop.findCoordinator();
        break;
      case "forgetCoordinator":
        this.#loop.forgetCoordinator(effect.reason);
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

  async #join({ id, timeoutMs, generationId, ...effect }: EffectOf<"join">): Promise<void> {
    const { signal } = this.#loop;
    try {
      const request = withProtocols(effect.request, this.#host.protocols(generationId));
      const { groupInstanceId, ...rest } = request;
      const body = (version: number) => (version >= 5 || groupInstanceId !== null ? request : rest);
      const options = { purpose: "coordinator", timeoutMs, signal } as const;
      const response = await this.#core.pool.send(this.#loop.coordinator, apis.joinGroup, body, options);
      this.dispatch({ type: "joinAnswered", id, response });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  async #sync({ id, request }: EffectOf<"sync">): Promise<void> {
    const { groupInstanceId, ...rest } = request;
    const body = (version: number) => (version >= 3 || groupInstanceId !== null ? request : rest);
    const { signal } = this.#loop;
    try {
      const options = { purpose: "coordinator", signal } as const;
      const response = await this.#core.pool.send(this.#loop.coordinator, apis.syncGroup, body, options);
      this.dispatch({ type: "syncAnswered", id, response });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  async #beat({ id, memberId, generationId }: EffectOf<"heartbeat">): Promise<void> {
    const { groupId, groupInstanceId } = this.#settings;
    const { signal } = this.#loop;
    const body = (version: number) => ({
      ...{ groupId, memberId, generationId },
      ...(version >= 3 || groupInstanceId !== null ? { groupInstanceId } : {}),
    });
    try {
      const options = { purpose: "coordinator", signal } as const;
      const { errorCode } = await this.#core.pool.send(this.#loop.coordinator, apis.heartbeat, body, options);
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
      await this.#core.pool.send(this.#loop.coordinator, apis.leaveGroup, body, { purpose, signal: this.#loop.signal });
    } catch (error) {
      this.#core.logger.debug(`Could not tell the coordinator that the member leaves group ${groupId}`, { error });
    }
  }
}
