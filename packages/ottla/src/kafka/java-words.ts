/** Errors in the words of Kafka's tools: these print what Java's exceptions say of themselves, and on standard output that includes the names of their classes. */
import { AdminError, AdminTimeoutError, KafkaError } from "@ottla/client";

/** Classes that are not named after their code. */
const classes: Readonly<Record<string, string>> = {
  NON_EMPTY_GROUP: "GroupNotEmptyException",
  REQUEST_TIMED_OUT: "TimeoutException",
  INVALID_TOPIC_EXCEPTION: "InvalidTopicException",
  UNKNOWN_SERVER_ERROR: "UnknownServerException",
  TOPIC_ALREADY_EXISTS: "TopicExistsException",
  INVALID_CONFIG: "InvalidConfigurationException",
  COORDINATOR_LOAD_IN_PROGRESS: "CoordinatorLoadInProgressException",
  TOPIC_AUTHORIZATION_FAILED: "TopicAuthorizationException",
  GROUP_AUTHORIZATION_FAILED: "GroupAuthorizationException",
  CLUSTER_AUTHORIZATION_FAILED: "ClusterAuthorizationException",
};

/** What an exception's `getMessage()` says. */
export function javaMessage(error: unknown): string {
  const single = error instanceof AdminError ? error.cause : error;
  if (single instanceof AdminTimeoutError && single.waitedForNode) {
    return single.call === "listGroups"
      ? "Failed to find brokers to send ListGroups"
      : `Timed out waiting for a node assignment. Call: ${single.call}`;
  }
  if (single instanceof KafkaError) return single.serverMessage ?? single.message;
  return single instanceof Error ? single.message : String(single);
}

/** What an exception's `toString()` says: its class and its message. */
export function javaError(error: unknown): string {
  return `${className(error)}: ${javaMessage(error)}`;
}

/** A failure as Kafka's tools pass it on from where they have no words of their own for it. */
export function executionFailure(error: unknown): Error {
  if (error instanceof Error && !(error instanceof KafkaError)) return error;
  return new Error(`java.util.concurrent.ExecutionException: ${javaError(error)}`, { cause: error });
}

function className(error: unknown): string {
  if (!(error instanceof KafkaError)) return "java.lang.RuntimeException";
  if (javaMessage(error) === "Failed to find brokers to send ListGroups")
    return "org.apache.kafka.common.KafkaException";
  const { code } = error;
  return `org.apache.kafka.common.errors.${classes[code] ?? `${pascalCase(code)}Exception`}`;
}

/** `GROUP_ID_NOT_FOUND` to `GroupIdNotFound`. */
function pascalCase(code: string): string {
  return code
    .toLowerCase()
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}
