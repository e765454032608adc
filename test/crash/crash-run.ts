/**
 * Real processes: a broker that is killed with SIGKILL again and again, idempotent producers and the members of a committing group that go on all the while, and the checkers over what they saw.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admin, Consumer, Producer, string } from "@ottla/client";
import { type Clock, nodeClock, type SimRandom, simRandom, sleep } from "@ottla/runtime";
import { checkHistory, History, type Outcome, partitionKey, recordMember, recordSend } from "@ottla/testkit";
import { CrashingBroker } from "./crashing-broker.ts";
import { TopicLedger } from "./topic-ledger.ts";

export interface CrashOptions {
  /** How often the broker is killed. */
  readonly times: number;
  /** Decides when, and what is sent; the processes' own timing it cannot decide. */
  readonly seed: number;
  /** Where the broker keeps its data; by default a directory that is removed if nothing was wrong. */
  readonly directory?: string;
  readonly report?: (line: string) => void;
}

export interface CrashSummary {
  readonly kills: number;
  /** How many of them came before the broker was ready. */
  readonly killsWhileStarting: number;
  readonly sent: number;
  readonly commits: number;
  /** Those that came before the last kill. */
  readonly commitsBetweenKills: number;
  /** Records that were handed out, again ones too. */
  readonly delivered: number;
  readonly generations: number;
  readonly topics: number;
  readonly slowestStartMs: number;
  readonly durationMs: number;
  /** What was wrong. */
  readonly faults: readonly string[];
  readonly directory: string;
}

const topic = "crash";
const groupId = "crash-group";
const partitionCount = 3;
const places = Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }));
const producerCount = 2;
const memberCount = 3;
/** Records of one producer that wait for their acknowledgement. */
const maxWaiting = 24;
/** Without any progress for so long something hangs. */
const patienceMs = 30_000;
/** Clients that look for the broker more often than by default, so that the time goes into work. */
const backoff = { reconnectBackoffMs: 10, reconnectBackoffMaxMs: 100, retryBackoffMs: 20, retryBackoffMaxMs: 200 };

/**
 * A member that has left while the group was being rebalanced is back when the broker dies before that has come to its end (in Kafka too), and holds the others up until its session ends: so it ends soon.
 */
const session = { sessionTimeoutMs: 1500, heartbeatIntervalMs: 150 };

export async function runCrashTest(options: CrashOptions): Promise<CrashSummary> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "ottla-crash-")));
  const run = new CrashRun(options, directory);
  const summary = await run.run();
  if (options.directory === undefined && summary.faults.length === 0) {
    await rm(directory, { recursive: true });
    await rm(`${directory}.log`);
  }
  return summary;
}

interface Member {
  readonly consumer: Consumer<unknown, string>;
  readonly running: Promise<void>;
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #clock: Clock = nodeClock();
  readonly #random: SimRandom;
  readonly #history = new History();
  readonly #broker: CrashingBroker;
  readonly #faults: string[] = [];
  readonly #members: Member[] = [];
  #lastMember = 0;
  #isSending = true;
  #killsWhileStarting = 0;
  #commitsBetweenKills = 0;
  /** Called when a record, or a commit, has been acknowledged. */
  #onProgress: (what: "send" | "commit") => void = () => {};

  constructor(options: CrashOptions, directory: string) {
    this.#options = options;
    this.#random = simRandom(options.seed);
    this.#broker = new CrashingBroker(directory);
  }

