/** Where operators' messages go: one line per event that somebody who runs the program cares about. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What the message is about, for machines; an `error` field may hold an `Error`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger that drops everything: the default of what is embedded in somebody's program. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};
