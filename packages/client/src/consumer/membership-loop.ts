import type { Timer } from "@ottla/runtime";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, KafkaError } from "../errors.ts";
import type { Failure } from "./membership-events.ts";

/** A membership's rules, of either protocol. */
export interface Rules<Event, Effect> {
  handle(event: Event, now: number): Effect[];
  deadline(): number;
}

/** What a membership of either protocol hears of its coordinator and of time. */
export type SharedEvent =
  | { readonly type: "coordinatorFound"; readonly nodeId: number }
  | { readonly type: "coordinatorNotFound"; readonly failure: Failure }
  | { readonly type: "timer"; readonly polledAt: number };

export interface MembershipLoopOptions<Event, Effect> {
  readonly core: ClientCore;
  readonly groupId: string;
  readonly machine: Rules<Event | SharedEvent, Effect>;
  /** Must not throw. */
  carryOut(effect: Effect): void;
  /** When the application last asked (monotonic); now, while it waits. */
  polledAt(): number;
}

/** With pauses of a second each that is a line for the operator every ten seconds. */
const failuresPerWarning = 10;

/**
 * What drives a membership of either protocol: feeds its machine one event at a time, wakes it at its deadline, and looks for its coordinator.
 */
export class MembershipLoop<Event, Effect> {
  /** The coordinator's node, as last found; -1 before that. */
  coordinator = -1;
  readonly #options: MembershipLoopOptions<Event, Effect>;
  readonly #closing = new AbortController();
  readonly #events: (Event | SharedEvent)[] = [];
  #isBusy = false;
  /** Look-ups that failed in a row. */
  #lookUpFailures = 0;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: MembershipLoopOptions<Event, Effect>) {
    this.#options = options;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  dispatch(event: Event | SharedEvent): void {
    if (this.#closing.signal.aborted) return;
    this.#events.push(event);
    // What an effect brings about at once waits its turn.
    if (this.#isBusy) return;
    const { machine, core } = this.#options;
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const effects = machine.handle(next, core.runtime.clock.monotonic());
        for (const effect of effects) this.#options.carryOut(effect);
      }
    } finally {
      this.#isBusy = false;
    }
    this.#wakeAt(machine.deadline());
  }

  /** Stops at once. */
  close(error: KafkaError): void {
    this.#closing.abort(error);
    this.#timer?.cancel();
    this.#timer = null;
  }

  async findCoordinator(): Promise<void> {
    const { core, groupId } = this.#options;
    try {
      const nodeId = await core.coordinators.find(groupId, this.#closing.signal);
      this.coordinator = nodeId;
      this.#lookUpFailures = 0;
      this.dispatch({ type: "coordinatorFound", nodeId });
    } catch (error) {
      const failure = failureOf(error);
      if (!this.#closing.signal.aborted && ++this.#lookUpFailures % failuresPerWarning === 0) {
        core.logger.warn(`Still no coordinator for group ${groupId}: ${failure.message}`, { error });
      }
      this.dispatch({ type: "coordinatorNotFound", failure });
    }
  }

  forgetCoordinator(reason: string): void {
    const { core, groupId } = this.#options;
    core.logger.debug(`Looking for the coordinator of group ${groupId} anew: ${reason}`);
    core.coordinators.invalidate(groupId);
  }

  #wakeAt(at: number): void {
    if (at === this.#timerAt && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY || this.#closing.signal.aborted) return;
    const { clock } = this.#options.core.runtime;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#timer = null;
      this.dispatch({ type: "timer", polledAt: this.#options.polledAt() });
    });
  }
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const errorCode = error instanceof KafkaError ? error.errorCode : null;
  return { errorCode, message, isWhole: true, retriable: isRetriableError(error) };
}
