/** `ottla broker` as a process of its own that is killed and started again on the same port and directory. */
import { appendFile } from "node:fs/promises";
import { startTool } from "../support/ottla.ts";
import type { Program } from "../support/processes.ts";

/** Everything happens more often than it would with the defaults: segments roll, what can be compacted is. */
const config: Record<string, string> = {
  "num.partitions": "3",
  "offsets.topic.num.partitions": "3",
  "group.min.session.timeout.ms": "1000",
  "log.roll.ms": "700",
  "log.cleaner.backoff.ms": "100",
  "log.initial.task.delay.ms": "100",
  "log.flush.offset.checkpoint.interval.ms": "300",
  "log.retention.check.interval.ms": "500",
  "log.segment.delete.delay.ms": "300",
  "log.cleaner.min.cleanable.ratio": "0.1",
};

export class CrashingBroker {
  readonly directory: string;
  /** Lines that it wrote and that say that something is wrong. */
  readonly complaints: string[] = [];
  /** How long each start took until the broker was ready, in ms from the process's start. */
  readonly startMs: number[] = [];
  #port = 0;
  #program: Program | null = null;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Where everything that the processes wrote is kept. */
  get logFile(): string {
    return `${this.directory}.log`;
  }

  get bootstrapServers(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Starts the process; `ready` settles when it says so, or ends without. */
  start(): { readonly ready: Promise<void> } {
    const args = ["broker", "--port", String(this.#port), "--data-dir", this.directory];
    for (const [name, value] of Object.entries(config)) args.push("--config", `${name}=${value}`);
    const program = startTool("ottla", ...args);
    this.#program = program;
    const ready = program.line(/ottla broker ready on /).then((line) => {
      const [, port, ms] = /ready on 127\.0\.0\.1:(\d+) in (\d+) ms/.exec(line) ?? [];
      this.#port = Number(port);
      this.startMs.push(Number(ms));
    });
    // Killed before it was ready: nobody waits for it then.
    ready.catch(() => {});
    return { ready };
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const program = this.#program;
    this.#program = null;
    if (program === null) return null;
    const code = await program.stop(signal);
    await appendFile(this.logFile, `${program.output}\n${signal}\n`);
    this.complaints.push(...program.lines.filter((line) => / (ERROR|FATAL) |is offline|damaged/.test(line)));
    return code;
  }
}
