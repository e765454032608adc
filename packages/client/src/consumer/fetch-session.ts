import { errorCodes, zeroUuid } from "@ottla/protocol";
import { PartitionMap } from "./topic-partition.ts";

/** One partition of a fetch, as it is sent. */
export interface FetchTarget {
  readonly topic: string;
  /** Null where the broker named none (before Kafka 2.8): then all topics go by name. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly leaderEpoch: number;
  readonly maxBytes: number;
  /** Of the partition's state when this was planned; not sent. */
  readonly version: number;
}

/** What the next fetch of a session has to say. */
export interface FetchPlan {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  /** All partitions in a full fetch; in an incremental one those that are new or have changed. */
  readonly send: readonly FetchTarget[];
  /** What leaves the session. */
  readonly forget: readonly FetchTarget[];
  /** Whether topics can go by id (version 13 and later). */
  readonly usesTopicIds: boolean;
}

const firstEpoch = 0;
const finalEpoch = -1;

/**
 * The client's side of an incremental fetch session with one broker (KIP-227): only what has changed since the last fetch is sent. After Kafka's `FetchSessionHandler`.
 */
export class FetchSession {
  #sessionId = 0;
  #epoch = firstEpoch;
  #usedTopicIds = true;
  /** What the broker has in the session after the fetch that was planned last. */
  #targets = new PartitionMap<FetchTarget>();
  readonly #topicNames = new Map<string, string>();

  /** The topic's name by the id that was sent. */
  topicName(topicId: string): string | undefined {
    return this.#topicNames.get(topicId);
  }

  /** What was asked for of the partition. */
  target(topic: string, partition: number): FetchTarget | undefined {
    return this.#targets.get(topic, partition);
  }

  /** Plans a fetch of exactly these partitions. */
  plan(targets: readonly FetchTarget[]): FetchPlan {
    const usesTopicIds = targets.every(({ topicId }) => topicId !== null && topicId !== zeroUuid);
    // Names and ids do not mix within a session.
    if (usesTopicIds !== this.#usedTopicIds && this.#epoch !== firstEpoch) this.#startOver(true);
    this.#usedTopicIds = usesTopicIds;
    const before = this.#targets;
    this.#targets = new PartitionMap();
    this.#topicNames.clear();
    for (const target of targets) {
      this.#targets.set(target.topic, target.partition, target);
      if (target.topicId !== null) this.#topicNames.set(target.topicId, target.topic);
    }
    const facts = { sessionId: this.#sessionId, sessionEpoch: this.#epoch, usesTopicIds };
    if (this.#epoch === firstEpoch) return { ...facts, send: targets, forget: [] };
    const send = targets.filter((target) => isNews(target, before.get(target.topic, target.partition)));
    const forget: FetchTarget[] = [];
    for (const target of before.values()) {
      const now = this.#targets.get(target.topic, target.partition);
      if (now === undefined || now.topicId !== target.topicId) forget.push(target);
    }
    return { ...facts, send, forget };
  }

  /** Takes an answer in; false where it says that the session is no good, and nothing else. */
  answered(errorCode: number, sessionId: number): boolean {
    if (errorCode !== errorCodes.NONE) {
      this.#startOver(errorCode !== errorCodes.FETCH_SESSION_ID_NOT_FOUND);
      return false;
    }
    if (this.#epoch === firstEpoch) {
      this.#sessionId = sessionId;
      // The broker keeps no session: every fetch is a full one.
      this.#epoch = sessionId === 0 ? firstEpoch : 1;
    } else if (sessionId !== this.#sessionId) {
      this.#startOver(false);
    } else {
      this.#epoch = this.#epoch === 0x7fffffff ? 1 : this.#epoch + 1;
    }
    return true;
  }

  /** No answer came: nobody knows what the broker made of the fetch. */
  failed(): void {
    this.#startOver(true);
  }

  /** The fetch that ends the session; null where there is none. */
  planEnd(): FetchPlan | null {
    if (this.#sessionId === 0) return null;
    const plan = { sessionId: this.#sessionId, sessionEpoch: finalEpoch, send: [], forget: [], usesTopicIds: true };
    this.#startOver(false);
    return plan;
  }

  /** A full fetch comes next; with the old id it also closes the old session. */
  #startOver(closing: boolean): void {
    if (!closing) this.#sessionId = 0;
    this.#epoch = firstEpoch;
  }
}

function isNews(target: FetchTarget, before: FetchTarget | undefined): boolean {
  return (
    before === undefined ||
    before.fetchOffset !== target.fetchOffset ||
    before.leaderEpoch !== target.leaderEpoch ||
    before.maxBytes !== target.maxBytes ||
    before.topicId !== target.topicId
  );
}
