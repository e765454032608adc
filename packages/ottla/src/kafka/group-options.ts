import { type OptionSpec, type ParsedOptions, UsageError } from "./option-parser.ts";

/** The options of `kafka-consumer-groups` (Kafka's `ConsumerGroupCommandOptions`). */
export const groupOptions: readonly OptionSpec[] = [
  { name: "all-groups", argument: "none", description: "Take every consumer group." },
  {
    name: "all-topics",
    argument: "none",
    description: "Reset offsets: take every topic for which the group has committed offsets.",
  },
  {
    name: "bootstrap-server",
    argument: "required",
    argumentName: "server to connect to",
    description:
      "REQUIRED, except with --validate-regex: the brokers to connect to first, host:port, separated by commas.",
  },
  {
    name: "by-duration",
    argument: "required",
    argumentName: "duration",
    description: "Reset offsets: to the first record of the last PnDTnHnMnS (ISO 8601).",
  },
  {
    name: "command-config",
    argument: "required",
    argumentName: "command config property file",
    description: "A properties file for the admin client.",
  },
  {
    name: "delete",
    argument: "none",
    description: "Delete groups without members. For instance --group g1 --group g2",
  },
  {
    name: "delete-offsets",
    argument: "none",
    description: "Delete the committed offsets of one group for the given topics.",
  },
  {
    name: "describe",
    argument: "none",
    description: "Show groups: the partitions with offsets and lag, or what the options below ask for.",
  },
  { name: "dry-run", argument: "none", description: "Reset offsets: show what would be done, and do nothing." },
  { name: "execute", argument: "none", description: "Reset offsets: do it." },
  { name: "export", argument: "none", description: "Reset offsets: print the new offsets as CSV." },
  {
    name: "from-file",
    argument: "required",
    argumentName: "path to CSV file",
    description: "Reset offsets: to those of a CSV file.",
  },
  {
    name: "group",
    argument: "required",
    argumentName: "consumer group",
    description: "The group to act on; may be repeated.",
  },
  { name: "help", argument: "none", description: "Print this and exit." },
  { name: "list", argument: "none", description: "List the groups." },
  { name: "members", argument: "none", description: "Describe: the members of the group.", availableIf: ["describe"] },
  {
    name: "offsets",
    argument: "none",
    description: "Describe: the partitions of the group with their offsets and lag (the default).",
    availableIf: ["describe"],
  },
  {
    name: "reset-offsets",
    argument: "none",
    description:
      "Set the committed offsets of groups without members. One of --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset says where to; --all-topics or --topic say which partitions (not needed with --from-file); --dry-run (the default) or --execute say whether it is done.",
  },
  {
    name: "shift-by",
    argument: "required",
    type: "long",
    argumentName: "number-of-offsets",
    description: "Reset offsets: by so many, forward or (negative) back.",
  },
  {
    name: "state",
    argument: "optional",
    description:
      "Describe: the state of the group. List: the state of each group; with a value (stable,empty) only groups in one of these states.",
    availableIf: ["describe", "list"],
  },
  {
    name: "timeout",
    argument: "required",
    type: "long",
    argumentName: "timeout (ms)",
    description: "How long the cluster may take to answer. (default: 30000)",
  },
  { name: "to-current", argument: "none", description: "Reset offsets: to the committed ones." },
  {
    name: "to-datetime",
    argument: "required",
    argumentName: "datetime",
    description: "Reset offsets: to the first record at or after YYYY-MM-DDThh:mm:ss.sss.",
  },
  { name: "to-earliest", argument: "none", description: "Reset offsets: to the start of each partition." },
  { name: "to-latest", argument: "none", description: "Reset offsets: to the end of each partition." },
  {
    name: "to-offset",
    argument: "required",
    type: "long",
    argumentName: "offset",
    description: "Reset offsets: to this one.",
  },
  {
    name: "topic",
    argument: "required",
    argumentName: "topic",
    description: "Reset offsets, delete offsets: the topic, or some partitions of it (topic1:0,1,2); may be repeated.",
  },
  {
    name: "type",
    argument: "optional",
    description: "List: the type of each group; with a value (classic,consumer) only groups of one of these types.",
    availableIf: ["list"],
  },
  {
    name: "validate-regex",
    argument: "required",
    argumentName: "regex",
    description: "Check a regular expression of RE2 syntax; needs no broker.",
  },
  {
    name: "verbose",
    argument: "none",
    description: "Describe: more columns.",
    availableIf: ["describe"],
  },
  { name: "version", argument: "none", description: "Print the version of Kafka whose output this is, and exit." },
];

