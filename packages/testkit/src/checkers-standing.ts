import type { Fault } from "./checkers.ts";
import type { Assign, Call, Entry, History, Join, PartitionKey } from "./history.ts";

export interface StandingOptions {
  /** Of all members. */
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Whether all members of a group are in one generation, as in Kafka's classic groups; else each has an epoch of its own (KIP-848). */
  readonly oneGeneration?: boolean;
}

/** What the broker knows of one life of a member, as far as its answers tell. */
interface Standing {
  readonly process: string;
  /** Of the last request that arrived from it. */
  contactMs: number;
  /** Whether it has been given an assignment: only then has the coordinator stored that it exists. */
  isStored: boolean;
  /** Whether it has left, or been replaced by another with the same name. */
  isOut: boolean;
  /** The entry by which it did; what it asked before that says nothing more. */
  leftAt: number;
  /** The generation that it joined last, and when. */
  generation: number;
  joinedMs: number;
  /** The connection that it used last. */
  connection: number;
  /** Since when it has been asked to join again and has not; null while it need not. */
  askedToJoinMs: number | null;
  /** Since when it could have asked for its assignment and has not; null once it has. */
  toSyncMs: number | null;
  /** Since when it has been asked to give something up that it still has. */
  askedToRevokeMs: number | null;
  /** What it was given last. */
  given: readonly PartitionKey[];
}

/** A generation or epoch that a member knows of. */
interface Begun {
  readonly generation: number;
  readonly memberId: string;
  /** The entry that says so. */
  readonly at: number;
  /** In which the broker knew of it; null where it is stored. */
  readonly life: number | null;
}

/** Who has a partition, since when and in which generation. */
interface Holder {
  readonly process: string;
  readonly generation: number;
  readonly timeMs: number;
  readonly instanceId: string | null;
}

const beats: ReadonlySet<string> = new Set(["JOIN_GROUP", "SYNC_GROUP", "HEARTBEAT", "CONSUMER_GROUP_HEARTBEAT"]);
/** Longer than the slowest disk takes for what is in work and what comes after it. */
const slowDiskMs = 1_000;
const expulsions: ReadonlySet<string> = new Set(["UNKNOWN_MEMBER_ID", "FENCED_MEMBER_EPOCH"]);
const generational: ReadonlySet<string> = new Set(["SYNC_GROUP", "HEARTBEAT", "OFFSET_COMMIT"]);

/**
 * Who is in the group: a member that keeps its side is not expelled; nothing is accepted of a generation that is over; nobody has a partition while another, whom the group has no reason to count out, has not let go of it.
 */
export function checkStanding(history: History, options: StandingOptions): Fault[] {
  return new StandingChecker(history, options).check();
}

class StandingChecker {
  readonly #entries: readonly Entry[];
  readonly #options: Required<StandingOptions>;
  readonly #faults: Fault[] = [];
  readonly #members = new Map<string, Standing>();
  /** The member that a process is at the moment, by the broker's answers. */
  readonly #current = new Map<string, Standing>();
  readonly #instances = new Map<string, string>();
  /** Who has a partition, as the application was told, until its listener has settled. */
  readonly #holders = new Map<PartitionKey, Holder>();
  /** Generations that are known to have begun: for good once somebody has an assignment, else for the broker's life. */
  readonly #begun: Begun[] = [];
  /** When each generation was last seen to be in no rebalance. */
  readonly #stableMs = new Map<number, number>();
  /** When the first member heard that a generation had its members, in this life of the broker. */
  readonly #joinedMs = new Map<number, number>();
  #life = 0;
  /** How long answers may wait for the disk. */
  #slackMs = 0;
  /** When the broker was paused last. */
  #pausedMs = -1;

  constructor(history: History, { oneGeneration = true, ...options }: StandingOptions) {
    this.#entries = history.entries;
    this.#options = { oneGeneration, ...options };
  }

  check(): Fault[] {
    for (const [at, entry] of this.#entries.entries()) {
      if (entry.type === "call") this.#call(entry, at);
      else if (entry.type === "assign") this.#assign(entry);
      else if (entry.type === "leave") for (const memberId of entry.members) this.#out(memberId, at);
      else if (entry.type === "join") this.#joins(entry, at);
      else if (entry.type === "release") this.#release(entry.process, entry.partitions);
      else if (entry.type === "crash") this.#crash(entry.process);
      else if (entry.type === "note" && entry.what === "the broker is dead") this.#brokerDied();
      else if (entry.type === "note" && entry.what.startsWith("syncs take")) this.#slackMs = slowDiskMs;
      else if (entry.type === "note" && entry.what === "pause broker") this.#pausedMs = entry.timeMs;
    }
    return this.#faults;
  }

  /** What was not stored yet it has forgotten. */
  #brokerDied(): void {
    this.#life++;
    this.#joinedMs.clear();
    for (const [instanceId, memberId] of this.#instances) {
      if (this.#members.get(memberId)?.isStored !== true) this.#instances.delete(instanceId);
    }
  }

