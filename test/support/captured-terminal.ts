/** A command's terminal in a test: what it wrote, what it reads, and a Ctrl-C to be sent. */
import type { Terminal } from "../../packages/ottla/src/terminal.ts";

export class CapturedTerminal implements Terminal {
  stdout = "";
  stderr = "";
  readonly isInteractive = false;
  readonly columns = 80;
  readonly isTyped = false;
  private readonly input: readonly string[];
  private readonly interruption = new AbortController();
  private readonly waiting = new Set<() => void>();

  constructor(input: readonly string[] = []) {
    this.input = input;
  }

  write(text: string): void {
    this.stdout += text;
    for (const check of [...this.waiting]) check();
  }

  complain(text: string): void {
    this.stderr += text;
    for (const check of [...this.waiting]) check();
  }

  async *lines(): AsyncGenerator<string> {
    yield* this.input;
  }

  interrupted(): AbortSignal {
    return this.interruption.signal;
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.interruption.abort();
  }

  /** Resolves as soon as what has been written to standard output matches. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve) => {
      const check = () => {
        const match = pattern.exec(this.stdout);
        if (match === null) return;
        this.waiting.delete(check);
        resolve(match);
      };
      this.waiting.add(check);
      check();
    });
  }
}
