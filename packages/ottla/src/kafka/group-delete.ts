/** `kafka-consumer-groups --delete` and `--delete-offsets`. */
import { type ItemResult, type KafkaError, settle, type TopicPartition } from "@ottla/client";
import { type GroupContext, printError } from "./group-context.ts";
import { selectGroups } from "./group-describe.ts";
import { type DeletedOffsetRow, deletedOffsetTable } from "./group-tables.ts";
import { javaError, javaMessage } from "./java-words.ts";
import { parseTopicArguments } from "./topic-arguments.ts";

export async function deleteGroups(context: GroupContext): Promise<void> {
  const { admin, terminal, timeoutMs } = context;
  const groupIds = await selectGroups(context);
  const results = await settleAll(groupIds, admin.deleteGroups(groupIds, { timeoutMs }));
  const failed = results.filter(({ error }) => error !== null);
  const deleted = results.filter(({ error }) => error === null).map(({ item }) => `'${item}'`);
  if (failed.length === 0) {
    terminal.write(`Deletion of requested consumer groups (${deleted.join(", ")}) was successful.\n`);
    return;
  }
  printError(terminal, "Deletion of some consumer groups failed:");
  for (const { item, error } of failed) {
    terminal.write(`* Group '${item}' could not be deleted due to: ${javaError(error)}\n`);
  }
  if (deleted.length > 0) {
    terminal.write(`\nThese consumer groups were deleted successfully: ${deleted.join(", ")}\n`);
  }
}

export async function deleteOffsets({ admin, options, terminal, timeoutMs }: GroupContext): Promise<void> {
  const groupId = options.value("group") ?? "";
  const { partitions, topics } = parseTopicArguments(options.values("topic"));
  const described = await settle(topics, admin.describeTopics(topics, { timeoutMs }));
  const selected = [
    ...partitions,
    ...described.flatMap(
      ({ item, value }) => value?.partitions.map(({ partition }) => ({ topic: item, partition })) ?? [],
    ),
  ];
  const results = await settleAll(selected, admin.deleteGroupOffsets(groupId, selected, { timeoutMs }));
  const [firstError] = results.flatMap(({ error }) => error ?? []);
  if (firstError === undefined) {
    terminal.write(`Request succeeded for deleting offsets from group ${groupId}.\n`);
  } else {
    printError(terminal, summary(firstError));
  }
  const rows = [
    ...described.flatMap(({ item, error }) =>
      error === null ? [] : [deletedRow({ topic: item, partition: -1 }, error)],
    ),
    ...results.map(({ item, error }) => deletedRow(item, error)),
  ];
  terminal.write(deletedOffsetTable(rows.sort(asText)));
}

/** What went wrong with the group as a whole, or that it went wrong with single partitions. */
function summary(error: KafkaError): string {
  switch (error.code) {
    case "INVALID_GROUP_ID":
    case "GROUP_ID_NOT_FOUND":
    case "GROUP_AUTHORIZATION_FAILED":
    case "NON_EMPTY_GROUP":
      return javaMessage(error);
    case "GROUP_SUBSCRIBED_TO_TOPIC":
    case "TOPIC_AUTHORIZATION_FAILED":
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return "Encountered some partition-level error, see the follow-up details.";
    default:
      return `Encountered some unknown error: ${error.code}`;
  }
}

function deletedRow({ topic, partition }: TopicPartition, error: KafkaError | null): DeletedOffsetRow {
  const status = error === null ? "Successful" : `Error: ${javaError(error)}`;
  return { topic, partition: partition < 0 ? null : partition, status };
}

/** As Kafka's tool sorts them: by topic and partition as one text. */
function asText(a: DeletedOffsetRow, b: DeletedOffsetRow): number {
  return `${a.topic}${a.partition ?? -1}` < `${b.topic}${b.partition ?? -1}` ? -1 : 1;
}

/** The outcome for each item of a call that yields nothing. */
function settleAll<Item>(items: readonly Item[], call: Promise<void>): Promise<ItemResult<Item, null>[]> {
  const nothings = call.then(() => items.map(() => null));
  return settle(items, nothings);
}
