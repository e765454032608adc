import { apis } from "@ottla/protocol";
import { type Clock, type Random, sleep } from "@ottla/runtime";
import { backoffMs } from "./backoff.ts";
import type { BrokerPool, SendOptions } from "./broker-pool.ts";
import { isRetriableError, type KafkaError, kafkaError } from "./errors.ts";

export { backoffMs } from "./backoff.ts";

export interface RetryPolicy {
  readonly clock: Clock;
  readonly random: Random;
  /** The first pause, in milliseconds; it doubles, give or take a fifth. */
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  /** Of `clock.monotonic()`; no attempt starts after it. Infinity for none. */
  readonly deadline: number;
  /** How many attempts after the first. Default: no bound. */
  readonly retries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What an attempt is told. */
export interface Attempt {
  /** How many attempts have failed so far. */
  readonly failures: number;
  /** The time that is left, in milliseconds; Infinity where there is no deadline. */
  readonly remainingMs: number;
}

/**
 * Calls `attempt` until it succeeds, fails with what is not a retriable `KafkaError`, or the time or the attempts are used up: it then rejects with the last error.
 */
export async function retry<T>(policy: RetryPolicy, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
  const { clock, signal, deadline } = policy;
  for (let failures = 0; ; ) {
    signal?.throwIfAborted();
    try {
      return await attempt({ failures, remainingMs: Math.max(0, deadline - clock.monotonic()) });
    } catch (error) {
      if (!isRetriableError(error) || failures >= (policy.retries ?? Number.POSITIVE_INFINITY)) throw error;
      failures++;
      const pauseMs = backoffMs(policy.retryBackoffMs, policy.retryBackoffMaxMs, failures, policy.random);
      if (clock.monotonic() + pauseMs >= deadline) throw error;
      await sleep(clock, pauseMs, signal);
    }
  }
}

/** What is coordinated: groups, or transactions. */
export type CoordinatorKind = "group" | "transaction";

interface Found {
  readonly key: string;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Where groups and transactional ids are coordinated: looked up once and kept until a caller says that it was wrong. */
export class Coordinators {
  readonly #pool: BrokerPool;
  readonly #kind: CoordinatorKind;
  readonly #known = new Map<string, number>();

  constructor(pool: BrokerPool, kind: CoordinatorKind = "group") {
    this.#pool = pool;
    this.#kind = kind;
  }

  /** The node that coordinates the group. One look-up, no retries: rejects with a retriable `KafkaError` (`COORDINATOR_NOT_AVAILABLE`) while there is none. */
  async find(key: string, signal?: AbortSignal): Promise<number> {
    const found = (await this.findAll([key], { signal })).get(key);
    if (typeof found !== "number") throw found ?? missing(this.#kind, key);
    return found;
  }

  /** The coordinators of many groups in one request, where the broker knows how (Kafka 2.8); a group's failure stands in its place. */
  async findAll(keys: readonly string[], options?: SendOptions): Promise<Map<string, number | KafkaError>> {
    const outcome = new Map<string, number | KafkaError>();
    const unknown: string[] = [];
    for (const key of new Set(keys)) {
      const nodeId = this.#known.get(key);
      if (nodeId === undefined) unknown.push(key);
      else outcome.set(key, nodeId);
    }
    if (unknown.length === 0) return outcome;
    for (const found of await this.#ask(unknown, options)) outcome.set(found.key, this.#take(found));
    for (const key of unknown) if (!outcome.has(key)) outcome.set(key, missing(this.#kind, key));
    return outcome;
  }

  /** Forgets it: after NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE or a broken connection. */
  invalidate(key: string): void {
    this.#known.delete(key);
  }

  async #ask(keys: readonly string[], options?: SendOptions): Promise<readonly Found[]> {
    const api = apis.findCoordinator;
    const keyType = this.#kind === "group" ? 0 : 1;
    const single = (key: string) => (version: number) =>
      version >= 4 ? { keyType, coordinatorKeys: keys } : { keyType, key };
    const first = await this.#pool.sendVersioned("any", api, single(keys[0]!), options);
    if (first.version >= 4) return first.response.coordinators;
    // Older brokers take one key a request, and had nothing but groups before version 1.
    const found: Found[] = [{ ...first.response, key: keys[0]! }];
    for (const key of keys.slice(1)) {
      const maxVersion = first.version;
      const response = await this.#pool.send("any", api, { keyType, key }, { ...options, maxVersion });
      found.push({ ...response, key });
    }
    return found;
  }

  #take(found: Found): number | KafkaError {
    const { key, nodeId, host, port, errorCode, errorMessage: serverMessage } = found;
    if (errorCode !== 0) {
      return kafkaError(errorCode, `Could not find the coordinator of ${this.#kind} ${key}`, { serverMessage });
    }
    if (nodeId < 0) return missing(this.#kind, key);
    this.#pool.addBroker({ nodeId, host, port, rack: null });
    this.#known.set(key, nodeId);
    return nodeId;
  }
}

const coordinatorNotAvailable = 15;

function missing(kind: CoordinatorKind, key: string): KafkaError {
  return kafkaError(coordinatorNotAvailable, `Could not find the coordinator of ${kind} ${key}`);
}
