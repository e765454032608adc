import type { ClientCore } from "../client-core.ts";
import { KafkaError, kafkaError } from "../errors.ts";
import type { Assignor } from "./assignors/assignor.ts";
import type { ConsumerSettings } from "./consumer-config.ts";
import { consumerProtocolType, decodeAssignment, encodeSubscription } from "./consumer-protocol.ts";
import { GroupLeader } from "./group-leader.ts";
import type { GroupHost, GroupMembership, GroupMembershipOptions, RebalanceListener } from "./group-membership.ts";
import { MembershipDriver } from "./membership-driver.ts";
import type { EffectOf, Failure, JoinProtocol, MembershipIdentity } from "./membership-events.ts";
import { byTopic, eachPartition } from "./offsets.ts";
import { PartitionHandover } from "./partition-handover.ts";
import type { Subscription } from "./subscription.ts";
import type { PartitionsByTopic } from "./topic-partition.ts";

type Task = EffectOf<"prepareJoin"> | EffectOf<"assigned">;

/** The application's side of a membership of a classic group: the subscription, the listener, the assignor. */
export class ClassicGroupSession implements GroupMembership {
  readonly #core: ClientCore;
  readonly #settings: ConsumerSettings;
  readonly #groupId: string;
  readonly #host: GroupHost;
  readonly #assignors: readonly Assignor[];
  readonly #driver: MembershipDriver;
  readonly #leader: GroupLeader;
  readonly #handover: PartitionHandover;
  readonly #closing = new AbortController();
  #subscription: Subscription | null = null;
  /** The topics that the group knows of this member. */
  #joinedTopics = "";
  #lastAssignment: PartitionsByTopic = new Map();
  #lastGenerationId = -1;
  /** A newer one takes the place of one that nobody has begun. */
  #task: Task | null = null;
  #failure: KafkaError | null = null;
  #hasFailed = false;

