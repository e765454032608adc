/** Members of consumer groups under command, by our client; the protocol is described in members.ts. Argument: bootstrap servers. */
import { createInterface } from "node:readline";
import {
  type Assignor,
  Consumer,
  cooperativeSticky,
  range,
  roundRobin,
  sticky,
  type TopicPartition,
} from "@ottla/client";

const assignors: Readonly<Record<string, Assignor>> = {
  range,
  roundrobin: roundRobin,
  sticky,
  "cooperative-sticky": cooperativeSticky,
};
const members = new Map<string, Member>();

function say(member: string, what: string, partitions: readonly TopicPartition[] = []): void {
  const names = partitions.map(({ topic, partition }) => ` ${topic}-${partition}`).join("");
  process.stdout.write(`@ ${Date.now()} ${member} ${what}${names}\n`);
}

function option(name: string, value: string): [string, unknown] {
  const camelCase = name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (name === "partition.assignment.strategy") return [camelCase, value.split(",").map((each) => assignors[each])];
  if (value === "true" || value === "false") return [camelCase, value === "true"];
  return [camelCase, /^\d+$/.test(value) ? Number(value) : value];
}

class Member {
  private readonly name: string;
  private readonly topics: string[];
  private readonly consumer: Consumer<Buffer | null, Buffer | null>;
  private readonly silent = new Set<string>();
  private readonly stopping = new AbortController();
  readonly ended: Promise<void>;

  constructor(name: string, topics: string[], options: Record<string, unknown>) {
    this.name = name;
    this.topics = topics;
    this.consumer = new Consumer({ autoOffsetReset: "earliest", enableAutoCommit: false, ...options } as never);
    this.ended = this.run();
  }

  stop(): void {
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    try {
      await this.consumer.subscribe(this.topics, {
        onPartitionsAssigned: (partitions) => this.tookIn("assigned", partitions),
        onPartitionsRevoked: (partitions) => this.letGo("revoked", partitions),
        onPartitionsLost: (partitions) => this.letGo("lost", partitions),
      });
      for await (const { topic, partition } of this.consumer.batches({ signal: this.stopping.signal })) {
        if (this.silent.delete(`${topic}-${partition}`)) say(this.name, "flowing", [{ topic, partition }]);
      }
    } catch (error) {
      if (!this.stopping.signal.aborted) say(this.name, `failed-${(error as { code?: string }).code ?? error}`);
    }
    await this.consumer.close();
    members.delete(this.name);
    say(this.name, "stopped");
  }

  private tookIn(what: string, partitions: readonly TopicPartition[]): void {
    say(this.name, what, partitions);
    for (const { topic, partition } of partitions) this.silent.add(`${topic}-${partition}`);
  }

  private letGo(what: string, partitions: readonly TopicPartition[]): void {
    say(this.name, what, partitions);
    for (const { topic, partition } of partitions) this.silent.delete(`${topic}-${partition}`);
  }
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const [command, name = "", topics = "", ...settings] = line.split(" ");
  if (command === "start") {
    const pairs = settings.map((pair) => pair.split("=", 2) as [string, string]);
    const options = Object.fromEntries(pairs.map(([key, value]) => option(key, value)));
    members.set(name, new Member(name, topics.split(","), { bootstrapServers: process.argv[2], ...options }));
  } else if (command === "stop") {
    members.get(name)?.stop();
  }
}
const rest = [...members.values()];
for (const member of rest) member.stop();
await Promise.all(rest.map(({ ended }) => ended));
