import { nodeRuntime, type Runtime } from "@ottla/runtime";
import { Command, CommanderError } from "commander";
import type { Terminal } from "../terminal.ts";
import { addBrokerCommand } from "./broker-command.ts";
import { addConsumeCommand } from "./consume-command.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { addDemoCommand } from "./demo-command.ts";
import { addGroupsCommand } from "./groups-command.ts";
import { addLagCommand } from "./lag-command.ts";
import { addLogCommand } from "./log-command.ts";
import { addProduceCommand } from "./produce-command.ts";
import { addTopicsCommand } from "./topics-command.ts";

export interface OttlaOptions {
  /** See `CommandContext`. Default: none, so that the walk-through cannot start its members. */
  readonly itself?: readonly string[];
  /** Default: the real one. */
  readonly runtime?: Runtime;
}

const commands = new Map([
  ["broker", addBrokerCommand],
  ["topics", addTopicsCommand],
  ["groups", addGroupsCommand],
  ["produce", addProduceCommand],
  ["consume", addConsumeCommand],
  ["lag", addLagCommand],
  ["demo", addDemoCommand],
  ["demo-member", addDemoCommand],
  ["log", addLogCommand],
]);

/** Runs `ottla` and returns its exit code. */
export async function runOttla(
  args: readonly string[],
  terminal: Terminal,
  { itself = [], runtime = nodeRuntime() }: OttlaOptions = {},
): Promise<number> {
  const context: CommandContext = { terminal, runtime, itself, exitCode: 0 };
  const program = new Command("ottla")
    .description("Kafka's partitions and consumer groups: a broker in one process, and tools for any Kafka cluster.")
    .addHelpText("after", "\nBegin with `ottla demo`, or with `ottla broker` in one terminal and the rest in another.")
    .showHelpAfterError("(--help says what there is)")
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.complain(text) });
  // A command that is named is enough: a broker need not set up the options of all others before it starts.
  const named = args[0] === undefined ? undefined : commands.get(args[0]);
  for (const add of named === undefined ? new Set(commands.values()) : [named]) add(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return context.exitCode;
  } catch (error) {
    // Commander has said what is wrong, or printed what --help asked for.
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof CommandError)) throw error;
    terminal.complain(`ottla: ${error.message}\n`);
    return 1;
  }
}
