import type { Metadata } from "../metadata.ts";
import { compareText } from "./assignors/assignor.ts";
import { SubscriptionPattern } from "./subscription-pattern.ts";

/** What the application subscribed to: names, a pattern that names are held against as topics come and go, or a pattern for the server. */
export class Subscription {
  readonly #names: readonly string[];
  readonly #pattern: RegExp | null;
  /** What the server holds names against; null for none. */
  readonly serverPattern: string | null;
  readonly #excludeInternalTopics: boolean;

  constructor(topics: readonly string[] | RegExp | SubscriptionPattern, excludeInternalTopics: boolean) {
    const isList = !(topics instanceof RegExp || topics instanceof SubscriptionPattern);
    this.#names = isList ? [...new Set(topics)].sort(compareText) : [];
    this.serverPattern = topics instanceof SubscriptionPattern ? topics.pattern : null;
    // Without the flags that make a RegExp remember where it stopped.
    this.#pattern = topics instanceof RegExp ? new RegExp(topics.source, topics.flags.replace(/[gy]/g, "")) : null;
    this.#excludeInternalTopics = excludeInternalTopics;
  }

  /** Whether the client holds names against a pattern. */
  get isPattern(): boolean {
    return this.#pattern !== null;
  }

  /** The topics that are meant, sorted; with a pattern those of the metadata that match, with a pattern for the server none. */
  topics(metadata: Metadata): readonly string[] {
    if (this.#pattern === null) return this.#names;
    const matching: string[] = [];
    for (const topic of metadata.topics.values()) {
      if (topic.isInternal && this.#excludeInternalTopics) continue;
      if (this.#pattern.test(topic.name)) matching.push(topic.name);
    }
    return matching.sort(compareText);
  }

  /** Whether the topic may be assigned. A leader may know of topics that this member has not heard of yet. */
  covers(topic: string): boolean {
    return this.#pattern === null ? this.#names.includes(topic) : this.#pattern.test(topic);
  }

  /** `orders, payments` or `/^orders/`, for messages. */
  describe(): string {
    return this.serverPattern ?? (this.#pattern === null ? this.#names.join(", ") : String(this.#pattern));
  }
}
