import { KafkaError } from "../errors.ts";
import type { SendGroup } from "./batch.ts";
import type { RecordMetadata } from "./record.ts";

/** Some records of a `sendAll` could not be delivered; `results` says which ones, and where the others are. */
export class SendAllError extends KafkaError {
  override readonly name = "SendAllError";
  /** One per record, in the order of the call. */
  readonly results: readonly (RecordMetadata | KafkaError)[];

  constructor(message: string, first: KafkaError, results: readonly (RecordMetadata | KafkaError)[]) {
    const { code, errorCode, retriable, serverMessage } = first;
    const possiblyPersisted = results.some((result) => result instanceof KafkaError && result.possiblyPersisted);
    super(message, { code, errorCode, retriable, serverMessage, possiblyPersisted, cause: first });
    this.results = results;
  }
}

/** The records of one `sendAll`, and the one promise for them. */
export class RecordGroup implements SendGroup {
  readonly promise: Promise<RecordMetadata[]>;
  readonly #results: (RecordMetadata | KafkaError)[];
  #left: number;
  #failures: KafkaError[] = [];
  #resolve!: (results: RecordMetadata[]) => void;
  #reject!: (error: unknown) => void;

  constructor(count: number) {
    this.#results = new Array(count);
    this.#left = count;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (count === 0) this.#resolve([]);
  }

  delivered(slot: number, metadata: RecordMetadata): void {
    this.#results[slot] = metadata;
    if (--this.#left === 0) this.#settle();
  }

  failed(slot: number, error: KafkaError): void {
    this.#results[slot] = error;
    this.#failures.push(error);
    if (--this.#left === 0) this.#settle();
  }

  /** Ends the waiting; what is under way goes on. */
  abandon(reason: unknown): void {
    this.#reject(reason);
  }

  #settle(): void {
    const first = this.#failures[0];
    if (first === undefined) {
      this.#resolve(this.#results as RecordMetadata[]);
      return;
    }
    const what = `${this.#failures.length} of ${this.#results.length} records could not be sent. ${first.message}`;
    this.#reject(new SendAllError(what, first, this.#results));
  }
}
