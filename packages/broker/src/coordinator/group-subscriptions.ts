import type { StoredConsumerMember, StoredRegularExpression } from "./consumer-group-records.ts";
import { equalNames } from "./consumer-member.ts";
import { topicHash } from "./topic-hash.ts";
import type { TopicImage } from "./topic-image.ts";

/** How many members subscribe to a topic by its name, and how many regular expressions matched it. */
interface TopicSubscribers {
  byName: number;
  byRegex: number;
}

/**
 * What the members of a consumer group subscribe to, together: topics by name, regular expressions, and what these matched when they were last resolved. Asks what it would be with one member
 * changed are answered without changing it.
 */
export class GroupSubscriptions {
  private readonly topics = new Map<string, TopicSubscribers>();
  /** How many members have each regular expression. */
  private readonly regexes = new Map<string, number>();
  readonly resolved = new Map<string, StoredRegularExpression>();
  private members = 0;
  /** The last list of names, so that equal members share theirs. */
  private lastNames: readonly string[] = [];

  has(topic: string): boolean {
    return this.topics.has(topic);
  }

  /** All topics, by name or matched. */
  names(): IterableIterator<string> {
    return this.topics.keys();
  }

  get hasRegexes(): boolean {
    return this.regexes.size > 0;
  }

  regexNames(): IterableIterator<string> {
    return this.regexes.keys();
  }

  subscribersOf(regex: string): number {
    return this.regexes.get(regex) ?? 0;
  }

  /** A member comes. Returns its metadata, with the list of names that it shares with others. */
  add(metadata: StoredConsumerMember): StoredConsumerMember {
    const shared = this.share(metadata);
    this.members++;
    this.count(shared, 1);
    return shared;
  }

  remove(metadata: StoredConsumerMember): void {
    this.members--;
    this.count(metadata, -1);
  }

  private share(metadata: StoredConsumerMember): StoredConsumerMember {
    const { subscribedTopicNames: names } = metadata;
    // Every member begins with none.
    if (names.length === 0) return metadata;
    if (equalNames(names, this.lastNames)) {
      return names === this.lastNames ? metadata : { ...metadata, subscribedTopicNames: this.lastNames };
    }
    this.lastNames = names;
    return metadata;
  }

  private count(metadata: StoredConsumerMember, by: number): void {
    for (const name of metadata.subscribedTopicNames) this.countTopic(name, by, 0);
    const regex = metadata.subscribedTopicRegex;
    if (regex === null || regex === "") return;
    const after = (this.regexes.get(regex) ?? 0) + by;
    if (after === 0) this.regexes.delete(regex);
    else this.regexes.set(regex, after);
  }

  private countTopic(name: string, byName: number, byRegex: number): void {
    const subscribers = this.topics.get(name);
    if (subscribers === undefined) {
      this.topics.set(name, { byName, byRegex });
      return;
    }
    subscribers.byName += byName;
    subscribers.byRegex += byRegex;
    if (subscribers.byName <= 0 && subscribers.byRegex <= 0) this.topics.delete(name);
  }

  /** What a regular expression matched; null: it is not used any more. */
  setResolved(regex: string, value: StoredRegularExpression | null): void {
    for (const topic of this.resolved.get(regex)?.topics ?? []) this.countTopic(topic, 0, -1);
    if (value === null) {
      this.resolved.delete(regex);
      return;
    }
    this.resolved.set(regex, value);
    for (const topic of value.topics) this.countTopic(topic, 0, 1);
  }

  /** How many regular expressions are still to be resolved, or are known and not used any more. */
  get unresolvedCount(): number {
    return this.regexes.size - this.resolved.size;
  }

  /** Forgets what regular expressions matched that nobody has any more; says which. */
  forgetUnused(): string[] {
    const unused = [...this.resolved.keys()].filter((regex) => !this.regexes.has(regex));
    for (const regex of unused) this.setResolved(regex, null);
    return unused;
  }

  /** A copy to try changes on. */
  copy(): GroupSubscriptions {
    const copy = new GroupSubscriptions();
    for (const [name, { byName, byRegex }] of this.topics) copy.topics.set(name, { byName, byRegex });
    for (const [regex, subscribers] of this.regexes) copy.regexes.set(regex, subscribers);
    for (const [regex, value] of this.resolved) copy.resolved.set(regex, value);
    copy.members = this.members;
    copy.lastNames = this.lastNames;
    return copy;
  }

  /**
   * Whether all members subscribe to the same topics: all by name, or all by the same regular expression and nothing else (Kafka's `ConsumerGroup.subscriptionType`).
   */
  get isHomogeneous(): boolean {
    if (this.regexes.size === 0) {
      for (const { byName } of this.topics.values()) if (byName !== this.members) return false;
      return true;
    }
    if (this.regexes.values().next().value !== this.members) return false;
    for (const { byName, byRegex } of this.topics.values()) if (byRegex !== 1 || byName > 0) return false;
    return true;
  }

  /** A number that changes when one of the topics is made, deleted, made anew or grows; 0 where none of them is there. */
  metadataHash(image: TopicImage): bigint {
    let high = 0;
    let low = 0;
    let isNone = true;
    for (const name of this.topics.keys()) {
      const topic = image.topicByName(name);
      if (topic === undefined) continue;
      isNone = false;
      const hash = topicHash(topic);
      // A sum, so that the order of the topics does not matter.
      high = (high + hash.high) | 0;
      low = (low + hash.low) | 0;
    }
    return isNone ? 0n : (BigInt(high) << 32n) | BigInt(low >>> 0);
  }
}
