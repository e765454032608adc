import type { Command } from "commander";
import { collect, settingPair, wholeNumber } from "./arguments.ts";
import type { AlterTopicOptions, ConnectionOptions, CreateTopicOptions, ListTopicsOptions } from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

export function addTopicsCommand(program: Command, context: CommandContext): void {
  const topics = program.command("topics").summary("list, create, describe, alter, delete topics");
  topics.description("Topics: their partitions, settings and sizes.");
  addReading(topics, context);
  addChanging(topics, context);
}

function addReading(topics: Command, context: CommandContext): void {
  withConnection(topics.command("list"), "print a JSON array of topics")
    .description("Lists all topics with their partitions and how many messages they hold.")
    .option("--internal", "also topics that Kafka keeps for itself")
    .action(async (options: ListTopicsOptions) => {
      const { listTopics } = await import("./run-topics.ts");
      await listTopics(options, context);
    });
  withConnection(topics.command("describe"), "print a JSON array of topics")
    .description("Shows topics: each partition with its leader and offsets, and the settings that are not the default.")
    .argument("<topic...>", "the topics")
    .action(async (names: string[], options: ConnectionOptions) => {
      const { describeTopics } = await import("./run-topics.ts");
      await describeTopics(names, options, context);
    });
}

function addChanging(topics: Command, context: CommandContext): void {
  withConnection(topics.command("create"), "print the topic as JSON")
    .description("Creates a topic.")
    .argument("<topic>", "its name: letters, digits, dots, dashes, underscores")
    .option("-p, --partitions <count>", "how many partitions (default: the broker's num.partitions)", wholeNumber(1))
    .option(
      "-r, --replication-factor <count>",
      "how many brokers keep each (default: the broker's)",
      wholeNumber(1, 32_767),
    )
    .option("-c, --config <name=value>", "a setting of the topic, such as retention.ms; may be repeated", settingPair)
    .option("--if-not-exists", "do nothing where it exists")
    .addHelpText(
      "after",
      "\nExample:\n  $ ottla topics create order-events --partitions 6 --config retention.ms=86400000",
    )
    .action(async (name: string, options: CreateTopicOptions) => {
      const { createTopic } = await import("./run-topics.ts");
      await createTopic(name, options, context);
    });
  withConnection(topics.command("alter"), "print what was changed as JSON")
    .description("Adds partitions to a topic, or changes its settings.")
    .argument("<topic>", "the topic")
    .option("-p, --partitions <count>", "how many partitions it is to have in all", wholeNumber(1))
    .option("--set <name=value>", "a setting to change; may be repeated", settingPair)
    .option("--unset <name>", "a setting to take back to its default; may be repeated", collect)
    .action(async (name: string, options: AlterTopicOptions) => {
      const { alterTopic } = await import("./run-topics.ts");
      await alterTopic(name, options, context);
    });
  withConnection(topics.command("delete"), "print the names as JSON")
    .description("Deletes topics with all their messages.")
    .argument("<topic...>", "the topics")
    .option("--if-exists", "pass over topics that do not exist")
    .action(async (names: string[], options: ConnectionOptions & { ifExists?: boolean }) => {
      const { deleteTopics } = await import("./run-topics.ts");
      await deleteTopics(names, options, context);
    });
}
