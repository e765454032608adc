import type { Clock, LogFields, Logger } from "@ottla/runtime";
import { pino, stdSerializers } from "pino";

/** How much is told, and how. */
export interface LogOptions {
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly logFormat: "text" | "json";
}

/** A logger that writes one line for each message: JSON as pino has it, or text for people. */
export function openLogger(options: LogOptions, clock: Clock, write: (line: string) => void): Logger {
  const log = pino(
    {
      level: options.logLevel,
      base: null,
      timestamp: () => `,"time":${clock.now()}`,
      serializers: { error: stdSerializers.err },
    },
    { write: options.logFormat === "json" ? write : (line) => write(textLine(line)) },
  );
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: LogFields = {}) =>
      log[level](fields, message);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const levelNames: Readonly<Record<number, string>> = { 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR" };

/** `2026-01-31T12:00:00.000Z INFO  topic created topic=orders partitions=6` */
function textLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as { level: number; time: number; msg: string };
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${new Date(time).toISOString()} ${(levelNames[level] ?? "").padEnd(5)} ${msg}${pairs.join("")}\n`;
}

function fieldText(value: unknown): string {
  // Of an error only its message goes on the line; JSON has the stack too.
  if (typeof value === "object" && value !== null && "message" in value) return fieldText(value.message);
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
