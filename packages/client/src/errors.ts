import { errorMessage, errorName, isRetriable } from "@ottla/protocol";

/** What a `KafkaError` is made of. */
export interface KafkaErrorDetails {
  /** The name of the error: Kafka's own (`NOT_LEADER_OR_FOLLOWER`), or one of ours where no broker spoke (`CLOSED`). */
  readonly code: string;
  /** Kafka's number; null where no broker gave one. */
  readonly errorCode?: number | null | undefined;
  readonly retriable?: boolean | undefined;
  /** What the broker said beside its code. */
  readonly serverMessage?: string | null | undefined;
  /** Of a rejected send: whether the record may be in the log all the same. */
  readonly possiblyPersisted?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Every error that a client rejects with, except the reason of an aborted signal, is one of these or of its subclasses. The message says
 * what was asked, of which topic, partition, group or broker, and what came back.
 */
export class KafkaError extends Error {
  override readonly name: string = "KafkaError";
  /** Kafka's name of the error (`UNKNOWN_TOPIC_OR_PARTITION`), or one of ours where no broker spoke: `CONNECTION_FAILED`, `INVALID_CONFIG`, `SERIALIZATION_FAILED`, `CLOSED`, `BUFFER_EXHAUSTED`, `INVALID_RESPONSE`. */
  readonly code: string;
  /** Kafka's number of the error; null where no broker spoke. */
  readonly errorCode: number | null;
  /** Whether the same may succeed when it is tried again. */
  readonly retriable: boolean;
  /** What the broker said beside its code; null where it said nothing. */
  readonly serverMessage: string | null;
  /** Of a rejected send: true where the record may have reached the log all the same, so that sending it again may double it. */
  readonly possiblyPersisted: boolean;

  constructor(message: string, details: KafkaErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.errorCode = details.errorCode ?? null;
    this.retriable = details.retriable ?? false;
    this.serverMessage = details.serverMessage ?? null;
    this.possiblyPersisted = details.possiblyPersisted ?? false;
  }
}

/** A setting that is unknown, out of range or at odds with another. */
export class ConfigError extends KafkaError {
  override readonly name = "ConfigError";
  /** The setting's name. */
  readonly setting: string;

  constructor(message: string, setting: string) {
    super(message, { code: "INVALID_CONFIG" });
    this.setting = setting;
  }
}

/** A serializer or deserializer threw, or a schema refused the value. */
export class SerializationError extends KafkaError {
  override readonly name = "SerializationError";

  constructor(message: string, cause?: unknown) {
    super(message, { code: "SERIALIZATION_FAILED", cause });
  }
}

/** The client was closed before, or while, the call was made. */
export class ClosedError extends KafkaError {
  override readonly name = "ClosedError";

  constructor(message: string, details?: { possiblyPersisted?: boolean }) {
    super(message, { code: "CLOSED", ...details });
  }
}

/** No connection could be made, or it broke before the answer came. Retriable. */
export class ConnectionError extends KafkaError {
  override readonly name = "ConnectionError";

  constructor(message: string, details?: { cause?: unknown; possiblyPersisted?: boolean }) {
    super(message, { code: "CONNECTION_FAILED", retriable: true, ...details });
  }
}

/** The answer, or whatever else was waited for, did not come in time. Retriable. */
export class TimeoutError extends KafkaError {
  override readonly name = "TimeoutError";

  constructor(message: string, details?: Partial<KafkaErrorDetails>) {
    super(message, { code: "REQUEST_TIMED_OUT", errorCode: 7, retriable: true, ...details });
  }
}

/** `bufferMemory` was full for longer than `maxBlockMs`. Retriable. */
export class BufferExhaustedError extends KafkaError {
  override readonly name = "BufferExhaustedError";

  constructor(message: string) {
    super(message, { code: "BUFFER_EXHAUSTED", retriable: true });
  }
}

/** The broker does not serve the request, or none of the versions that would do. */
export class UnsupportedVersionError extends KafkaError {
  override readonly name = "UnsupportedVersionError";

