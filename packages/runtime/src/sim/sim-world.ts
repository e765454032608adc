import { assert } from "../assert.ts";
import type { Runtime } from "../runtime.ts";
import type { CrashKeeps } from "./durable-plane.ts";
import { SimHistory } from "./history.ts";
import { type SimClock, simClock } from "./sim-clock.ts";
import { type SimDisk, simDisk } from "./sim-disk.ts";
import type { Host } from "./sim-fabric.ts";
import { type SimNetwork, simNetwork } from "./sim-network.ts";
import { ProcessClock, ProcessLife, type WriteLine } from "./sim-process.ts";
import { type SimRandom, simRandom } from "./sim-random.ts";

export interface SimWorldOptions {
  /** What `now` says at the start, in milliseconds since 1970; the first of January 2026 by default. */
  readonly startMs?: number;
  /** How many of the last lines of the history are kept; 20,000 by default. */
  readonly historyLimit?: number;
  /** Whether what happens is written into the history at all: default true. Nothing else depends on it, and without it a simulation takes about half the time. */
  readonly recording?: boolean;
}

/** A world whose every chance comes from `seed`; see `SimWorld`. */
export function simWorld(seed: number | string, options: SimWorldOptions = {}): SimWorld {
  return new SimWorld(seed, options);
}

/**
 * Several machines with disks and processes, a network between them, and one virtual time. Unchanged programs run in it, given their process's runtime:
 *
 * ```ts
 * const world = simWorld(seed);
 * const server = world.machine("server").start();
 * const broker = await world.clock.until(Broker.start({ runtime: server.runtime }));
 * server.machine.crash(); // the power fails
 * ```
 * The same seed and the same calls give the same history.
 */
export class SimWorld {
  readonly clock: SimClock;
  /** For the test's own choices. */
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly history: SimHistory;
  readonly #seed: SimRandom;
  readonly #machines = new Map<string, SimMachine>();
  readonly #isRecording: boolean;

  constructor(seed: number | string, { startMs, historyLimit = 20_000, recording = true }: SimWorldOptions) {
    this.#seed = simRandom(seed);
    this.random = this.#seed.fork("test");
    this.clock = simClock(startMs === undefined ? {} : { startMs });
    this.history = new SimHistory(historyLimit);
    this.#isRecording = recording;
    this.network = simNetwork({
      clock: this.clock,
      random: this.#seed.fork("network"),
      record: this.recorder("network"),
    });
  }

  /** The machine of that name, which is its host name too; made when first asked for, and switched on. */
  machine(name: string): SimMachine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = new SimMachine(this, name, this.#seed.fork(`machine ${name}`));
      this.#machines.set(name, machine);
    }
    return machine;
  }

  /** Writes lines that begin with `name`; null where nothing is recorded. */
  recorder(name: string): WriteLine {
    return this.#isRecording ? (line) => this.record(`${name} ${line}`) : null;
  }

  /** Writes a line into the history, with the time before it. For the test's own events too. */
  record(line: string): void {
    if (!this.#isRecording) return;
    this.history.record(`${this.clock.monotonic().toFixed(4)} ${line}`);
  }
}

/** A simulated machine: a disk, an address, and the processes that run on it. */
export class SimMachine {
  readonly name: string;
  readonly disk: SimDisk;
  /** How far its wall clock is off; may be changed at any time, also backwards. */
  skewMs = 0;
  readonly #world: SimWorld;
  readonly #random: SimRandom;
  readonly #host: Host;
  readonly #processes = new Set<SimProcess>();
  #processCount = 0;

  constructor(world: SimWorld, name: string, random: SimRandom) {
    this.#world = world;
    this.name = name;
    this.#random = random;
    this.#host = world.network.addHost(name);
    this.disk = simDisk({
      clock: world.clock,
      random: random.fork("disk"),
      record: world.recorder(`${name} disk`),
    });
    this.disk.onMachineCrash = () => this.#die();
  }

  get address(): string {
    return this.#host.address;
  }

  get isUp(): boolean {
    return this.#host.isUp;
  }

  /** The processes that live. */
  get processes(): readonly SimProcess[] {
    return [...this.#processes];
  }

  /** A new process; switches the machine on if it is off. Its code runs when the caller calls it with the process's runtime. */
  start(name = "process"): SimProcess {
    if (!this.isUp) {
      this.#world.record(`${this.name} switched on`);
      this.#world.network.restart(this.#host);
    }
    const count = ++this.#processCount;
    const fullName = `${this.name}/${name}.${count}`;
    const record = this.#world.recorder(fullName);
    const life = new ProcessLife(fullName, this.#world.clock, record);
    const mount = this.disk.mount(
      () => life.kill(),
      (callback) => life.run(callback),
    );
    const runtime: Runtime = {
      clock: new ProcessClock(this.#world.clock, life, () => this.skewMs, record),
      random: this.#random.fork(`process ${count}`),
      disk: mount,
      network: this.#world.network.of(this.#host, life),
    };
    const process = new SimProcess(this, life, runtime);
    this.#processes.add(process);
    life.onEnd(() => {
      mount.kill();
      this.#processes.delete(process);
    });
    record?.("started");
    return process;
  }

  /** The power fails: every process dies, the other machines hear nothing, and the disk keeps what was synced and perhaps some of the rest. */
  crash(options: { readonly keeps?: CrashKeeps } = {}): void {
    assert(this.isUp, `${this.name} is off already`);
    this.disk.crashMachine(options);
  }

  #die(): void {
    // The network first: a process that dies closes its connections, a machine that dies doesn't get to it.
    this.#world.network.crash(this.#host);
    for (const process of [...this.#processes]) process.kill();
  }
}

/** A process of a simulated machine. After its death nothing that it waits for happens, and nothing that it does has an effect. */
export class SimProcess {
  readonly machine: SimMachine;
  /** The outside world as its code has it. */
  readonly runtime: Runtime;
  readonly #life: ProcessLife;

  constructor(machine: SimMachine, life: ProcessLife, runtime: Runtime) {
    this.machine = machine;
    this.#life = life;
    this.runtime = runtime;
  }

  /** The machine's name, the process's, and a number. */
  get name(): string {
    return this.#life.name;
  }

  get isAlive(): boolean {
    return this.#life.isAlive;
  }

  /** SIGKILL: the system closes its sockets, frees its locks and keeps what it has written. */
  kill(): void {
    this.#life.kill();
  }

  /** SIGSTOP: it stands still, and its peers take it for silent: bytes to it are acknowledged and not read. */
  pause(): void {
    this.#life.pause();
  }

  /** SIGCONT: it goes on where it was, by a clock that has not waited. Timers that are due come first, or what came over the network does. */
  resume(options: { readonly timersFirst?: boolean } = {}): void {
    this.#life.resume(options.timersFirst ?? true);
  }

  get isPaused(): boolean {
    return this.#life.isPaused;
  }

  /** Calls back when the process dies. */
  onEnd(callback: () => void): void {
    this.#life.onEnd(callback);
  }
}
