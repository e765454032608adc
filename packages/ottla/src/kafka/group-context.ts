import type { Admin } from "@ottla/client";
import type { Terminal } from "../terminal.ts";
import type { ToolContext } from "./open-admin.ts";

/** What an action of `kafka-consumer-groups` works with. */
export interface GroupContext extends ToolContext {
  readonly admin: Admin;
  /** How long a call may take. */
  readonly timeoutMs: number;
}

/** As Kafka's tool words a failure on standard output. */
export function printError(terminal: Terminal, message: string): void {
  terminal.write(`\nError: ${message}\n`);
}
