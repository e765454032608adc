import { errorCodes } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import type { ConsumerGroup } from "./consumer-group.ts";
import type { Refusal } from "./consumer-group-events.ts";
import type { StoredConsumerMember } from "./consumer-group-records.ts";
import { type ConsumerTimers, equalNames, type RegexTimer } from "./consumer-member.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import type { Effects, Instant } from "./group-events.ts";
import type { GroupRecord } from "./group-records.ts";
import { patternCost, resolvePattern, validatePattern } from "./regular-expressions.ts";
import type { TopicImage } from "./topic-image.ts";

/** A group's regular expressions are not resolved more often than this. */
const minRefreshIntervalMs = 10_000;
/** What is matched at a time, in instructions of the patterns' programs: a millisecond as a rule, 20 at the worst unless a single name costs more. Then others come in between. */
const costOfPortion = 250_000;
/** What it costs to compile a pattern that is not known any more, in the same measure for each character. */
const costOfCompiling = 100;
/** The pause between two portions, which lets others in. */
const pauseMs = 1;

/** What became of a member's regular expression: `resolved` means that what it matches is known, so the group can be assigned anew. */
export type RegexChange = "unchanged" | "updated" | "resolved";

/**
 * Regular expressions that members subscribe with (KIP-848): all of a group's are resolved together, in portions between other events, when there is a new one, when topics were made, or when
 * the last time is long ago (Kafka's `GroupMetadataManager.maybeUpdateRegularExpressions` and `handleRegularExpressionsResult`).
 */
export class ConsumerGroupRegexes {
  private readonly config: GroupCoordinatorConfig;
  private readonly timers: ConsumerTimers;
  private readonly topics: TopicImage;
  private readonly logger: Logger;
  private readonly jobs = new Map<string, Job>();
  /** Changes when topics do. */
  private topicsVersion = 1;

  constructor(config: GroupCoordinatorConfig, timers: ConsumerTimers, topics: TopicImage, logger: Logger) {
    this.config = config;
    this.timers = timers;
    this.topics = topics;
    this.logger = logger;
  }

  topicsChanged(): void {
    this.topicsVersion++;
  }

  /** A member has, perhaps, another regular expression than before. Those that nobody has any more are forgotten. */
  update(
    group: ConsumerGroup,
    old: StoredConsumerMember,
    updated: StoredConsumerMember,
    records: GroupRecord[],
  ): RegexChange | Refusal {
    const [before, after] = [old.subscribedTopicRegex ?? "", updated.subscribedTopicRegex ?? ""];
    if (before === after) return "unchanged";
    const isNew = after !== "" && group.subscriptions.subscribersOf(after) === 0;
    if (isNew) {
      const wrong = validatePattern(after);
      if (wrong !== null) return { errorCode: errorCodes.INVALID_REGULAR_EXPRESSION, message: wrong };
    }
    if (before !== "" && group.subscriptions.subscribersOf(before) === 1) {
      records.push({
        kind: "consumerRegularExpression",
        groupId: group.id,
        regularExpression: before,
        value: null,
      });
    }
    return after === "" || (!isNew && group.subscriptions.resolved.has(after)) ? "resolved" : "updated";
  }

  /** Sees to it that the group's regular expressions are resolved soon, if it is time to. */
  refreshIfDue(group: ConsumerGroup, now: Instant): void {
    if (!group.subscriptions.hasRegexes || group.regexTimer.heapIndex !== -1) return;
    if (this.isDue(group, now)) this.timers.schedule(group.regexTimer, now.monotonic);
  }

  private isDue({ subscriptions, resolvedTopicsVersion }: ConsumerGroup, now: Instant): boolean {
    const { value: last } = subscriptions.resolved.values().next();
    if (last === undefined) return true;
    // A clock that was set back does not make anybody wait.
    const age = Math.abs(now.wall - last.timestamp);
    if (age <= minRefreshIntervalMs) return false;
    return (
      subscriptions.unresolvedCount !== 0 ||
      resolvedTopicsVersion < this.topicsVersion ||
      age > this.config.groupConsumerRegexRefreshIntervalMs
    );
  }

  /** Does a portion of the work; with the last one, what was found is stored. */
  timeout(group: ConsumerGroup, timer: RegexTimer, now: Instant, effects: Effects): void {
    let job = this.jobs.get(group.id);
    if (job === undefined) {
      job = new Job([...group.subscriptions.regexNames()], [...this.topics.names()], this.topicsVersion);
      this.jobs.set(group.id, job);
    }
    if (!job.step()) {
      this.timers.schedule(timer, now.monotonic + pauseMs);
      return;
    }
    this.jobs.delete(group.id);
    this.store(group, job, now, effects);
  }

  private store(group: ConsumerGroup, job: Job, now: Instant, effects: Effects): void {
    const subscriptions = group.subscriptions.copy();
    let hasChanged = false;
    for (const [regularExpression, topics] of job.matches) {
      // Nobody may want it any more.
      if (subscriptions.subscribersOf(regularExpression) === 0) continue;
      const value = { topics: topics.sort(), version: job.topicsVersion, timestamp: now.wall };
      const known = subscriptions.resolved.get(regularExpression)?.topics ?? [];
      if (!equalNames(known, value.topics)) hasChanged = true;
      subscriptions.setResolved(regularExpression, value);
      effects.records.push({ kind: "consumerRegularExpression", groupId: group.id, regularExpression, value });
    }
    const metadataHash = subscriptions.metadataHash(this.topics);
    if (hasChanged || metadataHash !== group.metadataHash) {
      const epoch = group.groupEpoch + 1;
      effects.records.push({ kind: "consumerGroup", groupId: group.id, value: { epoch, metadataHash } });
      this.logger.info("consumer group rebalances", { group: group.id, epoch, reason: "regular expressions" });
    }
    effects.next = { type: "regexesStored", groupId: group.id, topicsVersion: job.topicsVersion };
  }

  /** The group is gone. */
  forget(groupId: string): void {
    this.jobs.delete(groupId);
  }
}

/** Some patterns that are being matched, one after the other, against the topics that there were when it began. */
class Job {
  readonly matches = new Map<string, string[]>();
  readonly topicsVersion: number;
  private readonly patterns: readonly string[];
  private readonly names: readonly string[];
  /** The pattern, and the name, that are next. */
  private pattern = 0;
  private at = 0;

  constructor(patterns: readonly string[], names: readonly string[], topicsVersion: number) {
    this.patterns = patterns;
    this.names = names;
    this.topicsVersion = topicsVersion;
    for (const pattern of patterns) this.matches.set(pattern, []);
  }

  /** Matches the next portion; true when it was the last one. */
  step(): boolean {
    for (let left = costOfPortion; left > 0 && this.pattern < this.patterns.length; ) left -= this.match(left);
    return this.pattern >= this.patterns.length;
  }

  /** Goes on with a pattern for at most so much, but for a name at least; returns what it has cost. */
  private match(most: number): number {
    const pattern = this.patterns[this.pattern]!;
    const costOfCharacter = patternCost(pattern);
    let cost = pattern.length * costOfCompiling;
    const from = this.at;
    while (this.at < this.names.length && (this.at === from || cost < most)) {
      cost += this.names[this.at++]!.length * costOfCharacter;
    }
    const matches = this.matches.get(pattern)!;
    for (const name of resolvePattern(pattern, this.names.slice(from, this.at))) matches.push(name);
    if (this.at >= this.names.length) {
      this.pattern++;
      this.at = 0;
    }
    return cost;
  }
}
