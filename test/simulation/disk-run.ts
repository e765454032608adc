/** Plays the script on a broker whose disk fails or whose process or machine dies, and compares what is left with what was acknowledged. */
import { Broker } from "@ottla/broker";
import { errorCodes } from "@ottla/protocol";
import { type DiskFault, type Logger, type SimProcess, type SimWorld, simWorld } from "@ottla/runtime";
import { RawClient } from "../support/raw-client.ts";
import { type Leniency, type Player, pause, type Step, script, verify } from "./disk-script.ts";
import { Ledger } from "./ledger.ts";

export interface Scenario {
  readonly seed: number;
  readonly flush: "os" | "always";
  /** What goes wrong in the script's course; nothing by default. */
  readonly fault?: DiskFault;
  /** What goes wrong in the start after that. */
  readonly next?: DiskFault;
  /** Losses are faults even where they must be expected: to see that they are noticed. */
  readonly strict?: boolean;
}

export interface Result {
  readonly faults: readonly string[];
  /** How many operations there were that change the disk. */
  readonly changes: number;
  readonly world: SimWorld;
}

/** Longer than the broker's own intervals for checkpoints (a minute) and compaction. */
const pauseMs = 70_000;
const retryMs = 50;
/** A step that does not go through in so many tries never will. */
const maxTries = 40;
/** After so many a broker whose disk has failed is started anew. */
const patience = 5;

export function runScenario(scenario: Scenario): Promise<Result> {
  return new DiskRun(scenario).run();
}

/** A scenario for each place in the script where the fault can strike, or for every `stride`th of them. Returns what was wrong, with the scenario to play again. */
export async function sweep(
  scenario: Omit<Scenario, "seed"> & { readonly fault: DiskFault },
  stride: number,
): Promise<{ runs: number; wrong: string[] }> {
  const { changes } = await runScenario({ seed: 0, flush: scenario.flush });
  const wrong: string[] = [];
  let runs = 0;
  // Places differ a little between seeds, so a few more.
  for (let nth = 1 + (changes % stride); nth <= changes + 5; nth += stride) {
    const next =
      scenario.next === undefined ? {} : { next: { ...scenario.next, nth: 1 + ((nth * 7) % recoveryChanges) } };
    const one = { ...scenario, ...next, seed: nth, fault: { ...scenario.fault, nth } };
    const { faults } = await runScenario(one).catch((error) => ({ faults: [String(error?.stack ?? error)] }));
    runs++;
    for (const fault of faults) wrong.push(`${JSON.stringify(one)}: ${fault}`);
  }
  return { runs, wrong };
}

/** About so many changes a start after a crash makes. */
const recoveryChanges = 30;

