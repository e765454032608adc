import { BatchCursor, errorCodes, errorName, type FetchResponse } from "@ottla/protocol";
import { type KafkaError, kafkaError } from "../errors.ts";
import { partitionName, type TopicPartition } from "./topic-partition.ts";

export type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

/** What an error in a fetch calls for. */
export type FetchRemedy =
  /** Ask for metadata, and again after a pause. */
  | "refresh"
  /** Again after a pause. */
  | "again"
  /** The position is not in the log. */
  | "outOfRange"
  /** The application has to hear of it. */
  | "tell";

/** After Kafka's `FetchCollector.handleInitializeErrors`. */
export function remedyFor(errorCode: number): FetchRemedy {
  switch (errorCode) {
    case errorCodes.OFFSET_OUT_OF_RANGE:
      return "outOfRange";
    case errorCodes.NOT_LEADER_OR_FOLLOWER:
    case errorCodes.REPLICA_NOT_AVAILABLE:
    case errorCodes.KAFKA_STORAGE_ERROR:
    case errorCodes.FENCED_LEADER_EPOCH:
    case errorCodes.OFFSET_NOT_AVAILABLE:
    case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
    case errorCodes.UNKNOWN_TOPIC_ID:
    case errorCodes.INCONSISTENT_TOPIC_ID:
    case errorCodes.LEADER_NOT_AVAILABLE:
      return "refresh";
    case errorCodes.UNKNOWN_LEADER_EPOCH:
    case errorCodes.UNKNOWN_SERVER_ERROR:
      return "again";
    default:
      return "tell";
  }
}

export function fetchError(errorCode: number, place: TopicPartition & { offset: number }): KafkaError {
  return kafkaError(errorCode, `Could not fetch ${partitionName(place)} from offset ${place.offset} on`);
}

/** Worth a line for the operator: it may go on for long. */
export function describeFetchFailure(errorCode: number, place: TopicPartition): string {
  return `Fetching ${partitionName(place)} met ${errorName(errorCode)}; trying again`;
}

/** The offset behind the last whole batch; -1 where what lies there is damaged (whoever reads it will say how). */
export function endOffsetOf(records: Buffer): number {
  const cursor = new BatchCursor(records);
  try {
    while (cursor.next());
  } catch {
    return -1;
  }
  return cursor.position === 0 ? -1 : cursor.view.nextOffset;
}
