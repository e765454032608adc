import type { Runtime } from "@ottla/runtime";
import type { Terminal } from "../terminal.ts";

/** What every command of `ottla` gets: where it reads and writes, the outside world, and where it leaves its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly runtime: Runtime;
  /** 0 unless a command says otherwise. */
  exitCode: number;
}

/** A command could not do what it was asked to: one clear line for the user, exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
