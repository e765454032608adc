import { ConfigError, KafkaError } from "../errors.ts";

/**
 * A pattern of topic names that the server resolves: a regular expression of RE2's syntax, which a topic's whole name has to match. Only with `groupProtocol: "consumer"`, and brokers of Kafka 4.0 or later; a
 * JavaScript `RegExp` is resolved by the consumer itself, and works with both protocols. Java's SubscriptionPattern.
 *
 *     await consumer.subscribe(new SubscriptionPattern("orders-.*"));
 */
export class SubscriptionPattern {
  readonly pattern: string;

  /** Throws a `KafkaError` unless the pattern is a text that is not empty; whether it is of the right syntax is the server's to say. */
  constructor(pattern: string) {
    if (typeof pattern !== "string" || pattern === "") {
      const what = `A SubscriptionPattern takes a regular expression as text, not ${JSON.stringify(pattern)}`;
      throw new KafkaError(what, { code: "INVALID_ARGUMENT" });
    }
    this.pattern = pattern;
  }

  toString(): string {
    return this.pattern;
  }
}

/** Throws a `ConfigError` where the group's protocol has no patterns that the server resolves. */
export function ensureServerPatterns({ groupProtocol }: { readonly groupProtocol: string }): void {
  if (groupProtocol === "consumer") return;
  const what = `A SubscriptionPattern needs groupProtocol "consumer", and this consumer's is "${groupProtocol}"`;
  throw new ConfigError(`${what}: subscribe with a RegExp, which the consumer resolves itself`, "groupProtocol");
}
