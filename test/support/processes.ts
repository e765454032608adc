/** Child processes in tests: their lines as they come, their end, and a stop that leaves nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";

/** A running program whose output is read line by line. */
export class Program {
  readonly child: ChildProcess;
  /** Every line so far, stdout and stderr as they came. */
  readonly lines: string[] = [];
  /** Resolves with the exit code, or null where a signal ended it. */
  readonly ended: Promise<number | null>;
  private readonly waiting = new Set<() => void>();
  private over = false;

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      let rest = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        this.lines.push(...parts);
        this.wake();
      });
      stream?.on("end", () => {
        if (rest !== "") this.lines.push(rest);
        rest = "";
        this.wake();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code) => {
        this.over = true;
        resolve(code);
        this.wake();
      });
    });
  }

  /** All output so far. */
  get output(): string {
    return this.lines.join("\n");
  }

  /** The first line (from the `from`th on) that matches; rejects when the program ends or `timeoutMs` passes without one. */
  line(pattern: RegExp, timeoutMs = 30_000, from = 0): Promise<string> {
    return this.until(
      () => this.lines.slice(from).find((line) => pattern.test(line)),
      `a line like ${pattern}`,
      timeoutMs,
    );
  }

  /** Waits until `look` finds something in the output; it is asked after each new line. */
  until<T>(look: () => T | undefined, what: string, timeoutMs = 30_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        act();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${this.child.spawnargs.join(" ")} ${why} ${what}:\n${this.output}`)));
      const check = () => {
        const found = look();
        if (found !== undefined) settle(() => resolve(found));
        else if (this.over) fail("ended without");
      };
      const timer = setTimeout(() => fail(`did not show within ${timeoutMs} ms`), timeoutMs);
      this.waiting.add(check);
      check();
    });
  }

  /** Sends the signal and waits for the end; SIGKILL after 10 s. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (!this.over) this.child.kill(signal);
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    const code = await this.ended;
    clearTimeout(killer);
    return code;
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }
}
