import {
  type ConsumerGroupHeartbeatRequest,
  type DescribeGroupsRequest,
  errorCodes,
  type HeartbeatRequest,
  type JoinGroupRequest,
  type LeaveGroupRequest,
  type OffsetCommitRequest,
  type SyncGroupRequest,
} from "@ottla/protocol";
import { type Logger, type Runtime, randomUuid, type Timer } from "@ottla/runtime";
import { randomTopicId, shortUuid } from "../cluster/uuid.ts";
import {
  type DescribedConsumerGroup,
  describeConsumerGroup,
  failedConsumerDescription,
} from "./consumer-group-descriptions.ts";
import { noSurroundings } from "./consumer-group-machine.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import {
  type DescribedGroup,
  describeGroup,
  failedDescription,
  GroupFilter,
  type ListedGroup,
  listGroup,
} from "./group-descriptions.ts";
import {
  type CommitReply,
  type CommittedTopic,
  type ConsumerHeartbeatReply,
  type DeleteGroupsReply,
  type DeleteOffsetsReply,
  type Joiner,
  type JoinReply,
  joinError,
  type LeaveReply,
  type SyncReply,
  syncError,
  type TopicPartitions,
} from "./group-events.ts";
import type { GroupMachine } from "./group-machine.ts";
import { GroupPartition } from "./group-partition.ts";
import type { GroupSettingsProvider } from "./group-settings.ts";
import { partitionForGroup } from "./java-hash.ts";
import type { OffsetsLog } from "./offsets-log.ts";
import type { FetchedTopic, FetchedTopicOffsets } from "./offsets-machine.ts";
import type { TopicImage } from "./topic-image.ts";

export interface GroupCoordinatorOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: GroupCoordinatorConfig;
  /** How many partitions `__consumer_offsets` has, or will have once it is made. */
  readonly partitionCount: number;
  /** The partitions of `__consumer_offsets` that exist. */
  existing(): Iterable<OffsetsLog>;
  /** Whether this broker coordinates the groups of a partition; all where it is missing. The others are told NOT_COORDINATOR. */
  readonly leads?: (index: number) => boolean;
  /** The cluster's topics; none where it is missing. */
  readonly topics?: TopicImage;
  /** What is set for single groups; Kafka's defaults where it is missing. */
  readonly groupSettings?: GroupSettingsProvider;
  /** A partition of `__consumer_offsets`; the topic is made when it is first asked for. A rejection says that it cannot be had, and is tried again later. */
  partitionFor(index: number): OffsetsLog | Promise<OffsetsLog>;
}

/** OffsetFetch's answer for one group. */
export interface FetchedGroup {
  readonly errorCode: number;
  readonly topics: readonly FetchedTopicOffsets[];
}

export interface GroupList {
  readonly errorCode: number;
  readonly groups: readonly ListedGroup[];
}

/** An answer that may be there at once. */
export type Soon<T> = T | Promise<T>;

/**
 * Consumer groups and their offsets (Kafka's `GroupCoordinatorService`). Each partition of `__consumer_offsets` has a machine of its own (`GroupMachine`), driven by a
 * `GroupPartition`; here requests find theirs. What a request does wrong is an error code in its answer, as in Kafka; nothing is thrown.
 */
export class GroupCoordinator {
  private readonly options: GroupCoordinatorOptions;
  private readonly partitions: GroupPartition[];
  private expiry: Timer | null = null;
  private isClosed = false;

  constructor(options: GroupCoordinatorOptions) {
    this.options = options;
    this.partitions = Array.from({ length: options.partitionCount }, (_, index) => {
      const partition = this.makePartition(index);
      if (options.leads?.(index) === false) partition.close();
      return partition;
    });
  }

