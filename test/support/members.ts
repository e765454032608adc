/**
 * Members of consumer groups in processes of their own, by our client, Kafka's Java client or librdkafka, under command of a test or a benchmark.
 *
 * A host reads commands from its standard input: `start NAME TOPIC[,TOPIC] [setting=value ...]` (Kafka's names), `stop NAME` (close, so leave); at its end all stop.
 * It prints `ready`, then a line per event: `@ EPOCH-MS NAME assigned|revoked|lost|flowing|stopped|failed-WHY [TOPIC-PARTITION ...]`; `flowing` is the first record of a
 * partition since it was assigned. Members begin at the earliest record and commit nothing, so that each owner finds something to read.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { spawnJava } from "./apache-kafka.ts";

const root = join(import.meta.dirname, "../..");

export type HostKind = "ottla" | "java" | "librdkafka";

export interface MemberEvent {
  readonly at: number;
  readonly member: string;
  readonly what: string;
  readonly partitions: readonly string[];
}

/** A member of whichever host, as its events have told. */
export interface MemberState {
  readonly owned: ReadonlySet<string>;
  readonly flowing: ReadonlySet<string>;
}

function spawnHost(kind: HostKind, bootstrapServers: string): ChildProcess {
  if (kind === "java") return spawnJava(join(root, "test/compat/foreign/JavaMembers.java"), [bootstrapServers]);
  const [command, program] =
    kind === "ottla"
      ? [process.execPath, "test/support/member-host.ts"]
      : [join(root, ".foreign/venv/bin/python"), "test/compat/foreign/confluent_members.py"];
  return spawn(command, [join(root, program), bootstrapServers], { stdio: ["pipe", "pipe", "pipe"] });
}

/** All hosts of a test: what their members own, and everything that happened. */
export class Members {
  readonly events: MemberEvent[] = [];
  private readonly bootstrapServers: string;
  private readonly hosts: MemberHost[] = [];
  private readonly states = new Map<string, { owned: Set<string>; flowing: Set<string> }>();
  private readonly waiting = new Set<() => void>();

  constructor(bootstrapServers: string) {
    this.bootstrapServers = bootstrapServers;
  }

  /** Starts a process for members and resolves when it takes commands. */
  async host(kind: HostKind): Promise<MemberHost> {
    const host = new MemberHost(kind, spawnHost(kind, this.bootstrapServers), this);
    this.hosts.push(host);
    await host.ready;
    return host;
  }

  state(member: string): MemberState {
    return this.states.get(member) ?? { owned: new Set(), flowing: new Set() };
  }

  /** Members that were started and have not stopped, in order of their start. */
  get names(): string[] {
    return [...this.states.keys()];
  }

  /** How many partitions each member owns, in order of their start. */
  get counts(): number[] {
    return [...this.states.values()].map(({ owned }) => owned.size);
  }

  /** Whether every one of `partitions` has exactly one owner among the members, who has read of it. */
  isFlowing(partitions: readonly string[]): boolean {
    let owned = 0;
    for (const state of this.states.values()) owned += state.owned.size;
    if (owned !== partitions.length) return false;
    return partitions.every((partition) => [...this.states.values()].some(({ flowing }) => flowing.has(partition)));
  }

  /** Waits for `condition`; it is asked after each event. */
  until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`${what}: not within ${timeoutMs} ms; ${JSON.stringify(this.summary())}\n${this.output()}`));
      }, timeoutMs);
      this.waiting.add(check);
      check();
    });
  }

  /** Stops all members; the hosts take commands again. */
  async stopAll(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stopAll()));
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
  }

  /** @internal */
  started(member: string): void {
    this.states.set(member, { owned: new Set(), flowing: new Set() });
  }

  /** @internal */
  forget(member: string): void {
    this.states.delete(member);
    this.wake();
  }

  /** @internal */
  take(event: MemberEvent): void {
    this.events.push(event);
    const state = this.states.get(event.member);
    if (event.what === "stopped") this.states.delete(event.member);
    for (const partition of event.partitions) {
      if (event.what === "assigned") state?.owned.add(partition);
      else if (event.what === "flowing") state?.flowing.add(partition);
      else state?.owned.delete(partition);
      if (event.what !== "flowing") state?.flowing.delete(partition);
    }
    this.wake();
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  private summary(): unknown {
    return [...this.states].map(([name, { owned, flowing }]) => [name, [...owned], flowing.size]);
  }

  private output(): string {
    const failures = this.events.filter(({ what }) => what.startsWith("failed"));
    const noise = this.hosts.map((host) => `${host.kind}:\n${host.noise.slice(-40).join("\n")}`);
    return [...failures.map(({ member, what }) => `${member} ${what}`), ...noise].join("\n");
  }
}

export class MemberHost {
  readonly kind: HostKind;
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  /** What the host printed besides events. */
  readonly noise: string[] = [];
  private readonly members: Members;
  private readonly ended: Promise<void>;
  private readonly names = new Set<string>();

  constructor(kind: HostKind, child: ChildProcess, members: Members) {
    this.kind = kind;
    this.process = child;
    this.members = members;
    this.ended = new Promise((resolve) => child.on("close", () => resolve()));
    this.ready = new Promise((resolve, reject) => {
      void this.ended.then(() => reject(new Error(`the ${kind} host ended at once:\n${this.noise.join("\n")}`)));
      createInterface({ input: child.stdout! }).on("line", (line) => {
        if (line === "ready") resolve();
        else this.read(line);
      });
    });
    createInterface({ input: child.stderr! }).on("line", (line) => this.noise.push(line));
  }

  /** Starts a member; `settings` by Kafka's names. */
  start(member: string, topics: string, settings: Readonly<Record<string, string | number>>): void {
    this.names.add(member);
    this.members.started(member);
    const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    this.process.stdin!.write(`start ${member} ${topics} ${words.join(" ")}\n`);
  }

  /** Closes a member, which leaves its group, and waits until it has. */
  async stop(member: string): Promise<void> {
    this.process.stdin!.write(`stop ${member}\n`);
    await this.members.until(() => !this.members.names.includes(member), `${member} stops`);
    this.names.delete(member);
  }

  /** @internal */
  async stopAll(): Promise<void> {
    await Promise.all([...this.names].map((name) => this.stop(name)));
  }

  /** Kills the process: its members die without a word. */
  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.ended;
    for (const name of this.names) this.members.forget(name);
  }

  /** Lets all members stop and waits for the end. */
  async close(): Promise<void> {
    this.process.stdin!.end();
    const killer = setTimeout(() => this.process.kill("SIGKILL"), 20_000);
    await this.ended;
    clearTimeout(killer);
  }

  private read(line: string): void {
    const [mark, at, member = "", what = "", ...partitions] = line.split(" ");
    if (mark === "@") this.members.take({ at: Number(at), member, what, partitions });
    else this.noise.push(line);
  }
}
