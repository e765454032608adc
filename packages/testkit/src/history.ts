/**
 * What was done and what came of it, as it is checked afterwards (after Jepsen's Kafka tests). Values are unique in a history, so that each record can be
 * told from every other.
 */

/** A partition as a key: `topic-0`. */
export type PartitionKey = string;

/** How something that was tried ended: `ok`, certainly not (`fail`), or nobody knows (`info`: a time-out, a crash). */
export type Outcome = "ok" | "fail" | "info";

/** Which process did it (a producer, a consumer, an admin) and when, in ms of whatever clock the history was taken by. */
interface Operation {
  readonly process: string;
  readonly timeMs: number;
}

/** One record that was sent; offsets are there when the outcome is `ok`. */
export interface Send extends Operation {
  readonly type: "send";
  readonly outcome: Outcome;
  readonly partition: PartitionKey;
  readonly value: string;
  readonly offset: number | null;
  /** Which of the sends it was that began in this history (`History.begin`): they need not end in that order. */
  readonly began: number;
}

/** Records that the application was handed, in the order in which it saw them. */
export interface Poll extends Operation {
  readonly type: "poll";
  readonly records: readonly { readonly partition: PartitionKey; readonly offset: number; readonly value: string }[];
}

/** Offsets that a group committed: the next to be read for each partition. */
export interface Commit extends Operation {
  readonly type: "commit";
  readonly outcome: Outcome;
  readonly group: string;
  /** Null for a commit from outside the group. */
  readonly generation: number | null;
  readonly offsets: Readonly<Record<PartitionKey, number>>;
}

/** What somebody was told that a group has committed; partitions without a committed offset are missing. */
export interface Committed extends Operation {
  readonly type: "committed";
  readonly group: string;
  readonly offsets: Readonly<Record<PartitionKey, number>>;
  /** When it was asked for: commits that ended before must be in it. */
  readonly startedMs: number;
}

/** Partitions that a member was told it owns, all of them, from here on; an empty list when they were revoked or lost. */
export interface Assign extends Operation {
  readonly type: "assign";
  readonly group: string;
  readonly generation: number;
  readonly partitions: readonly PartitionKey[];
  /** The member's `groupInstanceId`, where it has one: in its generation another process may take its place. */
  readonly instanceId?: string | null;
}

/** A process died without a word. */
export interface Crash extends Operation {
  readonly type: "crash";
}

/** Records that the application has finished: from here on a commit may pass them. */
export interface Done extends Operation {
  readonly type: "done";
  readonly partition: PartitionKey;
  /** First and last offset; all that was handed out between them is meant. */
  readonly first: number;
  readonly last: number;
}

/** A member's listener has let go of partitions: its promise has settled, and another may have them. */
export interface Release extends Operation {
  readonly type: "release";
  readonly group: string;
  readonly partitions: readonly PartitionKey[];
}

/** The application asks for the next message: it is neither dead nor busy. */
export interface Ask extends Operation {
  readonly type: "ask";
}

/** A request about a group and its answer, as they passed the broker's socket (see `watchBroker`). */
export interface Call extends Operation {
  readonly type: "call";
  readonly group: string;
  /** Kafka's name of the API. */
  readonly api: string;
  /** How many entries the history had when the request arrived. */
  readonly arrivedAt: number;
  readonly arrivedMs: number;
  /** Unique in a simulation; later ones are greater. */
  readonly connection: number;
  /** As the request says it; empty and -1 where it doesn't. */
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Generation or member epoch. */
  readonly generation: number;
  /** Kafka's name of the error, `NONE` where there was none. For a commit the first error of all partitions. */
  readonly error: string;
  /** Member id and generation (or epoch) that the answer gave. */
  readonly given: { readonly memberId: string; readonly generation: number } | null;
  /** Partitions that the answer assigns, where it does. */
  readonly assigned: readonly PartitionKey[] | null;
  /** Partitions that the request says the member has, where it does. */
  readonly owned: readonly PartitionKey[] | null;
  /** What was committed, or found to be committed (-1: nothing). */
  readonly offsets: Readonly<Record<PartitionKey, number>> | null;
}

/** A request to leave a group has arrived at the broker, answered or not. */
export interface Leave extends Operation {
  readonly type: "leave";
  readonly group: string;
  readonly members: readonly string[];
}

/** A member's JoinGroup has arrived at the broker, answered or not. */
export interface Join extends Operation {
  readonly type: "join";
  readonly group: string;
  /** Empty for a process that has none yet. */
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** What was done to the system, and what part of the run begins. */
export interface Note extends Operation {
  readonly type: "note";
  readonly what: string;
}

export type Entry =
  | Send
  | Poll
  | Commit
  | Committed
  | Assign
  | Crash
  | Done
  | Release
  | Ask
  | Call
  | Leave
  | Join
  | Note;

/** Collects a history; entries are in the order in which they ended. */
export class History {
  readonly entries: Entry[] = [];
  #begun = 0;

  /** A number for something that begins now, larger than those before. */
  begin(): number {
    return this.#begun++;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
  }

  /** The same without some entries: to look at one group's part of it, say. */
  filter(isWanted: (entry: Entry) => boolean): History {
    const part = new History();
    for (const entry of this.entries) if (isWanted(entry)) part.add(entry);
    return part;
  }

  of<T extends Entry["type"]>(type: T): Extract<Entry, { type: T }>[] {
    return this.entries.filter((entry): entry is Extract<Entry, { type: T }> => entry.type === type);
  }
}
