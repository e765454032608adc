import type { LogFields, Logger } from "../logger.ts";

export interface LoggedLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is told. */
export interface RecordingLogger extends Logger {
  readonly logged: readonly LoggedLine[];
  /** The messages of that level and above, in order. */
  messages(level?: LoggedLine["level"]): string[];
}

const levels = ["debug", "info", "warn", "error"] as const;

/** For tests that look at what operators get to see. */
export function recordingLogger(): RecordingLogger {
  const logged: LoggedLine[] = [];
  const keep =
    (level: LoggedLine["level"]) =>
    (message: string, fields: LogFields = {}) =>
      void logged.push({ level, message, fields });
  return {
    logged,
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
    messages: (least = "debug") =>
      logged.filter(({ level }) => levels.indexOf(level) >= levels.indexOf(least)).map(({ message }) => message),
  };
}
