import type { StoredCurrentAssignment } from "./consumer-group-records.ts";
import type { OwnedPartitions } from "./owned-partitions.ts";

/** Which partitions of a group somebody owns or has yet to give up, and at which epoch (Kafka's `currentPartitionEpoch`). */
export class PartitionOwners {
  /** Epochs by topic id and partition; -1 where nobody owns it. */
  private readonly epochs = new Map<string, number[]>();

  /** The epoch of the member that owns the partition; -1 where nobody does. */
  epoch(topicId: string, partition: number): number {
    return this.epochs.get(topicId)?.[partition] ?? -1;
  }

  isOwned(topicId: string, partition: number): boolean {
    return this.epoch(topicId, partition) !== -1;
  }

  /** One member's assignment takes the place of its last one. */
  replace(old: StoredCurrentAssignment, current: StoredCurrentAssignment | null): void {
    this.release(old.assigned, old.memberEpoch);
    this.release(old.pendingRevocation, old.memberEpoch);
    if (current === null) return;
    this.take(current.assigned, current.memberEpoch);
    this.take(current.pendingRevocation, current.memberEpoch);
  }

  private take(owned: OwnedPartitions, epoch: number): void {
    for (const [topicId, { partitions }] of owned) {
      let epochs = this.epochs.get(topicId);
      if (epochs === undefined) {
        epochs = [];
        this.epochs.set(topicId, epochs);
      }
      for (const partition of partitions) {
        while (epochs.length <= partition) epochs.push(-1);
        epochs[partition] = epoch;
      }
    }
  }

  /** In a log that is being compacted the new owner's record may come before the old one's: what is owned at another epoch by now stays owned. */
  private release(owned: OwnedPartitions, epoch: number): void {
    for (const [topicId, { partitions }] of owned) {
      const epochs = this.epochs.get(topicId);
      if (epochs === undefined) continue;
      for (const partition of partitions) if (epochs[partition] === epoch) epochs[partition] = -1;
      while (epochs.length > 0 && epochs[epochs.length - 1] === -1) epochs.pop();
      if (epochs.length === 0) this.epochs.delete(topicId);
    }
  }
}
