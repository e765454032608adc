import { parseProperties } from "@ottla/broker";
import { Admin, AdminError, type AdminOptions, KafkaError } from "@ottla/client";
import { clientOptions, PropertyError } from "../client-properties.ts";
import { probe } from "../probe.ts";
import type { ConnectionOptions } from "./command-options.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { readText } from "./files.ts";

const probeTimeoutMs = 3_000;

/** The settings of a client, from the command line and the properties file. */
export function clientSettings(options: ConnectionOptions, { runtime, terminal }: CommandContext): AdminOptions {
  const { bootstrapServer: bootstrapServers, clientConfig } = options;
  const properties = clientConfig === undefined ? {} : parseProperties(readText(runtime.disk, clientConfig));
  try {
    const { options: settings, unused } = clientOptions(properties);
    if (unused.length > 0) terminal.complain(`ottla: not used of ${clientConfig}: ${unused.join(", ")}\n`);
    return { ...(settings as Partial<AdminOptions>), bootstrapServers, runtime };
  } catch (error) {
    if (error instanceof PropertyError) throw new CommandError(error.message);
    throw error;
  }
}

/** Runs `use` with an admin that is closed afterwards. Whatever the cluster refuses becomes one line for the user. */
export function withAdmin<T>(
  options: ConnectionOptions,
  context: CommandContext,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  return speakingPlainly(async () => {
    const settings = clientSettings(options, context);
    await using admin = new Admin({ defaultApiTimeoutMs: options.timeout, ...settings });
    await checkReachable(options, context);
    return await use(admin);
  });
}

/** Says at once that nobody listens, instead of trying for as long as a client would. */
export async function checkReachable(
  { bootstrapServer }: ConnectionOptions,
  { runtime }: CommandContext,
): Promise<void> {
  const failure = await probe(runtime.network, bootstrapServer, probeTimeoutMs);
  if (failure === null) return;
  throw new CommandError(
    `no broker at ${bootstrapServer} (${failure.reason}). Start one with \`ottla broker\`, or say where it is with --bootstrap-server`,
  );
}

/** Turns errors of the client into errors of the command. */
export async function speakingPlainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KafkaError) throw new CommandError(plainWords(error), { cause: error });
    throw error;
  }
}

/** What does not exist is said as people say it; all else as the client does. `name` is what was asked for. */
export function plainWords(error: KafkaError, name: unknown = firstFailed(error)): string {
  if (typeof name !== "string") return error.message;
  if (error.code === "UNKNOWN_TOPIC_OR_PARTITION") return `there is no topic ${name}; \`ottla topics list\` shows all`;
  if (error.code === "GROUP_ID_NOT_FOUND") return `there is no group ${name}; \`ottla groups list\` shows all`;
  return error.message;
}

function firstFailed(error: KafkaError): unknown {
  return error instanceof AdminError ? error.results.find((result) => result.error !== null)?.item : undefined;
}
