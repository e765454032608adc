import v8 from "node:v8";
import { Broker, parseProperties } from "@ottla/broker";
import type { Logger } from "@ottla/runtime";
import type { BrokerCommandOptions } from "./command-options.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { readText } from "./files.ts";
import { openLogger } from "./logger.ts";

/** `ottla broker`: starts, says on one line that it is ready, and runs until a signal. */
export async function runBroker(options: BrokerCommandOptions, context: CommandContext): Promise<number> {
  const { terminal, runtime } = context;
  const interrupted = terminal.interrupted();
  keepYoungGenerationSmall();
  const logger = await openLogger(options, runtime.clock, (line) => terminal.complain(line));
  const broker = await startBroker(options, context, logger);
  const data = broker.dataDir ?? "memory (gone when it stops; --data-dir keeps it)";
  const sinceStartMs = Math.round(process.uptime() * 1000);
  terminal.write(`ottla broker ready on ${shownAddress(broker)} in ${sinceStartMs} ms, data in ${data}\n`);
  await aborted(interrupted);
  await broker.close();
  return 0;
}

/**
 * V8 doubles the space for new objects under load, up to more than 100 MB that it does not give back. A broker's requests leave short-lived garbage that a small space holds just
 * as well: throughput is the same within a tenth, and the heap stays 50 to 120 MB smaller. V8 looks at this factor at each growth. Who sets these sizes by hand knows better.
 */
function keepYoungGenerationSmall(): void {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");
  if (!given.includes("semi-space")) v8.setFlagsFromString("--semi-space-growth-factor=1");
}

async function startBroker(
  options: BrokerCommandOptions,
  { runtime }: CommandContext,
  logger: Logger,
): Promise<Broker> {
  const { port, host, dataDir } = options;
  try {
    const fromFile =
      options.configFile === undefined ? {} : parseProperties(readText(runtime.disk, options.configFile));
    return await Broker.start({ port, host, dataDir, logger, runtime, config: { ...fromFile, ...options.config } });
  } catch (error) {
    // Whatever keeps a broker from starting is for the operator to solve: one line, no stack.
    throw new CommandError(startFailure(error), { cause: error });
  }
}

function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!("code" in error) || error.code !== "EADDRINUSE") return error.message;
  const port = /:(\d+)\b/.exec(error.message)?.[1];
  return `port ${port} is in use; stop what listens there, or choose another with --port`;
}

/** Where to connect to: `localhost` and its like are shown as the address that all programs understand. */
function shownAddress(broker: Broker): string {
  const isLocalhost = /^(localhost|127\.0\.0\.1)$/.test(broker.listeners[0]?.host ?? "");
  return isLocalhost ? `127.0.0.1:${broker.port}` : broker.address;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
