/** A broker, a topic with keyed records, and members of a group that note down all that happens to them, in virtual time. */
import type { BrokerOptions } from "@ottla/broker";
import {
  Admin,
  Consumer,
  type ConsumerOptions,
  Producer,
  type RebalanceListener,
  type SubscriptionPattern,
  string,
  type TopicPartition,
} from "@ottla/client";
import type { SimProcess } from "@ottla/runtime";
import { bootstrapServers, SimSetup } from "../support/sim-setup.ts";

export type Text = ConsumerOptions<string, string>;

export interface Entry {
  readonly at: number;
  readonly member: string;
  readonly what: "message" | "revoking" | "revoked" | "assigned" | "lost" | "done";
  readonly place?: string;
  readonly offset?: number;
  readonly partitions?: readonly string[];
}

export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Where records of one topic are, and who has had them. */
export class GroupSetup {
  readonly sim: SimSetup;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly journal: Entry[] = [];
  readonly members: Member[] = [];
  #sent = 0;

  private constructor(sim: SimSetup) {
    this.sim = sim;
    this.admin = new Admin({ bootstrapServers, runtime: sim.runtime("admin") });
    this.producer = new Producer({ bootstrapServers, runtime: sim.runtime("producer") });
  }

  static async start(
    options: { partitions?: number; seed?: number; broker?: BrokerOptions } = {},
  ): Promise<GroupSetup> {
    const { partitions = 6, seed = 1, broker = {} } = options;
    const setup = new GroupSetup(await SimSetup.start(seed, broker));
    await setup.until(setup.admin.createTopics([{ topic: "t", partitions, replicationFactor: 1 }]));
    return setup;
  }

  get now(): number {
    return this.sim.world.clock.monotonic();
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.sim.until(promise);
  }

  pass(ms: number): Promise<void> {
    return this.sim.world.clock.runFor(ms);
  }

  /** Lets time pass until `condition` holds. */
  async settle(condition: () => boolean, limitMs = 120_000): Promise<void> {
    const end = this.now + limitMs;
    while (!condition()) {
      if (this.now > end) throw new Error(`not within ${limitMs} ms; ${JSON.stringify(this.owned())}`);
      await this.pass(20);
    }
  }

  /** `count` records to each partition; their values are unique. */
  async send(count: number, partitions = [0, 1, 2, 3, 4, 5], topic = "t"): Promise<void> {
    const sends: Promise<unknown>[] = [];
    for (let n = 0; n < count; n++) {
      for (const partition of partitions) {
        sends.push(this.producer.send({ topic, partition, key: `${partition}`, value: `${this.#sent++}` }));
      }
    }
    await this.until(Promise.all(sends));
  }

  consumer(options: Partial<Text> & { machine?: string } = {}): Consumer<string, string> {
    const { machine = options.clientId ?? "consumer", ...rest } = options;
    return new Consumer({
      bootstrapServers,
      runtime: this.sim.runtime(machine),
      groupId: "g",
      autoOffsetReset: "earliest",
      metadataMaxAgeMs: 5_000,
      key: string,
      value: string,
      logger: this.sim.logger(machine),
      ...rest,
    });
  }

  member(name: string, options: Partial<Text> & MemberOptions = {}): Member {
    const member = new Member(this, name, options);
    this.members.push(member);
    return member;
  }

  /** Who has what. */
  owned(): Record<string, number[]> {
    const owned: Record<string, number[]> = {};
    for (const member of this.members) {
      if (!member.isOver) owned[member.name] = member.consumer.assignment().map(({ partition }) => partition);
    }
    return owned;
  }

  /** Whether all that live own something, and nothing belongs to two. */
  isShared(partitions = 6): boolean {
    const lists = Object.values(this.owned());
    return lists.every((list) => list.length > 0) && lists.flat().length === partitions;
  }

  async committed(groupId = "g"): Promise<Record<string, number>> {
    const offsets: Record<string, number> = {};
    for (const one of await this.until(this.admin.listGroupOffsets(groupId))) offsets[nameOf(one)] = one.offset;
    return offsets;
  }

  note(member: string, what: Entry["what"], more: Partial<Entry> = {}): void {
    this.journal.push({ at: this.now, member, what, ...more });
  }

  async end(): Promise<void> {
    for (const member of this.members) if (!member.isOver) await this.until(member.close());
    await this.until(Promise.all([this.producer.close(), this.admin.close()]));
  }
}

export interface MemberOptions {
  /** What is done with a message; by default nothing. */
  readonly handle?: (offset: number, partition: number) => Promise<void> | void;
  /** How long `onPartitionsRevoked` takes, in ms. */
  readonly revokingMs?: number;
  readonly topics?: string[] | RegExp | SubscriptionPattern;
}

/** A consumer with its loop, in a process of its own. */
export class Member {
  readonly name: string;
  readonly consumer: Consumer<string, string>;
  readonly process: SimProcess;
  /** Settles when the loop has ended. */
  readonly loop: Promise<unknown>;
  /** Notes down what it is told; for another `subscribe`. */
  readonly listener: RebalanceListener;
  error: unknown = null;
  isOver = false;
  readonly #setup: GroupSetup;

  constructor(setup: GroupSetup, name: string, options: Partial<Text> & MemberOptions) {
    const { handle = () => {}, revokingMs = 0, topics = ["t"], ...rest } = options;
    this.name = name;
    this.#setup = setup;
    this.process = setup.sim.world.machine(name).start();
    const { runtime } = this.process;
    this.consumer = setup.consumer({ clientId: name, machine: name, ...rest, runtime });
    const names = (partitions: readonly TopicPartition[]) => ({ partitions: partitions.map(nameOf) });
    this.listener = {
      async onPartitionsRevoked(partitions) {
        setup.note(name, "revoking", names(partitions));
        if (revokingMs > 0) await new Promise<void>((resolve) => runtime.clock.setTimer(revokingMs, resolve));
        setup.note(name, "revoked", names(partitions));
      },
      onPartitionsAssigned: (partitions) => setup.note(name, "assigned", names(partitions)),
      onPartitionsLost: (partitions) => setup.note(name, "lost", names(partitions)),
    };
    const subscribed = this.consumer.subscribe(topics, this.listener);
    this.loop = subscribed
      .then(() => this.#run(handle))
      .catch((error: unknown) => {
        this.error = error;
      });
  }

  async #run(handle: NonNullable<MemberOptions["handle"]>): Promise<void> {
    for await (const message of this.consumer) {
      const place = nameOf(message);
      const { offset } = message;
      this.#setup.note(this.name, "message", { place, offset });
      await handle(offset, message.partition);
      this.#setup.note(this.name, "done", { place, offset });
    }
  }

  /** Dies without a word. */
  kill(): void {
    this.isOver = true;
    this.process.kill();
  }

  async close(): Promise<void> {
    await this.consumer.close();
    this.isOver = true;
    await this.loop;
  }
}
