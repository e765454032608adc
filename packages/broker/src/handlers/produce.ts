import { apis, errorCodes, errorName, type ProduceRequest, zeroUuid } from "@ottla/protocol";
import type { Topic } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import type { AppendOutcome, RecordError } from "../log/outcomes.ts";
import type { Partition } from "../log/partition.ts";
import { type Answer, CloseConnectionError, handler, type ResponseBody } from "./handler.ts";
import { currentLeader, ledPartition, nodeEndpoints } from "./partitions.ts";

type Body = ResponseBody<typeof apis.produce>;

interface PartitionResponse {
  readonly index: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
  logStartOffset: number;
  recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[];
  errorMessage: string | null;
  currentLeader?: { readonly leaderId: number; readonly leaderEpoch: number };
}

/** First version that tells a client with an old picture who leads now (KIP-951). */
const firstLeaderHintVersion = 10;
const noBytes = Buffer.alloc(0);
const noErrors: PartitionResponse["recordErrors"] = [];
/** Kafka's own tools may write to internal topics under this name. */
const adminClientId = "__admin_client";

/**
 * Produce 3-13. Versions 0-2 are announced and refused, as in Kafka: librdkafka gives compression up when the range begins at 3 (KIP-896).
 * Gaps: transactional records are refused; `timeoutMs` is not looked at, since acks=all waits for this broker's own disk alone.
 */
export const produce = handler(apis.produce, [0, 13], handle, { firstServed: 3, overlaps: true });

function handle(request: ProduceRequest, context: RequestContext): Answer<Body> {
  const append = new Append(request, context);
  append.run();
  if (append.isDone) return append.finish();
  return new Promise((resolve, reject) => {
    append.onDone = () => {
      try {
        resolve(append.finish());
      } catch (error) {
        reject(error);
      }
    };
  });
}

/** One request: its appends, and the answer as it fills. */
class Append {
  onDone: (() => void) | null = null;
  private readonly request: ProduceRequest;
  private readonly context: RequestContext;
  private readonly responses: { name: string; topicId: string; partitionResponses: PartitionResponse[] }[] = [];
  /** Appends that are not done, and one while `run` is under way. */
  private pending = 1;
  private firstError: string | null = null;
  /** Of the partitions that were asked for in vain. */
  private readonly leaderIds = new Set<number>();

  constructor(request: ProduceRequest, context: RequestContext) {
    this.request = request;
    this.context = context;
  }

  get isDone(): boolean {
    return this.pending === 0;
  }

  run(): void {
    const refused = refuseAll(this.request);
    for (const { name, topicId, partitionData } of this.request.topicData) {
      const partitionResponses: PartitionResponse[] = [];
      this.responses.push({ name, topicId, partitionResponses });
      const byId = this.context.apiVersion >= 13;
      const { cluster } = this.context;
      const topic = byId ? cluster.topicById(topicId) : cluster.topic(name);
      const refusedTopic = refused ?? this.refuseTopic(topic, byId ? topicId : null, name);
      for (const { index, records } of partitionData) {
        const response = emptyResponse(index);
        partitionResponses.push(response);
        if (refusedTopic === null) this.append(topic, records, response);
        else this.settleError(response, refusedTopic);
      }
    }
    this.done();
  }

  /** The answer; null for acks=0, where an error can only be told by closing the connection. */
  finish(): Body | null {
    if (this.request.acks !== 0) {
      const { responses, leaderIds } = this;
      return leaderIds.size === 0
        ? { responses }
        : { responses, nodeEndpoints: nodeEndpoints(leaderIds, this.context) };
    }
    if (this.firstError !== null)
      throw new CloseConnectionError(`produce request with acks=0 failed: ${this.firstError}`);
    return null;
  }

  private refuseTopic(topic: Topic | undefined, topicId: string | null, name: string): number | null {
    if (topic === undefined && topicId !== null) {
      return topicId === zeroUuid ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.UNKNOWN_TOPIC_ID;
    }
    if (!this.context.authorize("write", "topic", topic?.name ?? name)) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
    if (topic?.isInternal === true && this.context.clientId !== adminClientId)
      return errorCodes.INVALID_TOPIC_EXCEPTION;
    return null;
  }

  private append(topic: Topic | undefined, records: Buffer | null, response: PartitionResponse): void {
    const partition = ledPartition(topic, response.index, this.context);
    if (typeof partition === "number") {
      this.settleError(response, partition);
      if (partition === errorCodes.NOT_LEADER_OR_FOLLOWER)
        this.hintLeader(response, topic!.partitions[response.index]!);
      return;
    }
    this.pending++;
    const acks = this.request.acks === -1 ? "committed" : "written";
    const options = { origin: "client", acks, produceVersion: this.context.apiVersion } as const;
    partition.append(records ?? noBytes, options, (outcome) => {
      this.settle(response, outcome);
      if (outcome.errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER) this.hintLeader(response, partition);
      this.done();
    });
  }

  private settle(response: PartitionResponse, outcome: AppendOutcome): void {
    response.errorCode = outcome.errorCode;
    response.baseOffset = outcome.baseOffset;
    response.logAppendTimeMs = outcome.logAppendTimeMs;
    response.logStartOffset = outcome.logStartOffset;
    if (outcome.errorCode === errorCodes.NONE) return;
    response.errorMessage = outcome.errorMessage;
    if (outcome.recordErrors.length > 0) response.recordErrors = outcome.recordErrors.map(recordError);
    this.firstError ??= outcome.errorMessage ?? errorName(outcome.errorCode);
  }

  private hintLeader(response: PartitionResponse, partition: Partition): void {
    if (this.context.apiVersion < firstLeaderHintVersion) return;
    response.currentLeader = currentLeader(partition, this.context);
    this.leaderIds.add(response.currentLeader.leaderId);
  }

  private settleError(response: PartitionResponse, errorCode: number): void {
    response.errorCode = errorCode;
    this.firstError ??= errorName(errorCode);
  }

  private done(): void {
    this.pending--;
    if (this.pending === 0) this.onDone?.();
  }
}

function recordError({ batchIndex, message }: RecordError) {
  return { batchIndex, batchIndexErrorMessage: message };
}

function emptyResponse(index: number): PartitionResponse {
  return {
    index,
    errorCode: errorCodes.NONE,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: noErrors,
    errorMessage: null,
  };
}

/** What is wrong with the whole request, if anything. */
function refuseAll({ acks, transactionalId, topicData }: ProduceRequest): number | null {
  if (acks < -1 || acks > 1) return errorCodes.INVALID_REQUIRED_ACKS;
  if (transactionalId !== null) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      if (records !== null && isTransactional(records)) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    }
  }
  return null;
}

/** Bit 4 of a batch's attributes. */
function isTransactional(records: Buffer): boolean {
  return records.length > 22 && records[16] === 2 && (records[22]! & 0x10) !== 0;
}