class DiskRun {
  readonly #scenario: Scenario;
  readonly #world: SimWorld;
  readonly #faults: string[] = [];
  readonly #player: Player;
  #server: SimProcess | null = null;
  #broker: Broker | null = null;
  #died = Promise.withResolvers<never>();
  #isStruck = false;
  #changes = 0;
  #hasRefusedDamage = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#world = simWorld(scenario.seed);
    const { clock } = this.#world;
    this.#player = {
      client: null as unknown as RawClient,
      ledger: new Ledger(),
      nowMs: () => clock.now(),
      sent: new Map(),
      producer: null,
    };
  }

  async run(): Promise<Result> {
    const { disk } = this.#world.machine("server");
    const { fault } = this.#scenario;
    if (fault !== undefined) disk.plan(fault);
    await this.#start();
    for (const step of script) {
      this.#world.record(`step ${step.name}`);
      if (step === pause) await this.#pause();
      else await this.#play(step);
      // Said loudly, and no step can go through any more: all that can be asked for.
      if (this.#hasRefusedDamage) return this.#result();
    }
    await this.#verify("at the end", { offline: this.#hasFailingDisk });
    this.#changes = disk.counts.change;
    // A clean stop, unless something goes wrong with it; then an unclean one.
    await this.#world.clock.until(Promise.race([this.#broker!.close(), this.#died.promise])).catch((error) => {
      this.#world.record(`stop failed: ${error}`);
      if (this.#scenario.fault === undefined) throw error;
    });
    this.#server!.kill();
    disk.faults.clear();
    await this.#start();
    await this.#verify("after a stop", { loss: this.#mayLose, offline: this.#mayLose });
    if (this.#hasRefusedDamage) return this.#result();
    this.#server!.kill();
    await this.#start();
    await this.#verify("after a kill");
    return this.#result();
  }

  #result(): Result {
    return { faults: this.#faults, changes: this.#changes, world: this.#world };
  }

  /** Starts the broker, as often as it takes, and connects. */
  async #start(): Promise<void> {
    for (let tries = 0; ; tries++) {
      if (tries === maxTries) throw new Error("the broker does not start");
      try {
        await this.#tryToStart();
        return;
      } catch (error) {
        this.#world.record(`start failed: ${error}`);
        if (!this.#isStruck && this.#scenario.fault === undefined) throw error;
        this.#isStruck = true;
        this.#server?.kill();
        if (this.#hasFailingDisk) this.#world.machine("server").disk.faults.clear();
      }
    }
  }

  async #tryToStart(): Promise<void> {
    const { clock, network } = this.#world;
    network.reads = "whole";
    const server = this.#world.machine("server").start("broker");
    this.#server = server;
    const died = Promise.withResolvers<never>();
    died.promise.catch(() => {});
    this.#died = died;
    server.onEnd(() => died.reject(new Error("the broker died")));
    const starting = Broker.start({
      runtime: server.runtime,
      dataDir: "/data",
      host: "server",
      port: 9092,
      flush: this.#scenario.flush,
      offsetsTopicNumPartitions: 1,
      logCleanerBackoffMs: 5000,
      logger: this.#logger(),
    });
    this.#broker = await clock.until(Promise.race([starting, died.promise]));
    const raw = this.#world.machine("client").start("raw").runtime.network;
    const connecting = RawClient.connect(raw, "server", 9092);
    (this.#player as { client: RawClient }).client = await clock.until(Promise.race([connecting, died.promise]));
  }

  async #restart(): Promise<void> {
    this.#server!.kill();
    if (this.#scenario.flush === "os") this.#player.producer = null;
    const { disk } = this.#world.machine("server");
    // Mended, or no longer full.
    disk.faults.clear();
    const { next } = this.#scenario;
    if (next !== undefined && !this.#isStruck) disk.plan(next);
    this.#isStruck = true;
    const loss = this.#mayLose;
    // The next fault may strike while this looks at what is left.
    do await this.#start();
    while (!(await this.#verify("after a restart", { loss, offline: loss })));
  }

  async #pause(): Promise<void> {
    await this.#world.clock.runFor(pauseMs);
    if (!this.#server!.isAlive) await this.#restart();
  }

  /** Plays a step until it has gone through; what a fault of the disk makes of it is no surprise, and mended by a restart. */
  async #play(step: Step): Promise<void> {
    const { clock } = this.#world;
    for (let tries = 0; tries < maxTries; tries++) {
      const code = await clock.until(Promise.race([step.play(this.#player), this.#died.promise])).catch((error) => {
        if (this.#server!.isAlive) throw error;
        return null;
      });
      if (code === 0 || (tries > 0 && code !== null && step.again?.includes(code))) return;
      // What it is about has been lost.
      if (code === errorCodes.OFFSET_OUT_OF_RANGE && this.#mayLose) return;
      this.#world.record(`step ${step.name} met ${code}`);
      if (code === null || storageErrors.has(code)) {
        if (code !== null) await this.#verify("after an error", { offline: true });
        await this.#restart();
        if (this.#hasRefusedDamage) return;
      } else if (tries > patience && this.#hasFailingDisk) {
        await this.#restart();
      } else if (!notYet.has(code)) {
        this.#faults.push(`${step.name} met error ${code}`);
        return;
      } else await clock.runFor(retryMs);
    }
    this.#faults.push(`${step.name} never went through`);
  }

  get #hasFailingDisk(): boolean {
    return this.#scenario.fault?.effect === "fail";
  }

  /** Nothing was synced, and the machine dies. */
  get #mayLose(): boolean {
    const { flush, fault, strict = false } = this.#scenario;
    return flush === "os" && fault?.effect === "crashMachine" && !strict;
  }

  /** Returns false where the broker has died meanwhile. */
  async #verify(when: string, leniency: Leniency = {}): Promise<boolean> {
    const verifying = verify(this.#player, leniency).catch((error) => [String(error)]);
    const faults = await this.#world.clock.until(Promise.race([verifying, this.#died.promise.catch(() => null)]));
    if (faults === null || !this.#server!.isAlive) return false;
    for (const fault of faults) this.#faults.push(`${when}: ${fault}`);
    return true;
  }

  #logger(): Logger {
    const record =
      (level: string) =>
      (message: string, fields: Record<string, unknown> = {}) => {
        if (this.#mayLose && /is offline: .* is damaged/.test(message)) this.#hasRefusedDamage = true;
        const shown = JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value));
        this.#world.record(`${level} ${message} ${shown}`);
      };
    return { debug() {}, info: record("info"), warn: record("warn"), error: record("error") };
  }
}

/** What a failing disk makes of a request. NOT_COORDINATOR: the coordinator's partition is offline. */
const storageErrors: ReadonlySet<number> = new Set([errorCodes.KAFKA_STORAGE_ERROR, errorCodes.NOT_COORDINATOR]);
const notYet: ReadonlySet<number> = new Set([
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.LEADER_NOT_AVAILABLE,
]);
