import { addToSequence } from "@ottla/protocol";
/** A producer id and epoch that the cluster gave out; -1 and -1 for none. */
export interface ProducerIdentity {
  readonly id: number;
  readonly epoch: number;
}

/** What a queue has to know of its batches. */
export interface QueuedBatch {
  readonly order: number;
  readonly part: number;
  readonly recordCount: number;
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  /** The how manieth batch of its partition it is that was given a sequence. */
  ordinal: number;
}

/**
 * How many batches of a partition brokers remember. A batch of unknown fate can only be sent again while it is among them, so no batch is sent that is further ahead.
 */
const rememberedBatches = 5;
const minSizeHint = 512;

/**
 * The batches of one partition, in order, and its sequence numbers (KIP-98, KIP-360). A batch gets its sequence when it is sent for the first time and keeps it when it is sent
 * again; from then until its fate is known it is *tracked*, wherever it is.
 */
export class PartitionQueue<Batch extends QueuedBatch> {
  readonly topic: string;
  readonly partition: number;
  /** Waiting to be sent, by order; the last one may be open. */
  readonly batches: Batch[] = [];
  /** With sequence numbers, by sequence; their fate is not known yet. */
  readonly tracked: Batch[] = [];
  inFlightCount = 0;
  /** A batch that had been sent was given up without knowing its fate: nothing new may follow before the rest is settled. */
  isUnresolved = false;
  /** How large the last batch grew, in bytes: what the next one is given at once. */
  sizeHint = 1024;
  /** What compression is expected to leave of the next batch, as a ratio. */
  compressionRatio = 1;
  #identity: ProducerIdentity = { id: -1, epoch: -1 };
  #nextSequence = 0;
  #nextOrdinal = 0;
  #lastAcked = -1;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get head(): Batch | undefined {
    return this.batches[0];
  }

  get last(): Batch | undefined {
    return this.batches[this.batches.length - 1];
  }

  get isEmpty(): boolean {
    return this.batches.length === 0;
  }

  /** Whether nothing is left of it: no batch waits, none is on its way. */
  get isIdle(): boolean {
    return this.batches.length === 0 && this.inFlightCount === 0 && this.tracked.length === 0;
  }

  /** Learns from a batch that was closed; `batchSize` bounds what is taken for the usual. */
  noteSize(capacity: number, batchSize: number): void {
    this.sizeHint = Math.max(minSizeHint, Math.min(capacity, batchSize));
  }

  /** Learns how well records compress: quickly for the worse, slowly for the better, as Kafka's CompressionRatioEstimator. */
  noteRatio(ratio: number): void {
    const { compressionRatio } = this;
    if (ratio > compressionRatio) this.compressionRatio = Math.max(compressionRatio + 0.05, ratio);
    else this.compressionRatio = Math.max(compressionRatio - 0.005, ratio);
  }

  /** Puts a batch back where its order says: before everything that was created later. */
  putBack(batch: Batch): void {
    let at = 0;
    while (at < this.batches.length && isBefore(this.batches[at]!, batch)) at++;
    this.batches.splice(at, 0, batch);
  }

  /** Whether the batch at the head may be sent as far as sequences are concerned; `identity` is the producer's current one. */
  mayFollow(head: Batch, identity: ProducerIdentity): boolean {
    if (head.baseSequence >= 0) {
      // It is sent again: only the lowest may go, since brokers refuse the others until that one is there.
      return this.tracked[0] === head;
    }
    const oldest = this.tracked[0];
    if (oldest === undefined) return true;
    if (this.isUnresolved || !this.#isCurrent(identity)) return false;
    if (this.#nextOrdinal - oldest.ordinal >= rememberedBatches) return false;
    // A broker that knows nothing of the producer takes any sequence as its first: were the first batch lost and the second not, the first would come behind it. So the first goes alone.
    return this.#lastAcked >= 0;
  }

  /** Gives a batch that is sent for the first time its sequence. */
  assign(batch: Batch, identity: ProducerIdentity): void {
    if (!this.#isCurrent(identity)) this.restart(identity);
    batch.producerId = identity.id;
    batch.producerEpoch = identity.epoch;
    batch.baseSequence = this.#nextSequence;
    batch.ordinal = this.#nextOrdinal++;
    this.#nextSequence = addToSequence(this.#nextSequence, batch.recordCount);
    this.tracked.push(batch);
  }

  /** Starts at sequence 0 under a new id or epoch; what is tracked gets new sequences, and is sent under them next time. */
  restart(identity: ProducerIdentity): void {
    this.#identity = identity;
    this.#nextSequence = 0;
    this.#lastAcked = -1;
    this.isUnresolved = false;
    for (const batch of this.tracked) {
      batch.producerId = identity.id;
      batch.producerEpoch = identity.epoch;
      batch.baseSequence = this.#nextSequence;
      this.#nextSequence = addToSequence(this.#nextSequence, batch.recordCount);
    }
  }

  /** The broker has the batch. */
  acknowledge(batch: Batch): void {
    if (!this.#untrack(batch)) return;
    const lastSequence = addToSequence(batch.baseSequence, batch.recordCount - 1);
    // Sequences wrap around; of two that are less than half a turn apart the later one is known.
    if (this.#lastAcked < 0 || ((lastSequence - this.#lastAcked) & 0x7fffffff) < 0x40000000)
      this.#lastAcked = lastSequence;
  }

  /** The batch is given up. `fateIsKnown`: the broker said that it does not have it, and will not. */
  giveUp(batch: Batch, fateIsKnown: boolean): void {
    if (this.#untrack(batch) && !fateIsKnown) this.isUnresolved = true;
  }

  /**
   * Once nothing is on its way any more: whether what was given up has left a gap, so that the epoch must be raised. Without one the partition goes on.
   */
  leftGap(): boolean {
    if (!this.isUnresolved || this.tracked.length > 0) return false;
    const expected = this.#lastAcked < 0 ? 0 : addToSequence(this.#lastAcked, 1);
    if (expected !== this.#nextSequence) return true;
    this.isUnresolved = false;
    return false;
  }

  /** Puts the parts of a batch in its place; sequences go on through them. */
  replace(batch: Batch, parts: readonly Batch[]): void {
    const at = this.tracked.indexOf(batch);
    if (at >= 0) {
      let sequence = batch.baseSequence;
      for (const part of parts) {
        part.producerId = batch.producerId;
        part.producerEpoch = batch.producerEpoch;
        part.baseSequence = sequence;
        part.ordinal = batch.ordinal;
        sequence = addToSequence(sequence, part.recordCount);
      }
      this.tracked.splice(at, 1, ...parts);
    }
    let place = 0;
    while (place < this.batches.length && isBefore(this.batches[place]!, batch)) place++;
    this.batches.splice(place, 0, ...parts);
  }

  #isCurrent(identity: ProducerIdentity): boolean {
    return this.#identity.id === identity.id && this.#identity.epoch === identity.epoch;
  }

  #untrack(batch: Batch): boolean {
    const at = this.tracked.indexOf(batch);
    if (at < 0) return false;
    this.tracked.splice(at, 1);
    return true;
  }
}

function isBefore(a: QueuedBatch, b: QueuedBatch): boolean {
  return a.order === b.order ? a.part < b.part : a.order < b.order;
}
