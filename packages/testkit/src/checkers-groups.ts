import { checkLog, checkOwners, checkOwnership, checkProducerOrder, type Fault } from "./checkers.ts";
import { checkDelivery } from "./checkers-delivery.ts";
import { checkStanding, type StandingOptions } from "./checkers-standing.ts";
import type { Call, History, PartitionKey } from "./history.ts";

export interface GroupCheckOptions extends StandingOptions {
  /** Whether the group has members of both protocols: once it is empty, its generations may begin anew with one of the other kind. */
  readonly isMixed?: boolean;
}

/** Looks at a simulation's history, the broker's answers included, with every checker. */
export function checkSimulation(history: History, options: GroupCheckOptions): Fault[] {
  return [
    ...checkLog(history),
    ...checkOwnership(history),
    ...checkProducerOrder(history),
    ...(options.isMixed === true ? [] : checkOwners(history)),
    ...checkDelivery(history),
    ...checkAcceptedCommits(history),
    ...checkStanding(history, options),
  ];
}

interface Grant {
  readonly process: string;
  readonly generation: number;
  /** The entry that says so. */
  readonly at: number;
}

interface Accepted {
  readonly offset: number;
  readonly process: string;
  readonly connection: number;
  /** The entry that says so. */
  readonly at: number;
}

/**
 * Commits as the broker accepted them: they never pass a record whose handler has not finished, never go back, never come from somebody whose partition another has been given meanwhile, and are found again.
 */
export function checkAcceptedCommits(history: History): Fault[] {
  return new CommitChecker(history).check();
}

class CommitChecker {
  readonly #history: History;
  readonly #faults: Fault[] = [];
  /** Which records there are: acknowledged ones. */
  readonly #acknowledged = new Map<PartitionKey, Set<number>>();
  /** When each was finished for the first time, by entry. */
  readonly #doneAt = new Map<PartitionKey, Map<number, number>>();
  readonly #accepted = new Map<PartitionKey, Accepted[]>();
  /** To whom a partition was given last, and by which entry. */
  readonly #grants = new Map<PartitionKey, Grant>();

  constructor(history: History) {
    this.#history = history;
    for (const send of history.of("send")) {
      if (send.outcome !== "ok" || send.offset === null) continue;
      const mine = this.#acknowledged.get(send.partition) ?? new Set();
      this.#acknowledged.set(send.partition, mine.add(send.offset));
    }
  }

  check(): Fault[] {
    for (const [at, entry] of this.#history.entries.entries()) {
      if (entry.type === "done") this.#done(entry.partition, entry.first, entry.last, at);
      else if (entry.type === "commit" && entry.outcome === "ok") this.#heard(entry.process, entry.offsets);
      else if (entry.type === "committed") this.#found(entry.process, entry.offsets, at);
      else if (entry.type !== "call") continue;
      else if (entry.api === "OFFSET_COMMIT") this.#commit(entry, at);
      else if (entry.api === "OFFSET_FETCH" && entry.error === "NONE" && entry.offsets !== null)
        this.#found(entry.process, entry.offsets, entry.arrivedAt);
      else if (entry.assigned !== null) this.#grant(entry, at);
    }
    return this.#faults;
  }

  #done(partition: PartitionKey, first: number, last: number, at: number): void {
    const mine = this.#doneAt.get(partition) ?? new Map<number, number>();
    this.#doneAt.set(partition, mine);
    for (let offset = first; offset <= last; offset++) if (!mine.has(offset)) mine.set(offset, at);
  }

  #grant(call: Call, at: number): void {
    for (const partition of call.assigned!) {
      const before = this.#grants.get(partition);
      const generation = call.given?.generation ?? call.generation;
      // The generations of a group that was empty may have begun anew.
      if (before?.process === call.process && generation >= before.generation) continue;
      this.#grants.set(partition, { process: call.process, generation, at });
    }
  }

  #commit(call: Call, at: number): void {
    for (const [partition, offset] of Object.entries(call.offsets ?? {})) {
      // Refused partitions are left out, so all is accepted here.
      if (call.error !== "NONE" && call.offsets === null) continue;
      this.#checkOwner(call, partition, offset);
      this.#checkProgress(call, partition, offset);
      const list = this.#accepted.get(partition) ?? [];
      this.#accepted.set(partition, list);
      list.push({ offset, process: call.process, connection: call.connection, at });
    }
  }

  #checkOwner(call: Call, partition: PartitionKey, offset: number): void {
    const grant = this.#grants.get(partition);
    if (grant === undefined || grant.at >= call.arrivedAt) return;
    if (grant.process === call.process && (call.generation < 0 || call.generation >= grant.generation)) return;
    this.#fault(
      "zombie",
      partition,
      `${call.process} (generation ${call.generation}) committed ${offset} at ${call.timeMs} ms, though ${grant.process} had been given the partition in generation ${grant.generation}`,
    );
  }

  #checkProgress(call: Call, partition: PartitionKey, offset: number): void {
    const list = this.#accepted.get(partition) ?? [];
    const last = list.at(-1);
    const what = `${call.process} (generation ${call.generation}) committed ${offset} at ${call.timeMs} ms`;
    if (last !== undefined && offset < last.offset) {
      // What was on its way when its sender gave the connection up cannot be called back, in Kafka either.
      const isLate = list.some(({ process, connection }) => process === call.process && connection > call.connection);
      if (!isLate)
        this.#fault("commitWentBack", partition, `${what} after ${last.process} had committed ${last.offset}`);
    }
    for (let at = Math.max(0, last?.offset ?? 0); at < offset; at++) {
      if (!this.#acknowledged.get(partition)?.has(at)) continue;
      const doneAt = this.#doneAt.get(partition)?.get(at);
      if (doneAt !== undefined && doneAt < call.arrivedAt) continue;
      this.#fault("commitAhead", partition, `${what}, but nobody had finished ${at}`);
      return;
    }
  }

  /** A member was told that its commit is stored. */
  #heard(process: string, offsets: Readonly<Record<PartitionKey, number>>): void {
    for (const [partition, offset] of Object.entries(offsets)) {
      const list = this.#accepted.get(partition) ?? [];
      if (list.some((accepted) => accepted.process === process && accepted.offset >= offset)) continue;
      this.#fault(
        "commitUnheard",
        partition,
        `${process} was told that ${offset} is committed, and the broker never accepted it`,
      );
    }
  }

  /** Somebody was told what is committed: at least what had been accepted before they asked. */
  #found(process: string, offsets: Readonly<Record<PartitionKey, number>>, askedAt: number): void {
    for (const [partition, offset] of Object.entries(offsets)) {
      const expected = this.#accepted.get(partition)?.findLast(({ at }) => at < askedAt);
      if (expected !== undefined && offset < expected.offset) {
        this.#fault(
          "commitLost",
          partition,
          `${process} was told ${offset}, but ${expected.process} had committed ${expected.offset}`,
        );
      }
    }
  }

  #fault(kind: Fault["kind"], partition: PartitionKey, what: string): void {
    this.#faults.push({ kind, partition, what });
  }
}
