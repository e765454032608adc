/** Ottla's own command line as child processes: the bundle that a user runs. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { type Finished, finished } from "./apache-kafka.ts";
import { Program } from "./processes.ts";

const bins = join(import.meta.dirname, "../../packages/ottla/bin");

/** Starts one of the bins (`ottla`, `kafka-topics`, `kafka-consumer-groups`). */
export function startTool(tool: string, ...args: string[]): Program {
  return new Program(process.execPath, [join(bins, `${tool}.js`), ...args]);
}

/** Runs one of the bins to its end. */
export function runTool(tool: string, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [join(bins, `${tool}.js`), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  return finished(child);
}

export interface OttlaBroker {
  readonly bootstrapServers: string;
  readonly port: number;
  readonly program: Program;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `ottla broker` in a process of its own and resolves when it says that it is ready. */
export async function startOttlaBroker(
  options: { port?: number; dataDirectory?: string; config?: Record<string, string> } = {},
): Promise<OttlaBroker> {
  const args = ["broker", "--port", String(options.port ?? 0)];
  if (options.dataDirectory !== undefined) args.push("--data-dir", options.dataDirectory);
  for (const [name, value] of Object.entries(options.config ?? {})) args.push("--config", `${name}=${value}`);
  const program = startTool("ottla", ...args);
  const line = await program.line(/ottla broker ready on /);
  const port = Number(/ready on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
  return { bootstrapServers: `127.0.0.1:${port}`, port, program, stop: (signal) => program.stop(signal) };
}
