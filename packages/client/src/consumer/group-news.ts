import { KafkaError, kafkaError, kafkaErrorOf } from "../errors.ts";
import type { Metadata } from "../metadata.ts";
import type { Failure } from "./membership-events.ts";
import type { Subscription } from "./subscription.ts";

/** What the application has to hear of when it next asks: failures of its membership, of either protocol. */
export class GroupNews {
  readonly #groupId: string;
  readonly #attention: () => void;
  #error: KafkaError | null = null;
  #hasFailed = false;

  constructor(groupId: string, attention: () => void) {
    this.#groupId = groupId;
    this.#attention = attention;
  }

  /** Whether nothing goes on. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get isWaiting(): boolean {
    return this.#error !== null;
  }

  /** Nothing goes on until the application has heard of it, and asks again. */
  fail(failure: Failure): void {
    this.#hasFailed = true;
    this.#error = this.#errorOf(failure);
    this.#attention();
  }

  /** The membership goes on. */
  tell(error: KafkaError | Failure): void {
    this.#error ??= error instanceof KafkaError ? error : this.#errorOf(error);
    this.#attention();
  }

  /** Throws what there is. */
  throwNext(): void {
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
  }

  /** Whether the application goes on after it has heard of a failure. */
  takeResumption(): boolean {
    if (!this.#hasFailed || this.#error !== null) return false;
    this.#hasFailed = false;
    return true;
  }

  /** Nobody is to hear of what there is. */
  clear(): void {
    this.#error = null;
    this.#hasFailed = false;
  }

  #errorOf({ errorCode, message, isWhole, retriable }: Failure): KafkaError {
    if (errorCode === null) return new KafkaError(message, { code: "GROUP_FAILED", retriable });
    if (isWhole === true) return kafkaErrorOf(errorCode, message);
    return kafkaError(errorCode, `Could not take part in group ${this.#groupId}`, { serverMessage: message });
  }
}

/** Has topics that are subscribed to and missing looked for again, and tells of those that never will be there. */
export function checkTopics(metadata: Metadata, subscription: Subscription, news: GroupNews): void {
  for (const topic of subscription.topics(metadata)) {
    const error = metadata.topic(topic) === undefined ? metadata.topicError(topic) : undefined;
    // A topic that is missing may just be about to be created; one whose name is not valid never is.
    if (error?.retriable === true) metadata.invalidate(topic);
    else if (error !== undefined) news.tell(error);
  }
}
