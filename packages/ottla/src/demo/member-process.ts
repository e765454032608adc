import { type ChildProcess, spawn } from "node:child_process";
import { type Clock, sleep } from "@ottla/runtime";
import type { MemberEvent, MemberOptions } from "./member-events.ts";

/** A member of the walk-through as the one who started it sees it. */
export class MemberProcess {
  readonly name: string;
  /** What it owns now; null until its first assignment. */
  assignment: readonly number[] | null = null;
  /** Everything it told, oldest first. */
  readonly events: MemberEvent[] = [];
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly changed: () => void;
  private rest = "";

  /** Starts a process that runs this program's hidden command `demo-member`; `changed` is called after each event. */
  constructor(program: readonly string[], options: MemberOptions, changed: () => void) {
    this.name = options.name;
    this.changed = changed;
    this.child = spawn(process.execPath, [...program, "demo-member", JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.read(text));
    this.ended = new Promise((resolve) => {
      this.child.once("close", () => resolve());
      this.child.once("error", (error) => {
        this.take({ event: "failed", message: error.message });
        resolve();
      });
    });
  }

  /** Asks it to leave the group and end; killed after 5 s. */
  async stop(clock: Clock): Promise<void> {
    this.child.kill("SIGTERM");
    const patience = new AbortController();
    const killer = sleep(clock, 5000, patience.signal).then(
      () => this.child.kill("SIGKILL"),
      () => {},
    );
    await this.ended;
    patience.abort();
    await killer;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  private read(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.take(JSON.parse(line));
  }

  private take(event: MemberEvent): void {
    this.events.push(event);
    if (event.event === "assigned") this.assignment = event.partitions;
    this.changed();
  }
}
