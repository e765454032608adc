/**
 * What Kafka's own clients say for a code where the answer has no room for words of the broker's (`Errors.message()`): tools that are held to Kafka's output print them.
 * Only codes that such answers can bring: groups, offsets, records, leaders.
 */
const words: ReadonlyMap<number, string> = new Map([
  [-1, "The server experienced an unexpected error when processing the request."],
  [1, "The requested offset is not within the range of offsets maintained by the server."],
  [3, "This server does not host this topic-partition."],
  [5, "There is no leader for this topic-partition as we are in the middle of a leadership election."],
  [
    6,
    "For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition.",
  ],
  [7, "The request timed out."],
  [8, "The broker is not available."],
  [12, "The metadata field of the offset request was too large."],
  [14, "The coordinator is loading and hence can't process requests."],
  [15, "The coordinator is not available."],
  [16, "This is not the correct coordinator."],
  [17, "The request attempted to perform an operation on an invalid topic."],
  [22, "Specified group generation id is not valid."],
  [24, "The configured groupId is invalid."],
  [25, "The coordinator is not aware of this member."],
  [27, "The group is rebalancing, so a rejoin is needed."],
  [28, "The committing offset data size is not valid."],
  [29, "Topic authorization failed."],
  [30, "Group authorization failed."],
  [31, "Cluster authorization failed."],
  [35, "The version of API is not supported."],
  [44, "Request parameters do not satisfy the configured policy."],
  [56, "Disk error when trying to access log file on the disk."],
  [68, "The group is not empty."],
  [69, "The group id does not exist."],
  [73, "Topic deletion is disabled."],
  [86, "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."],
  [88, "There are unstable offsets that need to be cleared."],
  [100, "This server does not host this topic ID."],
]);

/** Kafka's sentence for a code; null where it is not one of those that are needed. */
export function kafkaWords(code: number): string | null {
  return words.get(code) ?? null;
}
