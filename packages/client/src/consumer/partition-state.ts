import type { KafkaError } from "../errors.ts";
import type { Batch } from "./batch.ts";
import type { PartitionRecords } from "./partition-records.ts";
import type { TopicPartition } from "./topic-partition.ts";

/**
 * What a partition's position waits for:
 * - `committed`: the group's committed offset
 * - `reset`: an offset from the log, as `resetTo` says
 * - `validation`: the new leader's word that the log was not truncated below the position (KIP-320)
 * - `none`: nothing; it can be fetched
 */
export type PositionStage = "committed" | "reset" | "validation" | "none";

/** How a position is to be found: by the setting `autoOffsetReset`, or at one of the ends (`seekToBeginning`, `seekToEnd`). */
export type ResetTarget = "auto" | "beginning" | "end";

/** A frame that holds what was fetched: its memory is free once every partition has let go of its part. */
export interface FetchedFrame {
  /** Bytes of records. */
  size: number;
  holders: number;
}

/** Something fetched and not yet all taken. */
interface QueuedRecords {
  readonly records: PartitionRecords;
  readonly frame: FetchedFrame;
}

/** All that is known about one assigned partition. */
export class PartitionState implements TopicPartition {
  readonly topic: string;
  readonly partition: number;

  stage: PositionStage = "committed";
  resetTo: ResetTarget = "auto";
  /** The next offset that the application gets; -1 while it is not known. */
  position = -1;
  /** The epoch of the leader that appended the record before the position; -1 where it is not known. */
  positionEpoch = -1;
  /** The leader that the position was last validated against; -1 where none. */
  validatedEpoch = -1;
  /** Goes up whenever the position is set from outside: answers to what was asked before are of no use. */
  version = 0;

  isPaused = false;
  /** On its way out: nothing is fetched, and nothing handed out any more. */
  isRevoked = false;
  /** It was looked after before its listener had run: positions are not looked up yet. */
  isHeld = false;

  /** Of the log, as of the last answer; -1 where not known. */
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  /** The last offset that the coordinator confirmed; -1 for none that is known of. */
  committedOffset = -1;

  /** A replica that the leader pointed to, and until when (KIP-392). */
  preferredReplica = -1;
  preferredReplicaUntil = 0;
  /** No request on its behalf before this (monotonic). */
  retryAt = 0;
  /** Requests on its behalf that failed in a row. */
  failures = 0;
  /** A look-up of its position is under way, as of this version; -1 for none. */
  lookUpVersion = -1;
  /** What keeps it from going on: the application has to hear of it. Gone once the position is set anew. */
  problem: KafkaError | null = null;
  /** Part of the ring of those that have something to hand out. */
  isInRing = false;

  /** In the order of offsets. */
  readonly #queue: QueuedRecords[] = [];
  #queuedSize = 0;
  #fetchedTo = -1;
  /** What was handed out and then put back: comes before the queue. */
  leftover: Batch<unknown, unknown> | null = null;
  readonly #onFreed: (size: number) => void;

  constructor(place: TopicPartition, onFreed: (size: number) => void) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.#onFreed = onFreed;
  }

  /** Whether it has something for the application that may be handed out. */
  get canDeliver(): boolean {
    if (this.stage !== "none" || this.isPaused || this.isRevoked || this.problem !== null) return false;
    return this.leftover !== null || this.#queue.length > 0;
  }

  /** Whether the application's place in it is known. */
  get hasPosition(): boolean {
    return this.stage === "none" || this.stage === "validation";
  }

  /** Where the next fetch begins: behind all that was fetched; -1 while what is queued has to be taken first to find out. */
  get fetchOffset(): number {
    return this.#fetchedTo;
  }

  get queuedSize(): number {
    return this.#queuedSize;
  }

  get queuedCount(): number {
    return this.#queue.length;
  }

  /** The oldest records that are not all taken. */
  get head(): PartitionRecords | undefined {
    return this.#queue[0]?.records;
  }

  /** `endOffset`: behind the last whole batch; -1 where that could not be told. */
  enqueue(records: PartitionRecords, frame: FetchedFrame, endOffset: number): void {
    frame.holders++;
    this.#queue.push({ records, frame });
    this.#queuedSize += records.size;
    this.#fetchedTo = endOffset;
  }

  /** Lets go of the head. */
  dequeue(): void {
    const head = this.#queue.shift();
    if (head === undefined) return;
    this.#queuedSize -= head.records.size;
    if (this.#fetchedTo < 0 && this.#queue.length === 0) this.#fetchedTo = head.records.nextOffset;
    this.#release(head.frame);
  }

  /** Forgets what was fetched and not taken; it has to be fetched again. */
  dropQueue(): void {
    const dropped = this.#queue.splice(0);
    this.#queuedSize = 0;
    this.#fetchedTo = this.position;
    this.leftover = null;
    for (const { frame } of dropped) this.#release(frame);
  }

  /** Moves to an offset that is known to be meant: from a seek, a commit or an answer to ListOffsets. */
  moveTo(offset: number, leaderEpoch: number): void {
    this.version++;
    this.position = offset;
    this.dropQueue();
    this.positionEpoch = leaderEpoch;
    this.validatedEpoch = -1;
    this.preferredReplica = -1;
    this.stage = "none";
    this.#startOver();
  }

  /** Has the position found anew. */
  reset(target: ResetTarget): void {
    this.version++;
    this.dropQueue();
    this.stage = "reset";
    this.resetTo = target;
    this.#startOver();
  }

  #startOver(): void {
    this.retryAt = 0;
    this.failures = 0;
    this.lookUpVersion = -1;
    this.problem = null;
  }

  #release(frame: FetchedFrame): void {
    if (--frame.holders === 0) this.#onFreed(frame.size);
  }
}
