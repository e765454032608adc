import { errorCodes, isRetriable, refreshesMetadata } from "@ottla/protocol";
import { ClosedError, KafkaError, kafkaError } from "../errors.ts";
import type { BatchAnswer, SentBatch } from "./accumulator-events.ts";
import type { Batch } from "./batch.ts";

/** What becomes of a batch that was sent. */
export interface Verdict {
  readonly fate: "delivered" | "retry" | "split" | "rejected";
  /** Null where it was delivered. */
  readonly error: KafkaError | null;
  /** The epoch has to be raised: the broker's picture of the sequences and ours cannot meet any more. */
  readonly raisesEpoch: boolean;
  /** What is known of the partition's leader is out of date. */
  readonly refreshes: boolean;
  /** The broker may have it all the same. */
  readonly possiblyPersisted: boolean;
}

/** Codes after which the batch may lie in the log, or part of it. */
const perhapsAppended: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_SERVER_ERROR,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.NETWORK_EXCEPTION,
  errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  errorCodes.KAFKA_STORAGE_ERROR,
]);

const delivered: Verdict = {
  fate: "delivered",
  error: null,
  raisesEpoch: false,
  refreshes: false,
  possiblyPersisted: false,
};

/**
 * Judges an answer (Kafka's `Sender.completeBatch` and `TransactionManager.canRetry`, KIP-360). `mayRetry` says whether there are attempts and time left; `broker` names who answered.
 */
export function judgeAnswer(sent: SentBatch, answer: BatchAnswer, mayRetry: boolean, broker: string): Verdict {
  const { errorCode } = answer;
  // A duplicate that is older than what the broker remembers: it is there, only where is not known any more.
  if (errorCode === errorCodes.NONE || errorCode === errorCodes.DUPLICATE_SEQUENCE_NUMBER) return delivered;
  const error = errorOf(sent, answer, broker);
  const refreshes = refreshesMetadata(errorCode);
  const possiblyPersisted = perhapsAppended.has(errorCode);
  if (errorCode === errorCodes.MESSAGE_TOO_LARGE && sent.batch.recordCount > 1) {
    return { fate: "split", error, raisesEpoch: false, refreshes, possiblyPersisted };
  }
  const isSequenced = sent.baseSequence >= 0;
  if (isSequenced && isAboutSequences(errorCode) && mayRetry) {
    return { fate: "retry", error, raisesEpoch: isRealGap(sent), refreshes, possiblyPersisted };
  }
  if (isRetriable(errorCode) && mayRetry) {
    return { fate: "retry", error, raisesEpoch: false, refreshes, possiblyPersisted };
  }
  // Its sequence will never be there: what follows starts anew. Where that is not sure, the end of the others' way tells.
  const raisesEpoch = isSequenced && !isRetriable(errorCode) && !possiblyPersisted;
  return { fate: "rejected", error, raisesEpoch, refreshes, possiblyPersisted };
}

/** Judges a request that was not answered. */
export function judgeFailure(error: KafkaError, mayRetry: boolean): Verdict {
  const fate = error.retriable && mayRetry ? "retry" : "rejected";
  const refreshes = error.retriable;
  return { fate, error, raisesEpoch: false, refreshes, possiblyPersisted: error.possiblyPersisted };
}

function isAboutSequences(errorCode: number): boolean {
  return errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER || errorCode === errorCodes.UNKNOWN_PRODUCER_ID;
}

/**
 * A refused sequence is no gap when it was refused because an earlier batch is still missing (that one goes first, then this one again), nor when the batch has got
 * another sequence since it was sent.
 */
function isRealGap({ batch, producerId, producerEpoch, baseSequence }: SentBatch): boolean {
  const isStale =
    batch.producerId !== producerId || batch.producerEpoch !== producerEpoch || batch.baseSequence !== baseSequence;
  return !isStale && batch.queue.tracked[0] === batch;
}

function errorOf({ batch }: SentBatch, answer: BatchAnswer, broker: string): KafkaError {
  const { topic, partition } = batch.queue;
  const what = `Could not append ${countOf(batch.recordCount)} to partition ${partition} of topic ${topic} at ${broker}`;
  return kafkaError(answer.errorCode, what, { serverMessage: answer.errorMessage });
}

/** The same error, with the doubt whether an earlier attempt has reached the log. */
export function withDoubt(error: KafkaError): KafkaError {
  const { code, errorCode, retriable, serverMessage, message } = error;
  const details = { code, errorCode, retriable, serverMessage, possiblyPersisted: true, cause: error };
  return error instanceof ClosedError
    ? new ClosedError(message, { possiblyPersisted: true })
    : new KafkaError(`${message} (an earlier attempt may have reached the log)`, details);
}

/** For a batch that an answer does not mention. */
export function leftOut({ queue }: Batch, broker: string): KafkaError {
  const { topic, partition } = queue;
  return new KafkaError(`${broker} did not say what became of a batch for partition ${partition} of topic ${topic}`, {
    code: "INVALID_RESPONSE",
    retriable: true,
    possiblyPersisted: true,
  });
}

export function countOf(recordCount: number): string {
  return recordCount === 1 ? "1 record" : `a batch of ${recordCount} records`;
}

/**
 * The error for one record of a rejected batch: where the broker named the bad records (KIP-467), the others hear that they were in bad company.
 */
export function recordErrors(error: KafkaError, answer: BatchAnswer | null): (index: number) => KafkaError {
  if (answer === null || answer.recordErrors.length === 0) return () => error;
  const bad = new Map(answer.recordErrors.map((one) => [one.batchIndex, one.batchIndexErrorMessage]));
  const { code, errorCode, retriable, serverMessage, possiblyPersisted } = error;
  const details = { code, errorCode, retriable, serverMessage, possiblyPersisted };
  return (index) => {
    const said = bad.get(index);
    if (said === undefined) {
      return new KafkaError(
        `${error.message}: other records of its batch were refused, this one was not at fault`,
        details,
      );
    }
    return said === null ? error : new KafkaError(`${error.message}: ${said}`, { ...details, serverMessage: said });
  };
}
