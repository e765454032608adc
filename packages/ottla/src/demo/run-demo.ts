import { styleText } from "node:util";
import { Broker } from "@ottla/broker";
import { NetworkError, type Runtime, silentLogger } from "@ottla/runtime";
import type { DemoCommandOptions } from "../ottla/command-options.ts";
import { type CommandContext, CommandError } from "../ottla/context.ts";
import { wrapped } from "../text-table.ts";
import { encore } from "./encore.ts";
import { Stage } from "./stage.ts";
import { heartbeatIntervalMs } from "./strategy-steps.ts";
import { walkThrough } from "./walk-through.ts";

/** `ottla demo`: a broker in memory, the walk-through, and then, unless it is played once, a broker that stays. Returns the exit code. */
export async function runDemo(options: DemoCommandOptions, context: CommandContext): Promise<number> {
  const { terminal, runtime, itself } = context;
  const signal = terminal.interrupted();
  const began = runtime.clock.monotonic();
  const write = (line: string) => terminal.write(`${line}\n`);
  const broker = await startBroker(options.port, runtime);
  const { bootstrapServers } = broker;
  const theatre = { bootstrapServers, clock: runtime.clock, program: itself, signal };
  try {
    write(styleText("bold", "The order-events walk-through"));
    const moved = options.port !== 0 && broker.port !== options.port ? ` (${options.port} is taken)` : "";
    const where = `A broker listens on ${bootstrapServers}${moved}.`;
    for (const line of wrapped(`${where} ${setting}`, terminal.columns)) write(line);
    const stage = new Stage(write, terminal.columns);
    await walkThrough(theatre, stage);
    const seconds = Math.round((runtime.clock.monotonic() - began) / 1000);
    summarize(stage, seconds, write);
    if (!options.once) await encore(theatre, write);
    return stage.failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    write("");
    write("Interrupted.");
    return 130;
  } finally {
    await broker.close();
  }
}

const setting = "Everything is in memory; each consumer is a process of its own.";

const portsToTry = 20;

/** Shorter waits than Kafka allows by default: nobody likes to look at them. */
const config = {
  "group.min.session.timeout.ms": 1000,
  "group.consumer.min.heartbeat.interval.ms": heartbeatIntervalMs,
  "group.consumer.heartbeat.interval.ms": heartbeatIntervalMs,
  "group.consumer.min.assignment.interval.ms": 0,
  "group.consumer.assignment.interval.ms": 0,
};

/** On the port that was asked for, or the next one that is free. */
async function startBroker(port: number, runtime: Runtime): Promise<Broker> {
  for (let candidate = port; ; candidate++) {
    try {
      return await Broker.start({ port: candidate, runtime, logger: silentLogger, config });
    } catch (error) {
      const isTaken = error instanceof NetworkError && error.code === "EADDRINUSE";
      if (!isTaken) throw error;
      if (candidate >= port + portsToTry) {
        throw new CommandError(`ports ${port} to ${candidate} are all in use; choose another with --port`);
      }
    }
  }
}

function summarize(stage: Stage, seconds: number, write: (line: string) => void): void {
  write("");
  const { checks, failures } = stage;
  if (failures.length === 0) {
    write(styleText("green", `All ${checks} checks passed, in ${seconds} s.`));
    return;
  }
  write(styleText("red", `${failures.length} of ${checks} checks failed, in ${seconds} s:`));
  for (const { step, what } of failures) write(`   ${step}: ${what}`);
}
