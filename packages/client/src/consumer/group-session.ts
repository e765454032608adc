import type { ClientCore } from "../client-core.ts";
import { KafkaError, kafkaError } from "../errors.ts";
import type { Assignor } from "./assignors/assignor.ts";
import type { ConsumerSettings } from "./consumer-config.ts";
import { RebalanceListenerError } from "./consumer-errors.ts";
import { consumerProtocolType, decodeAssignment, encodeSubscription } from "./consumer-protocol.ts";
import { GroupLeader } from "./group-leader.ts";
import { MembershipDriver } from "./membership-driver.ts";
import type { EffectOf, Failure, JoinProtocol, MembershipIdentity } from "./membership-events.ts";
import { byTopic, eachPartition, type Offsets } from "./offsets.ts";
import type { Subscription } from "./subscription.ts";
import { namePartitions, type PartitionsByTopic, type TopicPartition } from "./topic-partition.ts";

/**
 * Told, and awaited, when partitions come and go. Called when the application asks for the next message or batch, or when it closes or unsubscribes. Kafka's
 * ConsumerRebalanceListener.
 */
export interface RebalanceListener {
  /** Before partitions are let go of: the last moment to commit. None of their records is handed out any more. */
  onPartitionsRevoked?(partitions: readonly TopicPartition[]): Promise<void> | void;
  /** After partitions have come, before anything of them is handed out: the place for `seek`. */
  onPartitionsAssigned?(partitions: readonly TopicPartition[]): Promise<void> | void;
  /** Partitions belong to others already: a commit would fail. Left out, `onPartitionsRevoked` is called instead. */
  onPartitionsLost?(partitions: readonly TopicPartition[]): Promise<void> | void;
}

/** What the session needs of the consumer. */
export interface GroupHost {
  /** There is something to do when the application next asks. */
  attention(): void;
  /** Nothing of these partitions is handed out any more. */
  stop(partitions: readonly TopicPartition[]): void;
  /** Commits what is finished, where the consumer is to do so. Does not reject. */
  commitFinished(): Promise<void>;
  /** Resolves once no commit is under way. */
  commitsSettled(): Promise<void>;
  /** Partitions have come (held until `settled`), and their listener has run. */
  settled(): void;
  setIdentity(identity: MembershipIdentity): void;
  pollTimedOut(busyMs: number): void;
  polledAt(): number;
  report(event: "assigned" | "revoked" | "lost", partitions: readonly TopicPartition[]): void;
}

export interface GroupSessionOptions {
  readonly core: ClientCore;
  readonly settings: ConsumerSettings;
  readonly groupId: string;
  readonly offsets: Offsets;
  readonly host: GroupHost;
}

type Task = EffectOf<"prepareJoin"> | EffectOf<"assigned">;

/**
 * The application's side of a membership: the subscription, the listener, the assignor. What the membership wants from the application waits in `hasTask` until it asks.
 */
export class GroupSession {
  readonly #core: ClientCore;
  readonly #settings: ConsumerSettings;
  readonly #groupId: string;
  readonly #offsets: Offsets;
  readonly #host: GroupHost;
  readonly #assignors: readonly Assignor[];
  readonly #driver: MembershipDriver;
  readonly #leader: GroupLeader;
  readonly #closing = new AbortController();
  #subscription: Subscription | null = null;
  #listener: RebalanceListener = {};
  /** The topics that the group knows of this member. */
  #joinedTopics = "";
  #lastAssignment: PartitionsByTopic = new Map();
  #lastGenerationId = -1;
  /** A newer one takes the place of one that nobody has begun. */
  #task: Task | null = null;
  #failure: KafkaError | null = null;
  #hasFailed = false;