  /**
   * Begins to replay the partitions of `__consumer_offsets` that exist, and the search for offsets that have outlived their retention. Returns at once: until a partition
   * has been replayed its groups are told COORDINATOR_LOAD_IN_PROGRESS; one that somebody asks for comes first.
   */
  start(): void {
    const queued = Array.from(this.options.existing(), ({ index }) => this.partitions[index]).filter(
      (one) => one !== undefined && one.errorCode !== errorCodes.NOT_COORDINATOR,
    ) as GroupPartition[];
    for (const one of queued) one.queue();
    const { clock } = this.options.runtime;
    const prepareNext = (): void => {
      if (this.isClosed) return;
      void queued.shift()?.prepare();
      if (queued.length > 0) clock.defer(prepareNext);
    };
    clock.defer(prepareNext);
    this.scheduleExpiry();
  }

  /**
   * The broker is shutting down: requests that wait for other members, and all that come from now on, are told NOT_COORDINATOR; what is in work is
   * answered once it is committed.
   */
  beginClosing(): void {
    this.isClosed = true;
    this.expiry?.cancel();
    for (const one of this.partitions) one.beginClosing();
  }

  /** Nothing is answered any more. What was acknowledged is in the log. */
  close(): void {
    this.beginClosing();
    for (const one of this.partitions) one.close();
  }

  /** This broker coordinates the groups of a partition from now on: what they are is read from the log. */
  elected(index: number): void {
    const old = this.partitions[index];
    if (this.isClosed || old === undefined) return;
    old.close();
    const partition = this.makePartition(index);
    this.partitions[index] = partition;
    partition.queue();
    this.options.runtime.clock.defer(() => void partition.prepare());
  }

  /** Another broker coordinates the groups of a partition: whoever waits, and whoever asks from now on, is told NOT_COORDINATOR. */
  resigned(index: number): void {
    this.partitions[index]?.close();
  }

  /** 0 when this broker coordinates the group, COORDINATOR_NOT_AVAILABLE once it is closed. */
  isCoordinatorFor(_groupId: string): number {
    return this.isClosed ? errorCodes.COORDINATOR_NOT_AVAILABLE : 0;
  }

  /** The partition of `__consumer_offsets` that holds the group. */
  partitionOf(groupId: string): number {
    return partitionForGroup(groupId, this.partitions.length);
  }

  /** A topic was deleted: what groups have committed in it is forgotten. */
  onTopicDeleted({ name, id }: { readonly name: string; readonly id: string }): void {
    for (const one of this.partitions) one.topicsDeleted({ type: "topicsDeleted", topics: [{ name, id }] });
  }

  joinGroup(request: JoinGroupRequest, joiner: Joiner): Soon<JoinReply> {
    const { groupId, sessionTimeoutMs, memberId } = request;
    const { groupMinSessionTimeoutMs, groupMaxSessionTimeoutMs } = this.options.config;
    if (groupId === "") return joinError(memberId, errorCodes.INVALID_GROUP_ID);
    if (sessionTimeoutMs < groupMinSessionTimeoutMs || sessionTimeoutMs > groupMaxSessionTimeoutMs) {
      return joinError(memberId, errorCodes.INVALID_SESSION_TIMEOUT);
    }
    const rebalanceTimeoutMs = joiner.apiVersion === 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs;
    const uuid = memberId === "" ? randomUuid(this.options.runtime.random) : "";
    return this.at(groupId, (partition) =>
      partition.ask(
        "join",
        (ticket) => ({
          ...request,
          ...joiner,
          type: "join",
          ticket,
          rebalanceTimeoutMs,
          uuid,
          shortUuid: shortUuid(uuid),
        }),
        (errorCode) => joinError("", errorCode),
      ),
    );
  }

  /** ConsumerGroupHeartbeat (KIP-848), once it is known to be well-formed: joins, keeps alive, takes over or gives up partitions, leaves. */
  consumerGroupHeartbeat(request: ConsumerGroupHeartbeatRequest, joiner: Joiner): Soon<ConsumerHeartbeatReply> {
    const uuid = request.memberId === "" ? randomTopicId(this.options.runtime.random) : "";
    return this.at(request.groupId, (partition) => partition.consumerHeartbeat(request, joiner, uuid));
  }