  #call(call: Call, at: number): void {
    // Whoever leaves did so when the request arrived.
    if (call.api === "LEAVE_GROUP" || (call.api === "CONSUMER_GROUP_HEARTBEAT" && call.generation < 0)) return;
    this.#checkGeneration(call);
    this.#checkInstance(call);
    const standing = this.#members.get(call.memberId);
    // What comes late over a connection that was given up says nothing of the member.
    const isLate = standing !== undefined && call.connection < standing.connection;
    if (standing !== undefined && !isLate && expulsions.has(call.error)) {
      // It may have waited behind others before it was looked at.
      if (standing.isStored && this.#isInOrder(standing, call.timeMs)) {
        const silentMs = Math.round(call.arrivedMs - standing.contactMs);
        const what = `${call.process} was answered ${call.error} to ${call.api} at ${call.timeMs} ms, after ${silentMs} ms of silence`;
        this.#fault("expelled", null, what);
      }
      standing.isOut = true;
    }
    if (call.error === "NONE" || call.error === "REBALANCE_IN_PROGRESS") this.#contact(call);
    // But it counts when it joins or leaves: what the member has since then is no more.
    const joinsOrLeaves =
      call.api === "JOIN_GROUP" || (call.api === "CONSUMER_GROUP_HEARTBEAT" && call.generation <= 0);
    if (standing !== undefined && isLate && joinsOrLeaves && call.error === "NONE") {
      this.#crash(call.process);
      standing.isStored = false;
    }
    if (standing !== undefined && call.error === "REBALANCE_IN_PROGRESS") standing.askedToJoinMs ??= call.arrivedMs;
    if (call.error !== "NONE") return;
    if (call.api === "HEARTBEAT") this.#stableMs.set(call.generation, call.timeMs);
    if (call.given !== null) this.#began(call.given.generation, call.given.memberId, at, this.#life);
    if (call.api === "SYNC_GROUP") this.#began(call.generation, call.memberId, at, null);
  }

  /** Whoever joins has to ask for its assignment then, even if the answer is lost; and whoever comes anew takes the place of the one with its name. */
  #joins({ memberId, instanceId, timeMs }: Join, at: number): void {
    if (memberId === "" && instanceId !== null) this.#out(this.#instances.get(instanceId) ?? "", at);
    const standing = this.#members.get(memberId);
    if (standing !== undefined) standing.toSyncMs ??= timeMs;
  }

  #contact(call: Call): void {
    if (!beats.has(call.api)) return;
    const memberId = call.given?.memberId ?? call.memberId;
    let standing = this.#members.get(memberId);
    if (standing === undefined) {
      standing = {
        process: call.process,
        contactMs: 0,
        isStored: false,
        isOut: false,
        leftAt: -1,
        toSyncMs: null,
        askedToJoinMs: null,
        generation: -1,
        joinedMs: 0,
        connection: -1,
        askedToRevokeMs: null,
        given: [],
      };
      this.#members.set(memberId, standing);
      if (call.instanceId !== null) this.#replace(call.instanceId, memberId, call);
    }
    if (call.arrivedAt > standing.leftAt) standing.isOut = false;
    standing.connection = Math.max(standing.connection, call.connection);
    // A SyncGroup that comes when the group is stable already does not count, in Kafka either.
    if (call.api !== "SYNC_GROUP") standing.contactMs = Math.max(standing.contactMs, call.arrivedMs);
    // A parked JoinGroup keeps its member alive.
    // Where the broker was paused meanwhile it may have made up its mind before that; and on a slow disk some time before it says so.
    const decidedMs = this.#pausedMs > call.arrivedMs ? this.#pausedMs : call.timeMs - this.#slackMs;
    if (call.api === "JOIN_GROUP" && call.error === "NONE") standing.contactMs = decidedMs;
    if (call.api === "JOIN_GROUP" && call.error === "NONE") {
      const { generation } = call.given!;
      // All members of a generation have the same time for it.
      if (!this.#joinedMs.has(generation)) this.#joinedMs.set(generation, decidedMs);
      standing.toSyncMs = this.#joinedMs.get(generation)!;
      standing.askedToJoinMs = null;
      standing.joinedMs = decidedMs;
      standing.generation = generation;
    } else if (call.api === "SYNC_GROUP") standing.toSyncMs = null;
    if (call.api === "CONSUMER_GROUP_HEARTBEAT") this.#noteRevocation(standing, call);
    if (call.assigned !== null) {
      standing.isStored = true;
      this.#current.set(call.process, standing);
    }
  }

  /** The broker waits until the member says that it has no more than it was given. It counts from when it looked at the request: its answer may wait for the disk. */
  #noteRevocation(standing: Standing, { process, assigned, owned, arrivedMs }: Call): void {
    standing.given = assigned ?? standing.given;
    const isGiven = (partition: PartitionKey) => standing.given.includes(partition);
    const holds = [...this.#holders].some(([partition, holder]) => holder.process === process && !isGiven(partition));
    if (owned?.every(isGiven) === false || (assigned !== null && holds)) standing.askedToRevokeMs ??= arrivedMs;
    else if (owned !== null) standing.askedToRevokeMs = null;
  }

  /** Whoever had the name before is fenced from now on. */
  #replace(instanceId: string, memberId: string, call: Call): void {
    const before = this.#instances.get(instanceId);
    if (before !== undefined && before !== memberId) this.#out(before, call.arrivedAt);
    this.#instances.set(instanceId, memberId);
  }

  #out(memberId: string, at: number): void {
    const standing = this.#members.get(memberId);
    if (standing === undefined) return;
    standing.isOut = true;
    standing.leftAt = at;
  }

  #began(generation: number, memberId: string, at: number, life: number | null): void {
    if (generation > 0) this.#begun.push({ generation, memberId, at, life });
  }

  #checkGeneration(call: Call): void {
    if (call.error !== "NONE" || !generational.has(call.api) || call.generation < 0) return;
    // An older epoch's commit counts for as long as its partitions stay the member's (KIP-1251), which is looked at with the commits.
    if (!this.#options.oneGeneration && call.api === "OFFSET_COMMIT") return;
    const counts = ({ at, life }: Begun) => at < call.arrivedAt && (life === null || life === this.#life);
    // Where each member has an epoch of its own, the last that it was given counts: a group that was empty may have begun anew.
    const later = this.#options.oneGeneration
      ? this.#begun.find((begun) => begun.generation > call.generation && counts(begun))
      : this.#begun.findLast((begun) => begun.memberId === call.memberId && counts(begun));
    if (later === undefined || later.generation <= call.generation) return;
    const what = `${call.api} of ${call.process} in generation ${call.generation} was accepted at ${call.timeMs} ms, though ${later.generation} had begun`;
    this.#fault("zombie", null, what);
  }

  #checkInstance(call: Call): void {
    if (call.error !== "NONE" || call.instanceId === null || !generational.has(call.api)) return;
    const present = this.#instances.get(call.instanceId);
    if (present === undefined || present === call.memberId || !this.#members.has(call.memberId)) return;
    if (!this.#members.get(call.memberId)!.isOut) return;
    const what = `${call.api} of ${call.process} was accepted at ${call.timeMs} ms, though ${call.instanceId} is another member by now`;
    this.#fault("zombie", null, what);
  }

  /** Whether the group has no reason to count the member out at that time. */
  #isInOrder(standing: Standing, timeMs: number): boolean {
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    if (standing.isOut || timeMs - standing.contactMs >= sessionTimeoutMs) return false;
    if (standing.toSyncMs !== null && timeMs - standing.toSyncMs >= rebalanceTimeoutMs) return false;
    if (standing.askedToJoinMs !== null && timeMs - standing.askedToJoinMs >= rebalanceTimeoutMs) return false;
    if (standing.askedToRevokeMs !== null && timeMs - standing.askedToRevokeMs >= rebalanceTimeoutMs) return false;
    // Whoever does not join again in time is left behind with the generation that it knows.
    const stableMs = Math.max(standing.joinedMs, this.#stableMs.get(standing.generation) ?? 0);
    return standing.generation < 0 || timeMs - stableMs < rebalanceTimeoutMs;
  }

  #assign({ process, generation, partitions, timeMs, instanceId = null }: Assign): void {
    for (const partition of partitions) {
      const holder = this.#holders.get(partition);
      // Who wakes up to an old assignment learns with the next heartbeat that it is over.
      if (holder !== undefined && holder.process !== process && generation < holder.generation) continue;
      // Two of one name: the one that is not the member hears of it.
      if (holder !== undefined && instanceId !== null && holder.instanceId === instanceId) continue;
      if (holder !== undefined && holder.process !== process) {
        const standing = this.#current.get(holder.process);
        if (standing !== undefined && this.#isInOrder(standing, timeMs)) {
          const what = `${process} owns it since ${timeMs} ms, though ${holder.process} had not let go of it`;
          this.#fault("overlap", partition, what);
        }
      }
      this.#holders.set(partition, { process, generation, timeMs, instanceId });
    }
  }

  #release(process: string, partitions: readonly PartitionKey[]): void {
    for (const partition of partitions)
      if (this.#holders.get(partition)?.process === process) this.#holders.delete(partition);
  }

  #crash(process: string): void {
    for (const [partition, holder] of this.#holders) if (holder.process === process) this.#holders.delete(partition);
    this.#current.delete(process);
  }

  #fault(kind: Fault["kind"], partition: PartitionKey | null, what: string): void {
    this.#faults.push({ kind, partition, what });
  }
}
