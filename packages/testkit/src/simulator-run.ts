import { type SimWorld, simRandom } from "@ottla/runtime";
import type { Fault } from "./checkers.ts";
import { checkSimulation } from "./checkers-groups.ts";
import type { History } from "./history.ts";
import { partitionKey } from "./recording.ts";
import { Simulator } from "./simulator.ts";
import { Faults } from "./simulator-faults.ts";
import { SimulatedGroup } from "./simulator-group.ts";
import { SimulatedLoad } from "./simulator-load.ts";
import { commitStyles, type SimulatedMemberOptions } from "./simulator-member.ts";
import { type Workload, workloads } from "./simulator-workloads.ts";

export interface SimulationOptions {
  readonly workload: string;
  readonly seed: number;
  /** Whether every event is written down (`world.history`); default false. */
  readonly recording?: boolean;
}

export interface SimulationResult {
  readonly workload: string;
  readonly seed: number;
  /** What is wrong; nothing is when it is empty. */
  readonly faults: readonly Fault[];
  /** What the clients did and what the broker answered them. */
  readonly history: History;
  readonly world: SimWorld;
  /** How much virtual time it took. */
  readonly virtualMs: number;
}

/** Everything has to be in order again so long after the last fault. */
const calmLimitMs = 90_000;
/** Longer than it takes until metadata are fetched again. */
/** After that long static members are helped where Kafka's rules would leave them. */
const nudgeMs = 25_000;
const restMs = 4_000;

/** Runs one seed of a workload, from an empty disk to the end, and looks at the history with every checker. The same seed gives the same history, event for event. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const workload = workloads.find(({ name }) => name === options.workload);
  if (workload === undefined) {
    throw new Error(
      `there is no workload ${options.workload}; there are ${workloads.map(({ name }) => name).join(", ")}`,
    );
  }
  const run = await Run.start(workload, options);
  try {
    await run.play();
  } catch (error) {
    run.faults.push({ kind: "crashed", partition: null, what: String((error as Error)?.stack ?? error) });
  }
  return run.result();
}

/** What has to be known before the broker starts. */
interface Plan {
  readonly flush: "os" | "always";
  readonly sessionTimeoutMs: number;
}

class Run {
  readonly faults: Fault[] = [];
  readonly #simulator: Simulator;
  readonly #workload: Workload;
  readonly #options: SimulationOptions;
  readonly #group: SimulatedGroup;
  readonly #loads: SimulatedLoad[] = [];
  readonly #faults: Faults;
  readonly #sessionTimeoutMs: number;
  readonly #maxPollIntervalMs: number;
  readonly #groupNumber: number;
  /** Whether all members use the classic protocol. */
  readonly #isClassic: boolean;
  #members = 0;

