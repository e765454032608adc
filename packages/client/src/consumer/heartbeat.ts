import { type Verdict, verdictOn } from "./membership-verdicts.ts";

/** The deadlines of a member that the coordinator counts in: the next heartbeat, the end of the session, the application's next ask. Kafka's `Heartbeat`. */
export class Heartbeat {
  #intervalMs: number;
  readonly #sessionTimeoutMs: number;
  readonly #maxPollIntervalMs: number;
  #inFlight = 0;
  #nextAt = Number.POSITIVE_INFINITY;
  #isUrgent = false;
  #failures = 0;
  #sessionEndsAt = Number.POSITIVE_INFINITY;
  /** When the application last asked. */
  polledAt = 0;

  constructor(settings: { heartbeatIntervalMs: number; sessionTimeoutMs: number; maxPollIntervalMs: number }) {
    this.#intervalMs = settings.heartbeatIntervalMs;
    this.#sessionTimeoutMs = settings.sessionTimeoutMs;
    this.#maxPollIntervalMs = settings.maxPollIntervalMs;
  }

  /** The member has joined: all starts anew. */
  start(now: number): void {
    this.#inFlight = 0;
    this.#failures = 0;
    this.#nextAt = now + this.#intervalMs;
    this.polledAt = now;
    this.extendSession(now);
  }

  /** The coordinator has said how often it wants to hear of the member. */
  takeInterval(intervalMs: number, now: number): void {
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    if (this.#nextAt > now) this.#nextAt = now + intervalMs;
  }

  /** There is something to tell: the next one does not wait for the interval, only for the answer to the last one and for the pause after a failure. */
  hasten(): void {
    this.#isUrgent = true;
  }

  extendSession(now: number): void {
    this.#sessionEndsAt = now + this.#sessionTimeoutMs;
  }

  sent(id: number, now: number): void {
    this.#inFlight = id;
    this.#isUrgent = false;
    this.#nextAt = now + this.#intervalMs;
  }

  /** Whether `id` is the heartbeat that is in flight; it no longer is. */
  settle(id: number): boolean {
    if (id !== this.#inFlight) return false;
    this.#inFlight = 0;
    return true;
  }

  /** Whatever answer the heartbeat in flight gets is of no interest any more. */
  drop(): void {
    this.#inFlight = 0;
  }

  /** As `drop`; where there was one, another is due. */
  dropAndRepeat(now: number): void {
    if (this.#inFlight !== 0) this.#nextAt = now;
    this.#inFlight = 0;
  }

  /** Takes an answer in and says what it means to the member. */
  answered(errorCode: number, now: number, pause: (failures: number) => number): Verdict {
    const verdict = verdictOn("Heartbeat", errorCode);
    if (verdict === "good" || verdict === "rebalancing") this.succeeded(now);
    else if (verdict === "moved" || verdict === "later") this.failed(now, pause);
    return verdict;
  }

  succeeded(now: number): void {
    this.#failures = 0;
    this.extendSession(now);
  }

  /** Sets the next try. */
  failed(now: number, pause: (failures: number) => number): void {
    this.#nextAt = now + pause(++this.#failures);
  }

  isDue(now: number): boolean {
    return this.#inFlight === 0 && (now >= this.#nextAt || (this.#isUrgent && this.#failures === 0));
  }

  /** What has run out: the application's time (with how long it has not asked), the session, or nothing. */
  expired(now: number): { readonly busyMs: number } | "session" | null {
    const busyMs = this.overdueMs(now);
    if (busyMs !== null) return { busyMs };
    return this.isSessionOver(now) ? "session" : null;
  }

  isSessionOver(now: number): boolean {
    return now >= this.#sessionEndsAt;
  }

  /** How long the application has not asked, where that is too long; otherwise null. */
  overdueMs(now: number): number | null {
    const busyMs = now - this.polledAt;
    return busyMs >= this.#maxPollIntervalMs ? busyMs : null;
  }

  deadline(coordinatorKnown: boolean): number {
    const askAt = this.polledAt + this.#maxPollIntervalMs;
    if (!coordinatorKnown) return askAt;
    const beatAt = this.#inFlight === 0 ? this.#nextAt : Number.POSITIVE_INFINITY;
    return Math.min(askAt, beatAt, this.#sessionEndsAt);
  }
}