  /** Groups of KIP-848 with their members and epochs (ConsumerGroupDescribe); GROUP_ID_NOT_FOUND for groups of other kinds. */
  async describeConsumerGroups(groupIds: readonly string[]): Promise<DescribedConsumerGroup[]> {
    const topics = this.options.topics ?? noSurroundings.topics;
    const defaultAssignor = this.options.config.groupConsumerAssignors[0] ?? "uniform";
    const answers = this.byPartition(groupIds).map((ids) =>
      this.at(ids[0]!, (partition) =>
        partition.read(
          (machine) =>
            ids.map((groupId) => describeConsumerGroup(machine.group(groupId), groupId, topics, defaultAssignor)),
          (errorCode) => ids.map((groupId) => failedConsumerDescription(groupId, errorCode, null)),
        ),
      ),
    );
    return (await Promise.all(answers)).flat();
  }

  /** A topic was made, deleted or has more partitions: groups look at their subscriptions again. */
  onTopicsChanged(names: readonly string[]): void {
    for (const one of this.partitions) one.topicsChanged({ type: "topicsChanged", names });
  }

  syncGroup(request: SyncGroupRequest): Soon<SyncReply> {
    if (request.groupId === "") return syncError(errorCodes.INVALID_GROUP_ID);
    return this.at(request.groupId, (partition) =>
      partition.ask("sync", (ticket) => ({ ...request, type: "sync", ticket }), syncError),
    );
  }

  /** Resolves to an error code. */
  heartbeat(request: HeartbeatRequest): Soon<number> {
    if (request.groupId === "") return errorCodes.INVALID_GROUP_ID;
    return this.at(request.groupId, (partition) => partition.heartbeat(request));
  }

  leaveGroup(groupId: string, members: LeaveGroupRequest["members"]): Soon<LeaveReply> {
    const refuse = (errorCode: number): LeaveReply => ({ errorCode, members: [] });
    if (groupId === "") return refuse(errorCodes.INVALID_GROUP_ID);
    return this.at(groupId, (partition) =>
      partition.ask("leave", (ticket) => ({ type: "leave", ticket, groupId, members }), refuse),
    );
  }

  /** Commits offsets in topics and partitions that exist. The empty group id is a group like any other, as in Kafka. */
  commitOffsets(
    request: OffsetCommitRequest,
    apiVersion: number,
    topics: readonly CommittedTopic[],
  ): Soon<CommitReply> {
    const {
      groupId,
      memberId,
      groupInstanceId,
      generationIdOrMemberEpoch: generationOrEpoch,
      retentionTimeMs,
    } = request;
    const who = { groupId, memberId, groupInstanceId, generationOrEpoch, retentionTimeMs };
    return this.at(groupId, (partition) =>
      partition.ask(
        "commit",
        (ticket) => ({ type: "commit", ticket, apiVersion, ...who, topics }),
        (errorCode) => ({
          topics: topics.map((topic) => ({ ...topic, partitions: withError(topic.partitions, errorCode) })),
        }),
      ),
    );
  }

  /** What a group has committed; in all topics where `topics` is null. `requireStable`: UNSTABLE_OFFSET_COMMIT where a transaction is open (KIP-447). */
  fetchOffsets(
    group: { readonly groupId: string; readonly memberId: string | null; readonly memberEpoch: number },
    topics: readonly FetchedTopic[] | null,
    requireStable: boolean,
  ): Soon<FetchedGroup> {
    const { groupId, memberId, memberEpoch } = group;
    const refuse = (errorCode: number): FetchedGroup => ({ errorCode, topics: [] });
    const read = (machine: GroupMachine): FetchedGroup => {
      const errorCode = machine.group(groupId)?.checkOffsetFetch(memberId, memberEpoch) ?? 0;
      if (errorCode !== 0) return refuse(errorCode);
      const { committed } = machine;
      return {
        errorCode,
        topics:
          topics === null
            ? committed.fetchAll(groupId, requireStable)
            : committed.fetch(groupId, topics, requireStable),
      };
    };
    return this.at(groupId, (partition) => partition.read(read, refuse));
  }

