/** Plays the recorded cases against our broker with our tools, in this process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "@ottla/broker";
import { Admin, Producer } from "@ottla/client";
import { expect, it } from "vitest";
import { runGroupCommand } from "../../packages/ottla/src/kafka/group-command.ts";
import { runTopicCommand } from "../../packages/ottla/src/kafka/topic-command.ts";
import { startApacheKafka } from "../support/apache-kafka.ts";
import { CapturedTerminal } from "../support/captured-terminal.ts";
import { type Subject, subjectIsOttla } from "../support/subject.ts";
import { comparableOutput, type Run, wrongStderr } from "./compare.ts";
import type { RecordedCase } from "./recorded.ts";

const tools = { "kafka-topics": runTopicCommand, "kafka-consumer-groups": runGroupCommand };

/** The settings of the recordings' brokers. */
export const config = {
  "num.partitions": "1",
  "offsets.topic.num.partitions": "1",
  "group.initial.rebalance.delay.ms": "0",
  // Not of the recordings: members of KIP-848 groups need not wait for 5 s.
  "group.consumer.min.heartbeat.interval.ms": "50",
  "group.consumer.heartbeat.interval.ms": "50",
};

/** Our broker; with `OTTLA_TEST_SUBJECT=apache-kafka` the original, which shows that it is our tools that do what Kafka's do. */
async function startSubject(): Promise<Subject> {
  if (!subjectIsOttla) return startApacheKafka({ config });
  const broker = await Broker.start({ port: 0, config });
  return { bootstrapServers: broker.bootstrapServers, stop: () => broker.close() };
}

/** A broker as that of the recordings, and what set-ups need. */
export class Stage implements AsyncDisposable {
  readonly bootstrapServers: string;
  private readonly subject: Subject;
  readonly admin: Admin;
  readonly producer: Producer<string, string>;
  /** For files that commands name. */
  readonly directory: string;

  private constructor(subject: Subject, directory: string) {
    const { bootstrapServers } = subject;
    this.bootstrapServers = bootstrapServers;
    this.subject = subject;
    this.directory = directory;
    this.admin = new Admin({ bootstrapServers });
    this.producer = new Producer<string, string>({ bootstrapServers });
  }

  static async open(start = startSubject): Promise<Stage> {
    return new Stage(await start(), mkdtempSync(join(tmpdir(), "ottla-golden-")));
  }

  /** Writes a file and returns its path. */
  file(name: string, content: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, content);
    return path;
  }

  /** Runs one of the tools, with words (or parts of them) replaced where the recording's world is another than ours. */
  async run(words: readonly string[], replaced: Readonly<Record<string, string>> = {}): Promise<Run> {
    const [tool, ...args] = words;
    const run = tools[tool as keyof typeof tools];
    if (run === undefined) throw new Error(`no tool ${tool}`);
    // Nothing listens on port 1.
    const known: Record<string, string> = {
      "localhost:9092": this.bootstrapServers,
      "localhost:9999": "localhost:1",
      ...replaced,
    };
    const ours = args.map((word) =>
      Object.entries(known).reduce((text, [theirs, our]) => text.replaceAll(theirs, our), word),
    );
    const terminal = new CapturedTerminal();
    const exit = await run(ours, terminal);
    return { stdout: terminal.stdout, stderr: terminal.stderr, exit };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.producer.close();
    await this.admin.close();
    await this.subject.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** How a case is played, where there is more to it than its command. */
export interface Direction {
  /** Makes what the case's set-up says. */
  readonly before?: (stage: Stage) => Promise<unknown>;
  /** Words of the command (or parts of them) that are others here. */
  readonly replaced?: (stage: Stage) => Promise<Readonly<Record<string, string>>>;
  /** Words that are added: for shorter waits. */
  readonly added?: (stage: Stage) => readonly string[];
  /** What Kafka printed less what ours cannot print yet. */
  readonly expected?: (stdout: string) => string;
}

/** Cases are found by section and title. */
export type Directions = Readonly<Record<string, Direction>>;

export function keyOf({ section, title }: RecordedCase): string {
  return `${section} / ${title}`;
}

/** Declares a test for each case, in recorded order, on one stage. */
export function playAll(cases: readonly RecordedCase[], directions: Directions, stage: () => Stage): void {
  for (const recorded of cases) {
    const { before, replaced, added, expected } = directions[keyOf(recorded)] ?? {};
    it(keyOf(recorded), async () => {
      await before?.(stage());
      const words = [...recorded.words, ...(added?.(stage()) ?? [])];
      const run = await stage().run(words, await replaced?.(stage()));
      const stdout = expected?.(recorded.stdout) ?? recorded.stdout;
      expect(comparableOutput(recorded, run.stdout)).toBe(comparableOutput(recorded, stdout));
      expect(wrongStderr(recorded, run.stderr), run.stderr).toBeNull();
      expect(run.exit).toBe(recorded.exit);
    });
  }
}

/** Checks that lists of cases by name have no entry that is not (or no longer) there. */
export function declareNames(cases: readonly RecordedCase[], lists: Readonly<Record<string, readonly string[]>>): void {
  const keys = new Set(cases.map(keyOf));
  for (const [list, names] of Object.entries(lists)) {
    it(`names only recorded cases in ${list}`, () => {
      expect(names.filter((name) => !keys.has(name))).toEqual([]);
    });
  }
}

/** Shows what is recorded and cannot be played yet. */
export function declareWaiting(names: readonly string[]): void {
  for (const name of names) it.todo(name);
}
