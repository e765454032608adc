/** How many batches of a producer are remembered: as many as a client may have in flight. */
const rememberedBatches = 5;

/** A batch that a producer appended. */
export interface ProducedBatch {
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly offsetDelta: number;
  readonly timestampMs: number;
}

/** What a partition knows of one producer (Kafka's `ProducerStateEntry`). */
export class ProducerEntry {
  readonly producerId: number;
  /** -1 as long as nothing was appended. */
  epoch = -1;
  coordinatorEpoch = -1;
  lastTimestampMs = -1;
  /** First offset of the open transaction, -1 without one. */
  currentTransactionFirstOffset = -1;
  /** The newest last. */
  #batches: ProducedBatch[] = [];

  constructor(producerId: number) {
    this.producerId = producerId;
  }

  get lastBatch(): ProducedBatch | undefined {
    return this.#batches.at(-1);
  }

  /** -1 where nothing is known. */
  get lastSequence(): number {
    return this.lastBatch?.lastSequence ?? -1;
  }

  /** The batch of this epoch that has just these sequence numbers, if it is one of the last five. */
  findBatch(epoch: number, baseSequence: number, lastSequence: number): ProducedBatch | undefined {
    if (epoch !== this.epoch) return undefined;
    return this.#batches.find((batch) => batch.lastSequence === lastSequence && firstSequence(batch) === baseSequence);
  }

  addBatch(epoch: number, batch: ProducedBatch): void {
    this.#setEpoch(epoch);
    if (this.#batches.length === rememberedBatches) this.#batches.shift();
    this.#batches.push(batch);
    this.lastTimestampMs = batch.timestampMs;
  }

  /** Batches that came before the last one, which is the only one that is known: the newest last. */
  recall(older: readonly ProducedBatch[]): void {
    this.#batches = [...older.slice(1 - rememberedBatches), ...this.#batches].slice(-rememberedBatches);
  }

  /** A marker ended its transaction. */
  endTransaction(epoch: number, coordinatorEpoch: number, timestampMs: number): void {
    this.#setEpoch(epoch);
    this.coordinatorEpoch = coordinatorEpoch;
    this.lastTimestampMs = timestampMs;
    this.currentTransactionFirstOffset = -1;
  }

  #setEpoch(epoch: number): void {
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    this.#batches = [];
  }
}

function firstSequence(batch: ProducedBatch): number {
  const first = batch.lastSequence - batch.offsetDelta;
  // Sequence numbers go from 2^31 - 1 back to 0.
  return first < 0 && batch.lastSequence >= 0 ? first + 0x80000000 : first;
}