  deleteOffsets(groupId: string, topics: readonly TopicPartitions[]): Soon<DeleteOffsetsReply> {
    const refuse = (errorCode: number): DeleteOffsetsReply => ({ errorCode, topics: [] });
    if (groupId === "") return refuse(errorCodes.INVALID_GROUP_ID);
    return this.at(groupId, (partition) =>
      partition.ask("deleteOffsets", (ticket) => ({ type: "deleteOffsets", ticket, groupId, topics }), refuse),
    );
  }

  /** Deletes groups without members, with all that they have committed. The order of the answer is that of the groups' partitions. */
  async deleteGroups(groupIds: readonly string[]): Promise<DeleteGroupsReply["results"]> {
    const answers = this.byPartition(groupIds).map((ids) =>
      this.at(ids[0]!, (partition) =>
        partition.ask(
          "deleteGroups",
          (ticket) => ({ type: "deleteGroups", ticket, groupIds: ids }),
          (errorCode) => ({ results: ids.map((groupId) => ({ groupId, errorCode })) }),
        ),
      ),
    );
    return (await Promise.all(answers)).flatMap((answer) => answer.results);
  }

  async describeGroups(groupIds: DescribeGroupsRequest["groups"], apiVersion: number): Promise<DescribedGroup[]> {
    const answers = this.byPartition(groupIds).map((ids) =>
      this.at(ids[0]!, (partition) =>
        partition.read(
          (machine) => ids.map((groupId) => describeGroup(machine.group(groupId), groupId, apiVersion)),
          (errorCode) => ids.map((groupId) => failedDescription(groupId, errorCode)),
        ),
      ),
    );
    return (await Promise.all(answers)).flat();
  }

  /** Groups of some states and types; of all where the lists are empty. */
  async listGroups(states: readonly string[], types: readonly string[]): Promise<GroupList> {
    if (this.isClosed) return { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, groups: [] };
    const filter = new GroupFilter(states, types);
    const answers = this.partitions.map((partition) => {
      return partition.read<GroupList>(
        (machine) => ({ errorCode: 0, groups: listed(machine, filter) }),
        (errorCode) => ({ errorCode: partition.isUsed ? errorCode : 0, groups: [] }),
      );
    });
    const lists = await Promise.all(answers);
    const failed = lists.find((list) => list.errorCode !== 0 && list.errorCode !== errorCodes.NOT_COORDINATOR);
    return failed ?? { errorCode: 0, groups: lists.flatMap((list) => list.groups) };
  }

  private makePartition(index: number): GroupPartition {
    const { runtime, logger, config, partitionFor } = this.options;
    const surroundings = {
      topics: this.options.topics ?? noSurroundings.topics,
      groupSettings: this.options.groupSettings ?? noSurroundings.groupSettings,
    };
    return new GroupPartition({ index, runtime, logger, config, surroundings, open: () => partitionFor(index) });
  }

  /** Goes on with the partition of a group, once that is there. */
  private at<T>(groupId: string, next: (partition: GroupPartition) => Soon<T>): Soon<T> {
    const partition = this.partitions[this.partitionOf(groupId)]!;
    const prepared = this.isClosed ? null : partition.prepare();
    return prepared === null ? next(partition) : prepared.then(() => next(partition));
  }

  private byPartition(groupIds: readonly string[]): string[][] {
    const ids = new Map<number, string[]>();
    for (const groupId of groupIds) {
      const index = this.partitionOf(groupId);
      const known = ids.get(index);
      if (known === undefined) ids.set(index, [groupId]);
      else known.push(groupId);
    }
    return [...ids.values()];
  }

  private scheduleExpiry(): void {
    const { clock } = this.options.runtime;
    this.expiry = clock.setTimer(this.options.config.offsetsRetentionCheckIntervalMs, () => {
      for (const one of this.partitions) one.expireOffsets();
      this.scheduleExpiry();
    });
  }
}

function listed(machine: GroupMachine, filter: GroupFilter): ListedGroup[] {
  const groups: ListedGroup[] = [];
  for (const group of machine.allGroups()) if (filter.matches(group)) groups.push(listGroup(group));
  return groups;
}

function withError(
  partitions: CommittedTopic["partitions"],
  errorCode: number,
): CommitReply["topics"][number]["partitions"] {
  return partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }));
}