  async run(): Promise<CrashSummary> {
    const began = this.#clock.monotonic();
    await this.#broker.start().ready;
    const { bootstrapServers } = this.#broker;
    const admin = new Admin({ bootstrapServers, clientId: "admin", ...backoff });
    const topics = new TopicLedger(admin, this.#random.fork("topics"));
    try {
      await admin.createTopics([{ topic, partitions: partitionCount, configs: { "segment.ms": "500" } }]);
      const sending = Array.from({ length: producerCount }, (_, n) => this.#produce(`producer ${n + 1}`));
      for (let n = 0; n < memberCount; n++) this.#startMember();
      for (let kill = 1; kill <= this.#options.times; kill++) await this.#round(kill, admin, topics);
      await this.#broker.start().ready;
      this.#isSending = false;
      await Promise.all(sending);
      await this.#drain(admin);
      await this.#readAll();
      this.#faults.push(...(await topics.verify()));
      for (const member of this.#members) await this.#stopMember(member);
    } catch (error) {
      this.#faults.push(String(error instanceof Error ? error.stack : error));
    } finally {
      this.#isSending = false;
      await admin.close();
      const code = await this.#broker.stop();
      if (code !== 0) this.#faults.push(`the broker's last stop ended with code ${code}`);
    }
    this.#check();
    return this.#summary(topics.count, this.#clock.monotonic() - began);
  }

  /** Starts the broker, unless it is the first time, and kills it at a random point. */
  async #round(kill: number, admin: Admin, topics: TopicLedger): Promise<void> {
    const random = this.#random;
    if (kill > 1) {
      const { ready } = this.#broker.start();
      if (random.chance(0.15)) {
        await sleep(this.#clock, random.integer(300));
        this.#killsWhileStarting++;
        return this.#kill(kill);
      }
      await ready;
      await this.#readCommitted(admin);
    }
    if (random.chance(0.5)) topics.change();
    if (random.chance(0.3)) this.#replaceMember();
    const choice = random.float();
    if (choice < 0.2) await sleep(this.#clock, random.integer(400));
    else if (choice < 0.5) await this.#acknowledged("send", 1 + random.integer(random.chance(0.5) ? 10 : 400));
    else await this.#acknowledged("commit", 1 + random.integer(10));
    await this.#kill(kill);
  }

  async #kill(kill: number): Promise<void> {
    await this.#broker.kill();
    this.#history.add({ type: "crash", process: "broker", timeMs: this.#clock.monotonic() });
    const { entries } = this.#history;
    if (kill % 10 === 0) this.#options.report?.(`${kill} kills, ${entries.length} entries in the history`);
  }

  /** Resolves once so many of them have been acknowledged from now on. */
  #acknowledged(wanted: "send" | "commit", count: number): Promise<void> {
    let left = count;
    return new Promise((resolve, reject) => {
      const hang = () => reject(new Error(`no ${wanted} has been acknowledged for ${patienceMs} ms`));
      let timer = this.#clock.setTimer(patienceMs, hang);
      this.#onProgress = (what) => {
        if (what !== wanted) return;
        timer.cancel();
        if (--left > 0) timer = this.#clock.setTimer(patienceMs, hang);
        else resolve();
      };
    });
  }

  async #produce(process: string): Promise<void> {
    const random = this.#random.fork(process);
    const producer = new Producer({ bootstrapServers: this.#broker.bootstrapServers, clientId: process, ...backoff });
    const recorder = { history: this.#history, clock: this.#clock, process };
    const waiting = new Set<Promise<void>>();
    for (let n = 0; this.#isSending; n++) {
      const padding = "x".repeat(random.integer(300));
      const sending = recordSend(recorder, producer, random.pick(places), `${process}/${n}`, padding).then(
        (outcome) => {
          waiting.delete(sending);
          if (outcome === "ok") this.#onProgress("send");
          else this.#faults.push(`${process}/${n} was not acknowledged, though the broker always came back`);
        },
      );
      waiting.add(sending);
      if (waiting.size >= maxWaiting) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    await producer.close();
  }

  #startMember(): void {
    const process = `member ${++this.#lastMember}`;
    const consumer = new Consumer({
      bootstrapServers: this.#broker.bootstrapServers,
      clientId: process,
      groupId,
      value: string,
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
      maxPollRecords: 100,
      ...session,
      ...backoff,
    });
    const recorder = { history: this.#history, clock: this.#clock, process };
    const onCommit = (outcome: Outcome) => {
      if (outcome !== "ok") return;
      if (this.#isSending) this.#commitsBetweenKills++;
      this.#onProgress("commit");
    };
    const running = recordMember(recorder, consumer, { topics: [topic], onCommit }).catch((error) => {
      this.#faults.push(`${process} ended: ${error instanceof Error ? error.stack : error}`);
    });
    this.#members.push({ consumer, running });
  }

  /** A new member comes, and the oldest one goes in its own time. */
  #replaceMember(): void {
    this.#startMember();
    void this.#stopMember(this.#members.shift()!);
  }

  async #stopMember({ consumer, running }: Member): Promise<void> {
    await consumer.close().catch((error) => this.#faults.push(`a member could not be closed: ${error}`));
    await running;
  }

  async #readCommitted(admin: Admin): Promise<Record<string, number>> {
    const startedMs = this.#clock.monotonic();
    const offsets: Record<string, number> = {};
    for (const { offset, ...place } of await admin.listGroupOffsets(groupId, places)) {
      if (offset !== null) offsets[partitionKey(place)] = offset;
    }
    const timeMs = this.#clock.monotonic();
    this.#history.add({ type: "committed", process: "admin", timeMs, group: groupId, offsets, startedMs });
    return offsets;
  }

  /** Waits until the group has committed all that there is. */
  async #drain(admin: Admin): Promise<void> {
    const ends = await admin.listOffsets(places.map((place) => ({ ...place, at: "latest" as const })));
    const deadline = this.#clock.monotonic() + patienceMs;
    for (;;) {
      const committed = await this.#readCommitted(admin);
      const behind = ends.filter(({ offset, ...place }) => (committed[partitionKey(place)] ?? 0) < (offset ?? 0));
      if (behind.length === 0) return;
      if (this.#clock.monotonic() > deadline) throw new Error(`the group has not caught up: ${JSON.stringify(behind)}`);
      await sleep(this.#clock, 20);
    }
  }

  /** Reads everything once more, from the beginning, without a group. */
  async #readAll(): Promise<void> {
    const { bootstrapServers } = this.#broker;
    await using reader = new Consumer({ bootstrapServers, value: string, autoOffsetReset: "earliest", ...backoff });
    const ends = new Map((await reader.endOffsets(places)).map((end) => [partitionKey(end), end.offset]));
    await reader.assign(places);
    for (const [key, offset] of ends) if (offset === 0) ends.delete(key);
    if (ends.size === 0) return;
    for await (const batch of reader.batches()) {
      const partition = partitionKey(batch);
      const records = [...batch].map(({ offset, value }) => ({ partition, offset, value: String(value) }));
      this.#history.add({ type: "poll", process: "reader", timeMs: this.#clock.monotonic(), records });
      if (batch.nextOffset >= (ends.get(partition) ?? 0)) ends.delete(partition);
      if (ends.size === 0) return;
    }
  }

  #check(): void {
    const note = (what: string, history: History) => {
      const faults = checkHistory(history, { drained: true });
      for (const { kind, partition, what: how } of faults.slice(0, 10))
        this.#faults.push(`${what}: ${kind} ${partition}: ${how}`);
    };
    note("seen by all", this.#history);
    // What the group itself has never been handed is lost to it, though others can read it.
    note(
      "seen by the group",
      this.#history.filter((entry) => entry.process !== "reader"),
    );
    for (const line of this.#broker.complaints) this.#faults.push(`the broker said: ${line}`);
  }

  #summary(topics: number, durationMs: number): CrashSummary {
    const history = this.#history;
    const count = (type: "send" | "commit") => history.of(type).filter(({ outcome }) => outcome === "ok").length;
    return {
      kills: this.#options.times,
      killsWhileStarting: this.#killsWhileStarting,
      sent: count("send"),
      commits: count("commit"),
      commitsBetweenKills: this.#commitsBetweenKills,
      delivered: history
        .of("poll")
        .reduce((sum, { process, records }) => sum + (process === "reader" ? 0 : records.length), 0),
      generations: history.of("assign").reduce((most, { generation }) => Math.max(most, generation), 0),
      topics,
      slowestStartMs: Math.max(...this.#broker.startMs),
      durationMs: Math.round(durationMs),
      faults: this.#faults,
      directory: this.#broker.directory,
    };
  }
}
