import type { Clock, LogFields, Logger } from "@ottla/runtime";

/** How much is told, and how. */
export interface LogOptions {
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly logFormat: "text" | "json";
}

type Level = "debug" | "info" | "warn" | "error";

const levels: readonly Level[] = ["debug", "info", "warn", "error"];

/** A logger that writes one line for each message: JSON as pino has it, or text for people. */
export async function openLogger(options: LogOptions, clock: Clock, write: (line: string) => void): Promise<Logger> {
  if (options.logFormat === "json") return openJsonLogger(options, clock, write);
  const least = options.logLevel === "silent" ? levels.length : levels.indexOf(options.logLevel);
  const at = (level: Level) => {
    const isShown = levels.indexOf(level) >= least;
    return (message: string, fields: LogFields = {}) => {
      if (isShown) write(textLine(level, clock.now(), message, fields));
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** pino is loaded only here: a broker that writes text starts without it. */
async function openJsonLogger(options: LogOptions, clock: Clock, write: (line: string) => void): Promise<Logger> {
  const { pino, stdSerializers } = await import("pino");
  const log = pino(
    {
      level: options.logLevel,
      base: null,
      timestamp: () => `,"time":${clock.now()}`,
      serializers: { error: stdSerializers.err },
    },
    { write },
  );
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}) =>
      log[level](fields, message);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** `2026-01-31T12:00:00.000Z INFO  topic created topic=orders partitions=6` */
function textLine(level: Level, nowMs: number, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${new Date(nowMs).toISOString()} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join("")}\n`;
}

function fieldText(value: unknown): string {
  // Of an error only its message goes on the line; JSON has the stack too.
  if (typeof value === "object" && value !== null && "message" in value) return fieldText(value.message);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
