import { type Command, Option } from "commander";
import { collect, wholeNumber } from "./arguments.ts";
import type { ProduceOptions } from "./command-options.ts";
import { withConnection } from "./connection-options.ts";
import type { CommandContext } from "./context.ts";

export function addProduceCommand(program: Command, context: CommandContext): void {
  withConnection(program.command("produce"), "print where each message went, a JSON object a line")
    .summary("send messages")
    .description("Sends messages to a topic: those on the command line, or else each line of standard input.")
    .argument("<topic>", "the topic; brokers create it where they are set so")
    .argument("[messages...]", "the messages")
    .option("-k, --key <key>", "the key of every message: one key, one partition")
    .option("--key-separator <text>", "what stands between key and value in each message, such as :")
    .option("-H, --header <name=value>", "a header of every message; may be repeated", collect)
    .option("-p, --partition <number>", "the partition, instead of the one that the key decides", wholeNumber(0))
    .addOption(
      new Option("--compression <codec>", "how batches are compressed")
        .choices(["none", "gzip", "snappy", "lz4", "zstd"])
        .default("none"),
    )
    .addOption(
      new Option(
        "--input <format>",
        "json: each message is an object with key, value, headers, partition, timestamp, as `ottla consume --json` prints it",
      )
        .choices(["text", "json"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `
Examples:
  $ ottla produce order-events --key customer-7 '{"orderId": "order-1"}'
  $ ottla produce order-events --key-separator : < orders.txt
  $ ottla consume order-events --from-beginning --until-end --json | ottla produce copy --input json`,
    )
    .action(async (topic: string, messages: string[], options: ProduceOptions) => {
      const { produce } = await import("./run-produce.ts");
      await produce(topic, messages, options, context);
    });
}
