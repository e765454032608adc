import type { Clock, Random } from "@ottla/runtime";
import type { BrokerPool } from "./broker-pool.ts";

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

/** The pause before attempt `failures + 1`: exponential, give or take 20 %, as Kafka's ExponentialBackoff (KIP-580). */
export function backoffMs(firstMs: number, maxMs: number, failures: number, random: Random): number {
  if (failures < 1 || firstMs <= 0) return 0;
  const pause = Math.min(firstMs * 2 ** Math.min(failures - 1, 50), maxMs);
  return pause * (0.8 + 0.4 * random.float());
}

/**
 * Calls `attempt` until it succeeds, fails with what is not a retriable `KafkaError`, or the time or the attempts are used up: it then rejects with the last error.
 */
export function retry<T>(_policy: RetryPolicy, _attempt: (failures: number) => Promise<T>): Promise<T> {
  throw new Error("not yet");
}

/** Where groups (and transactional ids) are coordinated: looked up once and kept until a caller says that it was wrong. */
export class Coordinators {
  constructor(_pool: BrokerPool) {}

  /** The node that coordinates the group. One look-up, no retries: rejects with a retriable `KafkaError` (`COORDINATOR_NOT_AVAILABLE`) while there is none. */
  find(_groupId: string, _signal?: AbortSignal): Promise<number> {
    throw new Error("not yet");
  }

  /** Forgets it: after NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE or a broken connection. */
  invalidate(_groupId: string): void {
    throw new Error("not yet");
  }
}
