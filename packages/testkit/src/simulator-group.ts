import { KafkaError } from "@ottla/client";
import type { SimRandom } from "@ottla/runtime";
import type { PartitionKey } from "./history.ts";
import type { Simulator } from "./simulator.ts";
import { SimulatedMember, type SimulatedMemberOptions } from "./simulator-member.ts";

const beats: ReadonlySet<string> = new Set(["HEARTBEAT", "CONSUMER_GROUP_HEARTBEAT"]);
const joins: ReadonlySet<string> = new Set(["JOIN_GROUP", "SYNC_GROUP"]);

/** So long an application that has failed takes to start again. */
const reviveMs = 500;

/** A place in the group that somebody is to fill: a member lives in it, dies, and comes back. */
export class Slot {
  readonly name: string;
  readonly options: SimulatedMemberOptions;
  member: SimulatedMember | null = null;
  /** How many have been started while the one before may have been alive; they have names of their own. */
  replacements = 0;
  /** Whether it is to stay empty. */
  isRetired = false;
  /** When its member was found to have failed; -1 while it has not. */
  failedMs = -1;

  constructor(name: string, options: SimulatedMemberOptions) {
    this.name = name;
    this.options = options;
  }

  get isAlive(): boolean {
    return this.member !== null && !this.member.isOver;
  }
}

/** The group under test: its members, its topics, and what of their records is still to be done. */
export class SimulatedGroup {
  readonly simulator: Simulator;
  readonly slots: Slot[] = [];
  /** Partitions of each topic, as far as their creation is known to be done. */
  readonly partitions = new Map<string, number>();
  readonly #random: SimRandom;
  readonly #progress = new Map<PartitionKey, Progress>();
  #seen = 0;
  /** When somebody last joined, or got other partitions. */
  #movedMs = 0;
  /** When each member's last heartbeat was answered. */
  readonly #beatMs = new Map<string, number>();
  #brokerDiedMs = -1;
  /** Members whose requests to join may have come late, when another had their name. */
  readonly #stalled = new Set<string>();
  /** Members in whose place others have been started: they are to find that out. */
  readonly replaced: SimulatedMember[] = [];
  /** What ended a member's loop that should have gone on. */
  readonly failures: string[] = [];

  constructor(simulator: Simulator) {
    this.simulator = simulator;
    this.#random = simulator.random.fork("group");
  }

  add(name: string, options: SimulatedMemberOptions): Slot {
    const slot = new Slot(name, options);
    this.slots.push(slot);
    this.fill(slot);
    return slot;
  }

  /** Starts a member in a slot that has none. */
  fill(slot: Slot): void {
    if (slot.isAlive || slot.isRetired) return;
    this.#noteFailure(slot);
    slot.failedMs = -1;
    const name = slot.replacements === 0 ? slot.name : `${slot.name}-${++slot.replacements}`;
    this.simulator.note(`start ${name}`);
    slot.member = new SimulatedMember(this.simulator, name, slot.options);
  }

  /** Starts another process in a slot whose member may not be dead: with a name of its own, it takes its place. */
  replace(slot: Slot): void {
    if (slot.member === null) return;
    this.replaced.push(slot.member);
    const name = `${slot.name}-${++slot.replacements}`;
    this.simulator.note(`start ${name} in the place of ${slot.member.name}`);
    slot.member = new SimulatedMember(this.simulator, name, slot.options);
  }

  /** One whose process lives; null where there is none. */
  pick(): SimulatedMember | null {
    const alive = this.slots.filter((slot) => slot.isAlive);
    return alive.length === 0 ? null : this.#random.pick(alive).member;
  }

  get alive(): SimulatedMember[] {
    return this.slots.flatMap(({ member }) => (member === null || member.isOver ? [] : [member]));
  }

  /** Every partition of the topics. */
  all(): PartitionKey[] {
    return [...this.partitions].flatMap(([topic, count]) => Array.from({ length: count }, (_, n) => `${topic}-${n}`));
  }

  /** Whether all that was acknowledged has been done, and every partition has exactly one owner. */
  isSettled(): boolean {
    if (this.missing().length > 0) return false;
    return this.slots.every((slot) => slot.isAlive || slot.isRetired) && this.unsettled() === null;
  }

