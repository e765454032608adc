import { nodeRuntime, type Runtime } from "@ottla/runtime";
import type { Terminal } from "../terminal.ts";
import { type GroupContext, printError } from "./group-context.ts";
import { deleteGroups, deleteOffsets } from "./group-delete.ts";
import { describeGroups } from "./group-describe.ts";
import { listGroups } from "./group-list.ts";
import { checkGroupOptions, type GroupAction, groupOptions } from "./group-options.ts";
import { resetOffsets } from "./group-reset.ts";
import { javaMessage } from "./java-words.ts";
import { kafkaVersion, NoAdminError, openAdmin, type ToolContext } from "./open-admin.ts";
import { formatUsage, parseOptions, UsageError } from "./option-parser.ts";

const purpose =
  "This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets.";

const defaultTimeoutMs = 30_000;

/** `kafka-consumer-groups` (Kafka's ConsumerGroupCommand). Returns the exit code: 1 for a command line that cannot be, 0 for all else, failures too. */
export async function runGroupCommand(
  args: readonly string[],
  terminal: Terminal,
  runtime: Runtime = nodeRuntime(),
): Promise<number> {
  let action: GroupAction;
  let context: ToolContext;
  try {
    const options = parseOptions(groupOptions, args);
    if (args.length === 0 || options.has("help")) throw new UsageError(purpose, { withUsage: true });
    if (options.has("version")) {
      terminal.write(`${kafkaVersion}\n`);
      return 0;
    }
    action = checkGroupOptions(options, (line) => terminal.complain(`${line}\n`));
    context = { options, terminal, runtime };
  } catch (error) {
    if (error instanceof UsageError) return refuse(error, terminal);
    throw error;
  }
  try {
    await run(action, context);
    return 0;
  } catch (error) {
    if (error instanceof UsageError && error.withUsage) return refuse(error, terminal);
    printError(terminal, `Executing consumer group command failed due to ${failureOf(error)}`);
    return 0;
  }
}

async function run(action: GroupAction, context: ToolContext): Promise<void> {
  if (action === "validate-regex") {
    const { validateRegex } = await import("./validate-regex.ts");
    context.terminal.write(validateRegex(context.options.value("validate-regex") ?? ""));
    return;
  }
  const timeoutMs = context.options.number("timeout") ?? defaultTimeoutMs;
  const admin = await openAdmin(context);
  try {
    await actions[action]({ ...context, admin, timeoutMs });
  } finally {
    await admin.close();
  }
}

const actions: Readonly<Record<Exclude<GroupAction, "validate-regex">, (context: GroupContext) => Promise<void>>> = {
  list: listGroups,
  describe: describeGroups,
  delete: deleteGroups,
  "reset-offsets": resetOffsets,
  "delete-offsets": deleteOffsets,
};

function failureOf(error: unknown): string {
  if (error instanceof NoAdminError && error.missingFile !== null) {
    return `java.nio.file.NoSuchFileException: ${error.missingFile}`;
  }
  return javaMessage(error);
}

function refuse(error: UsageError, terminal: Terminal): number {
  terminal.complain(`${error.message}\n`);
  if (error.withUsage) terminal.complain(formatUsage(groupOptions));
  return 1;
}
