import type { ClientCore } from "../client-core.ts";
import { KafkaError } from "../errors.ts";
import {
  type Assignor,
  compareText,
  type MemberAssignment,
  type RebalanceProtocol,
  rebalanceProtocol,
} from "./assignors/assignor.ts";
import type { ConsumerSettings } from "./consumer-config.ts";
import { consumerProtocolType, decodeAssignment, encodeSubscription } from "./consumer-protocol.ts";
import { GroupLeader } from "./group-leader.ts";
import type { GroupHost, GroupMembership, GroupMembershipOptions, RebalanceListener } from "./group-membership.ts";
import { checkTopics, GroupNews } from "./group-news.ts";
import { MembershipDriver } from "./membership-driver.ts";
import type { EffectOf, JoinProtocol, MembershipIdentity } from "./membership-events.ts";
import { byTopic, eachPartition } from "./offsets.ts";
import { PartitionHandover } from "./partition-handover.ts";
import type { Subscription } from "./subscription.ts";
import type { PartitionsByTopic, TopicPartition } from "./topic-partition.ts";

type Task = EffectOf<"prepareJoin"> | EffectOf<"assigned">;

/**
 * The application's side of a membership of a classic group: the subscription, the listener, the assignor. After Kafka's `ConsumerCoordinator`.
 *
 * Eager, a member lets go of everything before each round. Cooperative (KIP-429), it lets go before a round only of what it does not subscribe to any more, and after the
 * round of what the assignment has taken from it; then it joins again at once, so that others get that. Unlike Kafka's, a member that has nothing to let go of
 * joins without waiting for the application: nobody waits for its handler.
 */
export class ClassicGroupSession implements GroupMembership {
  readonly #core: ClientCore;
  readonly #settings: ConsumerSettings;
  readonly #groupId: string;
  readonly #host: GroupHost;
  readonly #assignors: readonly Assignor[];
  readonly #protocol: RebalanceProtocol;
  readonly #driver: MembershipDriver;
  readonly #leader: GroupLeader;
  readonly #handover: PartitionHandover;
  readonly #news: GroupNews;
  readonly #closing = new AbortController();
  #subscription: Subscription | null = null;
  /** The topics that the group knows of this member; null while it knows of none. */
  #joinedTopics: readonly string[] | null = null;
  #lastAssignment: PartitionsByTopic = new Map();
  #lastGenerationId = -1;
  #takenGenerationId = -1;
  /** A newer one takes the place of one that nobody has begun. */
  #task: Task | null = null;
  /** Which stay in the group this is: another begins when all was lost. */
  #stay = 0;
  /** The application is at a task, or leaves. */
  #isBusy = false;