  constructor(options: GroupMembershipOptions) {
    this.#core = options.core;
    this.#settings = options.settings;
    this.#groupId = options.groupId;
    this.#handover = new PartitionHandover(options);
    this.#host = options.host;
    this.#assignors = options.settings.partitionAssignmentStrategy;
    this.#leader = new GroupLeader(options.core, this.#assignors, this.#closing.signal);
    const { settings, groupId, host } = options;
    this.#driver = new MembershipDriver(
      options.core,
      { ...settings, groupId, protocolType: consumerProtocolType },
      {
        prepareJoin: (effect) => this.#setTask(effect),
        assigned: (effect) => this.#setTask(effect),
        assign: (effect) => void this.#leader.assign(effect).then((event) => this.#driver.dispatch(event)),
        fail: (failure) => this.#fail(failure),
        pollTimedOut: (busyMs) => host.pollTimedOut(busyMs),
        identity: ({ identity }) => host.setIdentity(identity),
        polledAt: () => host.polledAt(),
      },
    );
  }

  get subscription(): Subscription | null {
    return this.#subscription;
  }

  subscribe(subscription: Subscription, listener: RebalanceListener | undefined): void {
    const isNew = this.#subscription === null;
    this.#subscription = subscription;
    this.#handover.listener = listener ?? {};
    this.#core.metadata.trackAll(subscription.isPattern);
    if (!subscription.isPattern) this.#core.metadata.track(subscription.topics(this.#core.metadata));
    if (isNew) this.#driver.dispatch({ type: "subscribed" });
    else if (this.#hasNewTopics())
      this.#driver.dispatch({ type: "rejoinNeeded", reason: "the subscription has changed" });
  }

  rejoin(reason: string): void {
    this.#driver.dispatch({ type: "rejoinNeeded", reason });
  }

  get hasTask(): boolean {
    return this.#task !== null || this.#failure !== null;
  }

  async runTask(): Promise<void> {
    const failure = this.#failure;
    if (failure !== null) {
      this.#failure = null;
      throw failure;
    }
    const task = this.#task;
    this.#task = null;
    if (task?.type === "prepareJoin") await this.#prepareJoin(task);
    else if (task?.type === "assigned") await this.#takeAssignment(task);
  }

  resume(): void {
    if (!this.#hasFailed || this.#failure !== null) return;
    this.#hasFailed = false;
    this.#driver.dispatch({ type: "resumed" });
  }

  async leave(reason: string, standing: MembershipIdentity["standing"]): Promise<void> {
    this.#task = null;
    let error: unknown = null;
    const owned = this.#handover.owned();
    if (owned.length > 0)
      error = await (standing === "stable" ? this.#handover.revoke(owned) : this.#handover.lose(owned)).then(
        () => null,
        (failure) => failure,
      );
    const topics = this.#subscription?.topics(this.#core.metadata) ?? [];
    this.#subscription = null;
    this.#joinedTopics = "";
    this.#leader.stop();
    this.#core.metadata.trackAll(false);
    this.#core.metadata.untrack([...topics, ...this.#leader.topics]);
    await this.#driver.leave(reason);
    if (error !== null) throw error;
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
    const { metadata } = this.#core;
    for (const topic of subscription.topics(metadata)) {
      const error = metadata.topic(topic) === undefined ? metadata.topicError(topic) : undefined;
      // A topic that is missing may just be about to be created; one whose name is not valid never is.
      if (error?.retriable === true) metadata.invalidate(topic);
      else if (error !== undefined) this.#tell(error);
    }
    if (this.#joinedTopics === "") return;
    if (subscription.isPattern && this.#hasNewTopics()) this.rejoin("other topics match the pattern");
    else if (this.#leader.hasOutdated()) this.rejoin("the topics' partitions have changed");
  }

  #hasNewTopics(): boolean {
    return this.#subscription !== null && key(this.#subscription.topics(this.#core.metadata)) !== this.#joinedTopics;
  }

  #setTask(task: Task): void {
    this.#task = task;
    this.#host.attention();
  }

  #fail({ errorCode, message, retriable }: Failure): void {
    this.#hasFailed = true;
    this.#failure =
      errorCode === null
        ? new KafkaError(message, { code: "GROUP_FAILED", retriable })
        : kafkaError(errorCode, `Could not take part in group ${this.#groupId}`, { serverMessage: message });
    this.#host.attention();
  }

  /** The application hears of it when it next asks; the membership goes on. */
  #tell(error: KafkaError): void {
    this.#failure ??= error;
    this.#host.attention();
  }

  /** Kafka's onJoinPrepare, eager: everything is let go of before the next JoinGroup. */
  async #prepareJoin({ id, lost, reason }: EffectOf<"prepareJoin">): Promise<void> {
    this.#core.logger.debug(`Joining group ${this.#groupId}: ${reason}`);
    this.#leader.stop();
    const owned = this.#handover.owned();
    try {
      if (owned.length > 0) await (lost ? this.#handover.lose(owned) : this.#handover.revoke(owned));
    } finally {
      if (this.#subscription?.isPattern) await this.#refreshPattern();
      this.#driver.dispatch({ type: "joinPrepared", id, protocols: this.#protocols() });
    }
  }

  /** A member that has not heard of a new topic would cause another round as soon as it does. */
  async #refreshPattern(): Promise<void> {
    await this.#core.metadata.refresh("all", this.#closing.signal).catch(() => {});
  }

  #protocols(): JoinProtocol[] {
    const topics = this.#subscription?.topics(this.#core.metadata) ?? [];
    this.#joinedTopics = key(topics);
    const context = { topics, lastAssignment: this.#lastAssignment, lastGenerationId: this.#lastGenerationId };
    const rackId = this.#settings.clientRack === "" ? null : this.#settings.clientRack;
    return this.#assignors.map((assignor) => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics,
        userData: assignor.subscription?.(context) ?? null,
        ownedPartitions: byTopic(this.#handover.owned()),
        generationId: this.#lastGenerationId,
        rackId,
      }),
    }));
  }

  /** Kafka's onJoinComplete, eager. */
  async #takeAssignment({ id, assignment, generationId, protocolName, isLeader }: EffectOf<"assigned">): Promise<void> {
    if (!isLeader) this.#leader.stop();
    try {
      const { partitions, userData } = decodeAssignment(assignment);
      const stray = [...partitions.keys()].filter((topic) => this.#subscription?.covers(topic) !== true);
      if (stray.length > 0) {
        // The subscription has changed since.
        this.#core.logger.debug(`The assignment has topics that are not subscribed to: ${stray.join(", ")}`);
        this.rejoin("the assignment does not fit the subscription");
        return;
      }
      this.#lastAssignment = partitions;
      this.#lastGenerationId = generationId;
      this.#assignors.find(({ name }) => name === protocolName)?.onAssignment?.({ partitions, userData }, generationId);
      await this.#handover.takeIn([...eachPartition(partitions)]);
    } finally {
      this.#driver.dispatch({ type: "assignmentTaken", id });
    }
  }
}

function key(topics: readonly string[]): string {
  return JSON.stringify(topics);
}
