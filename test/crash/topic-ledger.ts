import { type Admin, KafkaError } from "@ottla/client";
import type { SimRandom } from "@ottla/runtime";

interface KnownTopic {
  readonly partitions: number;
  /** Whether its creation was acknowledged. */
  isSure: boolean;
  /** The last value that was acknowledged, and those that may have taken its place since. */
  retentionMs: Set<string>;
}

/** Creates topics and changes their settings while the broker dies, and knows what has to be there. */
export class TopicLedger {
  readonly #admin: Admin;
  readonly #random: SimRandom;
  readonly #topics = new Map<string, KnownTopic>();
  readonly #changes = new Set<Promise<void>>();
  #last = 0;

  constructor(admin: Admin, random: SimRandom) {
    this.#admin = admin;
    this.#random = random;
  }

  /** How many topics there must be. */
  get count(): number {
    return [...this.#topics.values()].filter(({ isSure }) => isSure).length;
  }

  /** Begins a change; what became of it is seen later. */
  change(): void {
    const sure = [...this.#topics].filter(([, { isSure }]) => isSure);
    const change =
      sure.length > 0 && this.#random.chance(0.5) ? this.#configure(...this.#random.pick(sure)) : this.#create();
    const done = change.finally(() => this.#changes.delete(done));
    this.#changes.add(done);
  }

  /** What is wrong with the topics, once all changes have come to an end. */
  async verify(): Promise<string[]> {
    await Promise.all(this.#changes);
    const faults: string[] = [];
    const names = [...this.#topics].filter(([, { isSure }]) => isSure).map(([name]) => name);
    if (names.length === 0) return faults;
    const there = new Set(await this.#admin.listTopics());
    for (const name of names)
      if (!there.has(name)) faults.push(`topic ${name}, whose creation was acknowledged, is missing`);
    const present = names.filter((name) => there.has(name));
    const described = await this.#admin.describeTopics(present);
    const configs = await this.#admin.describeConfigs(present.map((name) => ({ type: "topic" as const, name })));
    for (const [index, name] of present.entries()) {
      const known = this.#topics.get(name)!;
      const count = described[index]!.partitions.length;
      if (count !== known.partitions) faults.push(`topic ${name} has ${count} partitions, not ${known.partitions}`);
      const value = configs[index]!.configs.find((entry) => entry.name === "retention.ms")?.value;
      if (!known.retentionMs.has(String(value)))
        faults.push(`retention.ms of ${name} is ${value}, not ${[...known.retentionMs].join(" or ")}`);
    }
    return faults;
  }

  async #create(): Promise<void> {
    const name = `topic-${++this.#last}`;
    const partitions = 1 + this.#random.integer(4);
    const retentionMs = String(1_000_000 + this.#random.integer(1_000_000));
    const known = { partitions, isSure: false, retentionMs: new Set([retentionMs]) };
    this.#topics.set(name, known);
    try {
      await this.#admin.createTopics([{ topic: name, partitions, configs: { "retention.ms": retentionMs } }]);
    } catch (error) {
      // The first try was lost with its answer, and has done it.
      if (!(error instanceof KafkaError && error.code === "TOPIC_ALREADY_EXISTS")) return;
    }
    known.isSure = true;
  }

  async #configure(name: string, known: KnownTopic): Promise<void> {
    const value = String(2_000_000 + this.#random.integer(1_000_000));
    known.retentionMs.add(value);
    const configs = [{ operation: "set" as const, name: "retention.ms", value }];
    try {
      await this.#admin.incrementalAlterConfigs([{ type: "topic", name, configs }]);
    } catch {
      return;
    }
    known.retentionMs = new Set([value]);
  }
}
