import { errorCodes, zeroUuid } from "@ottla/protocol";
import type { Group, OffsetExpiry } from "./group.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import type {
  CommitEvent,
  DeleteOffsetsEvent,
  Effects,
  Instant,
  PartitionResult,
  TopicsDeletedEvent,
} from "./group-events.ts";
import { type GroupRecord, type OffsetRecord, offsetTombstone, type RecordOrigin } from "./group-records.ts";
import { type CommittedOffset, Offsets } from "./offsets.ts";

/** What OffsetFetch asks for of one topic. */
export interface FetchedTopic {
  readonly name: string;
  /** The zero uuid where the request names no id and none is known. */
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

/** An answer of OffsetFetch: offset and epoch -1 where nothing is committed. */
export interface FetchedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly metadata: string;
  readonly errorCode: number;
}

export interface FetchedTopicOffsets {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: FetchedPartition[];
}

/**
 * The rules of committed offsets, for groups of every kind (Kafka's `OffsetMetadataManager`). Everything in it is stored state: it changes only in
 * `apply` and `applyMarker`, live as on replay. Offsets that were committed within a transaction wait until the transaction's marker comes.
 */
export class OffsetsMachine {
  private readonly config: GroupCoordinatorConfig;
  private readonly offsets = new Offsets();
  /** Offsets of open transactions, by producer id. */
  private readonly pending = new Map<number, Offsets>();

  constructor(config: GroupCoordinatorConfig) {
    this.config = config;
  }

  /** The group has agreed to the commit: everything that is not too long is stored. */
  commit(event: CommitEvent, now: Instant, effects: Effects): void {
    const { groupId, retentionTimeMs } = event;
    const expireTimestamp = retentionTimeMs === -1 ? -1 : expiryOf(now.wall + retentionTimeMs);
    const topics = event.topics.map((topic) => {
      const partitions: PartitionResult[] = [];
      for (const partition of topic.partitions) {
        const { partitionIndex, committedMetadata } = partition;
        if (committedMetadata !== null && committedMetadata.length > this.config.offsetMetadataMaxBytes) {
          partitions.push({ partitionIndex, errorCode: errorCodes.OFFSET_METADATA_TOO_LARGE });
          continue;
        }
        partitions.push({ partitionIndex, errorCode: 0 });
        // A value with an expiry is of the one version that has a place for it (1), and has none for epoch and topic id.
        const isVersion1 = expireTimestamp !== -1;
        effects.records.push({
          kind: "offset",
          groupId,
          topic: topic.name,
          partition: partitionIndex,
          value: {
            offset: partition.committedOffset,
            leaderEpoch: isVersion1 ? -1 : partition.committedLeaderEpoch,
            metadata: committedMetadata ?? "",
            commitTimestamp: now.wall,
            expireTimestamp,
            topicId: isVersion1 ? zeroUuid : topic.topicId,
          },
        });
      }
      return { name: topic.name, topicId: topic.topicId, partitions };
    });
    effects.replies.push({ kind: "commit", ticket: event.ticket, body: { topics } });
  }

