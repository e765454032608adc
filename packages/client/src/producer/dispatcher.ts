import type { KafkaError } from "../errors.ts";
import type {
  AccumulatorEffect,
  AccumulatorSettings,
  AccumulatorWorld,
  SentBatch,
  SentRequest,
} from "./accumulator-events.ts";
import type { Batch, BatchQueue } from "./batch.ts";
import type { IdentityKeeper } from "./identity-keeper.ts";
import type { Readiness } from "./readiness.ts";

interface Node {
  state: "disconnected" | "connecting" | "connected";
  inFlightCount: number;
  /** Why it is disconnected. */
  error: KafkaError | null;
}

/** Puts ready batches into requests, as many as the brokers may have at a time. */
export class Dispatcher {
  readonly #settings: AccumulatorSettings;
  readonly #world: AccumulatorWorld;
  readonly #readiness: Readiness;
  readonly #identity: IdentityKeeper;
  readonly #nodes = new Map<number, Node>();

  constructor(settings: AccumulatorSettings, world: AccumulatorWorld, readiness: Readiness, identity: IdentityKeeper) {
    this.#settings = settings;
    this.#world = world;
    this.#readiness = readiness;
    this.#identity = identity;
  }

  connected(nodeId: number): void {
    const node = this.#node(nodeId);
    node.state = "connected";
    node.error = null;
  }

  /** There is no connection any more; that says nothing about who leads what. */
  hungUp(nodeId: number): void {
    this.#node(nodeId).state = "disconnected";
  }

  /** A request is over. */
  landed(nodeId: number): void {
    this.#node(nodeId).inFlightCount--;
  }

  /** Why there is no connection to a node; null where there is one, or was none needed yet. */
  errorOf(nodeId: number): KafkaError | null {
    return this.#node(nodeId).error;
  }

  /** No connection could be made: perhaps others lead its partitions now. */
  disconnected(nodeId: number, error: KafkaError | null, effects: AccumulatorEffect[]): void {
    const node = this.#node(nodeId);
    node.state = "disconnected";
    node.error = error;
    const topics = new Set<string>();
    for (const queue of this.#readiness.active) {
      if (this.#world.leader(queue.topic, queue.partition)?.nodeId === nodeId) topics.add(queue.topic);
    }
    for (const topic of topics) effects.push({ type: "refresh", topic });
  }

  /** Sends what is ready to brokers that can take it, and says what keeps the rest. */
  send(now: number, effects: AccumulatorEffect[]): void {
    const { ready } = this.#readiness;
    if (ready.size === 0 || !this.#hasIdentity(effects)) return;
    const nodeIds = new Set<number>();
    const leaderless = new Set<string>();
    for (const queue of ready) {
      const leader = this.#world.leader(queue.topic, queue.partition);
      if (leader === undefined) leaderless.add(queue.topic);
      else if (this.#canReach(leader.nodeId, effects)) nodeIds.add(leader.nodeId);
    }
    for (const topic of leaderless) effects.push({ type: "refresh", topic });
    for (const nodeId of nodeIds) {
      const node = this.#node(nodeId);
      while (node.inFlightCount < this.#settings.maxInFlight) {
        const request = this.#collect(nodeId, now);
        if (request === null) break;
        node.inFlightCount++;
        effects.push({ type: "send", request });
      }
    }
  }

  #hasIdentity(effects: AccumulatorEffect[]): boolean {
    if (!this.#settings.isIdempotent || this.#identity.isKnown) return true;
    if (this.#identity.ask()) effects.push({ type: "identify" });
    return false;
  }

  #canReach(nodeId: number, effects: AccumulatorEffect[]): boolean {
    const node = this.#node(nodeId);
    if (node.state === "disconnected") {
      node.state = "connecting";
      effects.push({ type: "connect", nodeId });
    }
    return node.state === "connected" && node.inFlightCount < this.#settings.maxInFlight;
  }

  /** The next request to a node: the first batch of each partition that it leads, the ready ones first; null where none is ready. */
  #collect(nodeId: number, now: number): SentRequest | null {
    const { ready, active } = this.#readiness;
    const taken: BatchQueue[] = [];
    let size = 0;
    const consider = (queue: BatchQueue) => {
      const head = queue.head;
      if (head === undefined || !this.#mayTake(queue, head, nodeId, now)) return;
      if (taken.length > 0 && size + head.size > this.#settings.maxRequestSize) return;
      size += head.size;
      taken.push(queue);
    };
    for (const queue of ready) consider(queue);
    if (taken.length === 0) return null;
    for (const queue of active) if (!ready.has(queue)) consider(queue);
    return { nodeId, sent: taken.map((queue) => this.#take(queue, now)) };
  }

  #mayTake(queue: BatchQueue, head: Batch, nodeId: number, now: number): boolean {
    const { isIdempotent, maxInFlight } = this.#settings;
    // With one request at a time order is kept even when the leader changes in between.
    if (maxInFlight === 1 && queue.inFlightCount > 0) return false;
    if (isIdempotent && !queue.mayFollow(head, this.#identity.current)) return false;
    const leader = this.#world.leader(queue.topic, queue.partition);
    return leader?.nodeId === nodeId && !this.isBackingOff(head, now);
  }

  #take(queue: BatchQueue, now: number): SentBatch {
    const batch = queue.batches.shift()!;
    if (batch.state === "open") queue.noteSize(batch.builder.capacity, this.#settings.batchSize);
    if (this.#settings.isIdempotent && batch.baseSequence < 0) queue.assign(batch, this.#identity.current);
    batch.state = "inFlight";
    batch.sentLeaderEpoch = this.#world.leader(queue.topic, queue.partition)?.epoch ?? -1;
    queue.inFlightCount++;
    this.#readiness.enlist(queue, now);
    const { producerId, producerEpoch, baseSequence } = batch;
    return { batch, producerId, producerEpoch, baseSequence };
  }

  /** A batch that is tried again waits, unless its partition has got a new leader since (KIP-951). */
  isBackingOff(batch: Batch, now: number): boolean {
    if (batch.retryAt <= now) return false;
    const leader = this.#world.leader(batch.queue.topic, batch.queue.partition);
    return leader === undefined || leader.epoch <= batch.sentLeaderEpoch;
  }

  #node(nodeId: number): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = { state: "disconnected", inFlightCount: 0, error: null };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }
}
