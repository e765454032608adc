import type { SimRandom, Timer } from "@ottla/runtime";
import type { Simulator } from "./simulator.ts";
import type { SimulatedGroup, Slot } from "./simulator-group.ts";
import type { SimulatedLoad } from "./simulator-load.ts";
import type { SimulatedMember } from "./simulator-member.ts";

export interface FaultOptions {
  /** Of the members' sessions. */
  readonly sessionTimeoutMs: number;
  readonly maxPollIntervalMs: number;
  /** Whether the broker's machine may lose its power: what is acknowledged has to be synced then. */
  readonly machineMayDie: boolean;
  /** The most members that there may be. */
  readonly maxMembers: number;
  /** Whether members have names that a second process may claim. */
  readonly mayReplace: boolean;
  /** Makes a new member. */
  readonly join: () => void;
  readonly loads: readonly SimulatedLoad[];
}

interface Undo {
  readonly timer: Timer;
  readonly run: () => void;
}

/** What goes wrong, one thing after the other, often several at a time; each is undone after a while. */
export class Faults {
  readonly #simulator: Simulator;
  readonly #group: SimulatedGroup;
  readonly #options: FaultOptions;
  readonly #random: SimRandom;
  readonly #undos = new Set<Undo>();
  readonly #actions: readonly (readonly [weight: number, action: () => void | Promise<void>])[];
  #isCalm = false;
  #isRestarting = false;

