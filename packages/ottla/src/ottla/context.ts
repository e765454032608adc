import type { Runtime } from "@ottla/runtime";
import type { Terminal } from "../terminal.ts";

/** What every command of `ottla` gets: where it reads and writes, the outside world, and where it leaves its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly runtime: Runtime;
  /** How Node starts this program once more: its script and what stands before the name of the command. */
  readonly itself: readonly string[];
  /** 0 unless a command says otherwise. */
  exitCode: number;
}

/** A command could not do what it was asked to: one clear line for the user, exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