const actions = ["list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex"] as const;
export type GroupAction = (typeof actions)[number];

/** Where offsets can be reset to; at most one is given. */
const scenarios = [
  "to-offset",
  "to-datetime",
  "by-duration",
  "to-earliest",
  "to-latest",
  "to-current",
  "shift-by",
  "from-file",
] as const;
export type ResetScenario = (typeof scenarios)[number];

const withoutExecute =
  "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are scripting this command and want to keep the current default behavior without prompting.";

function refuse(message: string): never {
  throw new UsageError(message, { withUsage: true });
}

/**
 * Refuses options that exclude each other or need one another, with a `UsageError`, and returns the one action. `warn` takes the line on standard error that a
 * reset without `--execute` is answered with.
 */
export function checkGroupOptions(options: ParsedOptions, warn: (line: string) => void): GroupAction {
  if (!options.has("validate-regex")) options.require("bootstrap-server");
  if (options.has("describe")) checkDescribe(options);
  if (options.has("delete")) checkDelete(options);
  if (options.has("delete-offsets") && !(options.has("group") && options.has("topic"))) {
    refuse("Option [delete-offsets] takes the following options: [group], [topic]");
  }
  if (options.has("reset-offsets")) checkReset(options, warn);
  options.forbid("group", ["all-groups"]);
  options.forbid("group", ["list"]);
  options.forbid("topic", ["list", "describe"]);
  const given = actions.filter((action) => options.has(action));
  const [action] = given;
  if (action === undefined || given.length > 1) {
    refuse(`Command must include exactly one action: ${actions.map((name) => `--${name}`).join(", ")}`);
  }
  return action;
}

function checkDescribe(options: ParsedOptions): void {
  if (!options.has("group") && !options.has("all-groups")) {
    refuse("Option [describe] takes one of these options: [group], [all-groups]");
  }
  if (["members", "offsets", "state"].filter((name) => options.has(name)).length > 1) {
    refuse("Option [describe] takes at most one of these options: [members], [offsets], [state]");
  }
  if (options.value("state") !== undefined) refuse("Option [describe] does not take a value for [state]");
}

function checkDelete(options: ParsedOptions): void {
  if (!options.has("group") && !options.has("all-groups")) {
    refuse("Option [delete] takes one of these options: [all-groups], [group]");
  }
  if (options.has("topic")) {
    refuse("The consumer does not support topic-specific offset deletion from a consumer group.");
  }
}

function checkReset(options: ParsedOptions, warn: (line: string) => void): void {
  if (options.has("dry-run") && options.has("execute")) {
    refuse("Option [reset-offsets] only accepts one of [execute] and [dry-run]");
  }
  if (!options.has("dry-run") && !options.has("execute")) warn(withoutExecute);
  if (!options.has("group") && !options.has("all-groups")) {
    refuse("Option [reset-offsets] takes one of these options: [group], [all-groups]");
  }
  for (const scenario of scenarios)
    options.forbid(
      scenario,
      scenarios.filter((other) => other !== scenario),
    );
}

/** Where the offsets are to be reset to. Throws, with the usage, where nothing says so. */
export function resetScenario(options: ParsedOptions): ResetScenario {
  const scenario = scenarios.find((name) => options.has(name));
  return (
    scenario ??
    refuse(
      "Option '[reset-offsets]' requires one of the following scenarios: [[by-duration], [to-datetime], [from-file], [shift-by], [to-offset], [to-earliest], [to-current], [to-latest]]",
    )
  );
}
