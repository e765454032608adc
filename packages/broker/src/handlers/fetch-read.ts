import { errorCodes, type FetchRequest } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import type { SessionPartition } from "../fetch-sessions.ts";
import type { AbortedTransaction, EpochEndOutcome, Isolation, ReadOutcome } from "../log/outcomes.ts";
import type { Partition } from "../log/partition.ts";
import { firstIdVersion } from "./fetch-plan.ts";
import { ledPartition } from "./partitions.ts";

/** One partition of an answer. */
export interface PartitionData {
  readonly asked: SessionPartition;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly divergingEpoch: EpochEndOutcome | null;
  /** Where the answer may have to say who leads it. */
  readonly leader: Partition | null;
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
  readonly records: Buffer;
}

/** A partition of a request with the log that it is about, or the error code to answer. */
export interface FetchTarget {
  readonly asked: SessionPartition;
  readonly partition: Partition | number;
}

const noRecords = Buffer.alloc(0);

/** First of the versions that tell a client with an old picture who leads now (KIP-951). */
const firstLeaderHintVersion = 16;

/** Reads what one request asks for, within its bounds. */
export class FetchReader {
  readonly targets: readonly FetchTarget[];
  private readonly isolation: Isolation;
  private readonly maxBytes: number;
  private readonly context: RequestContext;
  private readonly outcomes: ReadOutcome[] = [];
  private readBytes = 0;

  constructor(request: FetchRequest, partitions: readonly SessionPartition[], context: RequestContext) {
    this.context = context;
    this.isolation = request.isolationLevel === 1 ? "committed" : "uncommitted";
    this.maxBytes = Math.min(request.maxBytes, context.node.settings.number("fetch.max.bytes"));
    const replicaId = context.apiVersion >= 15 ? request.replicaState.replicaId : request.replicaId;
    this.targets = partitions.map((asked) => ({ asked, partition: resolve(asked, replicaId, context) }));
  }

  /** Bytes that could be answered with, or -1 when something must be answered at once. */
  available(): number {
    let total = 0;
    for (const { asked, partition } of this.targets) {
      if (typeof partition === "number" || !this.leads(partition)) return -1;
      const { fetchOffset } = asked;
      if (partition.closed || partition.offline !== null) return -1;
      if (fetchOffset < partition.logStartOffset || fetchOffset > partition.logEndOffset) return -1;
      if (partition.checkLeaderEpoch(asked.currentLeaderEpoch) !== errorCodes.NONE) return -1;
      if (asked.lastFetchedEpoch >= 0 && diverging(asked, partition) !== null) return -1;
      total += Math.min(asked.maxBytes, partition.bytesAvailable(fetchOffset, this.isolation));
    }
    return total;
  }

  /**
   * Reads every partition. The first batch of the first partition that has one comes whole, however large, so that a consumer never gets stuck (KIP-74). `release` must be
   * called when the records have been sent. While too much waits for clients that do not read, there is no more than that one batch.
   */
  read(): PartitionData[] {
    const { node } = this.context;
    const room = node.settings.number("queued.max.response.bytes") - node.unsentRecordBytes;
    let left = Math.min(this.maxBytes, room);
    let minOneBatch = true;
    const all = this.targets.map(({ asked, partition }) => {
      if (typeof partition === "number") return this.failed(asked, partition, this.known(asked));
      if (!this.leads(partition)) return this.failed(asked, errorCodes.NOT_LEADER_OR_FOLLOWER, partition);
      const wrongEpoch = partition.checkLeaderEpoch(asked.currentLeaderEpoch);
      if (wrongEpoch !== errorCodes.NONE) return this.failed(asked, wrongEpoch, partition);
      const divergence = asked.lastFetchedEpoch >= 0 ? diverging(asked, partition) : null;
      if (typeof divergence === "number") return this.failed(asked, divergence, partition);
      if (divergence !== null) return { ...this.failed(asked, errorCodes.NONE, partition), divergingEpoch: divergence };
      const size = Math.max(0, Math.min(asked.maxBytes, left));
      const outcome = partition.read(asked.fetchOffset, size, { isolation: this.isolation, minOneBatch });
      if (outcome.errorCode !== errorCodes.NONE) {
        outcome.release();
        return this.failed(asked, outcome.errorCode, partition);
      }
      this.outcomes.push(outcome);
      left -= outcome.records.length;
      this.readBytes += outcome.records.length;
      if (outcome.records.length > 0) minOneBatch = false;
      return this.succeeded(asked, outcome, partition);
    });
    node.unsentRecordBytes += this.readBytes;
    return all;
  }

  /** Gives the buffers of `read` back. */
  release(): void {
    for (const outcome of this.outcomes) outcome.release();
    this.outcomes.length = 0;
    this.context.node.unsentRecordBytes -= this.readBytes;
    this.readBytes = 0;
  }

  private succeeded(asked: SessionPartition, outcome: ReadOutcome, partition: Partition): PartitionData {
    return {
      asked,
      errorCode: errorCodes.NONE,
      highWatermark: outcome.highWatermark,
      lastStableOffset: outcome.lastStableOffset,
      logStartOffset: outcome.logStartOffset,
      divergingEpoch: null,
      leader: partition,
      abortedTransactions: outcome.abortedTransactions,
      records: outcome.records,
    };
  }

  private failed(asked: SessionPartition, errorCode: number, partition: Partition | null): PartitionData {
    return {
      asked,
      errorCode,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
      divergingEpoch: null,
      leader: partition,
      abortedTransactions: null,
      records: noRecords,
    };
  }

  /** Leaders move while a fetch waits. */
  private leads(partition: Partition): boolean {
    const { cluster, node } = this.context;
    return cluster.isLeader(partition, node.id);
  }

  /** The partition that could not be read because another broker leads it. */
  private known({ topic, topicId, partition }: SessionPartition): Partition | null {
    const { cluster } = this.context;
    return (topic === "" ? cluster.topicById(topicId) : cluster.topic(topic))?.partitions[partition] ?? null;
  }

  /** Whether the answer should say who leads the partition. */
  hintsLeader(data: PartitionData): boolean {
    return (
      this.context.apiVersion >= firstLeaderHintVersion &&
      data.leader !== null &&
      (data.errorCode === errorCodes.FENCED_LEADER_EPOCH || data.errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER)
    );
  }
}

function resolve(asked: SessionPartition, replicaId: number, context: RequestContext): Partition | number {
  const { cluster, apiVersion } = context;
  const topic = apiVersion >= firstIdVersion ? cluster.topicById(asked.topicId) : cluster.topic(asked.topic);
  if (topic === undefined && apiVersion >= firstIdVersion) return errorCodes.UNKNOWN_TOPIC_ID;
  if (!context.authorize("read", "topic", topic?.name ?? asked.topic)) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
  // There are no followers: whoever says that he is one is not, and must not see more than a consumer (CVE-2018-1288).
  if (replicaId >= 0) return errorCodes.NOT_LEADER_OR_FOLLOWER;
  return ledPartition(topic, asked.partition, context);
}

/** Where the client's log and this one part (KIP-595), an error code when that cannot be said, null when they do not. */
function diverging(asked: SessionPartition, partition: Partition): EpochEndOutcome | number | null {
  const end = partition.offsetForLeaderEpoch(asked.lastFetchedEpoch);
  if (end.errorCode !== errorCodes.NONE) return end.errorCode;
  if (end.endOffset < 0 || end.leaderEpoch < 0) return errorCodes.OFFSET_OUT_OF_RANGE;
  return end.leaderEpoch < asked.lastFetchedEpoch || end.endOffset < asked.fetchOffset ? end : null;
}
