import { ConsumerGroup } from "../../src/coordinator/consumer-group.ts";
import type { ConsumerMember } from "../../src/coordinator/consumer-member.ts";
import type { GroupCoordinatorConfig } from "../../src/coordinator/group-config.ts";
import type {
  ConsumerHeartbeatEvent,
  ConsumerHeartbeatReply,
  Reply,
  TopicIdPartitions,
} from "../../src/coordinator/group-events.ts";
import { decodeGroupRecord } from "../../src/coordinator/group-record-codec.ts";
import type { KeyValue } from "../../src/coordinator/group-records.ts";
import { defaultGroupSettings, type GroupSettings } from "../../src/coordinator/group-settings.ts";
import type { TopicDescription, TopicImage } from "../../src/coordinator/topic-image.ts";
import { MachineRig } from "./machine-rig.ts";

/** Topics that a test makes, grows and deletes. */
export class TestTopics implements TopicImage {
  private readonly byName = new Map<string, TopicDescription>();

  topicByName(name: string): TopicDescription | undefined {
    return this.byName.get(name);
  }

  topicById(id: string): TopicDescription | undefined {
    for (const topic of this.byName.values()) if (topic.id === id) return topic;
    return undefined;
  }

  names(): Iterable<string> {
    return this.byName.keys();
  }

  set(name: string, partitionCount: number, id: string = topicId(name)): void {
    this.byName.set(name, { name, id, partitionCount });
  }

  delete(name: string): void {
    this.byName.delete(name);
  }
}

/** An id of the right form that says whose it is. */
export function topicId(name: string): string {
  return `${name.replace(/[^a-zA-Z0-9]/g, "_")}AAAAAAAAAAAAAAAAAAAAAA`.slice(0, 21).padEnd(22, "A");
}

export type BeatOptions = Partial<Omit<ConsumerHeartbeatEvent, "type" | "ticket">>;

/** A group machine with topics, driven with the requests of KIP-848. */
export class ConsumerRig extends MachineRig {
  readonly topics: TestTopics;
  settings: GroupSettings;
  private readonly config: Partial<GroupCoordinatorConfig>;
  private nextMember = 1;

  constructor(
    config: Partial<GroupCoordinatorConfig> = {},
    settings: Partial<GroupSettings> = {},
    topics = new TestTopics(),
  ) {
    super(config, { topics, groupSettings: () => this.settings });
    this.config = config;
    this.topics = topics;
    // At once, unless a test is about the interval.
    this.settings = { ...defaultGroupSettings, consumerAssignmentIntervalMs: 0, ...settings };
  }

  /** Makes a topic, or changes the number of its partitions. */
  topic(name: string, partitionCount: number, id?: string): void {
    this.topics.set(name, partitionCount, id);
    this.feed({ type: "topicsChanged", names: [name] });
  }

  deleteTopic(name: string): void {
    this.topics.delete(name);
    this.feed({ type: "topicsChanged", names: [name] });
  }

  /** A ConsumerGroupHeartbeat, quick where that will do, as the coordinator does it. */
  beat(options: BeatOptions & { memberId: string }): ConsumerHeartbeatReply {
    const ticket = this.nextTicket++;
    const event: ConsumerHeartbeatEvent = {
      type: "consumerHeartbeat",
      ticket,
      apiVersion: 1,
      clientId: "client",
      clientHost: "/127.0.0.1",
      uuid: `uuid-${ticket}`,
      groupId: "group",
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
      ...options,
    };
    const quick = this.machine.quickHeartbeat(event, event, this.instant);
    if (quick !== null) return quick;
    this.feed(event);
    const reply: Reply | undefined = this.replies.get(ticket);
    if (reply?.kind !== "consumerHeartbeat") throw new Error("no answer to a heartbeat");
    return reply.body;
  }

