import { type Command, Option } from "commander";
import { settingPair, wholeNumber } from "./arguments.ts";
import type { BrokerCommandOptions } from "./command-options.ts";
import type { CommandContext } from "./context.ts";

export function addBrokerCommand(program: Command, context: CommandContext): void {
  program
    .command("broker")
    .summary("start a broker")
    .description("Starts a broker that any Kafka client can talk to, and runs it until Ctrl-C.")
    .option("-p, --port <number>", "the port to listen on; 0 picks a free one (default: 9092)", wholeNumber(0, 65_535))
    .option("--host <name>", "the name or address to listen on (default: localhost)")
    .option("-d, --data-dir <directory>", "where to keep topics and groups (default: in memory, gone when it stops)")
    .option("-c, --config <name=value>", "a setting under Kafka's name; may be repeated", settingPair)
    .option("--config-file <file>", "a properties file of settings, such as Kafka's server.properties")
    .addOption(
      new Option("--log-level <level>", "what to tell on standard error")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .addOption(new Option("--log-format <format>", "how").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      `
Examples:
  $ ottla broker                                    on port 9092, in memory
  $ ottla broker --data-dir ./data                  kept on disk; survives kill -9
  $ ottla broker --config num.partitions=6 --config flush=always

The settings are listed in docs/BROKER.md.`,
    )
    .action(async (options: BrokerCommandOptions) => {
      const { runBroker } = await import("./run-broker.ts");
      context.exitCode = await runBroker(options, context);
    });
}
