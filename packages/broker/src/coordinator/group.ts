import type { CommittedTopic } from "./group-events.ts";
import type { GroupRecord } from "./group-records.ts";

/** Kinds of groups, as ListGroups prints them. Kafka has Streams and Share besides. */
export type GroupType = "Classic" | "Consumer";

/** Who commits offsets, as the request says. */
export interface CommitIdentity {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** Generation of a classic group, member epoch of a consumer group; negative from who is no member. */
  readonly generationOrEpoch: number;
  readonly apiVersion: number;
  /** What is to be committed, where it matters whose the partitions are. */
  readonly topics?: readonly CommittedTopic[];
}

/**
 * From when on the retention time of a group's offsets counts: each one's commit, the moment at which the group became empty (wall-clock ms),
 * or not at all at present (Kafka's `OffsetExpirationCondition`).
 */
export type OffsetExpiry = "never" | "sinceCommit" | { readonly sinceMs: number };

/** What the coordinator needs of a group, whatever its kind (Kafka's `Group`). Rules return Kafka's error codes, 0 for yes. */
export interface Group {
  readonly id: string;
  readonly type: GroupType;
  readonly memberCount: number;
  /** As Kafka prints it: `Stable`, `Empty`, ... */
  readonly state: string;
  /** `consumer` for consumers; empty where the group never had members. */
  readonly protocolType: string;
  isEmpty(): boolean;
  checkOffsetCommit(commit: CommitIdentity): number;
  checkOffsetFetch(memberId: string | null, memberEpoch: number): number;
  checkOffsetDelete(): number;
  checkDelete(): number;
  isSubscribedTo(topic: string): boolean;
  offsetExpiry(): OffsetExpiry;
  /** The records that delete the group. */
  tombstones(): GroupRecord[];
}