  constructor(simulator: Simulator, group: SimulatedGroup, options: FaultOptions) {
    this.#simulator = simulator;
    this.#group = group;
    this.#options = options;
    this.#random = simulator.random.fork("faults");
    this.#actions = [
      [4, () => this.#kill()],
      [2, () => this.#powerOff()],
      [3, () => this.#close()],
      [3, () => this.#join()],
      [4, () => this.#pause()],
      [options.mayReplace ? 4 : 0, () => this.#replace()],
      [4, () => this.#cut()],
      [2, () => this.#reset()],
      [5, () => this.#stall()],
      [3, () => this.#dawdle()],
      [1, () => this.#enforce()],
      [2, () => this.#resubscribe()],
      [1, () => this.#addPartitions()],
      [3, () => this.#killBroker()],
      [1, () => this.#pauseBroker()],
      [options.machineMayDie ? 4 : 2, () => this.#killAtDisk()],
      [1, () => this.#slowNetwork()],
      [options.machineMayDie ? 3 : 1, () => this.#slowDisk()],
      [1, () => this.#jump()],
      [1, () => this.#pauseLoad()],
    ];
    this.#watchBroker();
  }

  /** Plays faults for about that long. */
  async play(durationMs: number, mostBetweenMs: number): Promise<void> {
    const { now } = this.#simulator;
    const total = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
    while (this.#simulator.now < now + durationMs) {
      await this.#simulator.run(this.#random.integer(mostBetweenMs));
      this.#group.reviveFailed();
      let left = this.#random.integer(total);
      const action = this.#actions.find(([weight]) => {
        left -= weight;
        return left < 0;
      })![1];
      await action();
    }
  }

  /** Undoes all that is still wrong; from here on nothing happens any more. */
  calm(): void {
    this.#isCalm = true;
    this.#simulator.note("calm");
    for (const member of [...this.#group.alive, ...this.#group.replaced]) {
      member.process.resume();
      member.slowMs = 0;
    }
    for (const undo of this.#undos) {
      undo.timer.cancel();
      undo.run();
    }
    this.#undos.clear();
    this.#simulator.world.machine("broker").disk.faults.clear();
    for (const slot of this.#group.slots) this.#group.fill(slot);
    this.#startBroker();
  }

  /** Kills the broker, for the time that is given. */
  async restartBroker(downMs: number): Promise<void> {
    this.#isRestarting = true;
    this.#simulator.killBroker();
    await this.#simulator.run(downMs);
    this.#isRestarting = false;
    this.#startBroker();
  }

  #later(ms: number, run: () => void): void {
    const undo: Undo = {
      run,
      timer: this.#simulator.world.clock.schedule(ms, () => {
        this.#undos.delete(undo);
        run();
      }),
    };
    this.#undos.add(undo);
  }

  /** Short against a session, about as long, or much longer. */
  #spell(): number {
    const { sessionTimeoutMs } = this.#options;
    const factor = this.#random.pick([0.1, 0.4, 1, 1.6]);
    return Math.ceil(sessionTimeoutMs * factor * this.#random.between(0.5, 1.3));
  }

  #slotOf(member: SimulatedMember): Slot {
    return this.#group.slots.find((slot) => slot.member === member)!;
  }

  #kill(): void {
    const member = this.#group.pick();
    if (member === null) return;
    const slot = this.#slotOf(member);
    this.#simulator.note(`kill ${member.name}`);
    member.kill();
    this.#later(this.#spell(), () => this.#group.fill(slot));
  }

  #powerOff(): void {
    const member = this.#group.pick();
    if (member === null) return;
    const slot = this.#slotOf(member);
    this.#simulator.note(`power off ${member.name}`);
    member.process.machine.crash();
    member.kill();
    this.#later(this.#spell(), () => this.#group.fill(slot));
  }

  #close(): void {
    const member = this.#group.pick();
    if (member === null) return;
    const slot = this.#slotOf(member);
    this.#simulator.note(`close ${member.name}`);
    slot.isRetired = this.#random.chance(0.3) && this.#group.alive.length > 2;
    void member.close().catch(() => {});
    if (!slot.isRetired) this.#later(this.#spell() + 500, () => this.#refill(slot, member));
  }

  /** A member that takes longer to close than it should is killed. */
  #refill(slot: Slot, member: SimulatedMember): void {
    member.kill();
    this.#group.fill(slot);
  }

  #join(): void {
    if (this.#group.alive.length < this.#options.maxMembers) this.#options.join();
  }

  #pause(): void {
    const member = this.#group.pick();
    if (member === null || member.process.isPaused) return;
    const timersFirst = this.#random.chance(0.5);
    this.#simulator.note(`pause ${member.name}`);
    member.process.pause();
    this.#later(this.#spell(), () => {
      if (!member.process.isPaused) return;
      this.#simulator.note(`resume ${member.name}`);
      member.process.resume({ timersFirst });
    });
  }

  /** A member with a name that seems to be dead, and is not, is started anew somewhere else. */
  #replace(): void {
    const member = this.#group.pick();
    if (member === null || member.process.isPaused) return;
    this.#simulator.note(`pause ${member.name}`);
    member.process.pause();
    const timersFirst = this.#random.chance(0.5);
    this.#group.replace(this.#slotOf(member));
    this.#later(this.#spell(), () => {
      this.#simulator.note(`resume ${member.name}`);
      member.process.resume({ timersFirst });
    });
  }

  /** Where something happens to the network: mostly at a member. */
  #client(): string | null {
    if (this.#random.chance(0.35)) return this.#random.pick(this.#options.loads).name;
    return this.#group.pick()?.name ?? null;
  }

  #cut(): void {
    const name = this.#client();
    if (name === null) return;
    this.#simulator.cut(name, this.#random.pick(["both", "toBroker", "fromBroker"] as const));
    this.#later(this.#spell(), () => this.#simulator.heal(name));
  }

  #reset(): void {
    const name = this.#client();
    if (name !== null) this.#simulator.reset(name);
  }

  #stall(): void {
    const name = this.#client();
    // Mostly so long that a new connection is made meanwhile.
    if (name !== null) this.#simulator.stall(name, this.#random.pick([300, 4_000, 8_000]));
  }

  /** A handler that takes as long as nobody may, or just not quite. */
  #dawdle(): void {
    const member = this.#group.pick();
    if (member === null) return;
    const ms = Math.ceil(this.#options.maxPollIntervalMs * this.#random.pick([0.3, 0.8, 1.1, 1.8]));
    this.#simulator.note(`${member.name} takes ${ms} ms`);
    member.slowMs = ms;
  }

  #enforce(): void {
    const member = this.#group.pick();
    if (member === null || member.process.isPaused) return;
    this.#simulator.note(`${member.name} asks for a rebalance`);
    try {
      member.consumer.enforceRebalance();
    } catch {
      // It is being closed, or has not subscribed yet.
    }
  }

  /** Some of the topics, for a while. */
  #resubscribe(): void {
    const member = this.#group.pick();
    if (member === null || member.process.isPaused) return;
    const topics = [...this.#group.partitions.keys()];
    const some = [this.#random.pick(topics)];
    this.#simulator.note(`${member.name} subscribes to ${some}`);
    void member.subscribe(some).catch(() => {});
    this.#later(this.#spell(), () => {
      if (member.isOver) return;
      this.#simulator.note(`${member.name} subscribes to all`);
      void member.subscribe(topics).catch(() => {});
    });
  }

