import { sleep } from "@ottla/runtime";
import type { Answer, AnyApi, Body, RequestOptions, Versioned } from "../api.ts";
import { backoffMs } from "../backoff.ts";
import type { Target } from "../broker-pool.ts";
import type { ClientCore } from "../client-core.ts";
import { nearestName } from "../config.ts";
import { ConfigError, isRetriableError, type KafkaError, TimeoutError } from "../errors.ts";
import { waitFor } from "../wait.ts";
import type { AdminSettings } from "./admin-config.ts";
import { AdminTimeoutError } from "./admin-errors.ts";

/** What every call takes. */
export interface CallOptions {
  /** How long the call may take in all, its retries included, in milliseconds. Default: `defaultApiTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Rejects the call with the signal's reason; what was sent stays sent. */
  readonly signal?: AbortSignal | undefined;
}

/** What the calls of one `Admin` share. */
export interface AdminContext {
  readonly core: ClientCore;
  readonly config: AdminSettings;
  /** Aborts with a `ClosedError` when the `Admin` is closed: what waits for its next attempt need not wait longer. */
  readonly closing: AbortSignal;
}

/** One call: its name, its time, what it waits for and how often it has failed. */
export class Call {
  /** As the Java client names it. */
  readonly name: string;
  readonly core: ClientCore;
  readonly signal: AbortSignal | undefined;
  /** Of `clock.monotonic()`. */
  readonly deadline: number;
  readonly startedAt: number;
  readonly #config: AdminSettings;
  readonly #closing: AbortSignal;
  readonly #timeoutMs: number;
  #failures = 0;
  /** Whether any broker has answered this call. */
  #hasAnswer = false;
  /** What was asked last, for the word about a time-out. */
  #stage: string | null = null;

  constructor(context: AdminContext, name: string, options: CallOptions) {
    const { clock } = context.core.runtime;
    this.name = name;
    this.core = context.core;
    this.#config = context.config;
    this.#closing = context.closing;
    this.signal = options.signal;
    this.#timeoutMs = options.timeoutMs ?? context.config.defaultApiTimeoutMs;
    this.startedAt = clock.monotonic();
    this.deadline = this.startedAt + this.#timeoutMs;
  }

  get elapsedMs(): number {
    return this.core.runtime.clock.monotonic() - this.startedAt;
  }

  /** What is left of the call's time, at least 1 ms: what a broker may be told. */
  get remainingMs(): number {
    const left = this.deadline - this.core.runtime.clock.monotonic();
    return Math.max(1, Math.min(Math.floor(left), 2_147_483_647));
  }

  /** How long the broker may work on a request: no longer than we wait for its answer. */
  get brokerTimeoutMs(): number {
    return Math.min(this.#config.requestTimeoutMs, this.remainingMs);
  }

  /** Sends one request, without retries. */
  async send<A extends AnyApi>(
    target: Target,
    api: A,
    body: Body<A>,
    limits: Pick<RequestOptions, "minVersion" | "maxVersion" | "timeoutMs"> = {},
  ): Promise<Versioned<A>> {
    const options = { timeoutMs: this.brokerTimeoutMs, ...limits, signal: this.signal };
    const answer = await this.core.pool.sendVersioned(target, api, body, options);
    this.#hasAnswer = true;
    return answer;
  }

  /** Waits for what several calls share (metadata, coordinators), no longer than this call may take. */
  async share<T>(promise: Promise<T>): Promise<T> {
    const late = () => new TimeoutError("No broker has answered in time");
    const shared = await waitFor(this.core.runtime.clock, promise, this.deadline, this.signal, late);
    this.#hasAnswer = true;
    return shared;
  }

  /** Names what is under way, as the Java client does in its word about a time-out; null for the call alone. */
  at(api: string | null): void {
    this.#stage = api;
  }

  /** Waits before the next attempt. Rejects with an `AdminTimeoutError` where there is no time for one. */
  async pause(cause: KafkaError): Promise<void> {
    const { clock, random } = this.core.runtime;
    const { retryBackoffMs, retryBackoffMaxMs, retries } = this.#config;
    this.#failures++;
    const pauseMs = backoffMs(retryBackoffMs, retryBackoffMaxMs, this.#failures, random);
    if (this.#failures > retries || clock.monotonic() + pauseMs >= this.deadline) throw this.timedOut(cause);
    await this.sleep(pauseMs);
  }

  /** Waits; rejects when the signal aborts or the `Admin` is closed. */
  sleep(pauseMs: number): Promise<void> {
    const { signal } = this;
    const either = signal === undefined ? this.#closing : AbortSignal.any([signal, this.#closing]);
    return sleep(this.core.runtime.clock, pauseMs, either);
  }

  /** The word about a call that took too long; `cause` is what went wrong last. */
  timedOut(cause: KafkaError): AdminTimeoutError {
    const call = this.#stage === null ? this.name : `${this.name}(api=${this.#stage})`;
    const after = this.#failures > this.#config.retries ? `${this.#failures} attempts` : `${this.#timeoutMs} ms`;
    const message = `${this.name} was given up after ${after}. Last failure: ${cause.message}`;
    return new AdminTimeoutError(message, { call, waitedForNode: !this.#hasAnswer, cause });
  }

  /** Tries until it succeeds or fails for good: for what is asked of one broker as a whole. */
  async retry<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      this.signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (!isRetriableError(error)) throw error;
        await this.pause(error);
      }
    }
  }

  /** As `retry`, for one request to any broker whose answer is taken as it is. */
  ask<A extends AnyApi>(
    api: A,
    body: Body<A>,
    limits: Pick<RequestOptions, "minVersion" | "maxVersion"> = {},
  ): Promise<Answer<A>> {
    return this.retry(() => this.send("any", api, body, limits));
  }
}

const callOptions = ["timeoutMs", "signal"];

/** Refuses options that the method does not know, and a time-out that is none. Throws a `ConfigError`. */
export function checkOptions(method: string, options: object, known: readonly string[] = []): void {
  const names = [...callOptions, ...known];
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === null ? `it knows ${names.sort().join(", ")}` : `did you mean ${nearest}?`;
    throw new ConfigError(`${method} has no option ${name}: ${hint}`, name);
  }
  const { timeoutMs } = options as CallOptions;
  if (timeoutMs === undefined || (Number.isSafeInteger(timeoutMs) && timeoutMs >= 0)) return;
  throw new ConfigError(
    `${method} option timeoutMs is ${timeoutMs}, but must be a whole number, 0 or more`,
    "timeoutMs",
  );
}
