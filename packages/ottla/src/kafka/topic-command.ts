import type { Admin } from "@ottla/client";
import { nodeRuntime, type Runtime } from "@ottla/runtime";
import type { Terminal } from "../terminal.ts";
import { javaMessage } from "./java-words.ts";
import { kafkaVersion, NoAdminError, openAdmin, type ToolContext } from "./open-admin.ts";
import { formatUsage, parseOptions, UsageError } from "./option-parser.ts";
import { alterTopics, createTopic, deleteTopics, listTopics } from "./topic-actions.ts";
import { describeTopics } from "./topic-describe.ts";
import { checkTopicOptions, topicOptions } from "./topic-options.ts";

/** `kafka-topics` (Kafka's TopicCommand). Returns the exit code. */
export async function runTopicCommand(
  args: readonly string[],
  terminal: Terminal,
  runtime: Runtime = nodeRuntime(),
): Promise<number> {
  let admin: Admin | null = null;
  try {
    const context = start(args, terminal, runtime);
    if (context === null) return 0;
    admin = await openAdmin(context);
    await actionOf(context)(admin, context);
    return 0;
  } catch (error) {
    if (admin === null) return couldNotStart(error, terminal);
    terminal.write(`Error while executing topic command : ${javaMessage(error)}\n`);
    return 1;
  } finally {
    await admin?.close();
  }
}

/** Reads and checks the command line; null where there is nothing left to do. */
function start(args: readonly string[], terminal: Terminal, runtime: Runtime): ToolContext | null {
  const options = parseOptions(topicOptions, args);
  if (args.length === 0) throw new UsageError("Create, delete, describe, or change a topic.", { withUsage: true });
  if (options.has("help")) {
    throw new UsageError("This tool helps to create, delete, describe, or change a topic.", { withUsage: true });
  }
  if (options.has("version")) {
    terminal.write(`${kafkaVersion}\n`);
    return null;
  }
  checkTopicOptions(options, (stream, line) => {
    if (stream === "stdout") terminal.write(`${line}\n`);
    else terminal.complain(`${line}\n`);
  });
  return { options, terminal, runtime };
}

function actionOf({ options }: ToolContext): (admin: Admin, context: ToolContext) => Promise<void> {
  if (options.has("create")) return createTopic;
  if (options.has("alter")) return alterTopics;
  if (options.has("list")) return listTopics;
  return options.has("describe") ? describeTopics : deleteTopics;
}

function couldNotStart(error: unknown, terminal: Terminal): number {
  if (!(error instanceof UsageError || error instanceof NoAdminError)) throw error;
  terminal.complain(`${error.message}\n`);
  if (error instanceof UsageError && error.withUsage) terminal.complain(formatUsage(topicOptions));
  if (error instanceof NoAdminError && error.reason !== null) terminal.complain(`${error.reason}\n`);
  return 1;
}