  async #addPartitions(): Promise<void> {
    const [topic, count] = this.#random.pick([...this.#group.partitions]);
    if (!this.#simulator.brokerProcess.isAlive || count > 12) return;
    this.#simulator.note(`${topic} gets ${count + 1} partitions`);
    const { admin } = this.#simulator;
    const done = admin.createPartitions([{ topic, count: count + 1 }], { timeoutMs: 5_000 });
    // Where nobody knows whether it happened, it is looked at in the end.
    await this.#simulator.until(done.then(() => this.#group.partitions.set(topic, count + 1)).catch(() => {}));
  }

  #killBroker(): void {
    if (!this.#simulator.brokerProcess.isAlive) return;
    if (this.#options.machineMayDie && this.#random.chance(0.6)) this.#simulator.crashBroker();
    else this.#simulator.killBroker();
  }

  #pauseBroker(): void {
    const process = this.#simulator.brokerProcess;
    if (!process.isAlive || process.isPaused) return;
    this.#simulator.note("pause broker");
    process.pause();
    const timersFirst = this.#random.chance(0.5);
    this.#later(this.#spell(), () => {
      this.#simulator.note("resume broker");
      process.resume({ timersFirst });
    });
  }

  /** The broker dies in the middle of an operation of its disk. */
  #killAtDisk(): void {
    const operation = this.#random.pick(["write", "sync", "change"] as const);
    const effect = this.#options.machineMayDie && this.#random.chance(0.6) ? "crashMachine" : "killProcess";
    const nth = 1 + this.#random.integer(20);
    this.#simulator.note(`${effect} at the next ${operation} but ${nth - 1}`);
    this.#simulator.world.machine("broker").disk.plan({ operation, nth, effect });
  }

  #slowNetwork(): void {
    const { network } = this.#simulator.world;
    const maxMs = this.#random.pick([20, 100, 400]);
    this.#simulator.note(`latency up to ${maxMs} ms`);
    network.latency = { minMs: 0.1, maxMs };
    this.#later(this.#spell(), () => {
      network.latency = { minMs: 0.1, maxMs: 2 };
    });
  }

  #slowDisk(): void {
    const { disk } = this.#simulator.world.machine("broker");
    const usual = { min: 0.2, max: 10 };
    const max = this.#random.pick([50, 300]);
    this.#simulator.note(`syncs take up to ${max} ms`);
    disk.syncMs = { min: 0.2, max };
    this.#later(this.#spell(), () => {
      disk.syncMs = usual;
    });
  }

  #jump(): void {
    const member = this.#group.pick();
    const machine = member === null || this.#random.chance(0.5) ? "broker" : member.name;
    this.#simulator.jump(machine, this.#random.integer(2 * 3_600_000) - 3_600_000);
  }

  #pauseLoad(): void {
    const { process } = this.#random.pick(this.#options.loads);
    process.pause();
    this.#later(this.#spell(), () => process.resume());
  }

  /** Whenever it dies, it comes back. */
  #watchBroker(): void {
    this.#simulator.brokerProcess.onEnd(() => {
      this.#simulator.note("the broker is dead");
      // A sync may have been on its way to its end when all was calmed.
      if (!this.#isRestarting) this.#later(this.#isCalm ? 1 : this.#random.integer(4_000), () => this.#startBroker());
    });
  }

  #startBroker(): void {
    if (this.#simulator.brokerProcess.isAlive) return;
    this.#simulator.note("start broker");
    const starting = this.#simulator.startBroker();
    const process = this.#simulator.brokerProcess;
    this.#watchBroker();
    starting.catch((error) => {
      // One that was killed on the way has failed at nothing.
      if (process.isAlive) this.#group.failures.push(`broker: ${error}`);
    });
  }
}
