import { type ChildProcess, spawn } from "node:child_process";
import { type Clock, sleep } from "@ottla/runtime";
import type { ChangeEvent, HandledEvent, MemberEvent, MemberOptions } from "./member-events.ts";

/** A member of the walk-through as the one who started it sees it. */
export class Member {
  readonly name: string;
  readonly process: MemberProcess;
  /** What it owns now; null until its first assignment. */
  assignment: readonly number[] | null = null;
  /** What it was given and what it let go of, oldest first. */
  readonly changes: ChangeEvent[] = [];
  /** The messages that it handled, oldest first. */
  readonly handled: HandledEvent[] = [];
  /** Why it ended; null as long as nothing is wrong. */
  failure: string | null = null;

  constructor(name: string, process: MemberProcess) {
    this.name = name;
    this.process = process;
  }

  take(event: MemberEvent): void {
    if (event.event === "handled") this.handled.push(event);
    else if (event.event === "failed") this.failure = event.message;
    else {
      this.changes.push(event);
      this.assignment = event.owned;
    }
  }
}

/** A process with members of the walk-through in it: mostly one. */
export class MemberProcess {
  /** In the order of their options. */
  readonly members: readonly Member[];
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly changed: () => void;
  private rest = "";

  /** Starts a process that runs this program's hidden command `demo-member`; `changed` is called after what its members tell. */
  constructor(program: readonly string[], options: readonly MemberOptions[], changed: () => void) {
    this.members = options.map(({ name }) => new Member(name, this));
    this.changed = changed;
    this.child = spawn(process.execPath, [...program, "demo-member", JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.read(text));
    this.ended = new Promise((resolve) => {
      this.child.once("close", () => resolve());
      this.child.once("error", ({ message }) => {
        for (const member of this.members) member.take({ event: "failed", message });
        changed();
        resolve();
      });
    });
  }

  /** Asks it to end its members tidily; killed after 5 s. */
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
    for (const line of lines) {
      const [number, event] = JSON.parse(line) as [number, MemberEvent];
      this.members[number]?.take(event);
    }
    this.changed();
  }
}