  /** The first request of a member. */
  joinGroup(options: BeatOptions = {}): ConsumerHeartbeatReply {
    return this.beat({
      memberId: `member-${this.nextMember++}`,
      memberEpoch: 0,
      rebalanceTimeoutMs: 300_000,
      subscribedTopicNames: options.subscribedTopicRegex === undefined ? ["orders"] : null,
      topicPartitions: [],
      ...options,
    });
  }

  consumers(groupId = "group"): ConsumerGroup {
    const group = this.machine.group(groupId);
    if (!(group instanceof ConsumerGroup)) throw new Error(`no consumer group ${groupId}`);
    return group;
  }

  consumer(memberId: string, groupId = "group"): ConsumerMember {
    const member = this.consumers(groupId).members.get(memberId);
    if (member === undefined) throw new Error(`no member ${memberId}`);
    return member;
  }

  /** What a member owns of a topic. */
  owned(memberId: string, topic = "orders"): readonly number[] {
    return this.consumer(memberId).current.assigned.get(topicId(topic))?.partitions ?? [];
  }

  /** A machine that has replayed the log after it was compacted: the last record of each key, and no tombstones. */
  compacted(): ConsumerRig {
    const last = new Map(this.log.map((record, n) => [record.key.toString("hex"), n]));
    const kept = this.log.filter(({ key, value }, n) => value !== null && last.get(key.toString("hex")) === n);
    return this.replayed(kept);
  }

  override replayed(log: readonly KeyValue[] = this.log): ConsumerRig {
    const other = new ConsumerRig(this.config, this.settings, this.topics);
    other.now = this.now;
    other.nextTicket = this.nextTicket;
    other.nextUuid = this.nextUuid;
    other.nextMember = this.nextMember;
    for (const { key, value } of log) {
      const record = decodeGroupRecord(key, value);
      if (record !== null) other.machine.apply(record, { offset: other.log.length, producerId: -1 });
      other.log.push({ key, value });
    }
    return other;
  }
}

/** A client of KIP-848 that does as it is told (Kafka's `ConsumerMembershipManager`, without its application). */
export class TestConsumer {
  readonly memberId: string;
  readonly options: BeatOptions;
  epoch = 0;
  owned = new Map<string, readonly number[]>();
  /** Set once it owns something else than it has told. */
  private isNews = true;
  private isLost = false;

  constructor(memberId: string, options: BeatOptions = {}) {
    this.memberId = memberId;
    this.options = options;
  }

  /** Sends a heartbeat and takes its answer, unless that is lost: then the next one says everything anew. */
  beat(rig: ConsumerRig, extra: BeatOptions = {}, isLost = false): ConsumerHeartbeatReply {
    const isJoining = this.epoch === 0;
    const owned = Array.from(this.owned, ([id, partitions]) => ({ topicId: id, partitions }));
    const isFull = this.isLost;
    this.isLost = isLost;
    const reply = isJoining
      ? rig.joinGroup({ ...this.options, ...extra, memberId: this.memberId })
      : rig.beat({
          memberId: this.memberId,
          memberEpoch: this.epoch,
          instanceId: this.options.instanceId ?? null,
          topicPartitions: this.isNews || isFull ? owned : null,
          ...(isFull ? { rebalanceTimeoutMs: 300_000, subscribedTopicNames: null, ...this.options } : {}),
          ...extra,
        });
    if (isLost) this.isNews = true;
    else if (reply.errorCode === 0) {
      this.epoch = reply.memberEpoch;
      this.isNews = false;
      if (reply.assignment !== null) this.take(reply.assignment.topicPartitions);
    }
    return reply;
  }

  /** All at once: gives up what is not its own any more, and takes the rest. */
  private take(topics: readonly TopicIdPartitions[]): void {
    this.owned = new Map(topics.map(({ topicId: id, partitions }) => [id, partitions]));
    this.isNews = true;
  }

  /** It has been sent away: begins anew with empty hands. */
  fenced(): void {
    this.epoch = 0;
    this.owned = new Map();
    this.isNews = true;
  }
}
