import type { Codec } from "@ottla/protocol";
import type { Random } from "@ottla/runtime";
import type { KafkaError } from "../errors.ts";
import type { Batch } from "./batch.ts";

/** What the machine needs to know of the settings. */
export interface AccumulatorSettings {
  readonly batchSize: number;
  readonly bufferMemory: number;
  readonly deliveryTimeoutMs: number;
  readonly isIdempotent: boolean;
  readonly lingerMs: number;
  /** Requests per node. */
  readonly maxInFlight: number;
  readonly maxRequestSize: number;
  readonly retries: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  readonly codec: Codec;
  readonly level: number | undefined;
}

/** What the machine asks of the world; neither changes anything. */
export interface AccumulatorWorld {
  /** Who leads the partition, and since when; undefined while that is not known. */
  leader(topic: string, partition: number): { readonly nodeId: number; readonly epoch: number } | undefined;
  readonly random: Random;
}

/** A batch as it went out. */
export interface SentBatch {
  readonly batch: Batch;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** One Produce request: at most one batch per partition. */
export interface SentRequest {
  readonly nodeId: number;
  readonly sent: readonly SentBatch[];
}

/** What a broker says of one batch. */
export interface BatchAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly baseOffset: number;
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
  readonly recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[];
}

export type AccumulatorEvent =
  /** Time has passed, or what is known of leaders has changed. */
  | { readonly type: "poll" }
  | { readonly type: "connected"; readonly nodeId: number }
  /** No connection could be made, or it broke. */
  | { readonly type: "disconnected"; readonly nodeId: number; readonly error: KafkaError | null }
  /** The answers stand where their batches stand in the request; undefined where the broker left one out. */
  | {
      readonly type: "answered";
      readonly request: SentRequest;
      readonly answers: readonly (BatchAnswer | undefined)[];
      /** For messages: `broker 1 (localhost:9092)`. */
      readonly broker: string;
    }
  /** No answer came; `error.possiblyPersisted` says whether the broker may have the batches. */
  | { readonly type: "failed"; readonly request: SentRequest; readonly error: KafkaError }
  /** There was no connection after all: nothing was sent. */
  | { readonly type: "unsent"; readonly request: SentRequest }
  | { readonly type: "identified"; readonly id: number; readonly epoch: number }
  | { readonly type: "notIdentified"; readonly error: KafkaError }
  /** Everything that is there now is to be sent without lingering. */
  | { readonly type: "flush"; readonly token: number }
  /** Everything is given up. */
  | { readonly type: "abort"; readonly error: KafkaError };

export type AccumulatorEffect =
  | { readonly type: "send"; readonly request: SentRequest }
  | { readonly type: "connect"; readonly nodeId: number }
  | { readonly type: "identify" }
  | { readonly type: "refresh"; readonly topic: string }
  | {
      readonly type: "delivered";
      readonly batch: Batch;
      readonly baseOffset: number;
      readonly logAppendTimeMs: number;
    }
  | { readonly type: "rejected"; readonly batch: Batch; readonly errorOf: (index: number) => KafkaError }
  | { readonly type: "retried"; readonly batch: Batch; readonly error: KafkaError }
  | { readonly type: "flushed"; readonly token: number };
