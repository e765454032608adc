import type { Clock, Random } from "@ottla/runtime";

/** One partition as a fetch session remembers it. */
export interface SessionPartition {
  /** Empty where the request named only an id that is not known. */
  topic: string;
  readonly topicId: string;
  readonly partition: number;
  fetchOffset: number;
  maxBytes: number;
  currentLeaderEpoch: number;
  lastFetchedEpoch: number;
  logStartOffset: number;
  /** What the client was told last; -1 before the first answer and after an error, so that the next answer names the partition again. */
  highWatermark: number;
  toldLogStartOffset: number;
}

/** What a client fetches again and again, so that it need not say it every time (KIP-227). */
export interface FetchSession {
  readonly id: number;
  readonly usesTopicIds: boolean;
  /** The epoch that the next request must carry. */
  epoch: number;
  /** In the order in which they are read: a partition that has given records moves to the end, so that all get their turn. */
  readonly partitions: Map<string, SessionPartition>;
  readonly createdMs: number;
  lastUsedMs: number;
}

/** Epoch of a request that wants a new session. */
export const initialEpoch = 0;
/** Epoch of a request that wants none. */
export const finalEpoch = -1;

/** A session that was not used for this long gives way to a new one (Kafka's `MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`). */
const evictionMs = 120_000;

/** The fetch sessions of all clients, bounded; a client whose session is gone starts a new one. */
export class FetchSessions {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly maxCount: number;
  /** Least recently used first. */
  private readonly sessions = new Map<number, FetchSession>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }, maxCount: number) {
    this.clock = clock;
    this.random = random;
    this.maxCount = maxCount;
  }

  get size(): number {
    return this.sessions.size;
  }

  get(id: number): FetchSession | undefined {
    return this.sessions.get(id);
  }

  remove(id: number): void {
    this.sessions.delete(id);
  }

  /** Marks a session as used. */
  touch(session: FetchSession): void {
    session.lastUsedMs = this.clock.monotonic();
    this.sessions.delete(session.id);
    this.sessions.set(session.id, session);
  }

  /** A new session, or null when there is no room for it: the client then sends whole requests. */
  create(partitions: Map<string, SessionPartition>, usesTopicIds: boolean): FetchSession | null {
    const now = this.clock.monotonic();
    if (this.maxCount === 0 || (this.sessions.size >= this.maxCount && !this.evictFor(partitions.size, now)))
      return null;
    const session: FetchSession = {
      id: this.freeId(),
      usesTopicIds,
      epoch: nextEpoch(initialEpoch),
      partitions,
      createdMs: now,
      lastUsedMs: now,
    };
    this.sessions.set(session.id, session);
    return session;
  }

  /** Makes room: for a session that nobody has used for a while, or, among those that had their time, a smaller one. */
  private evictFor(partitionCount: number, now: number): boolean {
    for (const session of this.sessions.values()) {
      const isStale = now - session.lastUsedMs > evictionMs;
      if (!isStale && !(now - session.createdMs > evictionMs && session.partitions.size < partitionCount)) continue;
      this.sessions.delete(session.id);
      return true;
    }
    return false;
  }

  private freeId(): number {
    for (;;) {
      const id = 1 + this.random.integer(0x7fffffff);
      if (!this.sessions.has(id)) return id;
    }
  }
}

/** Epochs count up and skip 0 when they wrap. */
export function nextEpoch(epoch: number): number {
  if (epoch < 0) return finalEpoch;
  return epoch === 0x7fffffff ? 1 : epoch + 1;
}
