import { type OptionSpec, type ParsedOptions, UsageError } from "./option-parser.ts";

/** The options of `kafka-topics` (Kafka's `TopicCommandOptions`). */
export const topicOptions: readonly OptionSpec[] = [
  {
    name: "alter",
    argument: "none",
    description:
      "Change the number of partitions, and the replicas of the new ones. (Use the broker's configuration API to change topic settings.)",
  },
  {
    name: "at-min-isr-partitions",
    argument: "none",
    description: "Describe: only partitions whose in-sync replicas are exactly min.insync.replicas.",
  },
  {
    name: "bootstrap-server",
    argument: "required",
    argumentName: "server to connect to",
    description: "REQUIRED: the brokers to connect to first, host:port, separated by commas.",
  },
  {
    name: "command-config",
    argument: "required",
    argumentName: "command config property file",
    description: "A properties file for the admin client.",
  },
  {
    name: "config",
    argument: "required",
    argumentName: "name=value",
    description: "Create: a setting of the topic; may be repeated.",
  },
  { name: "create", argument: "none", description: "Create a topic." },
  { name: "delete", argument: "none", description: "Delete the matching topics." },
  { name: "delete-config", argument: "required", argumentName: "name", description: "Has had no effect since 4.0." },
  { name: "describe", argument: "none", description: "Show topics and their partitions." },
  { name: "exclude-internal", argument: "none", description: "List, describe: leave out internal topics." },
  { name: "help", argument: "none", description: "Print this and exit." },
  { name: "if-exists", argument: "none", description: "Alter, delete, describe: a missing topic is no error." },
  { name: "if-not-exists", argument: "none", description: "Create: an existing topic is no error." },
  { name: "list", argument: "none", description: "List topic names." },
  {
    name: "partition-size-limit-per-response",
    argument: "required",
    type: "int",
    argumentName: "maximum number of partitions per response",
    description: "Describe: how many partitions are asked for at once.",
  },
  {
    name: "partitions",
    argument: "required",
    type: "int",
    argumentName: "# of partitions",
    description:
      "Create, alter: the number of partitions. (More partitions for a topic with keys change where the keys go.)",
  },
  {
    name: "replica-assignment",
    argument: "required",
    argumentName:
      "broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...",
    description: "Create, alter: the brokers of each partition, joined by colons, partitions by commas.",
  },
  {
    name: "replication-factor",
    argument: "required",
    type: "int",
    argumentName: "replication factor",
    description: "Create: how many brokers keep each partition.",
  },
  {
    name: "topic",
    argument: "required",
    argumentName: "topic",
    description: "The topic; except with --create, a regular expression.",
  },
  { name: "topic-id", argument: "required", argumentName: "topic-id", description: "Describe: the topic's id." },
  {
    name: "topics-with-overrides",
    argument: "none",
    description: "Describe: only topics with settings of their own, without partitions.",
  },
  {
    name: "unavailable-partitions",
    argument: "none",
    description: "Describe: only partitions without a living leader.",
  },
  {
    name: "under-min-isr-partitions",
    argument: "none",
    description: "Describe: only partitions with fewer in-sync replicas than min.insync.replicas.",
  },
  {
    name: "under-replicated-partitions",
    argument: "none",
    description: "Describe: only partitions with a replica that is not in sync.",
  },
  { name: "version", argument: "none", description: "Print the version of Kafka whose output this is, and exit." },
];

const actions = ["alter", "create", "describe", "list", "delete"] as const;
const reports = [
  "under-replicated-partitions",
  "under-min-isr-partitions",
  "at-min-isr-partitions",
  "unavailable-partitions",
] as const;

/** The options that exclude each other or need one another; throws a `UsageError`. Writes a remark to `remark` where Kafka does. */
export function checkTopicOptions(
  options: ParsedOptions,
  remark: (stream: "stdout" | "stderr", line: string) => void,
): void {
  if (actions.filter((action) => options.has(action)).length !== 1) {
    throw new UsageError("Command must include exactly one action: --list, --describe, --create, --alter or --delete", {
      withUsage: true,
    });
  }
  if (options.has("delete-config")) {
    remark(
      "stderr",
      "delete-config option is no longer supported and deprecated since version 4.0. The config will be fully removed in future releases.",
    );
  }
  checkRequired(options, remark);
  checkForbidden(options);
}

function checkRequired(options: ParsedOptions, remark: (stream: "stdout" | "stderr", line: string) => void): void {
  if (!options.has("bootstrap-server")) throw new UsageError("--bootstrap-server must be specified");
  if (options.has("describe") && options.has("if-exists")) {
    if (!options.has("topic") && !options.has("topic-id"))
      throw new UsageError("--topic or --topic-id is required to describe a topic", { withUsage: true });
    if (options.has("topic") && options.has("topic-id")) {
      remark(
        "stdout",
        "Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID",
      );
    }
  }
  if (!options.has("list") && !options.has("describe")) options.require("topic");
  if (!options.has("alter")) return;
  if (options.has("config")) {
    throw new UsageError(
      'Option combination "[[config], [bootstrap-server]]" can\'t be used with option "[alter]" (To alter topic configurations, the kafka-configs tool can be used.)',
      { withUsage: true },
    );
  }
  options.require("partitions");
}

function checkForbidden(options: ParsedOptions): void {
  const except = (...allowed: string[]) => actions.filter((action) => !allowed.includes(action));
  options.forbid("config", except("alter", "create"));
  options.forbid("partitions", except("alter", "create"));
  options.forbid("replication-factor", except("create"));
  options.forbid("replica-assignment", except("alter", "create"));
  if (options.has("create")) options.forbid("replica-assignment", ["partitions", "replication-factor"]);
  for (const report of reports) options.forbid(report, [...except("describe"), "topics-with-overrides"]);
  options.forbid("topics-with-overrides", [...except("describe"), ...reports]);
  options.forbid("if-exists", except("alter", "delete", "describe"));
  options.forbid("if-not-exists", except("create"));
  options.forbid("exclude-internal", except("list", "describe"));
}