  private constructor(simulator: Simulator, workload: Workload, options: SimulationOptions, plan: Plan) {
    const { random } = simulator;
    this.#simulator = simulator;
    this.#workload = workload;
    this.#options = options;
    this.#group = new SimulatedGroup(simulator);
    this.#sessionTimeoutMs = plan.sessionTimeoutMs;
    this.#maxPollIntervalMs = random.pick([1_500, 4_500]);
    this.#groupNumber = random.integer(2 ** 32);
    const first = workload.member(0, this.#groupNumber, random);
    this.#isClassic = workload.isMixed !== true && first.groupProtocol !== "consumer";
    this.#faults = new Faults(simulator, this.#group, {
      sessionTimeoutMs: this.#sessionTimeoutMs,
      maxPollIntervalMs: this.#maxPollIntervalMs,
      machineMayDie: plan.flush === "always",
      maxMembers: 8,
      // One of KIP-848 is refused for as long as the other's session lasts, and gives up.
      mayReplace: workload.isStatic === true && this.#isClassic,
      join: () => this.#join(),
      loads: this.#loads,
    });
  }

  static async start(workload: Workload, options: SimulationOptions): Promise<Run> {
    // Half of the seeds have a disk that promises nothing that is not synced.
    const seed = `${workload.name} ${options.seed}`;
    const sessionTimeoutMs = simRandom(seed).fork("plan").pick(sessionTimeouts);
    const plan: Plan = { flush: options.seed % 2 === 0 ? "always" : "os", sessionTimeoutMs };
    const simulator = await Simulator.start(seed, {
      recording: options.recording ?? false,
      broker: {
        flush: plan.flush,
        offsetsTopicNumPartitions: 2,
        groupMinSessionTimeoutMs: 1_000,
        groupConsumerMinSessionTimeoutMs: 1_000,
        groupConsumerSessionTimeoutMs: sessionTimeoutMs,
        groupConsumerMinHeartbeatIntervalMs: 100,
        groupConsumerHeartbeatIntervalMs: Math.floor(sessionTimeoutMs / 3),
      },
    });
    simulator.world.network.retransmissionTimeoutMs = 10_000;
    // A disk that reorders unsynced writes may leave a log that the broker does not open before somebody has repaired it: test/simulation/disk.test.ts.
    simulator.world.machine("broker").disk.crashes = ["none", "all", "prefix"];
    return new Run(simulator, workload, options, plan);
  }

  async play(): Promise<void> {
    const { random } = this.#simulator;
    const topics = [
      { topic: "a", partitions: 2 + random.integer(8) },
      { topic: "b", partitions: 1 + random.integer(4) },
    ];
    await this.#simulator.createTopics(topics);
    for (const { topic, partitions } of topics) this.#group.partitions.set(topic, partitions);
    this.#startLoads();
    const count = 2 + random.integer(4);
    for (let n = 0; n < count; n++) this.#join();
    await this.#faults.play(3_000 + random.integer(7_000), random.pick([400, 1_000, 2_000]));
    this.#faults.calm();
    if (!(await this.#settle())) return;
    // What is still on its way over an old connection may take a member out, as late as it comes.
    await this.#simulator.run(Math.max(0, this.#simulator.stalledUntilMs + 500 - this.#simulator.now));
    await this.#lookAtRest();
    await this.#end();
  }

  result(): SimulationResult {
    const { history, world, now } = this.#simulator;
    const { workload, seed } = this.#options;
    for (const what of this.#group.failures) this.faults.push({ kind: "failed", partition: null, what });
    const faults = [
      ...this.faults,
      ...checkSimulation(history, {
        sessionTimeoutMs: this.#sessionTimeoutMs,
        rebalanceTimeoutMs: this.#maxPollIntervalMs,
        oneGeneration: this.#isClassic,
        isMixed: this.#workload.isMixed === true,
      }),
    ];
    return { workload, seed, faults, history, world, virtualMs: now };
  }

  #startLoads(): void {
    const { random } = this.#simulator;
    for (const name of ["producer-1", "producer-2"].slice(0, 1 + random.integer(2))) {
      this.#loads.push(
        new SimulatedLoad(this.#simulator, {
          name,
          partitions: this.#group.partitions,
          burst: random.pick([1, 4]),
          pauseMs: random.pick([200, 500]),
          trainChance: random.pick([0.05, 0.05, 0.4]),
          producer: { requestTimeoutMs: 2_000, deliveryTimeoutMs: 15_000, lingerMs: random.pick([0, 5, 50]) },
        }),
      );
    }
  }

  #join(): void {
    const { random } = this.#simulator;
    const number = this.#members++;
    const name = `m${number + 1}`;
    const most = random.pick([20, 20, 200]);
    const own = this.#workload.member(number, this.#groupNumber, random);
    const sessionTimeoutMs = this.#sessionTimeoutMs;
    const classic = { sessionTimeoutMs, heartbeatIntervalMs: Math.floor(sessionTimeoutMs / 3) };
    const options: SimulatedMemberOptions = {
      style: random.pick(commitStyles),
      topics: random.chance(0.2) ? /^[ab]$/ : [...this.#group.partitions.keys()],
      workMs: () => random.integer(most),
      revokingMs: () => (random.chance(0.1) ? random.integer(1_000) : 0),
      consumer: {
        groupId: "g",
        autoOffsetReset: "earliest",
        maxPollIntervalMs: this.#maxPollIntervalMs,
        autoCommitIntervalMs: random.pick([700, 3_000]),
        maxPollRecords: random.pick([1, 5, 50]),
        metadataMaxAgeMs: 3_000,
        fetchMaxWaitMs: random.pick([500, 3_000]),
        requestTimeoutMs: 3_000,
        ...(own.groupProtocol === "consumer" ? {} : classic),
        ...own,
      },
    };
    this.#group.add(name, options);
  }

  /** Nothing goes wrong any more: within a bounded time everything is done, and every partition has one owner. */
  async #settle(): Promise<boolean> {
    const simulator = this.#simulator;
    const startMs = simulator.now;
    await simulator.until(Promise.all(this.#loads.map((load) => load.stop())));
    await this.#countPartitions();
    // Two of one name may have it in turns.
    if (this.#group.replaced.length > 0) await simulator.run(this.#sessionTimeoutMs);
    for (const member of this.#group.replaced) if (!member.isOver) member.kill();
    const isSettled = () => {
      this.#group.reviveFailed();
      return this.#group.isSettled();
    };
    // A static member that comes back in the middle of a cooperative move has nothing to give up and asks for no second round: what it was to give up is nobody's until the next one, in Kafka too.
    if (this.#workload.isStatic === true && this.#isClassic && !(await simulator.settle(isSettled, nudgeMs, 200))) {
      simulator.note("somebody asks for a rebalance");
      this.#group.pick()?.consumer.enforceRebalance();
    }
    const isOver = await simulator.settle(isSettled, startMs + calmLimitMs - simulator.now, 200);
    if (!isOver) {
      const missing = this.#group.missing();
      const what = `${calmLimitMs} ms after the last fault ${missing.length} records are not done (${missing.slice(0, 5).join(", ")}); ${this.#group.unsettled() ?? "every partition has an owner"}`;
      this.faults.push({ kind: "stuck", partition: null, what });
    }
    return isOver;
  }

  /** Where nobody knows whether partitions were added, the broker does. */
  async #countPartitions(): Promise<void> {
    const { admin } = this.#simulator;
    const topics = await this.#simulator.until(admin.describeTopics([...this.#group.partitions.keys()]));
    for (const { topic, partitions } of topics) this.#group.partitions.set(topic, partitions.length);
  }

  /** Once all is in order, nothing moves: not by itself, not when the broker is restarted, not when a static member is. */
  async #lookAtRest(): Promise<void> {
    const { random } = this.#simulator;
    const act = random.pick([
      "none",
      "none",
      "none",
      "none",
      "quiet",
      "death",
      "broker",
      this.#workload.isStatic ? "static" : "broker",
    ]);
    if (act === "none") return;
    await this.#simulator.run(restMs);
    // The broker assigns the partitions of a KIP-848 group at most once a second (group.consumer.assignment.interval.ms), and members hear of it with a heartbeat.
    const quietMs = 1_500 + this.#sessionTimeoutMs;
    const isInOrder = () => {
      this.#group.reviveFailed();
      return this.#group.isSettled() && this.#group.isComplete(quietMs);
    };
    if (!(await this.#simulator.settle(isInOrder, calmLimitMs))) {
      const what = `${calmLimitMs} ms later not all members are in one generation`;
      this.faults.push({ kind: "stuck", partition: null, what });
      return;
    }
    if (act === "death") {
      await this.#lookAtDeath();
      return;
    }
    const { entries } = this.#simulator.history;
    const before = entries.length;
    this.#simulator.note(`at rest: ${act}`);
    let restarted: readonly string[] = [];
    if (act === "broker") await this.#faults.restartBroker(random.integer(this.#sessionTimeoutMs / 2));
    else if (act === "static") restarted = await this.#restartStatic();
    await this.#simulator.run(this.#sessionTimeoutMs + 2_000);
    this.#simulator.note("no longer at rest");
    const moved = entries
      .slice(before)
      .find((entry) => (entry.type === "assign" || entry.type === "release") && !restarted.includes(entry.process));
    if (moved === undefined) return;
    const what = `${moved.process} had partitions taken or given (${act}, at ${moved.timeMs} ms) though everything was in order`;
    this.faults.push({ kind: "needlessRebalance", partition: null, what });
  }

  /** A member dies and does not come back: the others take over, at once after its session. */
  async #lookAtDeath(): Promise<void> {
    const member = this.#group.pick()!;
    if (this.#group.alive.length < 2) return;
    this.#group.slots.find((slot) => slot.member === member)!.isRetired = true;
    this.#simulator.note(`at rest: ${member.name} dies`);
    member.kill();
    const limitMs = 2 * this.#sessionTimeoutMs + this.#maxPollIntervalMs + 2_000;
    if (await this.#simulator.settle(() => this.#group.isSettled(), limitMs)) return;
    const what = `${limitMs} ms after ${member.name} has died ${this.#group.unsettled() ?? "records are not done"}`;
    this.faults.push({ kind: "stuck", partition: null, what });
  }

  async #restartStatic(): Promise<readonly string[]> {
    const { random } = this.#simulator;
    const slot = random.pick(this.#group.slots.filter((one) => one.isAlive && one.options.consumer.groupInstanceId));
    const { name } = slot.member!;
    this.#simulator.note(`restart ${name}`);
    // Of a group of KIP-848 only one that says so is waited for.
    if (slot.options.consumer.groupProtocol === "consumer") await this.#simulator.until(slot.member!.close());
    else slot.member!.kill();
    await this.#simulator.run(random.integer(this.#sessionTimeoutMs / 3));
    this.#group.fill(slot);
    return [name, slot.member!.name];
  }

  /** Everybody closes; what has been committed is still there. */
  async #end(): Promise<void> {
    const { history, admin } = this.#simulator;
    const closing = Promise.all(this.#group.alive.map((member) => member.close()));
    await this.#simulator.until(closing, closeLimitMs);
    const startedMs = this.#simulator.now;
    const offsets: Record<string, number> = {};
    for (const { offset, ...place } of await this.#simulator.until(admin.listGroupOffsets("g"))) {
      if (offset !== null) offsets[partitionKey(place)] = offset;
    }
    const timeMs = this.#simulator.now;
    history.add({ type: "committed", process: "admin", timeMs, group: "g", offsets, startedMs });
  }
}

const closeLimitMs = 60_000;
const sessionTimeouts = [1_500, 3_000];