  /** The group has agreed to the deletion, but for topics that it is subscribed to. */
  delete(group: Group, event: DeleteOffsetsEvent, effects: Effects): void {
    const topics = event.topics.map(({ name, partitions }) => {
      const errorCode = group.isSubscribedTo(name) ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : 0;
      for (const partition of partitions) {
        if (errorCode === 0 && this.has(group.id, name, partition))
          effects.records.push(offsetTombstone(group.id, name, partition));
      }
      return { name, partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode })) };
    });
    effects.replies.push({ kind: "deleteOffsets", ticket: event.ticket, body: { errorCode: 0, topics } });
  }

  /** The records that delete all that a group has committed. */
  tombstones(groupId: string): GroupRecord[] {
    const records: GroupRecord[] = [];
    const seen = new Set<string>();
    for (const offsets of [this.offsets, ...this.pending.values()]) {
      for (const [topic, partitions] of offsets.ofGroup(groupId) ?? []) {
        for (const partition of partitions.keys()) {
          const key = `${topic}:${partition}`;
          if (!seen.has(key)) records.push(offsetTombstone(groupId, topic, partition));
          seen.add(key);
        }
      }
    }
    return records;
  }

  /** Deletes what has outlived its retention. True when the group has nothing committed any more, nor in an open transaction. */
  expire(group: Group, now: Instant, effects: Effects): boolean {
    const topics = this.offsets.ofGroup(group.id);
    if (topics === undefined) return !this.hasPending(group.id);
    const expiry = group.offsetExpiry();
    if (expiry === "never") return false;
    let isAll = true;
    for (const [topic, partitions] of topics) {
      const isSubscribed = group.isSubscribedTo(topic);
      for (const [partition, offset] of partitions) {
        if (!isSubscribed && this.isExpired(offset, expiry, now) && !this.isPending(group.id, topic, partition)) {
          effects.records.push(offsetTombstone(group.id, topic, partition));
        } else {
          isAll = false;
        }
      }
    }
    return isAll && !this.hasPending(group.id);
  }

  private isExpired(offset: CommittedOffset, expiry: Exclude<OffsetExpiry, "never">, now: Instant): boolean {
    // Clients of old versions say themselves how long.
    if (offset.expireTimestamp !== -1) return now.wall >= offset.expireTimestamp;
    const since = expiry === "sinceCommit" ? offset.commitTimestamp : expiry.sinceMs;
    return now.wall - since >= this.config.offsetsRetentionMinutes * 60_000;
  }

  /** Offsets of topics that are gone; a topic of the same name but another id keeps its own. */
  topicsDeleted(event: TopicsDeletedEvent, effects: Effects): void {
    const seen = new Set<string>();
    for (const offsets of [this.offsets, ...this.pending.values()]) {
      for (const [groupId, topics] of offsets.groups()) {
        for (const deleted of event.topics) {
          for (const [partition, { topicId }] of topics.get(deleted.name) ?? []) {
            if (topicId !== zeroUuid && topicId !== deleted.id) continue;
            const key = `${groupId}:${deleted.name}:${partition}`;
            if (!seen.has(key)) effects.records.push(offsetTombstone(groupId, deleted.name, partition));
            seen.add(key);
          }
        }
      }
    }
    effects.divisible = true;
  }

  /** What a group has committed in these partitions. `requireStable`: not where a transaction may be about to change it (KIP-447). */
  fetch(groupId: string, topics: readonly FetchedTopic[], requireStable: boolean): FetchedTopicOffsets[] {
    return topics.map((topic) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitionIndexes.map((partitionIndex) => {
        const offset = this.offsets.get(groupId, topic.name, partitionIndex);
        return this.fetched(groupId, topic, partitionIndex, offset, requireStable);
      }),
    }));
  }

  /** Everything that a group has committed; topic ids are the caller's to add. */
  fetchAll(groupId: string, requireStable: boolean): FetchedTopicOffsets[] {
    const topics: FetchedTopicOffsets[] = [];
    for (const [name, partitions] of this.offsets.ofGroup(groupId) ?? []) {
      const topic = { name, topicId: zeroUuid };
      const fetched = Array.from(partitions, ([partition, offset]) =>
        this.fetched(groupId, topic, partition, offset, requireStable),
      );
      topics.push({ ...topic, partitions: fetched });
    }
    return topics;
  }

  private fetched(
    groupId: string,
    topic: { readonly name: string; readonly topicId: string },
    partitionIndex: number,
    offset: CommittedOffset | undefined,
    requireStable: boolean,
  ): FetchedPartition {
    if (requireStable && this.isPending(groupId, topic.name, partitionIndex)) {
      return nothingFetched(partitionIndex, errorCodes.UNSTABLE_OFFSET_COMMIT);
    }
    // An offset in a topic of the same name that has been deleted since says nothing about this one.
    const isOther =
      offset !== undefined &&
      offset.topicId !== zeroUuid &&
      topic.topicId !== zeroUuid &&
      offset.topicId !== topic.topicId;
    if (offset === undefined || isOther) return nothingFetched(partitionIndex, 0);
    return {
      partitionIndex,
      committedOffset: offset.offset,
      committedLeaderEpoch: offset.leaderEpoch,
      metadata: offset.metadata,
      errorCode: 0,
    };
  }

  /** The stored state after a record. */
  apply(record: OffsetRecord, origin: RecordOrigin): void {
    const { groupId, topic, partition, value } = record;
    if (value === null) {
      this.offsets.delete(groupId, topic, partition);
      for (const offsets of this.pending.values()) offsets.delete(groupId, topic, partition);
      return;
    }
    this.storeFor(origin.producerId).set(groupId, topic, partition, { ...value, recordOffset: origin.offset });
  }

  private storeFor(producerId: number): Offsets {
    if (producerId === -1) return this.offsets;
    let offsets = this.pending.get(producerId);
    if (offsets === undefined) {
      offsets = new Offsets();
      this.pending.set(producerId, offsets);
    }
    return offsets;
  }

  /** The stored state after a transaction's marker. */
  applyMarker(producerId: number, isCommit: boolean): void {
    const pending = this.pending.get(producerId);
    this.pending.delete(producerId);
    if (pending === undefined || !isCommit) return;
    for (const [groupId, topics] of pending.groups()) {
      for (const [topic, partitions] of topics) {
        for (const [partition, offset] of partitions) {
          const existing = this.offsets.get(groupId, topic, partition);
          if (existing === undefined || offset.recordOffset > existing.recordOffset) {
            this.offsets.set(groupId, topic, partition, offset);
          }
        }
      }
    }
  }

  private has(groupId: string, topic: string, partition: number): boolean {
    return this.offsets.get(groupId, topic, partition) !== undefined || this.isPending(groupId, topic, partition);
  }

  private hasPending(groupId: string): boolean {
    for (const offsets of this.pending.values()) if (offsets.ofGroup(groupId) !== undefined) return true;
    return false;
  }

  private isPending(groupId: string, topic: string, partition: number): boolean {
    for (const offsets of this.pending.values()) if (offsets.get(groupId, topic, partition) !== undefined) return true;
    return false;
  }
}

/** A client may ask for any retention time; what is stored has to be a time. */
function expiryOf(timestamp: number): number {
  return Math.min(Math.max(timestamp, 0), Number.MAX_SAFE_INTEGER);
}

/** OffsetFetch's answer where there is no offset to tell. */
export function nothingFetched(partitionIndex: number, errorCode: number): FetchedPartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: "", errorCode };
}
