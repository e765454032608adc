import { styleText } from "node:util";
import { type Cell, tableLines, wrapped } from "../text-table.ts";

/** Where the walk-through is told: the terminal, or a test's list of lines. */
export type Write = (line: string) => void;

/** A step that did not see what it should. */
export interface Failure {
  readonly step: string;
  readonly what: string;
}

/** Tells the walk-through step by step and remembers what went wrong. */
export class Stage {
  readonly failures: Failure[] = [];
  /** How many checks there were. */
  checks = 0;
  private readonly write: Write;
  private readonly columns: number;
  private step = 0;
  private title = "";

  /** Sentences are broken after so many columns. */
  constructor(write: Write, columns: number) {
    this.write = write;
    this.columns = columns;
  }

  /** Begins a step: a heading and a sentence or two on what is about to happen. */
  begin(title: string, ...texts: readonly string[]): void {
    this.step += 1;
    this.title = title;
    this.write("");
    this.write(styleText(["bold", "underline"], `${this.step}. ${title}`));
    this.explain(...texts);
  }

  say(text = ""): void {
    for (const line of this.fitted(text)) this.write(line);
  }

  /** Says what is not part of what happens. */
  explain(...texts: readonly string[]): void {
    for (const line of texts.flatMap((text) => this.fitted(text))) this.write(styleText("dim", line));
  }

  /** Shows whether something was as it should be. */
  check(what: string, holds: boolean, instead = ""): void {
    this.checks += 1;
    if (holds) {
      this.write(`   ${styleText("green", "✓")} ${what}`);
      return;
    }
    this.failures.push({ step: this.title, what });
    this.write(`   ${styleText("red", "✗")} ${what}${instead === "" ? "" : `, but: ${instead}`}`);
  }

  /** A bar for each partition. */
  bars(counts: readonly number[]): void {
    const most = Math.max(...counts, 1);
    const scale = Math.min(1, 40 / most);
    counts.forEach((count, partition) => {
      const bar = "█".repeat(Math.round(count * scale));
      this.draw(`partition ${partition}: ${String(count).padStart(3)} messages ${styleText("cyan", bar)}`);
    });
  }

  /** Rows under a header, columns aligned. */
  table(header: readonly string[], rows: readonly (readonly Cell[])[]): void {
    for (const line of tableLines(header, rows)) this.write(`   ${line}`);
  }

  /** A line that is to stay as it is. */
  draw(line: string): void {
    this.write(`   ${line}`);
  }

  private fitted(text: string): string[] {
    return text === "" ? [""] : wrapped(text, this.columns - 3).map((line) => `   ${line}`);
  }
}
