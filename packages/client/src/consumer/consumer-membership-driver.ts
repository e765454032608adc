import { apis, type ConsumerGroupHeartbeatRequest, type ConsumerGroupHeartbeatResponse } from "@ottla/protocol";
import type { Random } from "@ottla/runtime";
import type { ClientCore } from "../client-core.ts";
import type { KafkaError } from "../errors.ts";
import type {
  ConsumerEffectOf,
  ConsumerMembershipEffect,
  ConsumerMembershipEvent,
  ConsumerMembershipSettings,
} from "./consumer-membership-events.ts";
import { ConsumerMembershipMachine } from "./consumer-membership-machine.ts";
import type { Failure, MembershipIdentity } from "./membership-events.ts";
import { failureOf, MembershipLoop } from "./membership-loop.ts";

/** What the application's side of a membership takes over. Nothing here may throw. */
export interface ConsumerMembershipHost {
  prepareJoin(effect: ConsumerEffectOf<"prepareJoin">): void;
  reconcile(effect: ConsumerEffectOf<"reconcile">): void;
  tell(failure: Failure): void;
  fail(failure: Failure): void;
  pollTimedOut(busyMs: number): void;
  identity(identity: MembershipIdentity): void;
  /** When the application last asked (monotonic); now, while it waits. */
  polledAt(): number;
}

/** The first version with patterns that the server resolves. */
const firstPatternVersion = 1;

/**
 * Carries out what the `ConsumerMembershipMachine` wants, on a connection of its own to the coordinator, and feeds it with what comes back: one event at a time.
 */
export class ConsumerMembershipDriver {
  readonly #core: ClientCore;
  readonly #host: ConsumerMembershipHost;
  readonly #loop: MembershipLoop<ConsumerMembershipEvent, ConsumerMembershipEffect>;
  /** The last heartbeat that leaves. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(core: ClientCore, settings: ConsumerMembershipSettings, host: ConsumerMembershipHost) {
    this.#core = core;
    this.#host = host;
    const { random } = core.runtime;
    this.#loop = new MembershipLoop({
      core,
      groupId: settings.groupId,
      machine: new ConsumerMembershipMachine(settings, random, newMemberId(random)),
      carryOut: (effect) => this.#carryOut(effect),
      polledAt: () => host.polledAt(),
    });
  }

  dispatch(event: ConsumerMembershipEvent): void {
    this.#loop.dispatch(event);
  }

  /** Leaves the group; resolves when the coordinator has heard of it, or cannot be told. */
  leave(): Promise<void> {
    this.dispatch({ type: "leave" });
    return this.#leaving;
  }

  /** Stops at once, without leaving. */
  close(error: KafkaError): void {
    this.#loop.close(error);
  }

  #carryOut(effect: ConsumerMembershipEffect): void {
    switch (effect.type) {
      case "findCoordinator":
        void this.#loop.findCoordinator();
        break;
      case "forgetCoordinator":
        this.#loop.forgetCoordinator(effect.reason);
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
      case "reconcile":
        this.#host.reconcile(effect);
        break;
      case "identity":
        this.#host.identity(effect.identity);
        break;
      case "pollTimedOut":
        this.#host.pollTimedOut(effect.busyMs);
        break;
      case "tell":
        this.#host.tell(effect.failure);
        break;
      case "fail":
        this.#host.fail(effect.failure);
        break;
    }
  }

  async #beat({ id, request }: ConsumerEffectOf<"heartbeat">): Promise<void> {
    try {
      const response = await this.#send(request);
      this.dispatch({ type: "heartbeatAnswered", id, response });
    } catch (error) {
      this.dispatch({ type: "requestFailed", id, failure: failureOf(error) });
    }
  }

  /** A minimal effort, as Java's: the session ends by itself if this does not reach the coordinator. */
  async #leave({ request }: ConsumerEffectOf<"leave">): Promise<void> {
    try {
      await this.#send(request);
    } catch (error) {
      const what = `Could not tell the coordinator that the member leaves group ${request.groupId}`;
      this.#core.logger.debug(what, { error });
    }
  }

  /** On one connection, so that what is sent first is answered first: a heartbeat that joins never overtakes one that leaves. */
  #send(request: ConsumerGroupHeartbeatRequest): Promise<ConsumerGroupHeartbeatResponse> {
    const { subscribedTopicRegex, ...rest } = request;
    const body = subscribedTopicRegex === null ? rest : request;
    const minVersion = subscribedTopicRegex === null ? undefined : firstPatternVersion;
    const options = { purpose: "coordinator", minVersion, signal: this.#loop.signal } as const;
    return this.#core.pool.send(this.#loop.coordinator, apis.consumerGroupHeartbeat, body, options);
  }
}

/** In Kafka's form of an id, which tools show in a column of 22 characters; without a dash at its head, which command lines take for an option. */
function newMemberId(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16);
    // A random UUID, version 4.
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const id = bytes.toString("base64url");
    if (!id.startsWith("-")) return id;
  }
}