  constructor(message: string, details?: Partial<KafkaErrorDetails>) {
    super(message, { code: "UNSUPPORTED_VERSION", errorCode: 35, ...details });
  }
}

/** The broker sent something that no answer looks like; the connection has been closed. */
export class InvalidResponseError extends KafkaError {
  override readonly name = "InvalidResponseError";

  constructor(message: string, cause?: unknown) {
    super(message, { code: "INVALID_RESPONSE", retriable: true, cause });
  }
}

/** The topic, or the partition, does not exist (or may not be seen). */
export class UnknownTopicOrPartitionError extends KafkaError {
  override readonly name = "UnknownTopicOrPartitionError";
}

/** The record, or the batch that it is in, is larger than the client (`maxRequestSize`) or the broker (`max.message.bytes`) allows. */
export class RecordTooLargeError extends KafkaError {
  override readonly name = "RecordTooLargeError";
}

/** The offset asked for is not in the log. */
export class OffsetOutOfRangeError extends KafkaError {
  override readonly name: string = "OffsetOutOfRangeError";
}

/** The principal may not do that. */
export class AuthorizationError extends KafkaError {
  override readonly name = "AuthorizationError";
}

/** The group is being rebalanced; the caller has to take part before it goes on. */
export class RebalanceInProgressError extends KafkaError {
  override readonly name = "RebalanceInProgressError";
}

/** The group has moved on to a newer generation. */
export class IllegalGenerationError extends KafkaError {
  override readonly name = "IllegalGenerationError";
}

/** The coordinator does not know the member (any more). */
export class UnknownMemberIdError extends KafkaError {
  override readonly name = "UnknownMemberIdError";
}

/** Another member with the same `groupInstanceId` has taken over. */
export class FencedInstanceIdError extends KafkaError {
  override readonly name = "FencedInstanceIdError";
}

/** A newer producer with the same id has taken over. */
export class ProducerFencedError extends KafkaError {
  override readonly name = "ProducerFencedError";
}

type KafkaErrorClass = new (message: string, details: KafkaErrorDetails) => KafkaError;

/** The classes of Kafka's codes that a caller can act on; the rest are plain `KafkaError`s. */
const classes: ReadonlyMap<number, KafkaErrorClass> = new Map<number, KafkaErrorClass>([
  [1, OffsetOutOfRangeError],
  [3, UnknownTopicOrPartitionError],
  [7, TimeoutError],
  [10, RecordTooLargeError],
  [18, RecordTooLargeError],
  [22, IllegalGenerationError],
  [25, UnknownMemberIdError],
  [27, RebalanceInProgressError],
  [29, AuthorizationError],
  [30, AuthorizationError],
  [31, AuthorizationError],
  [35, UnsupportedVersionError],
  [47, ProducerFencedError],
  [53, AuthorizationError],
  [65, AuthorizationError],
  [82, FencedInstanceIdError],
  [90, ProducerFencedError],
  [100, UnknownTopicOrPartitionError],
]);

/**
 * The error for a code that a broker answered with. `what` says what was asked and of whom, without a full stop:
 * `could not commit offsets of group g at broker 1 (localhost:9092)`.
 */
export function kafkaError(code: number, what: string, details?: Partial<KafkaErrorDetails>): KafkaError {
  const name = errorName(code);
  const said = details?.serverMessage;
  const reason = said ? `${said} (${name})` : `${name}: ${errorMessage(code)}`;
  return kafkaErrorOf(code, `${what}: ${reason}`, details);
}

/** As `kafkaError`, with the whole message. */
export function kafkaErrorOf(code: number, message: string, details?: Partial<KafkaErrorDetails>): KafkaError {
  const Class = classes.get(code) ?? KafkaError;
  return new Class(message, { retriable: isRetriable(code), ...details, code: errorName(code), errorCode: code });
}

/** Whether `error` is a `KafkaError` that says it may succeed when tried again. */
export function isRetriableError(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.retriable;
}
