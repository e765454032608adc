import type { ClientCore } from "../client-core.ts";
import type { KafkaError } from "../errors.ts";
import { ConsumerMembershipDriver } from "./consumer-membership-driver.ts";
import type { ConsumerEffectOf, GroupSubscription } from "./consumer-membership-events.ts";
import type { GroupHost, GroupMembership, GroupMembershipOptions, RebalanceListener } from "./group-membership.ts";
import { checkTopics, GroupNews } from "./group-news.ts";
import type { MembershipIdentity } from "./membership-events.ts";
import { PartitionHandover } from "./partition-handover.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicIdPartitions } from "./topic-id-partitions.ts";
import { TopicNames } from "./topic-names.ts";
import { comparePartitions, type TopicPartition } from "./topic-partition.ts";

type Task = ConsumerEffectOf<"prepareJoin"> | ConsumerEffectOf<"reconcile">;

/**
 * The application's side of a membership of a KIP-848 group: the subscription, the listener, the way from what it has to what the coordinator wants it to have. Kafka's order: commit,
 * onPartitionsRevoked, onPartitionsAssigned, and then the coordinator hears of it. Partitions that stay keep flowing.
 */
export class ConsumerGroupSession implements GroupMembership {
  readonly #core: ClientCore;
  readonly #groupId: string;
  readonly #host: GroupHost;
  readonly #driver: ConsumerMembershipDriver;
  readonly #handover: PartitionHandover;
  readonly #news: GroupNews;
  readonly #names: TopicNames;
  readonly #closing = new AbortController();
  #subscription: Subscription | null = null;
  /** The topics that the group knows this member wants; null while it has not joined. */
  #toldTopics: string | null = null;
  /** The ids of the topics that this member has partitions of, by name; null where nothing has been assigned since it joined. */
  #ownedIds: ReadonlyMap<string, string> | null = null;
  /** A newer one takes the place of one that nobody has begun. */
  #task: Task | null = null;

