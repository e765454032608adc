import type { Batch, Message } from "./batch.ts";
import type { ConsumerEngine } from "./engine.ts";

export interface IterationOptions {
  /** Ends the iteration: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One thing after the other, for `for await`. What is given up in the middle (by `break`, `return` or `throw`) counts as unfinished, and comes again. */
abstract class Iteration<T, K, V> implements AsyncIterableIterator<T, undefined, undefined> {
  protected readonly engine: ConsumerEngine<K, V>;
  readonly #signal: AbortSignal | undefined;
  readonly #take = () => this.take();
  readonly #isFinished = () => this.#isOver;
  readonly #aborted = () => this.engine.asking.interrupt();
  /** The last `next` that had to wait, and how many are waiting: they are answered in the order of the calls. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  protected isRunning = false;
  #isOver = false;

  constructor(engine: ConsumerEngine<K, V>, options: IterationOptions) {
    this.engine = engine;
    this.#signal = options.signal;
  }

  /** Whether a `next` is still to be settled. */
  protected get isAsking(): boolean {
    return this.#waiting > 0;
  }

  /** The next thing, if it is there. */
  protected abstract take(): T | null;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const ask = () => this.#ask();
    const asked = this.#waiting === 0 ? ask() : this.#last.then(ask, ask);
    this.#waiting++;
    this.#last = asked;
    return asked;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    if (this.isRunning) {
      const abandoned = this.engine.offsets.abandon();
      this.#end();
      if (abandoned !== null) this.engine.positionsChanged();
      // A `next` that is still waiting ends with the iteration.
      else if (this.isAsking) this.engine.asking.interrupt();
    }
    this.#isOver = true;
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Takes what `take` throws for the end. */
  protected failed(error: unknown): Promise<never> {
    this.#end();
    return Promise.reject(error);
  }

  async #ask(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#isOver) return { done: true, value: undefined };
      if (!this.isRunning) this.#start();
      const value = await this.engine.ask(this.#take, { signal: this.#signal, isOver: this.#isFinished });
      if (value !== null) return { done: false, value };
      this.#end();
      return { done: true, value: undefined };
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#waiting--;
    }
  }

  #start(): void {
    const { engine } = this;
    engine.ensureReadable();
    engine.iteration = this;
    this.isRunning = true;
    this.#signal?.addEventListener("abort", this.#aborted);
  }

  #end(): void {
    this.#isOver = true;
    if (!this.isRunning) return;
    this.isRunning = false;
    this.#signal?.removeEventListener("abort", this.#aborted);
    if (this.engine.iteration === this) this.engine.iteration = null;
    this.engine.delivery.putBack();
  }
}

/** The clock is read for every so many messages at least. */
const mostBetweenLooks = 16;

/** Message by message. While there is a batch at hand and nothing else to do, a message costs a resolved promise and no turn of any loop. */
export class MessageIteration<K, V> extends Iteration<Message<K, V>, K, V> {
  /** A handler that never waits would keep heartbeats from leaving: after so many messages the clock says whether the event loop is due. */
  #lookEvery = 1;
  #untilLook = 1;

  override next(): Promise<IteratorResult<Message<K, V>, undefined>> {
    const { asking, delivery, offsets } = this.engine;
    if (asking.isInterrupted || !this.isRunning || !delivery.hasBegun || this.isAsking) return super.next();
    asking.ask();
    if (--this.#untilLook === 0 && this.#isTurnOver()) return super.next();
    try {
      return Promise.resolve({ done: false, value: delivery.takeMessage()! });
    } catch (error) {
      // Whoever asks has finished what came before.
      offsets.finish();
      return this.failed(error);
    }
  }

  #isTurnOver(): boolean {
    const { isTurnOver } = this.engine.asking;
    this.#lookEvery = isTurnOver ? 1 : Math.min(2 * this.#lookEvery, mostBetweenLooks);
    this.#untilLook = this.#lookEvery;
    return isTurnOver;
  }

  protected override take(): Message<K, V> | null {
    const { delivery } = this.engine;
    if (delivery.hasBegun && !delivery.canContinue) delivery.putBack();
    if (!delivery.hasBegun && !delivery.beginBatch()) return null;
    return delivery.takeMessage();
  }
}

/** Batch by batch. */
export class BatchIteration<K, V> extends Iteration<Batch<K, V>, K, V> {
  protected override take(): Batch<K, V> | null {
    return this.engine.delivery.takeBatch();
  }
}
