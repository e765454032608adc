import type { Command } from "commander";
import { wholeNumber } from "./arguments.ts";

/** Adds the options of every command that talks to a cluster. */
export function withConnection(command: Command, json: string): Command {
  return command
    .option(
      "-b, --bootstrap-server <host:port>",
      "a broker of the cluster, or several, separated by commas",
      "localhost:9092",
    )
    .option("--client-config <file>", "a properties file of client settings under Kafka's names")
    .option("--timeout <ms>", "how long the cluster may take to answer", wholeNumber(1), 15_000)
    .option("--json", json);
}