  constructor(options: GroupMembershipOptions) {
    const { core, settings, groupId, host } = options;
    this.#core = core;
    this.#groupId = groupId;
    this.#host = host;
    this.#handover = new PartitionHandover(options);
    this.#news = new GroupNews(groupId, () => host.attention());
    this.#names = new TopicNames(core, this.#closing.signal, () => this.#driver.dispatch({ type: "topicsResolved" }));
    const rackId = settings.clientRack === "" ? null : settings.clientRack;
    this.#driver = new ConsumerMembershipDriver(
      core,
      { ...settings, groupId, rackId, serverAssignor: settings.groupRemoteAssignor },
      {
        prepareJoin: (effect) => this.#setTask(effect),
        reconcile: (effect) => this.#setTask(effect),
        tell: (failure) => this.#news.tell(failure),
        fail: (failure) => this.#news.fail(failure),
        pollTimedOut: (busyMs) => host.pollTimedOut(busyMs),
        identity: (identity) => host.setIdentity(identity),
        polledAt: () => host.polledAt(),
      },
    );
  }

  get subscription(): Subscription | null {
    return this.#subscription;
  }

  subscribe(subscription: Subscription, listener: RebalanceListener | undefined): void {
    const before = this.#subscription;
    const { metadata } = this.#core;
    metadata.untrack(before?.topics(metadata) ?? []);
    this.#subscription = subscription;
    this.#handover.listener = listener ?? {};
    metadata.trackAll(subscription.isPattern);
    metadata.track(this.#ownedIds?.keys() ?? []);
    if (!subscription.isPattern) this.#trackNames(subscription.topics(metadata));
    // A member that is new asks before it joins.
    else if (before !== null) metadata.invalidateAll();
    if (before === null) this.#driver.dispatch({ type: "subscribed" });
    else this.#tellSubscription();
  }

  rejoin(): void {
    this.#core.logger.warn(
      `enforceRebalance does nothing with groupProtocol "consumer": the coordinator of group ${this.#groupId} decides when to assign anew`,
    );
  }

  get hasTask(): boolean {
    return this.#task !== null || this.#news.isWaiting;
  }

  async runTask(): Promise<void> {
    this.#news.throwNext();
    const task = this.#task;
    this.#task = null;
    if (task?.type === "prepareJoin") await this.#prepareJoin(task);
    else if (task?.type === "reconcile") await this.#reconcile(task);
  }

  resume(): void {
    if (this.#news.takeResumption()) this.#driver.dispatch({ type: "resumed" });
  }

  async leave(_reason: string, standing: MembershipIdentity["standing"]): Promise<void> {
    const { metadata } = this.#core;
    let error: unknown = null;
    this.#task = null;
    try {
      const owned = this.#handover.owned();
      if (owned.length > 0) await (standing === "stable" ? this.#handover.revoke(owned) : this.#handover.lose(owned));
    } catch (failure) {
      error = failure;
    }
    metadata.untrack([...(this.#subscription?.topics(metadata) ?? []), ...(this.#ownedIds?.keys() ?? [])]);
    metadata.trackAll(false);
    this.#subscription = null;
    this.#forgetAssignment();
    await this.#driver.leave();
    // What came in while the listener ran.
    this.#task = null;
    this.#news.clear();
    if (error !== null) throw error;
  }

  close(error: KafkaError): void {
    this.#closing.abort(error);
    this.#driver.close(error);
  }

  coordinatorLost(reason: string): void {
    this.#driver.dispatch({ type: "coordinatorLost", reason });
  }

  /** The next heartbeat says the same. */
  commitRefused(): void {}

  metadataChanged(): void {
    if (this.#subscription === null) return;
    checkTopics(this.#core.metadata, this.#subscription, this.#news);
    this.#names.metadataChanged();
    if (this.#subscription.isPattern) this.#tellSubscription();
  }

  #setTask(task: Task): void {
    this.#task = task;
    this.#host.attention();
  }

  /** Topics that are not known are asked for, which may create them; those that are missing are asked for again. */
  #trackNames(topics: readonly string[]): void {
    const { metadata } = this.#core;
    metadata.track(topics);
    for (const topic of topics) if (metadata.topic(topic) === undefined) metadata.invalidate(topic);
  }

  #groupSubscription(): GroupSubscription {
    const topicNames = [...(this.#subscription?.topics(this.#core.metadata) ?? [])];
    return { topicNames, topicPattern: this.#subscription?.serverPattern ?? null };
  }

  #tellSubscription(): void {
    if (this.#toldTopics === null) return;
    const subscription = this.#groupSubscription();
    const topics = JSON.stringify(subscription);
    if (topics === this.#toldTopics) return;
    this.#toldTopics = topics;
    this.#driver.dispatch({ type: "subscriptionChanged", subscription });
  }

  #forgetAssignment(): void {
    this.#ownedIds = null;
    this.#toldTopics = null;
    this.#names.want([]);
    this.#names.keep(new Set());
  }

  /** What it still has was lost; then it joins (again). */
  async #prepareJoin({ id, reason }: ConsumerEffectOf<"prepareJoin">): Promise<void> {
    const { logger, metadata } = this.#core;
    logger.debug(`Joining group ${this.#groupId}: ${reason}`);
    const owned = this.#handover.owned();
    this.#forgetAssignment();
    this.#stopTracking(owned.map(({ topic }) => topic));
    try {
      if (owned.length > 0) await this.#handover.lose(owned);
    } finally {
      // A member that has not heard of a topic yet would have the group assign anew as soon as it does.
      if (this.#subscription?.isPattern) await metadata.refresh("all", this.#closing.signal).catch(() => {});
      const subscription = this.#groupSubscription();
      this.#toldTopics = JSON.stringify(subscription);
      this.#driver.dispatch({ type: "joinPrepared", id, subscription });
    }
  }

  /** Kafka's maybeReconcile. A listener that throws does not keep the rest from being done: the application hears of it, and the group goes on. */
  async #reconcile({ id, target }: ConsumerEffectOf<"reconcile">): Promise<void> {
    const { owned, places, ids } = this.#resolve(target);
    const isFirst = this.#ownedIds === null;
    const before = this.#ownedIds ?? new Map();
    // A topic that was deleted and made again under its name is another one.
    const leaving = this.#handover.change(places.filter(({ topic }) => before.get(topic) === ids.get(topic))).leaving;
    const errors: unknown[] = [];
    if (leaving.length > 0) await this.#handover.revoke(leaving).catch((error: unknown) => errors.push(error));
    if (!this.#isLost) {
      const { coming } = this.#handover.change(places);
      this.#ownedIds = ids;
      if (isFirst || leaving.length > 0 || coming.length > 0) {
        await this.#handover.takeIn(coming).catch((error: unknown) => errors.push(error));
      }
      this.#stopTracking(before.keys());
      this.#driver.dispatch({ type: "reconciled", id, owned });
    }
    if (errors.length > 0) throw errors[0];
  }

  /** All that it has belongs to others: what is left to do is to say so. */
  get #isLost(): boolean {
    return this.#task?.type === "prepareJoin" || this.#news.hasFailed;
  }

  /** What of the target has names; the rest is looked up, and comes with another reconciliation. */
  #resolve(target: TopicIdPartitions): {
    owned: TopicIdPartitions;
    places: TopicPartition[];
    ids: ReadonlyMap<string, string>;
  } {
    const places: TopicPartition[] = [];
    const ids = new Map<string, string>();
    const unknown: string[] = [];
    const owned = target.filter(({ topicId, partitions }) => {
      const topic = this.#names.nameOf(topicId);
      if (topic === undefined) {
        unknown.push(topicId);
        return false;
      }
      ids.set(topic, topicId);
      for (const partition of partitions) places.push({ topic, partition });
      return true;
    });
    if (unknown.length > 0) {
      const what = `Group ${this.#groupId} assigns partitions of topics that have no name yet`;
      this.#core.logger.debug(what, { topicIds: unknown });
    }
    places.sort(comparePartitions);
    this.#names.keep(new Set(target.map(({ topicId }) => topicId)));
    this.#names.want(unknown);
    return { owned, places, ids };
  }

  /** Of topics that are neither subscribed to by name nor owned any more. */
  #stopTracking(topics: Iterable<string>): void {
    const { metadata } = this.#core;
    const wanted = new Set(this.#subscription?.topics(metadata));
    metadata.untrack([...topics].filter((topic) => !wanted.has(topic) && this.#ownedIds?.has(topic) !== true));
  }
}
