import type { Terminal } from "../terminal.ts";
import { type Cell, tableLines } from "../text-table.ts";

/** Prints a table for people. */
export function printTable(
  terminal: Terminal,
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  indent = "",
): void {
  for (const line of tableLines(header, rows)) terminal.write(`${indent}${line}\n`);
}

export function printLine(terminal: Terminal, line = ""): void {
  terminal.write(`${line}\n`);
}

/** Prints one value for machines: JSON on a line of its own. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.write(`${JSON.stringify(value)}\n`);
}

/** `1 message`, `2 messages`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