  constructor(options: GroupSessionOptions) {
    this.#core = options.core;
    this.#settings = options.settings;
    this.#groupId = options.groupId;
    this.#offsets = options.offsets;
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
    this.#listener = listener ?? {};
    this.#core.metadata.trackAll(subscription.isPattern);
    if (!subscription.isPattern) this.#core.metadata.track(subscription.topics(this.#core.metadata));
    if (isNew) this.#driver.dispatch({ type: "subscribed" });
    else if (this.#hasNewTopics())
      this.#driver.dispatch({ type: "rejoinNeeded", reason: "the subscription has changed" });
  }

  /** Another round; at the latest when the application asks next but one. */
  rejoin(reason: string): void {
    this.#driver.dispatch({ type: "rejoinNeeded", reason });
  }

  /** Whether the application has to give something of its time, or to hear of something. */
  get hasTask(): boolean {
    return this.#task !== null || this.#failure !== null;
  }

  /** Does one thing that waits for the application; rejects with what it has to hear of. */
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

  /** The application asks (again): after an error the membership goes on. */
  resume(): void {
    if (!this.#hasFailed || this.#failure !== null) return;
    this.#hasFailed = false;
    this.#driver.dispatch({ type: "resumed" });
  }

  /** Lets go of everything, after the listener has heard of it, and leaves the group. Rejects with what the listener failed with, after having left. */
  async leave(reason: string, standing: MembershipIdentity["standing"]): Promise<void> {
    this.#task = null;
    let error: unknown = null;
    const owned = this.#offsets.list();
    if (owned.length > 0)
      error = await this.#letGo(owned, standing !== "stable").then(
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

  /** Stops at once. */
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

  /** Metadata have changed: the group may have to be told. */
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
    const owned = this.#offsets.list();
    try {
      if (owned.length > 0) await this.#letGo(owned, lost);
    } finally {
      if (this.#subscription?.isPattern) await this.#refreshPattern();
      this.#driver.dispatch({ type: "joinPrepared", id, protocols: this.#protocols() });
    }
  }

  /** A member that has not heard of a new topic would cause another round as soon as it does. */
  async #refreshPattern(): Promise<void> {
    await this.#core.metadata.refresh("all", this.#closing.signal).catch(() => {});
  }

  async #letGo(owned: readonly TopicPartition[], lost: boolean): Promise<void> {
    const partitions = owned.map(({ topic, partition }) => ({ topic, partition }));
    this.#host.stop(partitions);
    try {
      if (lost) {
        await this.#call("onPartitionsLost", partitions);
      } else {
        await this.#host.commitFinished();
        await this.#call("onPartitionsRevoked", partitions);
      }
    } finally {
      // What the listener has set going is still of this generation.
      if (!lost) await this.#host.commitsSettled();
      this.#offsets.remove(partitions);
      this.#host.report(lost ? "lost" : "revoked", partitions);
    }
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
        ownedPartitions: byTopic(this.#offsets.list()),
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
      await this.#settle([...eachPartition(partitions)]);
    } finally {
      this.#driver.dispatch({ type: "assignmentTaken", id });
    }
  }

  async #settle(partitions: readonly TopicPartition[]): Promise<void> {
    const added = this.#offsets.add(partitions);
    for (const state of added) state.isHeld = true;
    const { logger, metadata } = this.#core;
    logger.debug(`Assigned by group ${this.#groupId}: ${namePartitions(partitions)}`);
    metadata.track(new Set(partitions.map(({ topic }) => topic)));
    this.#host.report("assigned", partitions);
    try {
      await this.#call("onPartitionsAssigned", partitions);
    } finally {
      for (const state of added) state.isHeld = false;
      this.#host.settled();
    }
  }

  async #call(method: keyof RebalanceListener, partitions: readonly TopicPartition[]): Promise<void> {
    const listener = this.#listener;
    const isMissing = method === "onPartitionsLost" && listener.onPartitionsLost === undefined;
    try {
      await listener[isMissing ? "onPartitionsRevoked" : method]?.(partitions);
    } catch (error) {
      throw new RebalanceListenerError(method, error);
    }
  }
}

function key(topics: readonly string[]): string {
  return JSON.stringify(topics);
}