  /** Whether all members are in the group and not too busy to stay there, and in the same generation or epoch for at least `quietMs`. */
  isComplete(quietMs: number): boolean {
    this.#look();
    if (this.simulator.now < this.#movedMs + quietMs) return false;
    if (this.alive.some(({ isSlow, slowMs }) => isSlow || slowMs > 0)) return false;
    // One whose request to join was lost with the broker waits for the answer, and says nothing, for a long time.
    const isSilent = ({ name }: SimulatedMember) => this.simulator.now > (this.#beatMs.get(name) ?? -quietMs) + quietMs;
    if (this.alive.some(isSilent)) return false;
    const generations = new Set(this.alive.map((member) => member.consumer.groupMetadata()!.generationId));
    return generations.size === 1 && !generations.has(-1);
  }

  /** What is wrong with the present division of the partitions; null where each has one owner. */
  unsettled(): string | null {
    const owners = new Map<PartitionKey, string>();
    for (const member of this.alive) {
      for (const partition of member.owned) {
        const other = owners.get(partition);
        if (other !== undefined) return `${partition} belongs to ${other} and ${member.name}`;
        owners.set(partition, member.name);
      }
    }
    const nobodys = this.all().filter((partition) => !owners.has(partition));
    return nobodys.length === 0 ? null : `${nobodys.join(", ")} belong to nobody`;
  }

  /** Records that were acknowledged and that nobody has finished, as `topic-0:17`. */
  missing(): string[] {
    this.#look();
    return [...this.#progress].flatMap(([partition, { missing }]) => [...missing].map((at) => `${partition}:${at}`));
  }

  /** Members whose loop has ended by an error: an application would start again after a while, and so it is here. */
  reviveFailed(): void {
    for (const slot of this.slots) {
      if (slot.member?.error == null || slot.failedMs >= 0) continue;
      slot.failedMs = this.simulator.now;
    }
    for (const slot of this.slots) {
      if (slot.failedMs >= 0 && this.simulator.now >= slot.failedMs + reviveMs) this.fill(slot);
    }
  }

  #noteFailure({ member, name, replacements }: Slot): void {
    const hasRivals = replacements > 0 || this.#stalled.has(name);
    this.#look();
    if (member === null || member.error === null) return;
    const { error } = member;
    if (error instanceof KafkaError && this.#isExpected(error.code, member, hasRivals)) return;
    this.failures.push(`${name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
  }

  /** Whether it is Kafka's rule, and not a fault, that a member with a name of its own fails so. */
  #isExpected(code: string, member: SimulatedMember, hasRivals: boolean): boolean {
    // A member of a KIP-848 group that has died keeps its name for as long as its session lasts.
    if (code === "UNRELEASED_INSTANCE_ID") return true;
    // In the middle of a classic rebalance a name's new owner is not stored yet: a coordinator that comes back takes the old one for it.
    return code === "FENCED_INSTANCE_ID" && (hasRivals || member.startedMs < this.#brokerDiedMs);
  }

  #look(): void {
    const { entries } = this.simulator.history;
    for (; this.#seen < entries.length; this.#seen++) {
      const entry = entries[this.#seen]!;
      if (entry.type === "call" && entry.error === "NONE" && beats.has(entry.api)) {
        this.#beatMs.set(entry.process, entry.timeMs);
      }
      if (entry.type === "note" && entry.what.startsWith("stall ")) this.#stalled.add(entry.what.split(" ")[1]!);
      if (entry.type === "note" && entry.what === "the broker is dead") this.#brokerDiedMs = entry.timeMs;
      if (entry.type === "send" && entry.outcome === "ok" && entry.offset !== null) {
        const { missing, done } = this.#progressOf(entry.partition);
        if (!done.has(entry.offset)) missing.add(entry.offset);
      } else if (entry.type === "assign" || (entry.type === "call" && joins.has(entry.api))) {
        this.#movedMs = entry.timeMs;
      } else if (entry.type === "done") {
        const { missing, done } = this.#progressOf(entry.partition);
        for (let offset = entry.first; offset <= entry.last; offset++) {
          done.add(offset);
          missing.delete(offset);
        }
      }
    }
  }

  #progressOf(partition: PartitionKey): Progress {
    let progress = this.#progress.get(partition);
    if (progress === undefined) {
      progress = { missing: new Set(), done: new Set() };
      this.#progress.set(partition, progress);
    }
    return progress;
  }
}

/** Offsets of a partition that were acknowledged and that nobody has finished, and those that somebody has. */
interface Progress {
  readonly missing: Set<number>;
  readonly done: Set<number>;
}
