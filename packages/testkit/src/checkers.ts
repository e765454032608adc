import type { Assign, History, PartitionKey } from "./history.ts";

/** Something in a history that Kafka's promises rule out. */
export interface Fault {
  readonly kind:
    | "divergentOffset"
    | "duplicate"
    | "failedSendRead"
    | "lostWrite"
    | "unread"
    | "order"
    | "skipped"
    | "notOwned"
    | "producerOrder"
    | "commitWentBack"
    | "commitLoss"
    | "commitLost"
    | "twoOwners"
    | "overlap"
    | "expelled"
    | "zombie"
    | "commitAhead"
    | "commitUnheard"
    | "redelivered"
    | "stuck"
    | "needlessRebalance"
    | "failed"
    | "crashed";
  readonly partition: PartitionKey | null;
  readonly what: string;
}

export interface CheckOptions {
  /** Every record that was ever acknowledged has been read by somebody when the history ends; else only those below the highest offset read count as lost. */
  readonly drained?: boolean;
  /** Producers were idempotent, so that no value may stand at two offsets. Default true. */
  readonly idempotent?: boolean;
}

/** Looks at a history with every checker and returns what is wrong with it; an empty list when nothing is. */
export function checkHistory(history: History, options: CheckOptions = {}): Fault[] {
  return [
    ...checkLog(history, options),
    ...checkPollOrder(history),
    ...checkOwnership(history),
    ...checkProducerOrder(history),
    ...checkCommits(history),
    ...checkCommitted(history),
    ...checkOwners(history),
  ];
}

/** Everything that was seen of the partitions' contents: partition -> offset -> values. */
export function contents(history: History): Map<PartitionKey, Map<number, Set<string>>> {
  const seen = new Map<PartitionKey, Map<number, Set<string>>>();
  const note = (partition: PartitionKey, offset: number, value: string) => {
    const offsets = seen.get(partition) ?? new Map<number, Set<string>>();
    seen.set(partition, offsets);
    offsets.set(offset, (offsets.get(offset) ?? new Set()).add(value));
  };
  for (const send of history.of("send")) if (send.offset !== null) note(send.partition, send.offset, send.value);
  for (const poll of history.of("poll"))
    for (const { partition, offset, value } of poll.records) note(partition, offset, value);
  return seen;
}

/** What was read of each partition. */
function read(history: History): Map<PartitionKey, { offsets: Set<number>; values: Set<string>; highest: number }> {
  const partitions = new Map<PartitionKey, { offsets: Set<number>; values: Set<string>; highest: number }>();
  for (const poll of history.of("poll")) {
    for (const { partition, offset, value } of poll.records) {
      const mine = partitions.get(partition) ?? { offsets: new Set(), values: new Set(), highest: -1 };
      partitions.set(partition, mine);
      mine.offsets.add(offset);
      mine.values.add(value);
      mine.highest = Math.max(mine.highest, offset);
    }
  }
  return partitions;
}

/** Records: one value at an offset, one offset for a value, none from a failed send, none lost. */
export function checkLog(history: History, options: CheckOptions = {}): Fault[] {
  const faults: Fault[] = [];
  for (const [partition, offsets] of contents(history)) {
    const places = new Map<string, number[]>();
    for (const [offset, values] of offsets) {
      if (values.size > 1)
        faults.push({
          kind: "divergentOffset",
          partition,
          what: `offset ${offset} holds ${[...values].join(" and ")}`,
        });
      for (const value of values) places.set(value, [...(places.get(value) ?? []), offset]);
    }
    if (options.idempotent === false) continue;
    for (const [value, at] of places) {
      if (at.length > 1)
        faults.push({
          kind: "duplicate",
          partition,
          what: `${value} stands at offsets ${at.sort((a, b) => a - b).join(", ")}`,
        });
    }
  }
  const seen = read(history);
  for (const send of history.of("send")) {
    const mine = seen.get(send.partition);
    const wasRead = mine?.values.has(send.value) === true;
    if (send.outcome === "fail" && wasRead) {
      faults.push({
        kind: "failedSendRead",
        partition: send.partition,
        what: `${send.value} was read though its send had failed`,
      });
    }
    if (send.outcome !== "ok" || wasRead) continue;
    if (send.offset !== null && send.offset <= (mine?.highest ?? -1)) {
      faults.push({
        kind: "lostWrite",
        partition: send.partition,
        what: `${send.value}, acknowledged at offset ${send.offset}, was never read, but offset ${mine?.highest} was`,
      });
    } else if (options.drained === true) {
      faults.push({
        kind: "unread",
        partition: send.partition,
        what: `${send.value}, acknowledged at ${send.offset === null ? "an unknown offset" : `offset ${send.offset}`}, was not there in the end`,
      });
    }
  }
  return faults;
}

/** A process sees a partition's offsets grow, and none left out, except after it was assigned anew. */
export function checkPollOrder(history: History): Fault[] {
  const faults: Fault[] = [];
  const all = contents(history);
  const last = new Map<string, Map<PartitionKey, number>>();
  for (const entry of history.entries) {
    if (entry.type === "assign" || entry.type === "crash") last.delete(entry.process);
    if (entry.type !== "poll") continue;
    const mine = last.get(entry.process) ?? new Map<PartitionKey, number>();
    last.set(entry.process, mine);
    for (const { partition, offset } of entry.records) {
      const before = mine.get(partition);
      if (before !== undefined && offset <= before) {
        faults.push({ kind: "order", partition, what: `${entry.process} read offset ${offset} after ${before}` });
      }
      for (let at = (before ?? offset) + 1; at < offset; at++) {
        if (all.get(partition)?.has(at))
          faults.push({
            kind: "skipped",
            partition,
            what: `${entry.process} read ${offset} after ${before}, but not ${at}`,
          });
      }
      mine.set(partition, offset);
    }
  }
  return faults;
}