  constructor(options: GroupMembershipOptions) {
    this.#core = options.core;
    this.#settings = options.settings;
    this.#groupId = options.groupId;
    this.#handover = new PartitionHandover(options);
    this.#host = options.host;
    this.#news = new GroupNews(options.groupId, () => options.host.attention());
    this.#assignors = options.settings.partitionAssignmentStrategy;
    this.#protocol = rebalanceProtocol(this.#assignors) ?? "eager";
    this.#leader = new GroupLeader(options.core, this.#assignors, this.#protocol, this.#closing.signal);
    const { settings, groupId, host } = options;
    this.#driver = new MembershipDriver(
      options.core,
      { ...settings, groupId, protocolType: consumerProtocolType },
      {
        prepareJoin: (effect) => this.#setTask(effect),
        protocols: (generationId) => this.#protocols(generationId),
        assigned: (effect) => this.#setTask(effect),
        assign: (effect) => void this.#lead(effect),
        fail: (failure) => this.#news.fail(failure),
        pollTimedOut: (busyMs) => host.pollTimedOut(busyMs),
        identity: ({ identity }) => this.#tellIdentity(identity),
        polledAt: () => host.polledAt(),
      },
    );
  }

  get subscription(): Subscription | null {
    return this.#subscription;
  }

  subscribe(subscription: Subscription, listener: RebalanceListener | undefined): void {
    const isNew = this.#subscription === null;
    const { metadata } = this.#core;
    metadata.untrack(this.#subscription?.topics(metadata) ?? []);
    this.#subscription = subscription;
    this.#handover.listener = listener ?? {};
    metadata.trackAll(subscription.isPattern);
    // What is owned stays so until the next round.
    metadata.track(new Set(this.#handover.owned().map(({ topic }) => topic)));
    if (!subscription.isPattern) metadata.track(subscription.topics(metadata));
    // A member that is new asks before it joins.
    else if (!isNew) metadata.invalidateAll();
    if (isNew) this.#driver.dispatch({ type: "subscribed" });
    else if (this.#hasNewTopics())
      this.#driver.dispatch({ type: "rejoinNeeded", reason: "the subscription has changed" });
  }

  rejoin(reason: string): void {
    this.#driver.dispatch({ type: "rejoinNeeded", reason });
  }

  get takenGenerationId(): number {
    return this.#takenGenerationId;
  }

  get hasTask(): boolean {
    return this.#task !== null || this.#news.isWaiting;
  }

  async runTask(): Promise<void> {
    this.#news.throwNext();
    const task = this.#task;
    this.#task = null;
    this.#isBusy = true;
    try {
      if (task?.type === "prepareJoin") await this.#prepareJoin(task);
      else if (task?.type === "assigned") await this.#takeAssignment(task);
    } finally {
      this.#isBusy = false;
      this.#goAhead();
    }
  }

  resume(): void {
    if (this.#news.takeResumption()) this.#driver.dispatch({ type: "resumed" });
  }

  async leave(reason: string, standing: MembershipIdentity["standing"]): Promise<void> {
    this.#isBusy = true;
    const owned = this.#handover.owned();
    try {
      // In the middle of a round, too, what a cooperative member owns is its own until it has left (Java's counts it as lost, and does not commit).
      if (owned.length > 0) await (standing === "out" ? this.#handover.lose(owned) : this.#handover.revoke(owned));
    } finally {
      const { metadata } = this.#core;
      metadata.trackAll(false);
      metadata.untrack([...(this.#subscription?.topics(metadata) ?? []), ...this.#leader.topics]);
      metadata.untrack(owned.map(({ topic }) => topic));
      this.#subscription = null;
      this.#joinedTopics = null;
      this.#leader.stop();
      await this.#driver.leave(reason);
      this.#task = null;
      this.#news.clear();
      this.#isBusy = false;
    }
  }

  close(error: KafkaError): void {
    this.#closing.abort(error);
    this.#driver.close(error);
  }

  coordinatorLost(reason: string): void {
    this.#driver.dispatch({ type: "coordinatorLost", reason });
  }

  commitRefused(errorCode: number, { memberId, generationId }: MembershipIdentity): void {
    this.#driver.dispatch({ type: "commitRefused", errorCode, memberId, generationId });
  }

  metadataChanged(): void {
    const subscription = this.#subscription;
    if (subscription === null) return;
    checkTopics(this.#core.metadata, subscription, this.#news);
    if (this.#joinedTopics === null) return;
    if (subscription.isPattern && this.#hasNewTopics()) this.rejoin("other topics match the pattern");
    else if (this.#leader.hasOutdated()) this.rejoin("the topics' partitions have changed");
  }

  #tellIdentity(identity: MembershipIdentity): void {
    if (identity.standing === "out") {
      this.#stay++;
      this.#takenGenerationId = -1;
    }
    // Eager, nothing is kept from one generation to the next.
    this.#host.setIdentity(this.#protocol === "eager" ? identity : { ...identity, stay: this.#stay });
  }

  #hasNewTopics(): boolean {
    const topics = this.#subscription?.topics(this.#core.metadata);
    if (topics === undefined || this.#joinedTopics === null) return topics !== undefined;
    return topics.length !== this.#joinedTopics.length || topics.some((topic, n) => topic !== this.#joinedTopics?.[n]);
  }

  #setTask(task: Task): void {
    this.#task = task;
    if (!this.#goAhead()) this.#host.attention();
  }

  /** Where nothing has to be let go of the application is not needed. */
  #goAhead(): boolean {
    const task = this.#task;
    if (this.#isBusy || task?.type !== "prepareJoin" || task.scope === "lost") return false;
    if (this.#toLetGo(task).length > 0) return false;
    this.#task = null;
    void this.#prepareJoin(task);
    return true;
  }

  async #lead(effect: EffectOf<"assign">): Promise<void> {
    this.#driver.dispatch(await this.#leader.assign(effect));
    if (!effect.skipAssignment || !(await this.#leader.hasMissedChange(this.#groupId, effect.protocolName))) return;
    this.rejoin("the topics have changed while the leader was away");
  }

  #stopLeading(): void {
    const topics = [...this.#leader.topics];
    this.#leader.stop();
    this.#stopTracking(topics);
  }

  /** Of topics that are neither subscribed to, nor owned, nor assigned to others by this member. */
  #stopTracking(topics: readonly string[]): void {
    if (topics.length === 0) return;
    const { metadata } = this.#core;
    const wanted = new Set(this.#subscription?.topics(metadata));
    for (const { topic } of this.#handover.owned()) wanted.add(topic);
    for (const topic of this.#leader.topics) wanted.add(topic);
    metadata.untrack(topics.filter((topic) => !wanted.has(topic)));
  }

  /** What cannot be taken along into the next round. */
  #toLetGo({ scope }: EffectOf<"prepareJoin">): TopicPartition[] {
    const owned = this.#handover.owned();
    if (scope !== "some" || this.#protocol === "eager") return owned;
    const topics = new Set(this.#subscription?.topics(this.#core.metadata));
    return owned.filter(({ topic }) => !topics.has(topic));
  }

  /** Kafka's onJoinPrepare. */
  async #prepareJoin(task: EffectOf<"prepareJoin">): Promise<void> {
    this.#core.logger.debug(`Joining group ${this.#groupId}: ${task.reason}`);
    this.#stopLeading();
    const leaving = this.#toLetGo(task);
    try {
      if (leaving.length > 0)
        await (task.scope === "lost" ? this.#handover.lose(leaving) : this.#handover.revoke(leaving));
    } finally {
      this.#stopTracking(leaving.map(({ topic }) => topic));
      if (this.#subscription?.isPattern) await this.#refreshPattern();
      this.#driver.dispatch({ type: "joinPrepared", id: task.id });
    }
  }

  /** A member that has not heard of a new topic would cause another round as soon as it does. */
  async #refreshPattern(): Promise<void> {
    await this.#core.metadata.refresh("all", this.#closing.signal).catch(() => {});
  }

  /** What others must not have is what this member owns as of the generation that it joined last: what that took from it nobody has got yet. */
  #protocols(generationId: number): JoinProtocol[] {
    const topics = this.#subscription?.topics(this.#core.metadata) ?? [];
    this.#joinedTopics = topics;
    const context = { topics, lastAssignment: this.#lastAssignment, lastGenerationId: this.#lastGenerationId };
    const rackId = this.#settings.clientRack === "" ? null : this.#settings.clientRack;
    return this.#assignors.map((assignor) => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics,
        userData: assignor.subscription?.(context) ?? null,
        ownedPartitions: byTopic(this.#handover.owned()),
        generationId,
        rackId,
      }),
    }));
  }

  /** Kafka's onJoinComplete. */
  async #takeAssignment(task: EffectOf<"assigned">): Promise<void> {
    if (!task.isLeader) this.#stopLeading();
    try {
      const assignment = decodeAssignment(task.assignment);
      const stray = [...assignment.partitions.keys()].filter((topic) => this.#subscription?.covers(topic) !== true);
      if (stray.length > 0) {
        // The subscription has changed since.
        this.#core.logger.debug(`The assignment has topics that are not subscribed to: ${stray.join(", ")}`);
        this.rejoin("the assignment does not fit the subscription");
        return;
      }
      await this.#moveTo(assignment, task);
    } finally {
      this.#driver.dispatch({ type: "assignmentTaken", id: task.id });
    }
  }

  /** What fails does not keep the rest from being done; rejects with the first failure. */
  async #moveTo(assignment: MemberAssignment, task: EffectOf<"assigned">): Promise<void> {
    const failures: unknown[] = [];
    const attempt = (work: () => Promise<void>) => work().catch((error: unknown) => void failures.push(error));
    const { leaving, coming } = this.#handover.change(eachPartition(assignment.partitions));
    const stay = this.#stay;
    if (leaving.length > 0) await attempt(() => this.#handover.revoke(leaving));
    this.#stopTracking(leaving.map(({ topic }) => topic));
    // Where all was lost meanwhile, nothing comes any more.
    if (this.#stay === stay) {
      this.#learnTopics(assignment.partitions);
      this.#lastAssignment = assignment.partitions;
      this.#lastGenerationId = task.generationId;
      this.#takenGenerationId = task.generationId;
      await attempt(async () => this.#tellAssignor(assignment, task));
      await attempt(() => this.#handover.takeIn(coming));
      if (leaving.length > 0) this.rejoin("partitions have been let go of, which others can have now");
    }
    if (failures.length > 0) throw failures[0];
  }

  /** The leader may know of topics that match the pattern before this member does: that calls for no other round. */
  #learnTopics(assignment: PartitionsByTopic): void {
    if (this.#subscription?.isPattern !== true || this.#joinedTopics === null) return;
    this.#joinedTopics = [...new Set([...this.#joinedTopics, ...assignment.keys()])].sort(compareText);
  }

  #tellAssignor(assignment: MemberAssignment, { protocolName, generationId }: EffectOf<"assigned">): void {
    const assignor = this.#assignors.find(({ name }) => name === protocolName);
    try {
      assignor?.onAssignment?.(assignment, generationId);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KafkaError(`onAssignment of the assignor ${protocolName} failed: ${reason}`, {
        code: "ASSIGNOR_FAILED",
        cause: error,
      });
    }
  }
}
