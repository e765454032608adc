import type { StoredOffset } from "./group-records.ts";

/** A committed offset, and where its record stands in the log. */
export interface CommittedOffset extends StoredOffset {
  /** Of two commits, one within a transaction and one without, the later record counts, whenever the transaction ends. */
  readonly recordOffset: number;
}

export type TopicOffsets = Map<string, Map<number, CommittedOffset>>;

/** Committed offsets by group, topic and partition. */
export class Offsets {
  private readonly byGroup = new Map<string, TopicOffsets>();

  groups(): IterableIterator<[string, TopicOffsets]> {
    return this.byGroup.entries();
  }

  ofGroup(groupId: string): TopicOffsets | undefined {
    return this.byGroup.get(groupId);
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.byGroup.get(groupId)?.get(topic)?.get(partition);
  }

  set(groupId: string, topic: string, partition: number, offset: CommittedOffset): void {
    let topics = this.byGroup.get(groupId);
    if (topics === undefined) {
      topics = new Map();
      this.byGroup.set(groupId, topics);
    }
    let partitions = topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      topics.set(topic, partitions);
    }
    partitions.set(partition, offset);
  }

  delete(groupId: string, topic: string, partition: number): void {
    const topics = this.byGroup.get(groupId);
    const partitions = topics?.get(topic);
    if (topics === undefined || partitions === undefined) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.byGroup.delete(groupId);
  }
}