/** A member of a group is handed nothing of a partition that it was not told it owns. Processes that were never assigned anything by a group own what they like. */
export function checkOwnership(history: History): Fault[] {
  const faults: Fault[] = [];
  const owned = new Map<string, ReadonlySet<PartitionKey>>();
  for (const entry of history.entries) {
    if (entry.type === "assign") owned.set(entry.process, new Set(entry.partitions));
    if (entry.type !== "poll") continue;
    const mine = owned.get(entry.process);
    for (const { partition, offset } of entry.records) {
      if (mine === undefined || mine.has(partition)) continue;
      faults.push({
        kind: "notOwned",
        partition,
        what: `${entry.process} was handed offset ${offset}, but doesn't own it`,
      });
    }
  }
  return faults;
}

/** What one process sent to a partition stands in the order in which it was sent. */
export function checkProducerOrder(history: History): Fault[] {
  const faults: Fault[] = [];
  const last = new Map<string, { offset: number; value: string }>();
  for (const send of history.of("send").sort((a, b) => a.began - b.began)) {
    if (send.outcome !== "ok" || send.offset === null) continue;
    const key = `${send.process} ${send.partition}`;
    const before = last.get(key);
    if (before !== undefined && send.offset <= before.offset) {
      faults.push({
        kind: "producerOrder",
        partition: send.partition,
        what: `${send.process} sent ${send.value} after ${before.value}, but they stand at ${send.offset} and ${before.offset}`,
      });
    }
    last.set(key, { offset: send.offset, value: send.value });
  }
  return faults;
}

/** A group's committed offsets never go back, and never pass a record that nobody was handed. */
export function checkCommits(history: History): Fault[] {
  const faults: Fault[] = [];
  const committed = new Map<string, number>();
  const acknowledged = new Map<PartitionKey, Map<number, string>>();
  for (const send of history.of("send")) {
    if (send.outcome !== "ok" || send.offset === null) continue;
    acknowledged.set(send.partition, (acknowledged.get(send.partition) ?? new Map()).set(send.offset, send.value));
  }
  const delivered = new Map<PartitionKey, Set<number>>();
  for (const entry of history.entries) {
    if (entry.type === "poll") {
      for (const { partition, offset } of entry.records)
        delivered.set(partition, (delivered.get(partition) ?? new Set()).add(offset));
    }
    if (entry.type !== "commit" || entry.outcome !== "ok") continue;
    for (const [partition, offset] of Object.entries(entry.offsets)) {
      const key = `${entry.group} ${partition}`;
      const before = committed.get(key) ?? 0;
      if (offset < before)
        faults.push({
          kind: "commitWentBack",
          partition,
          what: `${entry.process} committed ${offset} for ${entry.group} after ${before}`,
        });
      for (let at = before; at < offset; at++) {
        const value = acknowledged.get(partition)?.get(at);
        if (value === undefined || delivered.get(partition)?.has(at)) continue;
        faults.push({
          kind: "commitLoss",
          partition,
          what: `${entry.process} committed ${offset}, but ${value} at ${at} had been handed to nobody`,
        });
      }
      committed.set(key, Math.max(before, offset));
    }
  }
  return faults;
}

/** What a group is said to have committed is not behind what was acknowledged to it. */
export function checkCommitted(history: History): Fault[] {
  const faults: Fault[] = [];
  const commits = new Map<string, { timeMs: number; offset: number }[]>();
  for (const entry of history.entries) {
    if (entry.type === "commit" && entry.outcome === "ok") {
      for (const [partition, offset] of Object.entries(entry.offsets)) {
        const key = `${entry.group} ${partition}`;
        const before = commits.get(key);
        if (before === undefined) commits.set(key, [{ timeMs: entry.timeMs, offset }]);
        else before.push({ timeMs: entry.timeMs, offset });
      }
    }
    if (entry.type !== "committed") continue;
    for (const [key, before] of commits) {
      const [group, partition] = key.split(" ") as [string, PartitionKey];
      if (group !== entry.group) continue;
      const expected = before.findLast(({ timeMs }) => timeMs <= entry.startedMs)?.offset ?? 0;
      const found = entry.offsets[partition] ?? 0;
      if (found < expected)
        faults.push({
          kind: "commitLost",
          partition,
          what: `${group} had committed ${expected}, but ${entry.process} was told ${found}`,
        });
    }
  }
  return faults;
}

/** In one generation of a group no partition has two owners. */
export function checkOwners(history: History): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, Assign>();
  for (const assign of history.of("assign")) {
    for (const partition of assign.partitions) {
      const key = `${assign.group} ${assign.generation} ${partition}`;
      const other = owners.get(key);
      const isSame = other?.process === assign.process || (assign.instanceId ?? null) !== null;
      if (other !== undefined && !(isSame && other.instanceId === assign.instanceId)) {
        faults.push({
          kind: "twoOwners",
          partition,
          what: `${other.process} and ${assign.process} own it in generation ${assign.generation} of ${assign.group}`,
        });
      }
      owners.set(key, assign);
    }
  }
  return faults;
}
