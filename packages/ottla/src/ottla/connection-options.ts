import type { Command } from "commander";
import { wholeNumber } from "./arguments.ts";

/** How a command reaches the cluster, and for whom it prints. */
export interface ConnectionOptions {
  readonly bootstrapServer: string;
  readonly clientConfig?: string;
  /** In milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

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
